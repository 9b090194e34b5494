//! The scalar model against hand-made numbers and against real arithmetic.

use cbp_numerics::scales::{Affine, Quantiser, Scaling, Terms, mean, normalise, requant, sum};
use cbp_numerics::{
    Clamp, Convolution, FullyConnected, Layer, Network, Operation, Output, Requant, RequantFault, Residual,
    Shape, Source, Values, WeightSet, Weights, Window, run_network,
};
use proptest::prelude::*;

#[test]
fn a_small_layer_by_hand() {
    let weights = Weights::Constrained { set: WeightSet::TwoBitShift, codes: vec![4, -2, 0, 1, 1, -4] };
    let output = Output::Requantised {
        requant: vec![Requant::new(3, 5, 2), Requant::new(-1, 0, 1)],
        clamp: Clamp { zero_point: -10, low: -20, high: 100 },
    };
    let operation = Operation::FullyConnected(FullyConnected {
        input: Source::Input,
        inputs: 3,
        outputs: 2,
        weights,
        output,
    });
    let layer = Layer { name: "fc".into(), operation };
    let network = Network::new("n", Shape::vector(3), vec![layer]).unwrap();
    let result = run_network(&network, &[10, -3, 7, -128, 127, 0], 2).unwrap().remove(0);
    // acc = 46, -21; -766, -1. P = 143, 21; -2293, 1.
    assert_eq!(result.values, Values::I8(vec![26, 1, -20, -9]));
    assert_eq!(result.mask, Some(vec![true, true, false, true]));
}

#[test]
fn ratios_are_normalised() {
    assert_eq!(normalise(0.5, 47), Ok((1 << 14, 15)));
    assert_eq!(normalise(-1.0, 47), Ok((-(1 << 14), 14)));
    assert_eq!(normalise(0.0, 47), Ok((0, 47)));
    assert_eq!(normalise(16383.5, 47), Ok((i16::MAX, 1)));
    assert!(matches!(normalise(16384.5, 47), Err(RequantFault::Ratio { .. })));
    assert!(matches!(normalise(f64::NAN, 47), Err(RequantFault::Ratio { .. })));
    assert_eq!(normalise(0.999_999, 47), Ok((1 << 14, 14)));
    // A dead batch-norm channel keeps its shift exactly.
    let dead = requant(Terms { offset: 100.25, zero_sum: 12345, ..Terms::default() }, 1 << 20).unwrap();
    assert_eq!((dead.multiplier, dead.apply(77, 0, Clamp::full(0))), (0, 100));
    assert!(requant(Terms { ratio: 1.0, offset: 1e300, ..Terms::default() }, 1).is_err());
    assert!(requant(Terms { ratio: 1.0, factor: f64::NAN, ..Terms::default() }, 1).is_err());
}

proptest! {
    #[test]
    fn integers_follow_the_real_network(
        weights in proptest::collection::vec(prop_oneof![Just(-2i8), Just(-1), Just(0), Just(1), Just(2)], 40),
        image in proptest::collection::vec(any::<i8>(), 20),
        gamma in -2.0f32..2.0, beta in -3.0f32..3.0, mean in -1.0f32..1.0, variance in 0.01f32..4.0,
        z_in in any::<i8>(), z_out in any::<i8>(), s_in in 0.005f32..0.1, s_out in 0.01f32..0.2, relu in any::<bool>(),
    ) {
        let affine = Affine::batch_norm(gamma, beta, mean, variance, 1e-5).unwrap();
        let input = Quantiser { scale: s_in, zero_point: z_in };
        let output = Quantiser { scale: s_out, zero_point: z_out };
        let set = WeightSet::OneBitShift;
        let codes = Weights::Constrained { set, codes: weights.clone() };
        let clamp = if relu { Clamp::relu(z_out) } else { Clamp::full(z_out) };
        let scaling =
            Scaling { weights: &[0.05], affine: &[affine], input, residual: None, output, clamp };
        let fc = FullyConnected { input: Source::Input, inputs: 20, outputs: 2, weights: codes, output: Output::Raw };
        let layer = Layer { name: "fc".into(), operation: Operation::FullyConnected(fc) };
        let layer = scaling.finish(layer).unwrap();
        let network = Network::new("n", Shape::vector(20), vec![layer]).unwrap();
        let results = run_network(&network, &image, 1).unwrap();
        for c in 0..2 {
            let sum: f64 = (0..20).map(|i| {
                f64::from(weights[c * 20 + i]) * f64::from(0.05f32) * f64::from(s_in) * (f64::from(image[i]) - f64::from(z_in))
            }).sum();
            let real = affine.gain * sum + affine.shift;
            let low = if relu { f64::from(z_out) } else { -128.0 };
            let exact = (real / f64::from(s_out) + f64::from(z_out)).clamp(low, 127.0);
            let got = f64::from(results[0].values.as_i8()[c]);
            // Half a step of rounding, and the multiplier's 2^-15 relative error on the accumulator.
            let slack = 0.5 + 0.01 + (affine.gain * 0.05 * 20.0 * 2.0 * 256.0 * f64::from(s_in) / f64::from(s_out)).abs() / 32768.0;
            prop_assert!((got - exact).abs() <= slack, "{got} against {exact}");
        }
    }

    /// A residual convolution, a mean and a sum of two tensors against real arithmetic.
    #[test]
    fn second_operands_follow_real_arithmetic(
        q in any::<i8>(), r in any::<i8>(), k in prop_oneof![Just(-4i8), Just(-1), Just(0), Just(2)],
        zeros in any::<[i8; 3]>(), scales in proptest::array::uniform3(0.01f32..1.0), shift in -3.0f64..3.0,
    ) {
        let at = |i: usize| Quantiser { scale: scales[i], zero_point: zeros[i] };
        let [input, operand, output] = [at(0), at(1), at(2)];
        let real = |code: i8, q: Quantiser| (f64::from(code) - f64::from(q.zero_point)) * f64::from(q.scale);
        let clamp = Clamp::full(output.zero_point);
        let close = |got: i8, value: f64| {
            let exact = (value / f64::from(output.scale) + f64::from(output.zero_point)).clamp(-128.0, 127.0);
            // Half a step of rounding, and 2^-15 of each term.
            let slack = 0.51 + 512.0 * f64::from(scales[0] + scales[1]) / f64::from(output.scale) / 32768.0;
            (f64::from(got) - exact).abs() <= slack
        };
        let convolution = Convolution {
            input: Source::Input, inputs: 1, outputs: 2, groups: 1, window: Window::square(1, 1, 0),
            zero_point: input.zero_point, residual: None, output: Output::Raw,
            weights: Weights::Constrained { set: WeightSet::TwoBitShift, codes: vec![k, k] },
        };
        // Channel 0 has no operand, channel 1 has.
        let residual = Residual { source: Source::Layer(0), stride: 1, first: 1 };
        let scaling = Scaling {
            weights: &[0.25], affine: &[Affine { gain: 1.0, shift }], input, output, clamp,
            residual: Some((residual, operand, 1)),
        };
        let layer = scaling.finish(Layer { name: "c".into(), operation: Operation::Convolution(convolution) }).unwrap();
        let Operation::Convolution(c) = &layer.operation else { unreachable!() };
        let Output::Requantised { requant, .. } = &c.output else { unreachable!() };
        let acc = i32::from(k) * i32::from(q);
        let products = 0.25 * f64::from(k) * real(q, input) + shift;
        prop_assert!(close(requant[0].apply(acc, 0, clamp), products));
        prop_assert!(close(requant[1].apply(acc, r, clamp), products + real(r, operand)));
        prop_assert_eq!(requant[0].residual, 0);
        let pool = mean(4, input, output).unwrap();
        prop_assert!(close(pool.apply(3 * i32::from(q) + i32::from(r), 0, clamp), (3.0 * real(q, input) + real(r, input)) / 4.0));
        let added = sum([input, operand], output).unwrap();
        prop_assert!(close(added.apply(q.into(), r, clamp), real(q, input) + real(r, operand)));
    }

    #[test]
    fn doubling_changes_nothing(
        acc in -(1i32 << 24)..1 << 24, m in any::<i16>(), b in -(1i64 << 40)..1 << 40, s in 1u8..=44,
        residual in any::<i16>(), residual_shift in 0u8..=20, q in any::<i8>(),
    ) {
        let r = Requant { residual, residual_shift, ..Requant::new(m, b, s) };
        let twice = r.doubled(1 << 24).unwrap();
        let clamp = Clamp::full(-5);
        prop_assert_eq!(twice.apply(2 * acc, q, clamp), r.apply(acc, q, clamp));
        prop_assert_eq!(twice.product(2 * acc, q), 2 * r.product(acc, q));
        prop_assert_eq!(twice.mask(2 * acc, q), r.mask(acc, q));
    }
    #[test]
    fn rounding_needs_only_one_shift(p in -(1i64 << 47)..1 << 47, s in 1u8..=47) {
        // What the hardware does instead of adding half a step before the shift.
        prop_assert_eq!((p + (1 << (s - 1))) >> s, ((p >> (s - 1)) + 1) >> 1);
        // Towards +∞ on halves: the floor of p / 2^s + 1/2 in exact arithmetic.
        let exact = (2 * i128::from(p) + (1 << s)).div_euclid(2 << s);
        prop_assert_eq!(i128::from((p + (1 << (s - 1))) >> s), exact);
    }
}
