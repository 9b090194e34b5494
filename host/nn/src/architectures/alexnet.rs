use super::builder::Builder;
use crate::graph::{Graph, GraphError, Op, Shape, Source, Window};

/// `AlexNet` in one column (Krizhevsky, 2014) with torchvision's widths and, as CBP has it, batch norm after every layer
/// but the last, no biases before those and no dropout: 0.714 G MACs at 224 × 224.
///
/// # Errors
/// Images under 63 × 63.
pub fn alexnet(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    let mut builder = Builder::new("alexnet", input);
    let pool = Window::square(3, 2, 0);
    let mut last = Source::Input;
    for (index, (outputs, window, is_pooled)) in [
        (64, Window::square(11, 4, 2), true),
        (192, Window::square(5, 1, 2), true),
        (384, Window::square(3, 1, 1), false),
        (256, Window::square(3, 1, 1), false),
        (256, Window::square(3, 1, 1), true),
    ]
    .into_iter()
    .enumerate()
    {
        let number = index + 1;
        last = builder.convolution(&format!("conv{number}"), last, outputs, window)?;
        last = builder.batch_norm(&format!("bn{number}"), last)?;
        last = builder.relu(&format!("relu{number}"), last)?;
        if is_pooled {
            last = builder.max_pool(&format!("pool{number}"), last, pool)?;
        }
    }
    last = builder.push("avgpool", Op::AdaptiveAveragePool { height: 6, width: 6 }, &[last])?;
    for number in [6, 7] {
        last = builder.linear(&format!("fc{number}"), last, 4096, false)?;
        last = builder.batch_norm(&format!("bn{number}"), last)?;
        last = builder.relu(&format!("relu{number}"), last)?;
    }
    builder.linear("fc8", last, classes, true)?;
    Ok(builder.finish())
}
