use super::plan::Plan;
use crate::{Network, NetworkError, Residual, Source, WeightSet, Window};

/// `ResNet-20` for CIFAR-10 (He et al., 2016) with option-A shortcuts: no weights, but every second pixel and channels
/// of zeros before and behind. 40.55 M MACs at 32 × 32.
///
/// # Errors
/// The input is empty.
pub fn resnet20(set: WeightSet, size: usize, seed: u64) -> Result<Network, NetworkError> {
    let mut plan = Plan::new(set, size, 3, seed)?;
    let mut last = plan.convolution("conv1", Source::Input, 16, Window::square(3, 1, 1))?;
    for stage in 0..3 {
        let channels = 16 << stage;
        for index in 0..3 {
            let name = |conv: &str| format!("layer{}.{index}.{conv}", stage + 1);
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let first = (channels - plan.channels(last)) / 2;
            let residual = Residual { source: last, stride, first };
            let inner = plan.convolution(&name("conv1"), last, channels, Window::square(3, stride, 1))?;
            let window = Window::square(3, 1, 1);
            last = plan.convolution_and_residual(&name("conv2"), inner, channels, window, residual)?;
        }
    }
    last = plan.global_average_pool("avgpool", last)?;
    plan.classifier("resnet20", "linear", last, 10)
}
