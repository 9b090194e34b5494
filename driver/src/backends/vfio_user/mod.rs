//! A device in another process: registers by messages on a socket, DMA memory as shared files, interrupts as eventfds.
//!
//! - [`VfioUserTransport`]: the back end
//! - [`VfioUserDma`]: its memory
//! - [`VfioUserError`]: why there is no connection
//!
//! Below: `connection` (the socket and the bus addresses in use).
//!
//! If the server dies, its socket closes and every call ends with [`TransportError::Gone`]. A server that is alive but
//! silent (stopped in a debugger) makes calls wait: the client of the protocol has no time-out.

mod connection;
mod dma;
mod error;

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use vfio_user::Client;

use super::clock::Clock;
use crate::transport::{Identity, Reset, Transport, TransportError};
use connection::{Connection, Shared, lock};
pub use dma::VfioUserDma;
pub use error::VfioUserError;

/// Regions and interrupts by their index in VFIO.
const BAR0: u32 = 0;
const CONFIG: u32 = 7;
const MSIX: u32 = 2;
/// VFIO: descriptors of eventfds that interrupts trigger.
const TRIGGER_EVENTFDS: u32 = 1 << 2 | 1 << 5;
/// Command register, and its values: answer memory accesses; be bus master too.
const COMMAND: u64 = 4;
const MEMORY: [u8; 2] = [2, 0];
const MEMORY_AND_MASTER: [u8; 2] = [6, 0];
const NANOSECONDS: u64 = 1_000_000_000;

/// A device at a vfio-user socket.
///
/// Its time is that of this computer, divided by the environment's [`TIME_SCALE`](super::TIME_SCALE) (1 if it is not set): a simulated
/// device is slower than silicon, and its deadlines must be longer.
pub struct VfioUserTransport {
    shared: Shared,
    name: String,
    ids: [u16; 2],
    window: u32,
    eventfds: Vec<OwnedFd>,
    clock: Clock,
}

impl VfioUserTransport {
    /// Connects to the server at a socket; the register window lies at `window` in BAR0.
    ///
    /// # Errors
    /// Nobody listens, or what answers is no such device.
    pub fn open(path: &Path, window: u32) -> Result<Self, VfioUserError> {
        let clock = Clock::from_environment()?;
        let client = Client::new(path)
            .map_err(|cause| VfioUserError::Connect { path: path.to_owned(), cause: cause.into() })?;
        let size = client.region(BAR0).map_or(0, |region| region.size);
        if u64::from(window) + u64::from(cbp_isa::registers::WINDOW_BYTES) > size {
            return Err(VfioUserError::Window { size, offset: window });
        }
        let mut connection = Connection::new(client);
        let mut ids = [0; 4];
        let read = connection.call(|client| client.region_read(CONFIG, 0, &mut ids));
        read.map_err(VfioUserError::Left)?;
        let [v0, v1, d0, d1] = ids;
        answer_only(&mut connection).map_err(VfioUserError::Left)?;
        let eventfds = eventfds(&mut connection)?;
        Ok(Self {
            shared: Arc::new(Mutex::new(connection)),
            name: format!("vfio-user {}", path.display()),
            ids: [u16::from_le_bytes([v0, v1]), u16::from_le_bytes([d0, d1])],
            window,
            eventfds,
            clock,
        })
    }

    /// Takes memory away from the device while somebody still holds it: its accesses fail from now on.
    ///
    /// # Errors
    /// The device is gone.
    pub fn revoke(&mut self, memory: &VfioUserDma) -> Result<(), TransportError> {
        memory.unmap()
    }

    /// Lets the device access memory, or not.
    ///
    /// # Errors
    /// The device is gone.
    pub fn set_bus_master(&mut self, master: bool) -> Result<(), TransportError> {
        let value = if master { MEMORY_AND_MASTER } else { MEMORY };
        lock(&self.shared).call(|client| client.region_write(CONFIG, COMMAND, &value))
    }

    fn offset(&self, offset: u32) -> u64 {
        u64::from(self.window) + u64::from(offset)
    }
}

/// Lets the device answer, and access no memory.
fn answer_only(connection: &mut Connection) -> Result<(), TransportError> {
    connection.call(|client| client.region_write(CONFIG, COMMAND, &MEMORY))
}

/// Makes an eventfd for every vector.
fn eventfds(connection: &mut Connection) -> Result<Vec<OwnedFd>, VfioUserError> {
    let info = connection.call(|client| client.get_irq_info(MSIX)).map_err(VfioUserError::Left)?;
    let make = |_| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
    let made = (0..info.count).map(make).collect::<Result<Vec<_>, _>>();
    let made = made.map_err(|error| VfioUserError::EventFd(error.into()))?;
    let raw: Vec<RawFd> = made.iter().map(AsRawFd::as_raw_fd).collect();
    if !raw.is_empty() {
        connection
            .call(|client| client.set_irqs(MSIX, TRIGGER_EVENTFDS, 0, info.count, &raw))
            .map_err(VfioUserError::Left)?;
    }
    Ok(made)
}

impl Transport for VfioUserTransport {
    type Dma = VfioUserDma;

    fn identity(&self) -> Identity {
        Identity { name: self.name.clone(), vendor: self.ids[0], device: self.ids[1] }
    }

    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        let offset = self.offset(offset);
        let mut bytes = [0; 4];
        lock(&self.shared).call(|client| client.region_read(BAR0, offset, &mut bytes))?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// The system call behind it orders it after what was written to memory.
    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        let offset = self.offset(offset);
        lock(&self.shared).call(|client| client.region_write(BAR0, offset, &value.to_le_bytes()))
    }

    fn allocate(&mut self, bytes: usize) -> Result<VfioUserDma, TransportError> {
        VfioUserDma::new(&self.shared, bytes)
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        let left = self.clock.nap(until);
        let mut waited: Vec<_> =
            self.eventfds.iter().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)).collect();
        let timeout = Timespec {
            tv_sec: (left.as_nanos() as u64 / NANOSECONDS).cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut waited, Some(&timeout)) {
            // A signal wakes too.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(TransportError::Other(Box::new(error))),
        }
        for fd in &self.eventfds {
            // Clears it; there is nothing to read if it did not fire.
            let _ = rustix::io::read(fd, &mut [0; 8]);
        }
        Ok(())
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        self.set_bus_master(true)
    }

    /// The server resets its function, whichever reset is asked for.
    fn reset(&mut self, _: Reset) -> Result<(), TransportError> {
        let mut connection = lock(&self.shared);
        connection.call(Client::reset)?;
        answer_only(&mut connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_listens() {
        let error = VfioUserTransport::open(Path::new("/nonexistent/socket"), 0).err().unwrap();
        assert!(matches!(error, VfioUserError::Connect { .. }));
        assert!(error.to_string().contains("cbp sim-server"), "{error}");
    }
}
