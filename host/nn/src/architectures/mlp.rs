use super::builder::Builder;
use crate::graph::{Graph, GraphError, Shape, Source};

/// What is between a hidden layer's products and its ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// Batch normalisation.
    BatchNorm,
    /// A bias.
    Bias,
}

/// A multi-layer perceptron: linear layers `fc1`, `fc2`, … with ReLU between them; the last has a bias.
///
/// # Errors
/// A layer is empty.
pub fn mlp(input: Shape, hidden: &[usize], classes: usize, between: Hidden) -> Result<Graph, GraphError> {
    let mut builder = Builder::new("mlp", input);
    let mut last = Source::Input;
    for (index, &outputs) in hidden.iter().enumerate() {
        let number = index + 1;
        last = builder.linear(&format!("fc{number}"), last, outputs, between == Hidden::Bias)?;
        if between == Hidden::BatchNorm {
            last = builder.batch_norm(&format!("bn{number}"), last)?;
        }
        last = builder.relu(&format!("relu{number}"), last)?;
    }
    builder.linear(&format!("fc{}", hidden.len() + 1), last, classes, true)?;
    Ok(builder.finish())
}
