use super::plan::Plan;
use crate::{Network, NetworkError, Source, WeightSet, Window};

/// `AlexNet` in one column (Krizhevsky, 2014), as torchvision has it: 0.714 G MACs at 224 × 224.
///
/// At other sizes the first fully connected layer sees the image that there is; torchvision would first resample it to
/// 6 × 6.
///
/// # Errors
/// The input is smaller than 63 × 63.
pub fn alexnet(set: WeightSet, size: usize, seed: u64) -> Result<Network, NetworkError> {
    let mut plan = Plan::new(set, size, 3, seed)?;
    let pool = Window::square(3, 2, 0);
    let mut last = plan.convolution("features.0", Source::Input, 64, Window::square(11, 4, 2))?;
    last = plan.max_pool("features.2", last, pool)?;
    last = plan.convolution("features.3", last, 192, Window::square(5, 1, 2))?;
    last = plan.max_pool("features.5", last, pool)?;
    for (name, outputs) in [("features.6", 384), ("features.8", 256), ("features.10", 256)] {
        last = plan.convolution(name, last, outputs, Window::square(3, 1, 1))?;
    }
    last = plan.max_pool("features.12", last, pool)?;
    last = plan.fully_connected("classifier.1", last, 4096)?;
    last = plan.fully_connected("classifier.4", last, 4096)?;
    plan.classifier("alexnet", "classifier.6", last, 1000)
}
