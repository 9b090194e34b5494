//! Every way the driver fails.

use std::fmt;
use std::time::Duration;

use cbp_isa::BadConfig;
use cbp_isa::ring::ErrorCode;

use crate::job::Completion;
use crate::transport::{OutOfRange, TransportError};

/// Why the driver could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reads return all ones: unplugged, powered off, or the link is down.
    #[error("the device is gone (its identity register reads all ones)")]
    DeviceGone,
    /// Something else answers at this address.
    #[error("not a CBP accelerator: its identity register reads {0:#010x}")]
    NotOurs(u32),
    /// The device speaks another major version.
    #[error(
        "the device has interface version {}.{}, this driver {}.x; {}",
        .device >> 16, .device & 0xffff, .driver >> 16,
        if .device > .driver { "use the driver of the device's release" } else { "load a bitstream of this release" }
    )]
    WrongVersion {
        /// Of the device.
        device: u32,
        /// Of this driver.
        driver: u32,
    },
    /// The device describes itself as something that cannot be.
    #[error(transparent)]
    BadConfig(#[from] BadConfig),
    /// The device lacks a capability.
    #[error("the device cannot do this: {0}")]
    Unsupported(&'static str),
    /// The back end failed.
    #[error(transparent)]
    Transport(TransportError),
    /// An access beyond a DMA memory.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// Memory was given that the device cannot reach.
    #[error("bus address {address:#x} is beyond the device's {bits} address bits")]
    Unreachable {
        /// The address.
        address: u64,
        /// Bits the device drives.
        bits: u32,
    },
    /// A deadline passed.
    #[error("no {what} after {waited:?} of device time; {snapshot}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        waited: Duration,
        /// The state at the deadline.
        snapshot: Box<Snapshot>,
    },
    /// The job ended with an error; the queue is halted until [`crate::Device::resume`].
    #[error("the job failed at {address:#x}: {}", .code.doc())]
    JobFailed {
        /// Why.
        code: ErrorCode,
        /// Bus address or instruction index; 0 for a job that was aborted behind another.
        address: u64,
        /// Its completion.
        completion: Completion,
    },
    /// An earlier job failed and [`crate::Device::resume`] was not called.
    #[error("the queue is halted: {}", .0.doc())]
    Halted(ErrorCode),
    /// The device's watchdog expired; only a reset helps.
    #[error("a transfer at {address:#x} never finished; {snapshot}")]
    Wedged {
        /// Its bus address.
        address: u64,
        /// The state.
        snapshot: Box<Snapshot>,
    },
    /// The device wrote a completion that belongs to no job, or that makes no sense; only a reset helps.
    #[error("completion {index} is not to be trusted: {reason}; {snapshot}")]
    BadCompletion {
        /// What is wrong.
        reason: &'static str,
        /// Free-running index.
        index: u32,
        /// The entry.
        entry: Vec<u8>,
        /// The state.
        snapshot: Box<Snapshot>,
    },
    /// The device could not write a completion: whether its job succeeded is not known; only a reset helps.
    #[error("completion {index} never arrived: its write failed; {snapshot}")]
    LostCompletion {
        /// Free-running index.
        index: u32,
        /// The state.
        snapshot: Box<Snapshot>,
    },
    /// The device failed before and was not reset.
    #[error("the device must be reset first")]
    NeedsReset,
    /// Every ring entry holds a job that runs, or whose completion was not taken.
    #[error("all {0} ring entries are in use; wait for a ticket first")]
    RingFull(u32),
    /// The options cannot be.
    #[error("the device cannot be used so: {0}")]
    BadOptions(&'static str),
    /// The job cannot be submitted.
    #[error("this job cannot be submitted: {0}")]
    BadJob(&'static str),
    /// Memory was to be the host's again that a job may still use, or that somebody else has a clone of.
    #[error("a job or another clone still holds this memory")]
    StillLent,
    /// The ticket is from before a reset, of another device, or was taken already.
    #[error("this ticket is not waiting for anything")]
    StaleTicket,
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Gone => Self::DeviceGone,
            other => Self::Transport(other),
        }
    }
}

/// Ring indices and registers at the time of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Jobs submitted since the last reset.
    pub submitted: u32,
    /// Completions taken from the ring since the last reset.
    pub completed: u32,
    /// Registers that could be read, by name.
    pub registers: Vec<(&'static str, u32)>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "submitted {}, completed {}", self.submitted, self.completed)?;
        if self.registers.is_empty() {
            return f.write_str(", no register can be read");
        }
        self.registers.iter().try_for_each(|(name, value)| write!(f, ", {name} {value:#x}"))
    }
}
