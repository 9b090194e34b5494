use super::plan::Plan;
use crate::{Network, NetworkError, Source, WeightSet, Window};

/// `LeNet-5` of 1998 with all connections: 416,520 MACs for 28 × 28 digits, which are padded to 32 × 32.
///
/// # Errors
/// The input is smaller than 28 × 28.
pub fn lenet5(set: WeightSet, size: usize, seed: u64) -> Result<Network, NetworkError> {
    let mut plan = Plan::new(set, size, 1, seed)?;
    let (conv, pool) = (Window::square(5, 1, 0), Window::square(2, 2, 0));
    let mut last = plan.convolution("c1", Source::Input, 6, Window::square(5, 1, 2))?;
    last = plan.average_pool("s2", last, pool)?;
    last = plan.convolution("c3", last, 16, conv)?;
    last = plan.average_pool("s4", last, pool)?;
    last = plan.convolution("c5", last, 120, conv)?;
    last = plan.fully_connected("f6", last, 84)?;
    plan.classifier("lenet5", "output", last, 10)
}
