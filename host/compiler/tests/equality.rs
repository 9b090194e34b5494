//! Compiled programs on the interpreter equal the scalar model, bit for bit.

mod common;

use cbp_compiler::operation::Operation as Compiled;
use cbp_compiler::{CompileError, Keep, Options, compile};
use cbp_isa::WeightSet;
use cbp_numerics::random::{self, Kind};
use cbp_numerics::{Convolution, Layer, Network, Operation, Output, Source, Weights, Window};
use common::{ORDERS, Shape, any_array, check, config, network, set_within};
use proptest::prelude::*;

fn keeps() -> impl Strategy<Value = Keep> {
    proptest::sample::select(vec![Keep::Output, Keep::Activations, Keep::ActivationsAndMasks])
}

fn shape(array: WeightSet, most: usize, raw: impl Strategy<Value = bool>) -> impl Strategy<Value = Shape> {
    (1..=most, set_within(array), raw, proptest::bool::weighted(0.1))
        .prop_map(|(outputs, set, raw, extreme)| Shape { outputs, set, raw, extreme })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_layer(
        (array, shape) in any_array().prop_flat_map(|a| (Just(a), shape(a, 300, any::<bool>()))),
        inputs in 1usize..=300, batch in 1usize..=9, keep in keeps(), seed in any::<u64>(),
    ) {
        let network = network(inputs, &[shape], seed);
        let program = compile(&network, &config("tiny", array), Options { batch, keep, ..Options::default() }).unwrap();
        check(&network, &program, keep, 1, seed ^ 1, &ORDERS);
    }

    #[test]
    fn large_batches_of_a_small_layer(
        (array, shape) in any_array().prop_flat_map(|a| (Just(a), shape(a, 40, any::<bool>()))),
        inputs in 1usize..=80, batch in 100usize..=400, keep in keeps(), seed in any::<u64>(),
    ) {
        let network = network(inputs, &[shape], seed);
        let program = compile(&network, &config("tiny", array), Options { batch, keep, ..Options::default() }).unwrap();
        check(&network, &program, keep, 1, seed ^ 1, &ORDERS[..2]);
    }

    #[test]
    fn whole_networks_and_repeats(
        (array, shapes, last) in any_array().prop_flat_map(|a| {
            let hidden = proptest::collection::vec(shape(a, 60, Just(false)), 0..4);
            (Just(a), hidden, shape(a, 60, any::<bool>()))
        }),
        inputs in 1usize..=100, batch in 1usize..=60, runs in 1usize..=3, keep in keeps(), seed in any::<u64>(),
    ) {
        let shapes: Vec<Shape> = shapes.into_iter().chain([last]).collect();
        let network = network(inputs, &shapes, seed);
        let program = compile(&network, &config("tiny", array), Options { batch, keep, ..Options::default() }).unwrap();
        check(&network, &program, keep, runs, seed ^ 1, &ORDERS);
    }
}

/// What the small array runs in a moment.
fn small(array: WeightSet, layers: usize) -> random::Options {
    random::Options { array, size: 12, channels: 24, kernel: 7, macs: 60_000, layers }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_layer_of_every_kind(
        array in any_array(), kind in proptest::sample::select(Kind::ALL.to_vec()), batch in 1usize..=3,
        keep in keeps(), seed in any::<u64>(),
    ) {
        let network = random::layer_of(kind, &small(array, 1), seed).unwrap();
        match compile(&network, &config("tiny", array), Options { batch, keep, ..Options::default() }) {
            Ok(program) => { check(&network, &program, keep, 1, seed ^ 1, &ORDERS[..3]); }
            Err(error) => prop_assert!(refusal(&error), "{kind:?}: {error}"),
        }
    }

    #[test]
    fn whole_graphs(
        array in any_array(), batch in 1usize..=3, runs in 1usize..=2, keep in keeps(), seed in any::<u64>(),
    ) {
        let network = random::graph(&small(array, 8), seed).unwrap();
        match compile(&network, &config("tiny", array), Options { batch, keep, ..Options::default() }) {
            Ok(program) => { check(&network, &program, keep, runs, seed ^ 1, &ORDERS[..3]); }
            Err(error) => prop_assert!(refusal(&error), "{error}"),
        }
    }
}

/// What the smallest array may refuse: depths, and what doubling on binary arrays does not hold.
fn refusal(error: &CompileError) -> bool {
    matches!(
        error,
        CompileError::Weights { .. }
            | CompileError::Buffer { .. }
            | CompileError::DoubledRequant { .. }
            | CompileError::DoubledAccumulator { .. }
    )
}

#[test]
fn every_preset_and_set() {
    for preset in cbp_isa::PRESETS {
        for array in WeightSet::ALL {
            let first = Shape { outputs: 150, set: None, raw: false, extreme: false };
            let middle = Shape { outputs: 70, set: Some(array), raw: false, extreme: false };
            let last = Shape { outputs: 10, set: None, raw: true, extreme: false };
            let network = network(200, &[first, middle, last], 7);
            let keep = Keep::ActivationsAndMasks;
            let program =
                compile(&network, &preset.config(array), Options { batch: 37, keep, ..Options::default() })
                    .unwrap();
            check(&network, &program, keep, 2, 8, &ORDERS);
        }
    }
}

/// Weights of +1 as codes and 8-bit weights of 0 are the same bytes on a binary array; they are not the same weights.
#[test]
fn equal_bytes_of_codes_and_of_8_bit_weights() {
    let array = WeightSet::Binary;
    let shapes = [
        Shape { outputs: 8, set: Some(array), raw: false, extreme: false },
        Shape { outputs: 8, set: None, raw: true, extreme: false },
    ];
    let random = network(64, &shapes, 1);
    let mut layers = random.layers().to_vec();
    let constants =
        [Weights::Constrained { set: array, codes: vec![1; 8 * 64] }, Weights::Int8 { w: vec![0; 8 * 8] }];
    for (layer, constants) in layers.iter_mut().zip(constants) {
        let Operation::FullyConnected(fc) = &mut layer.operation else { panic!("{layer:?}") };
        fc.weights = constants;
    }
    let network = Network::new("constants", random.input(), layers).unwrap();
    for resident in [false, true] {
        let options = Options { resident, ..Options::default() };
        let program = compile(&network, &config("tiny", array), options).unwrap();
        check(&network, &program, options.keep, 1, 8, &ORDERS);
    }
}

/// Packed windows whose lines just fit the line buffer: the first windows reach fewer lines than those behind the padding.
#[test]
fn windows_of_lines_that_just_fit() {
    let array = WeightSet::Binary;
    let config = config("tiny", array);
    let mut random = common::Random(1);
    let (mut most, channels) = (0, 21);
    for (width, padding) in (5..=12).flat_map(|width| (0..7).map(move |padding| (width, padding))) {
        let window = Window { kernel: [7, 5], before: [padding, 0], ..Window::square(1, 1, 0) };
        let codes = (0..2 * 7 * 5 * channels).map(|_| [-1, 1][random.below(2)]).collect();
        let conv = Convolution {
            input: Source::Input,
            inputs: channels,
            outputs: 2,
            groups: 1,
            window,
            zero_point: 3,
            weights: Weights::Constrained { set: array, codes },
            residual: None,
            output: Output::Raw,
        };
        let layer = Layer { name: "conv".to_owned(), operation: Operation::Convolution(conv) };
        let input = cbp_numerics::Shape { height: 12, width, channels };
        let network = Network::new("lines", input, vec![layer]).unwrap();
        let program = compile(&network, &config, Options::default()).unwrap();
        let lines = |(op, _): &(Compiled, usize)| match op {
            Compiled::Pack(pack) => pack.line_pitch * 8,
            _ => 0,
        };
        most = program.instructions.iter().map(lines).max().unwrap_or(0).max(most);
        check(&network, &program, Keep::Output, 1, 8, &ORDERS[..3]);
    }
    assert!(most * 2 > config.line_depth, "{most}: nothing was packed, or with much space");
}

#[test]
fn odd_configurations() {
    // lanes, columns, ppu lanes, axi bits; depths at their least.
    for [lanes, columns, ppu_lanes, axi_bits] in [
        [8, 8, 8, 64],
        [128, 8, 8, 64],
        [8, 128, 64, 64],
        [64, 16, 2, 64],
        [32, 32, 8, 256],
        [8, 64, 64, 64],
        [16, 32, 4, 128],
    ] {
        for array in WeightSet::ALL {
            let config = cbp_isa::Config {
                lanes,
                columns,
                ppu_lanes,
                axi_bits,
                activation_depth: 64,
                weight_depth: 64,
                parameter_depth: 16,
                output_depth: 128,
                residual_depth: 64,
                line_depth: 32,
                ..config("tiny", array)
            };
            if config.check().is_err() {
                continue;
            }
            let shapes = [
                Shape { outputs: 45, set: None, raw: false, extreme: false },
                Shape { outputs: 33, set: Some(array), raw: false, extreme: false },
                Shape { outputs: 19, set: None, raw: true, extreme: false },
            ];
            let network = network(50, &shapes, 3);
            for keep in [Keep::Output, Keep::ActivationsAndMasks] {
                for batch in [1, 5, 64] {
                    let program = compile(&network, &config, Options { batch, keep, ..Options::default() })
                        .unwrap_or_else(|e| panic!("{config:?}: {e}"));
                    check(&network, &program, keep, 2, 8, &ORDERS);
                }
            }
        }
    }
}
