//! Random small networks with every operation that can be written and read back.

use cbp_nn::graph::{Graph, Op, Shape, Source, Window};
use cbp_nn::{Model, Parameters, WeightSet};

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// In −1 .. 1.
    pub fn real(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    pub fn reals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.real()).collect()
    }
}

fn window(r: &mut Random) -> Window {
    let mut two = |low: usize, n: usize| [low + r.below(n), low + r.below(n)];
    let (kernel, stride) = (two(1, 3), two(1, 2));
    // No more padding than a pool takes.
    let mut pads = |d: usize| r.below(kernel[d]);
    Window { kernel, stride, dilation: [1, 1], before: [pads(0), pads(1)], behind: [pads(0), pads(1)] }
}

/// An operation on images of one input, if `kind` gives one that fits.
fn image_op(kind: usize, shape: Shape, r: &mut Random) -> Op {
    let channels = shape.channels;
    match kind {
        0 | 1 => {
            let groups = if channels.is_multiple_of(2) { 1 + r.below(2) } else { 1 };
            let dilation = [1 + r.below(2), 1 + r.below(2)];
            let window = Window { dilation, ..window(r) };
            Op::Convolution {
                inputs: channels,
                outputs: groups * (1 + r.below(3)),
                groups,
                window,
                bias: r.below(2) == 0,
            }
        }
        2 => Op::BatchNorm { channels, eps: 1e-5, momentum: [0.1, 0.01, 0.0][r.below(3)] },
        3 => Op::RELU,
        4 => Op::Clamp { low: [f32::MIN, -0.3][r.below(2)], high: 0.5 },
        5 => Op::MaxPool { window: window(r) },
        6 => {
            Op::AveragePool { window: Window { kernel: [2, 2], ..window(r) }, count_padding: r.below(2) == 0 }
        }
        7 => Op::Shortcut { stride: 2, before: r.below(2), behind: r.below(3) },
        8 => Op::Quantise { bits: 2 + r.below(7) as u32, signed: r.below(2) == 0 },
        _ => Op::Dropout { probability: 0.25 },
    }
}

/// Weights, a third of the time on a set.
fn weights(count: usize, r: &mut Random) -> Vec<f32> {
    if r.below(3) > 0 {
        return r.reals(count);
    }
    let set = WeightSet::ALL[r.below(4)];
    let unit = r.real().abs().max(0.1) / (1_u32 << set.max_shift()) as f32;
    (0..count).map(|_| f32::from(set.levels()[r.below(set.levels().len())]) * unit).collect()
}

/// Parameters for a graph.
pub fn parameters(graph: &Graph, r: &mut Random) -> Vec<Parameters> {
    let of = |op: &Op, r: &mut Random| match op {
        Op::BatchNorm { channels, .. } => Parameters::BatchNorm {
            gamma: r.reals(*channels),
            beta: r.reals(*channels),
            mean: r.reals(*channels),
            var: r.reals(*channels).into_iter().map(|x| 1.1 + x).collect(),
        },
        Op::Quantise { bits, signed } => {
            // A whole number of steps, so that the range survives the division and the product.
            Parameters::Range(
                ((1_u32 << (bits - u32::from(*signed))) - 1) as f32 * (1 + r.below(4)) as f32 / 64.0,
            )
        }
        op => op.weight_shape().map_or(Parameters::None, |shape| Parameters::Weights {
            weight: weights(shape.len(), r),
            bias: shape.bias.then(|| r.reals(shape.outputs)),
        }),
    };
    graph.nodes().iter().map(|node| of(&node.op, r)).collect()
}

/// A network over small images: a few operations, a branch, and linear layers behind a flattened image.
pub fn model(seed: u64) -> Model {
    let mut r = Random(seed);
    let input = Shape::new(5 + r.below(4), 5 + r.below(4), 1 + r.below(3));
    let mut graph = Graph::empty("random", input);
    let mut last = Source::Input;
    for i in 0..=r.below(7) {
        let shape = graph.shape_of(last);
        let op = image_op(r.below(10), shape, &mut r);
        if let Op::MaxPool { window } | Op::AveragePool { window, .. } = &op
            && (0..2).any(|d| window.before[d] >= window.kernel[d] || window.behind[d] >= window.kernel[d])
        {
            continue;
        }
        // What does not fit a small image is left out.
        if let Ok(source) = graph.push(format!("block{i}.op"), op, &[last]) {
            last = source;
        }
    }
    if r.below(2) == 0 {
        let inputs = graph.shape_of(last).channels;
        let conv = |outputs| Op::Convolution {
            inputs,
            outputs,
            groups: 1,
            window: Window::square(1, 1, 0),
            bias: true,
        };
        let a = graph.push("branch.a", conv(2), &[last]).unwrap();
        let b = graph.push("branch.b", conv(2), &[last]).unwrap();
        let sum = graph.push("branch.add", Op::Add, &[a, b]).unwrap();
        last = graph.push("branch.cat", Op::Concat, &[a, sum, b]).unwrap();
    }
    if r.below(3) == 0 {
        last = graph.push("global", Op::AdaptiveAveragePool { height: 1, width: 1 }, &[last]).unwrap();
    }
    let flat = graph.push("flat", Op::Flatten, &[last]).unwrap();
    last = flat;
    let values = graph.shape_of(flat).values();
    match r.below(4) {
        0 => last = graph.push("norm1d", Op::batch_norm(values), &[flat]).unwrap(),
        1 => {
            let relu = graph.push("relu1d", Op::RELU, &[flat]).unwrap();
            last = graph.push("both", Op::Concat, &[relu, flat]).unwrap();
        }
        _ => {}
    }
    let inputs = graph.shape_of(last).values();
    let hidden =
        graph.push("fc1", Op::Linear { inputs, outputs: 4, bias: r.below(2) == 0 }, &[last]).unwrap();
    let relu = graph.push("relu", Op::RELU, &[hidden]).unwrap();
    graph.push("fc2", Op::Linear { inputs: 4, outputs: 3, bias: true }, &[relu]).unwrap();
    let parameters = parameters(&graph, &mut r);
    Model::with_parameters(graph, parameters).unwrap()
}

/// An image for a model.
pub fn image(model: &Model, seed: u64) -> Vec<f32> {
    Random(seed).reals(model.graph().input().values())
}
