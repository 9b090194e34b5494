//! One client: its commands, one after another. An access never fails, as on a bus; what cannot be done is refused with
//! an errno, and the connection stays.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_NORESIZE,
    VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE, VFIO_PCI_CONFIG_REGION_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS, VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE,
};

use super::event_fds::EventFds;
use super::message::{Fields, MOST_DATA, MOST_FILES, Request, command, invalid, words};
use crate::card::Card;
use crate::dma::{Map, Maps};

/// Bytes of configuration space.
const CONFIG_BYTES: u32 = 256;
/// Version of the protocol.
const MAJOR: u16 = 0;
const MINOR: u16 = 0;
/// A mapping that the device may write to; an unmapping of everything.
const MAP_WRITE: u32 = 1 << 1;
const UNMAP_ALL: u32 = 1 << 2;

/// Answers commands with a card.
pub(super) struct Session<'a> {
    pub(super) card: &'a Card,
    pub(super) eventfds: &'a Arc<EventFds>,
}

type Answer = Result<Vec<u8>, Errno>;

impl Session<'_> {
    /// Serves a client until it leaves.
    ///
    /// # Errors
    /// The connection failed, or the client does not speak the protocol.
    pub(super) fn serve(&self, stream: &UnixStream) -> io::Result<()> {
        let Some(first) = Request::receive(stream)? else { return Ok(()) };
        let agreed = if first.command == command::VERSION { version(&first.body) } else { Err(Errno::PROTO) };
        let refused = agreed.as_ref().err().copied();
        let answered = first.answer(stream, agreed);
        if let Some(errno) = refused {
            // It may have left without waiting for this.
            return Err(invalid(format!("its first message, command {}: {errno}", first.command)));
        }
        answered?;
        while let Some(mut request) = Request::receive(stream)? {
            let result = self.answer(&mut request);
            request.answer(stream, result)?;
        }
        Ok(())
    }

    fn answer(&self, request: &mut Request) -> Answer {
        let files = std::mem::take(&mut request.files);
        let mut body = Fields(&request.body);
        match request.command {
            command::DMA_MAP => self.map(body, &files),
            command::DMA_UNMAP => self.unmap(body),
            command::DEVICE_GET_INFO => {
                let flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
                Ok(words([16, flags, VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS]).collect())
            }
            command::DEVICE_GET_REGION_INFO => self.region_info(body),
            command::DEVICE_GET_IRQ_INFO => self.irq_info(body),
            command::DEVICE_SET_IRQS => self.set_irqs(body, files),
            command::REGION_READ => {
                let access = self.access(&mut body)?;
                body.end()?;
                let mut data = vec![0; access.count];
                self.read(&access, &mut data);
                Ok([&request.body, &*data].concat())
            }
            command::REGION_WRITE => {
                let access = self.access(&mut body)?;
                let data = body.rest();
                if data.len() != access.count {
                    return Err(Errno::INVAL);
                }
                self.write(&access, data);
                Ok(request.body[..request.body.len() - data.len()].to_vec())
            }
            command::DEVICE_RESET => self.card.reset().map(|()| Vec::new()).map_err(|_| Errno::IO),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn map(&self, mut body: Fields<'_>, files: &[File]) -> Answer {
        let (_, flags) = (body.u32()?, body.u32()?);
        let (offset, address, size) = (body.u64()?, body.u64()?, body.u64()?);
        body.end()?;
        // Memory without a file would have to be asked for piece by piece.
        let [file] = files else { return Err(Errno::INVAL) };
        let map = Map::new(file, offset, address, size, flags & MAP_WRITE != 0);
        self.card.memory().insert(map.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?);
        Ok(Vec::new())
    }

    fn unmap(&self, mut body: Fields<'_>) -> Answer {
        let range = body.0.to_vec();
        let (_, flags) = (body.u32()?, body.u32()?);
        let (address, size) = (body.u64()?, body.u64()?);
        body.end()?;
        if flags & UNMAP_ALL != 0 {
            self.card.memory().replace(Maps::default());
        } else {
            self.card.memory().remove(address, size);
        }
        Ok(range)
    }

    fn region_info(&self, mut body: Fields<'_>) -> Answer {
        let (_, _, index) = (body.u32()?, body.u32()?, body.u32()?);
        let size = self.region_bytes(index).ok_or(Errno::INVAL)?;
        let flags = if size > 0 { VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE } else { 0 };
        Ok(words([32, flags, index, 0, size, 0, 0, 0]).collect())
    }

    /// Only MSI-X has interrupts.
    fn irq_info(&self, mut body: Fields<'_>) -> Answer {
        let (_, _, index) = (body.u32()?, body.u32()?, body.u32()?);
        if index >= VFIO_PCI_NUM_IRQS {
            return Err(Errno::INVAL);
        }
        let count = if index == VFIO_PCI_MSIX_IRQ_INDEX { self.vectors() } else { 0 };
        Ok(words([16, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, index, count]).collect())
    }

    fn set_irqs(&self, mut body: Fields<'_>, files: Vec<File>) -> Answer {
        let (_, flags, index) = (body.u32()?, body.u32()?, body.u32()?);
        let (start, count) = (body.u32()?, body.u32()?);
        let fits = start.checked_add(count).is_some_and(|end| end <= self.vectors());
        if index != VFIO_PCI_MSIX_IRQ_INDEX || !fits || files.len() > count as usize {
            return Err(Errno::INVAL);
        }
        if flags & VFIO_IRQ_SET_DATA_BOOL != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        if flags & VFIO_IRQ_SET_DATA_EVENTFD != 0 {
            self.eventfds.set(start as usize, files);
        } else if flags & VFIO_IRQ_SET_DATA_NONE != 0 && count == 0 {
            self.eventfds.clear();
        }
        Ok(Vec::new())
    }

    fn vectors(&self) -> u32 {
        u32::from(self.card.options().endpoint.vectors)
    }

    /// Bytes of a region: BARs, expansion ROM, configuration space, VGA, by their index.
    fn region_bytes(&self, index: u32) -> Option<u32> {
        let bars = self.card.options().endpoint.bar_sizes();
        match index {
            VFIO_PCI_CONFIG_REGION_INDEX => Some(CONFIG_BYTES),
            0..VFIO_PCI_NUM_REGIONS => {
                Some(bars.iter().find(|(bar, _)| *bar == index as usize).map_or(0, |&(_, size)| size))
            }
            _ => None,
        }
    }

    /// An access that lies in its region.
    fn access(&self, body: &mut Fields<'_>) -> Result<Access, Errno> {
        let (offset, region, count) = (body.u64()?, body.u32()?, body.u32()? as usize);
        let end = offset.checked_add(count as u64).ok_or(Errno::INVAL)?;
        let size = self.region_bytes(region).ok_or(Errno::INVAL)?;
        if count > MOST_DATA || end > u64::from(size) {
            return Err(Errno::INVAL);
        }
        Ok(Access { offset, region, count })
    }

    fn read(&self, access: &Access, data: &mut [u8]) {
        if access.region != VFIO_PCI_CONFIG_REGION_INDEX {
            return self.card.bar_read(access.region as usize, access.offset, data);
        }
        for (at, byte) in (access.offset as usize..).zip(data) {
            *byte = self.card.config_read(at, 1) as u8;
        }
    }

    /// Writes to a model that stopped are lost, as those to a device that left the bus; its reads tell.
    fn write(&self, access: &Access, data: &[u8]) {
        if access.region != VFIO_PCI_CONFIG_REGION_INDEX {
            let _ = self.card.bar_write(access.region as usize, access.offset, data);
            return;
        }
        for (at, part) in (access.offset as usize..).step_by(4).zip(data.chunks(4)) {
            let mut bytes = [0; 4];
            bytes[..part.len()].copy_from_slice(part);
            let _ = self.card.config_write(at, part.len(), u32::from_le_bytes(bytes));
        }
    }
}

struct Access {
    offset: u64,
    region: u32,
    count: usize,
}

/// The answer to a client's version. What it can do beyond the least, in the text that follows, is not used here.
fn version(body: &[u8]) -> Answer {
    let mut fields = Fields(body);
    let (major, _) = (fields.u16()?, fields.u16()?);
    let text = fields.rest();
    let is_text = text.is_empty() || text.iter().position(|&byte| byte == 0) == Some(text.len() - 1);
    if major != MAJOR || !is_text {
        return Err(Errno::INVAL);
    }
    let text =
        format!("{{\"capabilities\":{{\"max_msg_fds\":{MOST_FILES},\"max_data_xfer_size\":{MOST_DATA}}}}}\0");
    let numbers = [MAJOR, MINOR].map(u16::to_ne_bytes);
    Ok([numbers.as_flattened(), text.as_bytes()].concat())
}
