//! Driver of the accelerator: everything between a program in memory and its completion.
//!
//! - [`Transport`], [`DmaMemory`]: what a back end provides; nothing else depends on how a device is attached
//! - [`Device`]: opens, submits, waits, resets; leaves the device disabled when dropped
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
//! Memory that a device may access is copied in and out, never borrowed, and is kept allocated until the device
//! has completed the job, or has confirmed a reset.
//!
//! One process has a board at a time, which the back ends see to. In it one thread at a time has the [`Device`]; it can be
//! handed to another. Memory can be read and written by any thread. A process that was forked must not use what it
//! inherited.

// Stores to memory, then to a register, and loads from a register, then from memory, reach the device in this order because
// x86 keeps it also for memory that is not cached. Other machines need instructions for it that Rust has no name for.
#[cfg(not(target_arch = "x86_64"))]
compile_error!("cbp-driver runs on x86-64 only: other machines reorder accesses to memory and registers");

pub mod backends;
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

pub use device::{Buffer, Counters, Device, Options};
pub use error::{Error, Snapshot};
pub use info::Info;
pub use job::{Completion, Job, Segment, Ticket};
pub use quarantine::quarantined;
pub use transport::{DmaMemory, Identity, OutOfRange, Reset, Transport, TransportError};
