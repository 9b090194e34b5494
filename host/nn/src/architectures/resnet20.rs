use super::builder::Builder;
use crate::graph::{Graph, GraphError, Op, Shape, Source, Window};

/// `ResNet-20` for CIFAR-10 (He et al., 2016) with option-A shortcuts: no weights, but every second pixel and channels
/// of zeros before and behind. 40.55 M MACs at 32 × 32. Names are those of akamaster/pytorch_resnet_cifar10.
///
/// # Errors
/// The image is empty.
pub fn resnet20(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    let mut builder = Builder::new("resnet20", input);
    let conv = |stride| Window::square(3, stride, 1);
    let mut last = builder.convolution("conv1", Source::Input, 16, conv(1))?;
    last = builder.batch_norm("bn1", last)?;
    last = builder.relu("relu", last)?;
    for (stage, outputs) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..3 {
            let name = |part: &str| format!("layer{}.{block}.{part}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let mut shortcut = last;
            last = builder.convolution(&name("conv1"), last, outputs, conv(stride))?;
            last = builder.batch_norm(&name("bn1"), last)?;
            last = builder.relu(&name("relu1"), last)?;
            last = builder.convolution(&name("conv2"), last, outputs, conv(1))?;
            last = builder.batch_norm(&name("bn2"), last)?;
            if stride > 1 {
                let before = outputs / 4;
                shortcut = builder.push(
                    &name("shortcut"),
                    Op::Shortcut { stride, before, behind: before },
                    &[shortcut],
                )?;
            }
            last = builder.push(&name("add"), Op::Add, &[last, shortcut])?;
            last = builder.relu(&name("relu2"), last)?;
        }
    }
    last = builder.global_average("avgpool", last)?;
    builder.linear("linear", last, classes, true)?;
    Ok(builder.finish())
}
