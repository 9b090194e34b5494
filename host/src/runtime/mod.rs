//! Compiled networks on devices.

mod session;
mod simulator;

pub use session::{Run, RunError, Session};
pub use simulator::{SimulatorError, simulator};
