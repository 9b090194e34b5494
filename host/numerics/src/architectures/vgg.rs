use super::plan::Plan;
use crate::{Network, NetworkError, Source, WeightSet, Window};

/// `VGG-16` (Simonyan & Zisserman, 2015, configuration D): 15.47 G MACs at 224 × 224.
///
/// At other sizes the first fully connected layer sees the image that there is; torchvision would first resample it to
/// 7 × 7.
///
/// # Errors
/// The input is smaller than 32 × 32.
pub fn vgg16(set: WeightSet, size: usize, seed: u64) -> Result<Network, NetworkError> {
    let mut plan = Plan::new(set, size, 3, seed)?;
    let mut last = Source::Input;
    // Names count convolutions, activations and pools.
    let mut index = 0;
    for (convolutions, outputs) in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)] {
        for _ in 0..convolutions {
            last = plan.convolution(&format!("features.{index}"), last, outputs, Window::square(3, 1, 1))?;
            index += 2;
        }
        last = plan.max_pool(&format!("features.{index}"), last, Window::square(2, 2, 0))?;
        index += 1;
    }
    last = plan.fully_connected("classifier.0", last, 4096)?;
    last = plan.fully_connected("classifier.3", last, 4096)?;
    plan.classifier("vgg16", "classifier.6", last, 1000)
}
