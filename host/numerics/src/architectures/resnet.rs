use super::plan::Plan;
use crate::{Network, NetworkError, Residual, Source, WeightSet, Window};

/// Two 3 × 3 convolutions, or a bottleneck of 1 × 1, 3 × 3 and 1 × 1 to four times the channels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Basic,
    Bottleneck,
}

/// `ResNet-18` (He et al., 2016): 1.814 G MACs at 224 × 224.
///
/// # Errors
/// The input is empty.
pub fn resnet18(set: WeightSet, size: usize, seed: u64) -> Result<Network, NetworkError> {
    resnet("resnet18", Block::Basic, [2, 2, 2, 2], Plan::new(set, size, 3, seed)?)
}

/// `ResNet-50` with the stride in the 3 × 3 convolution, as torchvision has it: 4.09 G MACs at 224 × 224.
///
/// # Errors
/// The input is empty.
pub fn resnet50(set: WeightSet, size: usize, seed: u64) -> Result<Network, NetworkError> {
    resnet("resnet50", Block::Bottleneck, [3, 4, 6, 3], Plan::new(set, size, 3, seed)?)
}

fn resnet(name: &str, block: Block, stages: [usize; 4], mut plan: Plan) -> Result<Network, NetworkError> {
    let mut last = plan.convolution("conv1", Source::Input, 64, Window::square(7, 2, 3))?;
    last = plan.max_pool("maxpool", last, Window::square(3, 2, 1))?;
    for (stage, blocks) in stages.into_iter().enumerate() {
        for index in 0..blocks {
            let name = format!("layer{}.{index}", stage + 1);
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            last = add_block(&mut plan, &name, block, last, 64 << stage, stride)?;
        }
    }
    last = plan.global_average_pool("avgpool", last)?;
    plan.classifier(name, "fc", last, 1000)
}

fn add_block(
    plan: &mut Plan,
    name: &str,
    block: Block,
    input: Source,
    channels: usize,
    stride: usize,
) -> Result<Source, NetworkError> {
    let outputs = if block == Block::Basic { channels } else { 4 * channels };
    let mut shortcut = input;
    if stride > 1 || plan.channels(input) != outputs {
        let window = Window::square(1, stride, 0);
        shortcut = plan.linear_convolution(&format!("{name}.downsample.0"), input, outputs, window)?;
    }
    let residual = Residual { source: shortcut, stride: 1, first: 0 };
    let (point, conv) = (Window::square(1, 1, 0), |stride| Window::square(3, stride, 1));
    let [first, second, third] = [1, 2, 3].map(|i| format!("{name}.conv{i}"));
    match block {
        Block::Basic => {
            let inner = plan.convolution(&first, input, channels, conv(stride))?;
            plan.convolution_and_residual(&second, inner, outputs, conv(1), residual)
        }
        Block::Bottleneck => {
            let narrow = plan.convolution(&first, input, channels, point)?;
            let inner = plan.convolution(&second, narrow, channels, conv(stride))?;
            plan.convolution_and_residual(&third, inner, outputs, point, residual)
        }
    }
}
