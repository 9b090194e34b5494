//! The scalar model against independent definitions: nested loops in i64 over explicitly padded images.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_numerics::random::Random;
use cbp_numerics::{
    Add, AveragePool, Clamp, Concat, Convolution, FullyConnected, LayerResult, MaxPool, Network, Operation,
    Output, Requant, Residual, Shape, Source, Values, Weights, Window, run_network,
};
use common::{convolution, named};
use proptest::prelude::*;

/// An image with its padding stored, `[y][x][channel]`.
struct Padded(Vec<Vec<Vec<i64>>>);

impl Padded {
    fn new(values: &[i8], shape: Shape, window: Window, padding: i8) -> Self {
        let [top, left] = window.before;
        let (height, width) = (shape.height + top + window.behind[0], shape.width + left + window.behind[1]);
        let mut image = vec![vec![vec![i64::from(padding); shape.channels]; width]; height];
        for (i, &value) in values.iter().enumerate() {
            let (channel, place) = (i % shape.channels, i / shape.channels);
            image[top + place / shape.width][left + place % shape.width][channel] = value.into();
        }
        Self(image)
    }

    /// What output (y, x) sees of a channel, row by row.
    fn window(&self, window: Window, y: usize, x: usize, channel: usize) -> Vec<i64> {
        let mut seen = Vec::new();
        for r in 0..window.kernel[0] {
            for c in 0..window.kernel[1] {
                let row = y * window.stride[0] + r * window.dilation[0];
                let column = x * window.stride[1] + c * window.dilation[1];
                seen.push(self.0[row][column][channel]);
            }
        }
        seen
    }
}

fn divide(p: i64, shift: u8) -> i64 {
    let (p, step) = (i128::from(p), 1i128 << shift);
    (2 * p + step).div_euclid(2 * step) as i64
}

fn clamped(p: i64, shift: u8, clamp: Clamp) -> i8 {
    let y = divide(p, shift) + i64::from(clamp.zero_point);
    y.clamp(clamp.low.into(), clamp.high.into()).try_into().unwrap()
}

fn run(input: Shape, layers: Vec<cbp_numerics::Layer>, values: &[i8]) -> (Network, Vec<LayerResult>) {
    let network = Network::new("n", input, layers).unwrap();
    let images = values.len() / network.inputs();
    let results = run_network(&network, values, images).unwrap();
    (network, results)
}

fn window() -> impl Strategy<Value = Window> {
    let two = |range: core::ops::RangeInclusive<usize>| [range.clone(), range];
    (two(1..=4), two(1..=3), two(1..=2), two(0..=3), two(0..=3)).prop_map(
        |(kernel, stride, dilation, before, behind)| Window { kernel, stride, dilation, before, behind },
    )
}

proptest! {
    #[test]
    fn convolutions(
        window in window(), height in 1usize..9, width in 1usize..9, groups in 1usize..4, group in [1usize..4, 1usize..4],
        zero_point in any::<i8>(), residual in any::<bool>(), images in 1usize..3, seed in any::<u64>(),
    ) {
        let random = &mut Random(seed);
        let (inputs, outputs) = (groups * group[0], groups * group[1]);
        let shape = Shape::new(height, width, inputs);
        prop_assume!(window.output([height, width]).is_some());
        let [out_height, out_width] = window.output([height, width]).unwrap();
        let weights = random.bytes(outputs * window.area() * group[0]);
        let c = Convolution { zero_point, ..convolution(shape, outputs, groups, window, weights.clone()) };
        let clamp = Clamp { zero_point: random.byte(), low: -100, high: 90 };
        let requant: Vec<Requant> = (0..outputs).map(|_| Requant {
            multiplier: random.bits() as i16,
            bias: (random.bits() as i64) >> 30,
            shift: 25 + random.below(4) as u8,
            residual: if residual { random.bits() as i16 } else { 0 },
            residual_shift: random.below(12) as u8,
        }).collect();
        let mut finished = c.clone();
        let mut layers = vec![named("raw", Operation::Convolution(c))];
        if residual {
            // Of the output's shape: the same convolution with other weights.
            let output = Output::Requantised { requant: vec![Requant::new(1 << 14, 0, 22); outputs], clamp: Clamp::full(3) };
            let weights = Weights::Int8 { w: random.bytes(weights.len()) };
            layers.push(named("shortcut", Operation::Convolution(Convolution { weights, output, ..finished.clone() })));
            finished.residual = Some(Residual { source: Source::Layer(1), stride: 1, first: 0 });
        }
        finished.output = Output::Requantised { requant: requant.clone(), clamp };
        layers.push(named("requantised", Operation::Convolution(finished)));
        let values = random.bytes(images * shape.values());
        let (network, results) = run(shape, layers, &values);
        prop_assert_eq!(network.shapes()[0], Shape::new(out_height, out_width, outputs));
        let raw = results[0].values.as_i32();
        prop_assert_eq!(&results[0].mask, &None);
        let last = results.last().unwrap();
        let (y8, masks) = (last.values.as_i8(), last.mask.as_ref().unwrap());
        prop_assert_eq!([raw.len(), y8.len(), masks.len()], [images * network.outputs(); 3]);
        let mut at = 0;
        for image in 0..images {
            let padded = Padded::new(&values[image * shape.values()..][..shape.values()], shape, window, zero_point);
            for y in 0..out_height { for x in 0..out_width { for o in 0..outputs {
                let mut acc = 0i64;
                for i in 0..group[0] {
                    let channel = o / group[1] * group[0] + i;
                    for (e, q) in padded.window(window, y, x, channel).into_iter().enumerate() {
                        acc += q * i64::from(weights[(o * window.area() + e) * group[0] + i]);
                    }
                }
                prop_assert_eq!(i64::from(raw[at]), acc);
                let r = if residual { i64::from(results[1].values.as_i8()[at]) } else { 0 };
                let k = requant[o];
                let p = acc * i64::from(k.multiplier) + k.bias + r * i64::from(k.residual) * (1 << k.residual_shift);
                prop_assert_eq!(y8[at], clamped(p, k.shift, clamp));
                prop_assert_eq!(masks[at], p > 0);
                at += 1;
            }}}
        }
    }

    #[test]
    fn groups_are_blocks_of_a_dense_convolution(
        groups in 1usize..5, group in [1usize..4, 1usize..4], window in window(), seed in any::<u64>(),
    ) {
        let random = &mut Random(seed);
        let (inputs, outputs) = (groups * group[0], groups * group[1]);
        let shape = Shape::new(5, 6, inputs);
        prop_assume!(window.output([5, 6]).is_some());
        let grouped = random.bytes(outputs * window.area() * group[0]);
        let mut dense = vec![0; outputs * window.area() * inputs];
        for (row, weights) in grouped.chunks_exact(group[0]).enumerate() {
            let first = row / window.area() / group[1] * group[0];
            dense[row * inputs + first..][..group[0]].copy_from_slice(weights);
        }
        let layers = vec![
            named("grouped", Operation::Convolution(convolution(shape, outputs, groups, window, grouped))),
            named("dense", Operation::Convolution(convolution(shape, outputs, 1, window, dense))),
        ];
        let (_, results) = run(shape, layers, &random.bytes(shape.values()));
        prop_assert_eq!(&results[0], &results[1]);
    }

    #[test]
    fn pools(
        window in window(), height in 1usize..9, width in 1usize..9, channels in 1usize..5, zero_point in any::<i8>(),
        z_out in any::<i8>(), multiplier in any::<i16>(), seed in any::<u64>(),
    ) {
        let random = &mut Random(seed);
        let shape = Shape::new(height, width, channels);
        let requant = Requant::new(multiplier, (random.bits() as i64) >> 44, 17);
        let clamp = Clamp { zero_point: z_out, low: -120, high: 100 };
        let average = AveragePool { input: Source::Input, window, zero_point, requant, clamp };
        let max = MaxPool { input: Source::Input, window };
        let layers = vec![named("average", Operation::AveragePool(average)), named("max", Operation::MaxPool(max))];
        prop_assume!(Network::new("n", shape, layers.clone()).is_ok());
        let values = random.bytes(shape.values());
        let (network, results) = run(shape, layers, &values);
        let out = network.shapes()[1];
        prop_assert_eq!(&results[0].mask, &None);
        prop_assert_eq!(&results[1].mask, &None);
        let with = |padding| Padded::new(&values, shape, window, padding);
        let (for_average, for_max) = (with(zero_point), with(-128));
        let mut expected: [Vec<i8>; 2] = Default::default();
        for y in 0..out.height { for x in 0..out.width { for c in 0..channels {
            let sum: i64 = for_average.window(window, y, x, c).iter().sum();
            expected[0].push(clamped(sum * i64::from(multiplier) + requant.bias, 17, clamp));
            expected[1].push((*for_max.window(window, y, x, c).iter().max().unwrap()).try_into().unwrap());
        }}}
        let [average, max] = expected;
        prop_assert_eq!(&results[0].values, &Values::I8(average));
        prop_assert_eq!(&results[1].values, &Values::I8(max));
    }

    /// A residual read at a stride, its channels in the middle of the output's: option A.
    #[test]
    fn residuals_with_stride_and_padded_channels(
        height in 1usize..8, width in 1usize..8, channels in 1usize..5, stride in 1usize..4,
        before in 0usize..4, behind in 0usize..4, seed in any::<u64>(),
    ) {
        let random = &mut Random(seed);
        let shape = Shape::new(height, width, channels);
        let outputs = before + channels + behind;
        let window = Window::square(1, stride, 0);
        let mut c = convolution(shape, outputs, 1, window, random.bytes(outputs * channels));
        c.residual = Some(Residual { source: Source::Input, stride, first: before });
        let requant: Vec<Requant> = (0..outputs).map(|o| Requant {
            residual: if (before..before + channels).contains(&o) { random.bits() as i16 } else { 0 },
            residual_shift: random.below(8) as u8,
            ..Requant::new(random.bits() as i16, (random.bits() as i64) >> 38, 22)
        }).collect();
        c.output = Output::Requantised { requant: requant.clone(), clamp: Clamp::full(-7) };
        let weights = c.weights.clone();
        let values = random.bytes(shape.values());
        let (_, results) = run(shape, vec![named("c", Operation::Convolution(c))], &values);
        let mut expected = (Vec::new(), Vec::new());
        for y in (0..height).step_by(stride) { for x in (0..width).step_by(stride) { for o in 0..outputs {
            let pixel = &values[(y * width + x) * channels..][..channels];
            let acc: i64 = (0..channels).map(|i| i64::from(pixel[i]) * i64::from(weights.values()[o * channels + i])).sum();
            let k = requant[o];
            let mut p = acc * i64::from(k.multiplier) + k.bias;
            if o >= before && o - before < channels {
                p += i64::from(pixel[o - before]) * (i64::from(k.residual) << k.residual_shift);
            }
            expected.0.push(clamped(p, 22, Clamp::full(-7)));
            expected.1.push(p > 0);
        }}}
        prop_assert_eq!(&results[0].values, &Values::I8(expected.0));
        prop_assert_eq!(results[0].mask.as_ref(), Some(&expected.1));
    }

    #[test]
    fn sums_and_concatenations(
        height in 1usize..4, width in 1usize..4, channels in 1usize..5, images in 1usize..4,
        factors in any::<[i16; 2]>(), residual_shift in 0u8..8, seed in any::<u64>(),
    ) {
        let random = &mut Random(seed);
        let shape = Shape::new(height, width, channels);
        let max = MaxPool {
            input: Source::Input,
            window: Window { behind: [0; 2], ..Window::square(2, 1, 1) },
        };
        let bias = (random.bits() as i64) >> 40;
        let requant = Requant { residual: factors[1], residual_shift, ..Requant::new(factors[0], bias, 18) };
        let add = Add { inputs: [Source::Input, Source::Layer(0)], requant, clamp: Clamp::relu(-20) };
        let concat = Concat { inputs: vec![Source::Layer(1), Source::Input, Source::Layer(0)] };
        let layers = vec![
            named("max", Operation::MaxPool(max)), named("add", Operation::Add(add)), named("concat", Operation::Concat(concat)),
        ];
        let values = random.bytes(images * shape.values());
        let (network, results) = run(shape, layers, &values);
        prop_assert_eq!(network.shapes()[2], Shape::new(height, width, 3 * channels));
        prop_assert_eq!((&results[1].mask, &results[2].mask), (&None, &None));
        let (pooled, added, all) =
            (results[0].values.as_i8(), results[1].values.as_i8(), results[2].values.as_i8());
        prop_assert_eq!([added.len(), all.len()], [values.len(), 3 * values.len()]);
        for (i, &q) in values.iter().enumerate() {
            let r = (i64::from(pooled[i]) * i64::from(factors[1])) << residual_shift;
            prop_assert_eq!(added[i], clamped(i64::from(q) * i64::from(factors[0]) + bias + r, 18, Clamp::relu(-20)));
            let (place, channel) = (i / channels, i % channels);
            let side_by_side = [0, 1, 2].map(|part| all[(place * 3 + part) * channels + channel]);
            prop_assert_eq!(side_by_side, [added[i], q, pooled[i]]);
        }
    }
}

#[test]
fn an_image_is_a_vector_for_a_fully_connected_layer() {
    let shape = Shape::new(2, 1, 3);
    let fc = FullyConnected {
        input: Source::Input,
        inputs: 6,
        outputs: 1,
        weights: Weights::Int8 { w: vec![1, 2, 4, 8, 16, 32] },
        output: Output::Raw,
    };
    let (network, results) = run(
        shape,
        vec![named("fc", Operation::FullyConnected(fc))],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1],
    );
    assert_eq!(results[0].values, Values::I32(vec![1, 8, 36]));
    assert_eq!((network.macs(), network.weights()), (6, 6));
}

#[test]
fn a_convolution_by_hand() {
    // 3 × 3 image, 2 × 2 kernel, padding of 10 at the top and left only.
    let window = Window { behind: [0; 2], ..Window::square(2, 2, 1) };
    let c = Convolution {
        zero_point: 10,
        ..convolution(Shape::new(3, 3, 1), 1, 1, window, vec![1, 10, 100, -1])
    };
    let (network, results) =
        run(Shape::new(3, 3, 1), vec![named("c", Operation::Convolution(c))], &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(network.shapes(), [Shape::new(2, 2, 1)]);
    let rows = [10 + 100 + 1000 - 1, 10 + 100 + 200 - 3, 10 + 40 + 1000 - 7, 5 + 60 + 800 - 9];
    assert_eq!(results[0].values, Values::I32(rows.to_vec()));
    assert_eq!((network.macs(), network.weights()), (16, 4));
}
