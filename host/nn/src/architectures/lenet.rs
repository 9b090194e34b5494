use super::builder::Builder;
use crate::graph::{Graph, GraphError, Shape, Source, Window};

/// A network of `LeNet-5`'s form (LeCun et al., 1998) for digits, wider and with what is usual today: two 5 × 5
/// convolutions of 32 and 64 channels with batch norm, ReLU and max-pools, and a hidden layer of 256.
///
/// # Errors
/// Images under 4 × 4.
pub fn lenet5(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    let mut builder = Builder::new("lenet5", input);
    let mut last = Source::Input;
    for (index, outputs) in [32, 64].into_iter().enumerate() {
        let number = index + 1;
        last = builder.convolution(&format!("conv{number}"), last, outputs, Window::square(5, 1, 2))?;
        last = builder.batch_norm(&format!("bn{number}"), last)?;
        last = builder.relu(&format!("relu{number}"), last)?;
        last = builder.max_pool(&format!("pool{number}"), last, Window::square(2, 2, 0))?;
    }
    last = builder.linear("fc1", last, 256, false)?;
    last = builder.batch_norm("bn3", last)?;
    last = builder.relu("relu3", last)?;
    builder.linear("fc2", last, classes, true)?;
    Ok(builder.finish())
}
