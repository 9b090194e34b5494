//! What each kind of node does to a batch, forward and backward.
//!
//! A batch is image after image, each position after position with its channels side by side (NHWC). Work is cut into
//! tasks by the data alone, and sums over tasks are added in order, so that results do not depend on the threads.

pub(super) mod batch_norm;
pub(super) mod gate;
pub(super) mod join;
pub(super) mod loss;
pub(super) mod pool;
pub(super) mod products;

/// Values per task in nodes that change each number on its own.
const VALUES_PER_TASK: usize = 1 << 14;
