use super::builder::Builder;
use crate::graph::{Graph, GraphError, Shape, Source, Window};

/// VGG-7, as quantisation papers use it for CIFAR-10: (2×128C3)-MP2-(2×256C3)-MP2-(2×512C3)-MP2-1024FC, batch norm and
/// ReLU after each; 0.616 G MACs at 32 × 32.
///
/// # Errors
/// Images under 8 × 8.
pub fn vgg7(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    let mut builder = Builder::new("vgg7", input);
    let mut last = Source::Input;
    let mut number = 0;
    for (stage, outputs) in [128, 256, 512].into_iter().enumerate() {
        for _ in 0..2 {
            number += 1;
            last = builder.convolution(&format!("conv{number}"), last, outputs, Window::square(3, 1, 1))?;
            last = builder.batch_norm(&format!("bn{number}"), last)?;
            last = builder.relu(&format!("relu{number}"), last)?;
        }
        last = builder.max_pool(&format!("pool{}", stage + 1), last, Window::square(2, 2, 0))?;
    }
    last = builder.linear("fc1", last, 1024, false)?;
    last = builder.batch_norm("bn7", last)?;
    last = builder.relu("relu7", last)?;
    builder.linear("fc2", last, classes, true)?;
    Ok(builder.finish())
}
