//! A device in another process: registers by messages on a socket, DMA memory as shared files, interrupts as eventfds.
//!
//! - [`VfioUserTransport`]: the back end
//! - [`VfioUserError`]: what goes wrong between client and server
//!
//! Below: `client` (one command, one checked reply), `message` (their layout), `source` (memory and bus addresses).
//!
//! If the server dies, its socket closes and every call ends with [`TransportError::Gone`]. A server that does not answer
//! in time, or not as the protocol says, is an error once; the connection is then closed, as if the server had died.

mod client;
mod error;
mod message;
mod source;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cbp_isa::registers::{DMA_ADDRESS_BITS, WINDOW_BYTES};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::param::page_size;

use super::attachment::poll_for;
use super::clock::Clock;
use super::command::{self, BUS_MASTER, MEMORY};
use super::pace::Pace;
use crate::memory::{DmaBuffer, Pool};
use crate::transport::{Identity, Reset, Transport, TransportError};
use client::Client;
pub use error::VfioUserError;
use source::{Connection, SocketSource};

/// Regions and interrupts by their index in VFIO.
const BAR0: u32 = 0;
const CONFIG: u32 = 7;
const MSIX: u32 = 2;
/// Lines of the core: more vectors are of no use.
const LINES: u32 = 4;

/// How long the server may take to answer: device time. Servers answer in microseconds, simulations in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A device at a vfio-user socket.
///
/// Its time is that of this computer, divided by the environment's [`TIME_SCALE`](super::TIME_SCALE) (1 if it is not set): a simulated
/// device is slower than silicon, and its deadlines must be longer. Dropping it takes the device's access to memory away
/// and closes the connection, also while buffers live.
pub struct VfioUserTransport {
    connection: Arc<Connection>,
    pool: Pool,
    name: String,
    ids: [u16; 2],
    window: u32,
    can_reset: bool,
    eventfds: Vec<OwnedFd>,
    clock: Clock,
    pace: Pace,
}

impl VfioUserTransport {
    /// Connects to the server at a socket; the register window lies at `window` in BAR0.
    ///
    /// # Errors
    /// Nobody listens, somebody else is connected, or what answers is no such device.
    pub fn open(path: &Path, window: u32) -> Result<Self, VfioUserError> {
        let clock = Clock::from_environment()?;
        let client = Client::connect(path, clock.wall(PATIENCE))?;
        Self::set_up(client, clock, format!("vfio-user {}", path.display()), window)
    }

    fn set_up(mut client: Client, clock: Clock, name: String, window: u32) -> Result<Self, VfioUserError> {
        let can_reset = client.device_info()?.flags & message::DEVICE_RESETS != 0;
        let size = client.region_size(BAR0)?;
        if u64::from(window) + u64::from(WINDOW_BYTES) > size {
            return Err(VfioUserError::Window { size, offset: window });
        }
        let [v0, v1, d0, d1] = client.region_read(CONFIG, 0)?;
        let ids = [u16::from_le_bytes([v0, v1]), u16::from_le_bytes([d0, d1])];
        let connection = Arc::new(Connection::new(client));
        let pool = Pool::new(SocketSource(Arc::clone(&connection)));
        // From here on, an error undoes what was done.
        let mut this = Self {
            connection,
            pool,
            name,
            ids,
            window,
            can_reset,
            eventfds: Vec::new(),
            clock,
            pace: Pace::default(),
        };
        this.command(MEMORY)?;
        let bits = this.register(DMA_ADDRESS_BITS.offset)?;
        // As for a board: 32 if it does not say, which is enough for whoever it is.
        this.connection.set_address_bits(if (32..=64).contains(&bits) { bits } else { 32 });
        this.connect_interrupts()?;
        Ok(this)
    }

    /// Sets how long the server may take to answer, wall time: 5 s times the environment's
    /// [`TIME_SCALE`](super::TIME_SCALE) until this is called. A call ends after twice that at the latest.
    ///
    /// # Errors
    /// The socket failed.
    pub fn set_patience(&mut self, patience: Duration) -> Result<(), TransportError> {
        Ok(self.connection.client().set_patience(patience)?)
    }

    /// Takes memory of `bytes` at a bus address away from the device while somebody still holds it: its accesses fail from
    /// now on. The memory must have a region of its own, as buffers of 64 KiB and more have while none of their size was
    /// freed.
    ///
    /// # Errors
    /// The device is gone, or the server refuses.
    pub fn revoke(&mut self, bus_address: u64, bytes: usize) -> Result<(), TransportError> {
        let size = bytes.next_multiple_of(page_size());
        Ok(self.connection.client().unmap(bus_address, size as u64)?)
    }

    /// Lets the device access memory, or not.
    ///
    /// # Errors
    /// The device is gone.
    pub fn set_bus_master(&mut self, master: bool) -> Result<(), TransportError> {
        Ok(self.command(if master { MEMORY | BUS_MASTER } else { MEMORY })?)
    }

    /// Writes the command register.
    fn command(&self, value: u16) -> Result<(), VfioUserError> {
        self.connection.client().region_write(CONFIG, command::OFFSET, &value.to_le_bytes())
    }

    fn register(&self, offset: u32) -> Result<u32, VfioUserError> {
        Ok(u32::from_le_bytes(self.connection.client().region_read(BAR0, self.offset(offset))?))
    }

    fn offset(&self, offset: u32) -> u64 {
        u64::from(self.window) + u64::from(offset)
    }

    /// An eventfd for every vector that the core uses.
    fn connect_interrupts(&mut self) -> Result<(), VfioUserError> {
        let mut client = self.connection.client();
        for vector in 0..client.vectors(MSIX)?.min(LINES) {
            let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
            let event = event.map_err(|error| VfioUserError::EventFd(error.into()))?;
            client.connect_vector(MSIX, vector, event.as_fd())?;
            self.eventfds.push(event);
        }
        Ok(())
    }
}

impl Transport for VfioUserTransport {
    type Dma = DmaBuffer;

    fn identity(&self) -> Identity {
        Identity { name: self.name.clone(), vendor: self.ids[0], device: self.ids[1] }
    }

    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        Ok(self.register(offset)?)
    }

    /// The system call behind it orders it after what was written to memory.
    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        self.pace.restart();
        let offset = self.offset(offset);
        Ok(self.connection.client().region_write(BAR0, offset, &value.to_le_bytes())?)
    }

    fn allocate(&mut self, bytes: usize) -> Result<DmaBuffer, TransportError> {
        Ok(self.pool.allocate(bytes)?)
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        let Some(nap) = self.pace.nap(self.clock.nap(until)) else { return Ok(()) };
        let mut waited: Vec<_> = self.eventfds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        if poll_for(&mut waited, nap)? {
            for fd in &self.eventfds {
                // Clears it; there is nothing to read if it did not fire.
                let _ = rustix::io::read(fd, &mut [0; 8]);
            }
        }
        Ok(())
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        self.set_bus_master(true)
    }

    /// The server resets its function, whichever reset is asked for.
    fn reset(&mut self, _: Reset) -> Result<(), TransportError> {
        if !self.can_reset {
            return Err(TransportError::Unsupported("reset from outside"));
        }
        self.connection.client().reset()?;
        Ok(self.command(MEMORY)?)
    }
}

impl Drop for VfioUserTransport {
    fn drop(&mut self) {
        // Errors have nobody to go to, and a server that does not hear this hears that the socket closes.
        let _ = self.command(MEMORY);
        let mut client = self.connection.client();
        let _ = client.disconnect_vectors(MSIX);
        client.close();
    }
}
