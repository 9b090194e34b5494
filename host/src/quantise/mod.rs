//! From a trained network to integers: the only place between training and the device that rounds.
//!
//! - [`quantise`], [`Quantised`]: the way there, and the result
//! - [`Coding`]: how a tensor is coded
//! - `fold`: nodes of the graph become layers of the accelerator

mod coding;
mod error;
mod fold;

use cbp_nn::graph::{Op, Shape, Source};
use cbp_nn::trained::TrainedNetwork;
use cbp_numerics::{Network, Values};

pub use coding::Coding;
pub use error::QuantiseError;

/// An integer network, and what its input and output mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    /// Runs on the device.
    pub network: Network,
    /// How its input is coded.
    pub input: Coding,
    /// logit = gain·value + offset, one pair per class.
    pub logits: Vec<(f64, f64)>,
}

impl Quantised {
    /// Codes of real input values.
    #[must_use]
    pub fn codes(&self, images: &[f32]) -> Vec<i8> {
        images.iter().map(|&value| self.input.code(value)).collect()
    }

    /// Logits of every image, `[image][class]`, from what the last layer gave.
    #[must_use]
    pub fn logits(&self, output: &Values) -> Vec<f64> {
        let logit = |(at, value): (usize, f64)| {
            let (gain, offset) = self.logits[at % self.logits.len()];
            gain * value + offset
        };
        match output {
            Values::I32(values) => values.iter().copied().map(f64::from).enumerate().map(logit).collect(),
            Values::I8(values) => values.iter().copied().map(f64::from).enumerate().map(logit).collect(),
        }
    }

    /// The class with the largest logit of each image. Ties go to the lower class.
    #[must_use]
    pub fn classes(&self, output: &Values) -> Vec<usize> {
        let logits = self.logits(output);
        let largest =
            |row: &[f64]| (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
        logits.chunks_exact(self.logits.len()).map(largest).collect()
    }
}

/// Turns a trained network into integers.
///
/// # Errors
/// What has no integer form, by node.
pub fn quantise(name: &str, trained: &TrainedNetwork) -> Result<Quantised, QuantiseError> {
    let input = trained.data.range.and_then(Coding::of_range).ok_or(QuantiseError::Input)?;
    let (layers, logits) = fold::fold(trained, input)?;
    let graph = trained.model.graph();
    // An image of which nothing but its values matters is a vector: then no lane is left empty for want of channels.
    let is_vector = graph
        .nodes()
        .iter()
        .filter(|node| node.inputs.contains(&Source::Input))
        .all(|node| matches!(node.op, Op::Flatten | Op::Linear { .. } | Op::Dropout { .. }));
    let shape = if is_vector { Shape::vector(graph.input().values()) } else { graph.input() };
    let network = Network::new(name, shape, layers)?;
    Ok(Quantised { network, input, logits })
}
