//! A card for clients of the vfio-user protocol: register accesses are messages, the client's memory is mapped, vectors
//! are eventfds.
//!
//! - [`Server`]: listens on a socket, serves one client after another
//!
//! Below: `doorman` (tells others that the device is in use).

mod doorman;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use cbp_sim::SimDevice;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_NORESIZE, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
    VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, ServerBackend, ServerRegion};

use crate::card::{Card, CardOptions, Interrupts, lock};
use crate::dma::{ClientMemory, Map, Maps};
use crate::endpoint::Endpoint;
use crate::error::ServerError;

/// Bytes of configuration space.
const CONFIG_BYTES: u64 = 256;

/// Listens on a socket.
pub struct Server {
    protocol: vfio_user::Server,
    backend: Backend,
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Puts a device on a card and listens at `path`. The file is removed when the server is dropped.
    ///
    /// # Errors
    /// The socket cannot be made, or the options name no card.
    pub fn new(path: &Path, device: SimDevice, options: CardOptions) -> Result<Self, ServerError> {
        let eventfds = Arc::new(EventFds::default());
        let memory = Arc::new(ClientMemory::new(options.dma_bits, None));
        let vectors = options.endpoint.vectors;
        let regions = regions(&options);
        let card = Card::new(device, options, memory, Arc::clone(&eventfds) as Arc<dyn Interrupts>)?;
        let failed = |cause: io::Error| ServerError::Listen { path: path.to_owned(), cause: cause.into() };
        let listener = UnixListener::bind(path).map_err(failed)?;
        let accepting = listener.try_clone().map_err(failed)?;
        let protocol = vfio_user::Server::from_owned_fd(accepting.into(), true, irqs(vectors), regions);
        let backend = Backend { card, eventfds, door: None, began: false };
        Ok(Self { protocol, backend, listener, path: path.to_owned() })
    }

    /// Serves the next client until it leaves; the device is then as after power-on. Others are refused meanwhile.
    ///
    /// # Errors
    /// The connection failed, or the model stopped.
    pub fn serve(&mut self) -> Result<(), ServerError> {
        let (inside, door) = UnixStream::pair().map_err(ServerError::io("socketpair"))?;
        let listener = self.listener.try_clone().map_err(ServerError::io("dup of the socket"))?;
        let doorman = thread::spawn(move || doorman::stand(&listener, &door));
        (self.backend.door, self.backend.began) = (Some(inside), false);
        let served = self.protocol.run(&mut self.backend);
        self.backend.door = None;
        let _ = doorman.join();
        self.backend.card.reset()?;
        self.backend.card.memory().replace(Maps::default());
        lock(&self.backend.eventfds.0).clear();
        served.map_err(|error| ServerError::Client(error.into()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been removed before.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Eventfds of the vectors.
#[derive(Default)]
struct EventFds(Mutex<Vec<Option<File>>>);

impl Interrupts for EventFds {
    fn deliver(&self, endpoint: &Mutex<Endpoint>, risen: u8) {
        let vectors = lock(endpoint).vectors(risen);
        for (vector, eventfd) in lock(&self.0).iter().enumerate() {
            if let (1, Some(mut eventfd)) = (vectors >> vector & 1, eventfd.as_ref()) {
                // A full counter is an interrupt too.
                let _ = eventfd.write(&1_u64.to_ne_bytes());
            }
        }
    }
}

impl EventFds {
    fn set(&self, start: usize, files: Vec<File>) {
        let mut all = lock(&self.0);
        for (vector, file) in (start..).zip(files) {
            if all.len() <= vector {
                all.resize_with(vector + 1, || None);
            }
            all[vector] = Some(file);
        }
    }
}

/// Answers messages. An access never fails, as on a bus.
struct Backend {
    card: Card,
    eventfds: Arc<EventFds>,
    /// The doorman's, who stays until it closes.
    door: Option<UnixStream>,
    /// He knows of the client.
    began: bool,
}

impl Backend {
    /// A client is connected: it accesses the device.
    fn begin(&mut self) {
        if let (false, Some(door)) = (self.began, &mut self.door) {
            self.began = door.write_all(&[1]).is_ok();
        }
    }
}

impl ServerBackend for Backend {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        self.begin(); // what clients of PCI devices do first
        if region != VFIO_PCI_CONFIG_REGION_INDEX {
            self.card.bar_read(region as usize, offset, data);
            return Ok(());
        }
        for (i, byte) in data.iter_mut().enumerate() {
            *byte = self.card.config_read(offset as usize + i, 1) as u8;
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        // Writes to a model that stopped are lost, as those to a device that left the bus; its reads tell.
        if region != VFIO_PCI_CONFIG_REGION_INDEX {
            let _ = self.card.bar_write(region as usize, offset, data);
            return Ok(());
        }
        for (at, part) in (offset as usize..).step_by(4).zip(data.chunks(4)) {
            let mut bytes = [0; 4];
            bytes[..part.len()].copy_from_slice(part);
            let _ = self.card.config_write(at, part.len(), u32::from_le_bytes(bytes));
        }
        Ok(())
    }

    fn dma_map(
        &mut self,
        flags: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        fd: Option<File>,
    ) -> io::Result<()> {
        let Some(file) = fd else {
            return Err(io::Error::other("memory must come with a file to map"));
        };
        let writable = flags.contains(DmaMapFlags::WRITE);
        self.card.memory().insert(Map::new(&file, offset, address, size, writable)?);
        Ok(())
    }

    fn dma_unmap(&mut self, flags: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        if flags.contains(DmaUnmapFlags::UNMAP_ALL) {
            self.card.memory().replace(Maps::default());
        } else {
            self.card.memory().remove(address, size);
        }
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.card.reset().map_err(io::Error::other)
    }

    fn set_irqs(&mut self, index: u32, flags: u32, start: u32, count: u32, fds: Vec<File>) -> io::Result<()> {
        if index != VFIO_PCI_MSIX_IRQ_INDEX {
            return Err(io::Error::other("only MSI-X interrupts are served"));
        }
        let vectors = u64::from(self.card.options().endpoint.vectors);
        if u64::from(start) + u64::from(count) > vectors {
            return Err(io::Error::other("there are not so many vectors"));
        }
        if flags & VFIO_IRQ_SET_DATA_EVENTFD != 0 {
            self.eventfds.set(start as usize, fds);
        } else if flags & VFIO_IRQ_SET_DATA_NONE != 0 && count == 0 {
            lock(&self.eventfds.0).clear();
        }
        Ok(())
    }
}

/// Regions by their index: BARs, expansion ROM, configuration space, VGA.
fn regions(options: &CardOptions) -> Vec<ServerRegion> {
    let size = |index| {
        let bar = |&(bar, size): &(usize, u32)| (bar == index as usize).then_some(u64::from(size));
        match index {
            VFIO_PCI_CONFIG_REGION_INDEX => CONFIG_BYTES,
            _ => options.endpoint.bar_sizes().iter().find_map(bar).unwrap_or(0),
        }
    };
    let region = |index| {
        let size = size(index);
        let flags = if size > 0 { VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE } else { 0 };
        let argsz = size_of::<vfio_region_info>() as u32;
        let region_info = vfio_region_info { argsz, flags, index, cap_offset: 0, size, offset: 0 };
        ServerRegion { region_info, sparse_areas: Vec::new(), mmap_fd: None }
    };
    (0..VFIO_PCI_NUM_REGIONS).map(region).collect()
}

/// Interrupt kinds by their index; only MSI-X has any.
fn irqs(vectors: u16) -> Vec<IrqInfo> {
    let info = |index| {
        let count = if index == VFIO_PCI_MSIX_IRQ_INDEX { u32::from(vectors) } else { 0 };
        IrqInfo { index, flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, count }
    };
    (0..VFIO_PCI_NUM_IRQS).map(info).collect()
}
