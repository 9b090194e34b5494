//! Driver of the accelerator: everything between a program in memory and its completion.
//!
//! - [`Transport`], [`DmaMemory`]: what a back end provides; nothing else depends on how a device is attached
//! - [`Device`]: opens, submits, waits, resets; leaves the device disabled when dropped
//! - [`HostBuffer`], [`DeviceBuffer`]: memory, and who may touch it
//! - [`Job`], [`Segment`], [`Ticket`], [`Completion`]: what is submitted and what comes back
//! - [`Info`]: what a device says about itself
//! - [`Error`], [`Snapshot`]: every way this fails, with the state it failed in
//! - [`pci`]: boards on the bus, their drivers, and what goes wrong there
//! - [`backends`]: open a board through VFIO, UIO or sysfs, or a device of another process over a socket
//! - [`quarantined`]: what was closed without an answer
//! - [`memory`]: mappings that host and device share
//!
//! Below: `window` (checked register access), `entry` (ring entries as bytes), `queue` (the two rings).
//!
//! Memory has one owner at a time, by its type: the host copies in and out of a [`HostBuffer`]; lent to jobs it is a
//! [`DeviceBuffer`], which the host cannot access, and which it gets back when the device has completed every job that uses
//! it, or has confirmed a reset. The rings alone are shared all the time, and accessed word by word.
//!
//! One process has a board at a time, which the back ends see to. In it one thread at a time has the [`Device`]; it can be
//! handed to another. Buffers can be used by any thread. A process that was forked must not use what it
//! inherited.

// Stores to memory, then to a register, and loads from a register, then from memory, reach the device in this order because
// x86 keeps it also for memory that is not cached. Other machines need instructions for it that Rust has no name for.
#[cfg(not(target_arch = "x86_64"))]
compile_error!("cbp-driver runs on x86-64 only: other machines reorder accesses to memory and registers");

pub mod backends;
mod buffer;
mod device;
mod entry;
mod error;
mod info;
mod job;
pub mod memory;
pub mod pci;
mod quarantine;
mod queue;
mod transport;
mod window;

pub use buffer::{DeviceBuffer, HostBuffer};
pub use device::{Counters, Device, Options};
pub use error::{Error, Snapshot};
pub use info::Info;
pub use job::{Completion, Job, Segment, Ticket};
pub use quarantine::quarantined;
pub use transport::{DmaMemory, Identity, OutOfRange, Reset, Transport, TransportError};
