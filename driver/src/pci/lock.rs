//! One process at a time.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::pci::{Address, PciError};

/// A device that is this process's: no other process of this driver opens it, or gives it to another driver of the kernel.
/// The kernel ends it with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _config: File,
}

impl Lock {
    /// Takes the device with these files. Their configuration space is locked, which every process may open and nobody
    /// else locks.
    pub(crate) fn take(device: &Path, address: Address) -> Result<Self, PciError> {
        let path = device.join("config");
        let config = File::open(&path).map_err(|e| PciError::file(&path, e))?;
        match flock(&config, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _config: config }),
            Err(Errno::WOULDBLOCK) => Err(PciError::Busy(address)),
            Err(error) => Err(PciError::file(path, error.into())),
        }
    }
}
