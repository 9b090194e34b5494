//! The Verilated accelerator with host memory behind its AXI ports.
//!
//! - [`SimTransport`]: a [`cbp_driver::Transport`]; with it the driver runs on the RTL
//! - [`SimDevice`]: the model clocked cycle by cycle, its registers, traces, faults
//! - [`HostMemory`]: what the AXI master reads and writes; [`ExternalMemory`]: that of somebody else
//! - [`Timing`]: fixed latency, seeded disorder, or a [`Link`]: `PCIe` with its rate, packets and order
//! - [`Timeline`]: what the engines did in every cycle, also as a trace for a browser
//! - [`ports`]: the ports of `cbp_accelerator` for a configuration
//!
//! Below: `read_port` and `write_port` (the AXI slave), `strobes` (data into memory), `check` (protocol rules for the device), `lite` (the AXI-Lite
//! master).

mod check;
mod device;
mod error;
mod fault;
mod link;
mod lite;
mod memory;
mod pins;
mod read_port;
mod strobes;
mod timeline;
mod timing;
mod transport;
mod write_port;

pub use device::{SimDevice, SimOptions, Traffic};
pub use error::SimError;
pub use fault::{Answer, Direction, FaultPlan};
pub use link::{BadLink, Flow, Link, LinkReport};
pub use memory::{ExternalMemory, HostMemory, SimDma};
pub use pins::ports;
pub use timeline::{Activity, Engine, Span, State, Timeline, Window};
pub use timing::Timing;
pub use transport::SimTransport;
