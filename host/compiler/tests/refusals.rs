//! What a device cannot run is refused by name.

mod common;

use cbp_compiler::{CompileError, Keep, Options, compile};
use cbp_isa::{Config, WeightSet};
use cbp_numerics::{Clamp, FullyConnected, Layer, Network, Operation, Output, Requant, Source, Weights};
use common::{Shape, config, network};

fn shape(outputs: usize, set: Option<WeightSet>) -> Shape {
    Shape { outputs, set, raw: true, extreme: true }
}

#[test]
fn a_set_the_array_lacks() {
    let network = network(8, &[shape(8, Some(WeightSet::TwoBitShift))], 1);
    let error = compile(&network, &config("tiny", WeightSet::Ternary), Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer \"fc0\" has two-bit-shift weights, which a ternary array cannot hold; retrain it as ternary, or use an array built for two-bit-shift"
    );
}

#[test]
fn weights_deeper_than_the_buffer() {
    let network = network(8 * 114, &[shape(1, None)], 1);
    let error = compile(&network, &config("tiny", WeightSet::Binary), Options::default()).unwrap_err();
    let expected =
        CompileError::Weights { layer: "fc0".into(), words: 114, passes: 9, depth: 1024, most: 8 * 113 };
    assert_eq!(error, expected);
    assert!(compile(&network, &config("tiny", WeightSet::Ternary), Options::default()).is_ok());
}

#[test]
fn buffers_too_small_for_an_image() {
    let network = network(200, &[shape(8, Some(WeightSet::Ternary))], 1);
    let config = Config { activation_depth: 16, ..config("tiny", WeightSet::Ternary) };
    let error = compile(&network, &config, Options::default()).unwrap_err();
    assert!(matches!(error, CompileError::Buffer { positions: 1, needed: 25, depth: 16, .. }), "{error}");
}

#[test]
fn int8_layers_that_doubling_breaks() {
    let layer = |weights: Vec<i8>, requant: Requant| {
        let output = Output::Requantised { requant: vec![requant], clamp: Clamp::full(0) };
        let inputs = weights.len();
        let operation = Operation::FullyConnected(FullyConnected {
            input: Source::Input,
            inputs,
            outputs: 1,
            weights: Weights::Int8 { w: weights },
            output,
        });
        Network::new("n", cbp_numerics::Shape::vector(inputs), vec![Layer { name: "last".into(), operation }])
            .unwrap()
    };
    let binary = config("tiny", WeightSet::Binary);
    let deepest = layer(vec![1], Requant { shift: 47, ..Requant::ZERO });
    let error = compile(&deepest, &binary, Options::default()).unwrap_err();
    assert!(matches!(error, CompileError::DoubledRequant { channel: 0, .. }), "{error}");
    assert!(compile(&deepest, &config("tiny", WeightSet::Ternary), Options::default()).is_ok());

    let wide = Config {
        weight_depth: 65536,
        lanes: 128,
        columns: 16,
        axi_bits: 128,
        activation_depth: 1024,
        ..binary
    };
    let large = layer(vec![-128; 70_000], Requant::ZERO);
    let error = compile(&large, &wide, Options::default()).unwrap_err();
    assert!(matches!(error, CompileError::DoubledAccumulator { channel: 0, .. }), "{error}");
}

#[test]
fn configurations_and_batches() {
    let network = network(8, &[shape(8, None)], 1);
    let tiny = config("tiny", WeightSet::Binary);
    assert_eq!(
        compile(&network, &tiny, Options { batch: 0, keep: Keep::Output, ..Options::default() }),
        Err(CompileError::EmptyBatch)
    );
    let narrow = Config { axi_bits: 256, lanes: 32, ppu_lanes: 8, ..tiny.clone() };
    assert_eq!(
        compile(&network, &narrow, Options::default()),
        Err(CompileError::NarrowArray { columns: 8, beat: 32 })
    );
    assert!(matches!(
        compile(&network, &Config { lanes: 9, ..tiny }, Options::default()),
        Err(CompileError::Config(_))
    ));
}

#[test]
fn activations_wider_than_the_array_takes() {
    let narrow = Config { activation_bits: 4, ..config("tiny", WeightSet::Ternary) };
    let shape = Shape { outputs: 8, set: Some(WeightSet::Ternary), raw: false, extreme: false };
    let error = compile(&network(8, &[shape], 3), &narrow, Options::default()).unwrap_err();
    assert!(matches!(error, CompileError::ActivationBits { bits: 4, .. }), "{error}");
}
