//! What differs between the back ends.

use std::time::Duration;

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

use crate::backends::registers::Registers;
use crate::memory::Pool;
use crate::pci::PciError;
use crate::transport::Reset;

/// How a device is attached. Dropping it takes the device's access to memory away.
pub(crate) trait Attachment: Send {
    /// Sleeps until an interrupt comes, at most for `nap` of wall time.
    fn wait(&mut self, nap: Duration) -> Result<(), PciError>;

    /// Lets the device access memory.
    fn enable_dma(&mut self) -> Result<(), PciError>;

    /// Resets the device; it then accesses no memory.
    fn reset(&mut self, reset: Reset) -> Result<(), PciError>;
}

/// An open device in pieces.
pub(crate) struct Parts {
    /// Of the back end.
    pub(crate) name: &'static str,
    pub(crate) registers: Registers,
    /// The board's register that lets messages through, if interrupts come as messages.
    pub(crate) msi_enable: Option<u32>,
    pub(crate) attachment: Box<dyn Attachment>,
    pub(crate) pool: Pool,
}

/// Waits until one of the files is ready; whether one is. A signal ends the wait early.
pub(crate) fn poll_for(files: &mut [PollFd<'_>], nap: Duration) -> Result<bool, PciError> {
    let timeout = Timespec::try_from(nap).map_err(|_| PciError::Unsupported("such long wait"))?;
    match poll(files, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(PciError::system("poll", error)),
    }
}
