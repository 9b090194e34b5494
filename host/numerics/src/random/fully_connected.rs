//! Fully connected layers.

use super::Random;
use crate::{
    Clamp, FullyConnected, Layer, Network, NetworkError, Operation, Output, Requant, Source, WeightSet,
    Weights,
};

/// What a random fully connected layer is like.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Output channels.
    pub outputs: usize,
    /// Its weight set; `None`: int8.
    pub set: Option<WeightSet>,
    /// Raw accumulators instead of requantised values.
    pub raw: bool,
    /// Every weight is the set's most negative one.
    pub extreme: bool,
}

/// A random layer.
#[must_use]
pub fn layer(name: String, input: Source, inputs: usize, shape: &Shape, random: &mut Random) -> Layer {
    let outputs = shape.outputs;
    let weights = match shape.set {
        Some(set) => {
            let levels = set.levels();
            let level =
                |r: &mut Random| if shape.extreme { levels[0] } else { levels[r.below(levels.len())] };
            Weights::Constrained { set, codes: (0..inputs * outputs).map(|_| level(random)).collect() }
        }
        None if shape.extreme => Weights::Int8 { w: vec![-128; inputs * outputs] },
        None => Weights::Int8 { w: random.bytes(inputs * outputs) },
    };
    let mut fc = FullyConnected { input, inputs, outputs, weights, output: Output::Raw };
    if !shape.raw {
        let requant = (0..outputs).map(|c| requant(fc.accumulator_bound(c), random)).collect();
        let bounds = [random.byte(), random.byte()];
        let clamp = if random.below(2) == 0 {
            Clamp::full(random.byte())
        } else {
            let [low, high] = [bounds[0].min(bounds[1]), bounds[0].max(bounds[1])];
            Clamp { zero_point: random.byte(), low, high }
        };
        fc.output = Output::Requantised { requant, clamp };
    }
    Layer { name, operation: Operation::FullyConnected(fc) }
}

/// Constants whose outputs spread over the whole range, and sometimes far beyond; legal after doubling too.
fn requant(bound: i64, random: &mut Random) -> Requant {
    let multiplier = match random.below(8) {
        0 => 0,
        1 => i16::MIN,
        2 => i16::MAX,
        _ => random.bits() as i16,
    };
    let scaled = bound as f64 * f64::from(multiplier).abs().max(1.0);
    let ideal = (scaled / 500.0).log2().max(1.0) as i64;
    let shift = (ideal + random.below(5) as i64 - 2).clamp(1, 46) as u8;
    let bias_bits = (u64::from(shift) + 7).min(44);
    let bias = (random.bits() >> (64 - bias_bits)) as i64 - (1 << (bias_bits - 1));
    Requant::new(multiplier, bias, shift)
}

/// A random chain of layers `fc0`, `fc1`, …
///
/// # Errors
/// Those of [`Network::new`]: no layers, or more inputs than accumulators can hold.
pub fn network(inputs: usize, shapes: &[Shape], seed: u64) -> Result<Network, NetworkError> {
    let mut random = Random(seed);
    let mut width = inputs;
    let mut layers = Vec::new();
    for (i, shape) in shapes.iter().enumerate() {
        let source = i.checked_sub(1).map_or(Source::Input, Source::Layer);
        layers.push(layer(format!("fc{i}"), source, width, shape, &mut random));
        width = shape.outputs;
    }
    Network::new("random", crate::Shape::vector(inputs), layers)
}
