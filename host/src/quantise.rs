//! From a trained network to integers: the only place between training and the device that rounds.
//!
//! The last layer is raw: its 32-bit accumulators come back, and the host scales them to logits.

use cbp_nn::trained::{ActivationCode, TrainedLayer, TrainedMlp, TrainedWeights};
use cbp_numerics::scales::{Affine, Quantiser, fully_connected};
use cbp_numerics::{FullyConnected, Layer, Network, NetworkError, Operation, Output, Shape, Source, Weights};

/// Why a trained network has no integer form.
#[derive(Debug, thiserror::Error)]
pub enum QuantiseError {
    /// A scale or bound does not fit.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Float weights.
    #[error("layer {0} has float weights; constrain it or quantise it to int8 first")]
    Float(String),
    /// A hidden layer without an activation code, or a last layer with one.
    #[error("layer {0}: every layer but the last needs a coded output")]
    Output(String),
    /// A network without layers.
    #[error("the network has no layers")]
    Empty,
}

/// An integer network and how its raw outputs become logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    /// Runs on the device.
    pub network: Network,
    /// logit = gain·acc + offset, one pair per class.
    pub logits: Vec<(f64, f64)>,
}

impl Quantised {
    /// The class with the largest logit of each image; `raw` is `[image][class]`. Ties go to the lower class.
    #[must_use]
    pub fn classes(&self, raw: &[i32]) -> Vec<usize> {
        let logit = |row: &[i32], c: usize| self.logits[c].0 * f64::from(row[c]) + self.logits[c].1;
        raw.chunks_exact(self.logits.len())
            .map(|row| {
                (1..row.len()).fold(0, |best, c| if logit(row, c) > logit(row, best) { c } else { best })
            })
            .collect()
    }
}

/// Turns a trained network into integers.
///
/// # Errors
/// What has no integer form, by layer and channel.
pub fn quantise(name: &str, trained: &TrainedMlp) -> Result<Quantised, QuantiseError> {
    let (last, hidden) = trained.layers.split_last().ok_or(QuantiseError::Empty)?;
    let mut input = quantiser(TrainedMlp::INPUT);
    let mut layers = Vec::new();
    let mut source = Source::Input;
    for layer in hidden {
        let output = quantiser(layer.output.ok_or_else(|| QuantiseError::Output(layer.name.clone()))?);
        let (weights, scales) = integers(layer)?;
        let affine: Vec<Affine> =
            layer.affine.folded().into_iter().map(|(gain, shift)| Affine { gain, shift }).collect();
        layers.push(fully_connected(
            &layer.name,
            source,
            layer.inputs,
            layer.outputs,
            weights,
            &scales,
            &affine,
            input,
            output,
            layer.relu,
        )?);
        input = output;
        source = Source::Layer(layers.len() - 1);
    }
    let shape = Shape::vector(trained.layers[0].inputs);
    let (layer, logits) = raw_head(last, source, input)?;
    layers.push(layer);
    Ok(Quantised { network: Network::new(name, shape, layers)?, logits })
}

fn quantiser(code: ActivationCode) -> Quantiser {
    Quantiser { scale: code.scale, zero_point: code.zero_point }
}

/// Integer weights, and the real value of one of their units: one for all channels or one each.
fn integers(layer: &TrainedLayer) -> Result<(Weights, Vec<f32>), QuantiseError> {
    match &layer.weights {
        TrainedWeights::Constrained { set, scales, codes } => {
            // w = a·k / 2^D: a power of two, so the division is exact.
            let unit = f32::from(1u8 << set.max_shift());
            let scales = scales.iter().map(|a| a / unit).collect();
            Ok((Weights::Constrained { set: *set, codes: codes.clone() }, scales))
        }
        TrainedWeights::Int8 { scales, codes } => Ok((Weights::Int8 { w: codes.clone() }, scales.clone())),
        TrainedWeights::Float(_) => Err(QuantiseError::Float(layer.name.clone())),
    }
}

/// The last layer: raw accumulators, and `logit = factor·unit·s_in·(acc − z_in·Σk) + offset`.
fn raw_head(
    layer: &TrainedLayer,
    source: Source,
    input: Quantiser,
) -> Result<(Layer, Vec<(f64, f64)>), QuantiseError> {
    if layer.output.is_some() {
        return Err(QuantiseError::Output(layer.name.clone()));
    }
    let (weights, units) = integers(layer)?;
    let (inputs, outputs) = (layer.inputs, layer.outputs);
    let fc = FullyConnected { input: source, inputs, outputs, weights, output: Output::Raw };
    let logits = layer.affine.folded().into_iter().enumerate().map(|(c, (factor, offset))| {
        let unit = units[if units.len() == 1 { 0 } else { c }];
        let gain = factor * f64::from(unit) * f64::from(input.scale);
        let (sum, _) = Weights::sums(fc.row(c));
        (gain, offset - gain * (i64::from(input.zero_point) * sum) as f64)
    });
    let logits = logits.collect();
    Ok((Layer { name: layer.name.clone(), operation: Operation::FullyConnected(fc) }, logits))
}
