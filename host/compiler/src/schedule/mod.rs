//! The order of loads, computes and stores.
//!
//! - [`Work`]: jobs in the order in which the array does them, and the items of data that they need, in the order of
//!   first need
//! - [`Feeder`]: a stage's input as items; `weights`, `operand`: its other items
//! - `jobs`: a cut stage as jobs
//! - [`emit`]: instructions; loads run as far ahead of the array as the buffers allow

mod emit;
mod feeder;
mod jobs;
mod operand;
mod work;

pub(crate) use emit::emit;
pub(crate) use jobs::add_stage;
pub(crate) use work::Work;
