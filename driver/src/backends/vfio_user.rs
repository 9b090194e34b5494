//! A device in another process: registers by messages on a socket, DMA memory as shared files, interrupts as eventfds.
//!
//! - [`VfioUserTransport`]: the back end
//! - [`VfioUserDma`]: its memory
//! - [`VfioUserError`]: why there is no connection
//!
//! If the server dies, its socket closes and every call ends with [`TransportError::Gone`]. A server that is alive but
//! silent (stopped in a debugger) makes calls wait: the client of the protocol has no time-out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memmap2::MmapOptions;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::param::page_size;
use vfio_user::Client;

use crate::memory::Mapped;
use crate::transport::{DmaMemory, Identity, OutOfRange, Reset, Transport, TransportError};

/// How many times slower than silicon the device runs: deadlines are so much longer.
pub const TIME_SCALE: &str = "CBP_TIME_SCALE";

/// Regions and interrupts by their index in VFIO.
const BAR0: u32 = 0;
const CONFIG: u32 = 7;
const MSIX: u32 = 2;
/// VFIO: descriptors of eventfds that interrupts trigger.
const TRIGGER_EVENTFDS: u32 = 1 << 2 | 1 << 5;
/// Command register, and its bits: answer memory accesses, be bus master.
const COMMAND: u64 = 4;
const MEMORY_AND_MASTER: [u8; 2] = [6, 0];
/// First bus address given to memory: not what null pointers and small integers look like.
const FIRST_ADDRESS: u64 = 0x10_0000;
/// Longest sleep: an interrupt that was lost costs so much.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
const NANOSECONDS: u64 = 1_000_000_000;

/// Why there is no device at a socket.
#[derive(Debug, thiserror::Error)]
pub enum VfioUserError {
    /// Nobody listens.
    #[error("no vfio-user device at {}: {cause}; start one with cbp sim-server --vfio-user", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The window is not in the BAR.
    #[error("BAR0 has {size} bytes, too few for a register window at {offset:#x}; check the window's offset")]
    Window {
        /// Bytes of the BAR.
        size: u64,
        /// Where the window should be.
        offset: u32,
    },
    /// The device ended while it was set up.
    #[error("the vfio-user device left while it was opened: {0}")]
    Left(TransportError),
    /// No eventfd.
    #[error("cannot make an eventfd: {0}; raise the limit of open files")]
    EventFd(io::Error),
    /// The time scale is no positive number.
    #[error("{TIME_SCALE} is {0:?}; set it to a positive number, such as 1000")]
    TimeScale(String),
}

/// The connection, shared with the memory that is mapped over it.
struct Connection {
    client: Client,
    /// Ranges of bus addresses in use: first to end.
    used: BTreeMap<u64, u64>,
    gone: bool,
}

type Shared = Arc<Mutex<Connection>>;

fn lock(shared: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    /// One exchange of messages; once the socket failed there is no other.
    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Client) -> Result<R, vfio_user::Error>,
    ) -> Result<R, TransportError> {
        use vfio_user::Error::{ReceiveWithFd, SendWithFd, StreamRead, StreamWrite};
        if self.gone {
            return Err(TransportError::Gone);
        }
        call(&mut self.client).map_err(|error| match error {
            StreamRead(_) | StreamWrite(_) | SendWithFd(_) | ReceiveWithFd(_) => {
                self.gone = true;
                TransportError::Gone
            }
            other => TransportError::Other(other.into()),
        })
    }

    /// The lowest free range, with a free page behind it.
    fn reserve(&mut self, bytes: u64) -> u64 {
        let page = page_size() as u64;
        let mut address = FIRST_ADDRESS;
        for (&first, &end) in &self.used {
            if first - address >= bytes + page {
                break;
            }
            address = end + page;
        }
        self.used.insert(address, address + bytes);
        address
    }
}

/// A device at a vfio-user socket.
///
/// Its time is that of this computer, divided by the environment's `CBP_TIME_SCALE` (1 if it is not set): a simulated
/// device is slower than silicon, and its deadlines must be longer.
pub struct VfioUserTransport {
    shared: Shared,
    name: String,
    ids: [u16; 2],
    window: u32,
    eventfds: Vec<OwnedFd>,
    start: Instant,
    scale: f64,
}

impl VfioUserTransport {
    /// Connects to the server at a socket; the register window lies at `window` in BAR0.
    ///
    /// # Errors
    /// Nobody listens, or what answers is no such device.
    pub fn open(path: &Path, window: u32) -> Result<Self, VfioUserError> {
        let scale = time_scale()?;
        let client = Client::new(path)
            .map_err(|cause| VfioUserError::Connect { path: path.to_owned(), cause: cause.into() })?;
        let size = client.region(BAR0).map_or(0, |region| region.size);
        if u64::from(window) + u64::from(cbp_isa::registers::WINDOW_BYTES) > size {
            return Err(VfioUserError::Window { size, offset: window });
        }
        let mut connection = Connection { client, used: BTreeMap::new(), gone: false };
        let mut ids = [0; 4];
        let read = connection.call(|client| client.region_read(CONFIG, 0, &mut ids));
        read.map_err(VfioUserError::Left)?;
        let [v0, v1, d0, d1] = ids;
        enable(&mut connection).map_err(VfioUserError::Left)?;
        let eventfds = eventfds(&mut connection)?;
        Ok(Self {
            shared: Arc::new(Mutex::new(connection)),
            name: format!("vfio-user {}", path.display()),
            ids: [u16::from_le_bytes([v0, v1]), u16::from_le_bytes([d0, d1])],
            window,
            eventfds,
            start: Instant::now(),
            scale,
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
        let value = if master { MEMORY_AND_MASTER } else { [2, 0] };
        lock(&self.shared).call(|client| client.region_write(CONFIG, COMMAND, &value))
    }

    fn offset(&self, offset: u32) -> u64 {
        u64::from(self.window) + u64::from(offset)
    }
}

fn time_scale() -> Result<f64, VfioUserError> {
    let Some(text) = std::env::var_os(TIME_SCALE) else { return Ok(1.0) };
    let text = text.to_string_lossy().into_owned();
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && scale > 0.0 => Ok(scale),
        _ => Err(VfioUserError::TimeScale(text)),
    }
}

/// Lets the device answer and access memory.
fn enable(connection: &mut Connection) -> Result<(), TransportError> {
    connection.call(|client| client.region_write(CONFIG, COMMAND, &MEMORY_AND_MASTER))
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
        let size = bytes.max(1).next_multiple_of(page_size());
        let none = |_| TransportError::NoMemory(bytes);
        let file = File::from(memfd_create("cbp-dma", MemfdFlags::CLOEXEC).map_err(|e| none(e.into()))?);
        file.set_len(size as u64).map_err(none)?;
        let memory = Mapped::new(MmapOptions::new().len(size).map_raw(&file).map_err(none)?);
        let mut connection = lock(&self.shared);
        let address = connection.reserve(size as u64);
        let dma = VfioUserDma {
            memory,
            size: bytes,
            address,
            shared: Arc::clone(&self.shared),
            mapped: AtomicBool::new(false),
        };
        let mapped = connection.call(|client| client.dma_map(0, address, size as u64, file.as_raw_fd()));
        drop(connection); // or dropping `dma` would wait for it
        mapped?;
        dma.mapped.store(true, Ordering::Relaxed);
        Ok(dma)
    }

    fn now(&self) -> Duration {
        self.start.elapsed().div_f64(self.scale)
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        let left = until.saturating_sub(self.now()).min(LONGEST_SLEEP);
        let left = left.mul_f64(self.scale).min(LONGEST_SLEEP);
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

    /// The server resets its function, whichever reset is asked for.
    fn reset(&mut self, _: Reset) -> Result<(), TransportError> {
        let mut connection = lock(&self.shared);
        connection.call(Client::reset)?;
        enable(&mut connection)
    }
}

/// Memory that the server has mapped too; taken from it when dropped.
pub struct VfioUserDma {
    memory: Mapped,
    size: usize,
    address: u64,
    shared: Shared,
    mapped: AtomicBool,
}

impl VfioUserDma {
    fn unmap(&self) -> Result<(), TransportError> {
        if !self.mapped.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let bytes = self.memory.size() as u64;
        lock(&self.shared).call(|client| client.dma_unmap(self.address, bytes))
    }
}

impl Drop for VfioUserDma {
    fn drop(&mut self) {
        // A server that is gone has unmapped it.
        let _ = self.unmap();
        lock(&self.shared).used.remove(&self.address);
    }
}

impl DmaMemory for VfioUserDma {
    fn bus_address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> usize {
        self.size
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size)?;
        self.memory.read(offset, bytes)
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size)?;
        self.memory.write(offset, bytes)
    }

    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        OutOfRange::check(offset, 4, self.size)?;
        self.memory.read_u32(offset)
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
