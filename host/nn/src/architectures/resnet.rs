use super::builder::Builder;
use crate::graph::{Graph, GraphError, Op, Shape, Source, Window};

/// Two 3 × 3 convolutions, or a bottleneck of 1 × 1, 3 × 3 and 1 × 1 to four times the channels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Basic,
    Bottleneck,
}

/// `ResNet-18` (He et al., 2016): 1.814 G MACs at 224 × 224.
///
/// # Errors
/// The image is empty.
pub fn resnet18(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    resnet("resnet18", Block::Basic, [2, 2, 2, 2], input, classes)
}

/// `ResNet-50` with the stride in the 3 × 3 convolution, as torchvision has it: 4.09 G MACs at 224 × 224.
///
/// # Errors
/// The image is empty.
pub fn resnet50(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    resnet("resnet50", Block::Bottleneck, [3, 4, 6, 3], input, classes)
}

fn resnet(
    name: &str,
    block: Block,
    stages: [usize; 4],
    input: Shape,
    classes: usize,
) -> Result<Graph, GraphError> {
    let mut builder = Builder::new(name, input);
    let mut last = builder.convolution("conv1", Source::Input, 64, Window::square(7, 2, 3))?;
    last = builder.batch_norm("bn1", last)?;
    last = builder.relu("relu", last)?;
    last = builder.max_pool("maxpool", last, Window::square(3, 2, 1))?;
    for (stage, blocks) in stages.into_iter().enumerate() {
        for index in 0..blocks {
            let name = format!("layer{}.{index}", stage + 1);
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            last = add_block(&mut builder, &name, block, last, 64 << stage, stride)?;
        }
    }
    last = builder.global_average("avgpool", last)?;
    builder.linear("fc", last, classes, true)?;
    Ok(builder.finish())
}

fn add_block(
    builder: &mut Builder,
    name: &str,
    block: Block,
    input: Source,
    channels: usize,
    stride: usize,
) -> Result<Source, GraphError> {
    let name = |part: &str| format!("{name}.{part}");
    let (point, conv) = (Window::square(1, 1, 0), |stride| Window::square(3, stride, 1));
    let (windows, outputs) = match block {
        Block::Basic => (vec![conv(stride), conv(1)], channels),
        Block::Bottleneck => (vec![point, conv(stride), point], 4 * channels),
    };
    let mut last = input;
    let count = windows.len();
    for (index, window) in windows.into_iter().enumerate() {
        let number = index + 1;
        let is_last = number == count;
        let to = if is_last { outputs } else { channels };
        last = builder.convolution(&name(&format!("conv{number}")), last, to, window)?;
        last = builder.batch_norm(&name(&format!("bn{number}")), last)?;
        if !is_last {
            last = builder.relu(&name(&format!("relu{number}")), last)?;
        }
    }
    let mut shortcut = input;
    if stride > 1 || builder.channels(input) != outputs {
        shortcut =
            builder.convolution(&name("downsample.0"), input, outputs, Window::square(1, stride, 0))?;
        shortcut = builder.batch_norm(&name("downsample.1"), shortcut)?;
    }
    last = builder.push(&name("add"), Op::Add, &[last, shortcut])?;
    builder.relu(&name("relu"), last)
}
