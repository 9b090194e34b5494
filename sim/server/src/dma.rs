//! Memory of the client: what the model's AXI master reads and writes.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use cbp_driver::memory::Mapped;
use cbp_sim::ExternalMemory;
use memmap2::MmapOptions;

/// Bytes of a write that become visible last.
const LAST: usize = 8;

/// A part of the client's address space, mapped here too.
pub struct Map {
    address: u64,
    writable: bool,
    memory: Mapped,
}

impl Map {
    /// Maps `size` bytes of a file that the client knows at `address`.
    ///
    /// # Errors
    /// It cannot be mapped, or the file is shorter: an access beyond its end would kill this process.
    pub fn new(file: &File, offset: u64, address: u64, size: u64, writable: bool) -> io::Result<Self> {
        if offset.checked_add(size).is_none_or(|end| end > file.metadata().map_or(0, |data| data.len())) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let map = MmapOptions::new().offset(offset).len(size).map_raw(file)?;
        Ok(Self { address, writable, memory: Mapped::new(map) })
    }

    /// The offset of an address in it.
    fn offset(&self, address: u64) -> Option<usize> {
        let offset = usize::try_from(address.checked_sub(self.address)?).ok()?;
        (offset < self.memory.size()).then_some(offset)
    }
}

/// All parts, in no order; they do not overlap.
#[derive(Default)]
pub struct Maps(Vec<Arc<Map>>);

impl Maps {
    /// These parts.
    #[must_use]
    pub fn new(maps: impl IntoIterator<Item = Map>) -> Self {
        Self(maps.into_iter().map(Arc::new).collect())
    }

    /// A word of the client's memory, at its physical address.
    #[must_use]
    pub fn read_u64(&self, address: u64) -> Option<u64> {
        let (map, offset) = self.find(address)?;
        let mut bytes = [0; 8];
        map.memory.read(offset, &mut bytes).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    fn find(&self, address: u64) -> Option<(&Map, usize)> {
        self.0.iter().find_map(|map| Some((map.as_ref(), map.offset(address)?)))
    }
}

/// An IOMMU between the device and memory.
pub trait Translate: Send + Sync {
    /// Physical address of a bus address, and how many bytes from it on are contiguous; `None` is a fault.
    fn translate(&self, maps: &Maps, address: u64, write: bool) -> Option<(u64, u64)>;

    /// Forgets what was kept about the translation: the client may have changed it.
    fn forget(&self);
}

/// The client's memory as the device sees it.
pub struct ClientMemory {
    maps: RwLock<Arc<Maps>>,
    translation: Option<Box<dyn Translate>>,
    master: AtomicBool,
    /// First bus address that the device cannot drive.
    end: u64,
    bytes: AtomicU64,
    faults: AtomicU64,
}

impl ClientMemory {
    /// No memory yet, for a device that drives so many address bits.
    #[must_use]
    pub fn new(address_bits: u32, translation: Option<Box<dyn Translate>>) -> Self {
        Self {
            maps: RwLock::default(),
            translation,
            master: AtomicBool::new(false),
            end: 1_u64.checked_shl(address_bits).unwrap_or(u64::MAX),
            bytes: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        }
    }

    /// Whether the device may access memory at all.
    pub fn set_master(&self, master: bool) {
        self.master.store(master, Ordering::Release);
    }

    /// Adds a part.
    pub fn insert(&self, map: Map) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let mut parts = maps.0.clone();
        parts.push(Arc::new(map));
        *maps = Arc::new(Maps(parts));
    }

    /// Takes away every part that lies in `size` bytes from `address` on.
    pub fn remove(&self, address: u64, size: u64) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let within = |map: &Map| map.address >= address && map.address - address < size;
        let parts: Vec<_> = maps.0.iter().filter(|map| !within(map)).cloned().collect();
        *maps = Arc::new(Maps(parts));
    }

    /// Replaces all parts. A transfer that is under way ends in the old ones.
    pub fn replace(&self, new: Maps) {
        *self.maps.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    /// The translation may have changed: called for every access of the client.
    pub fn forget_translation(&self) {
        if let Some(translation) = &self.translation {
            translation.forget();
        }
    }

    /// Bytes that went to and fro.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Accesses that hit no memory.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Visits the memory of an access piece by piece; returns how many bytes there were.
    fn visit(
        &self,
        address: u64,
        length: usize,
        write: bool,
        mut visit: impl FnMut(&Mapped, usize, usize, usize),
    ) -> usize {
        let maps = Arc::clone(&self.maps.read().unwrap_or_else(PoisonError::into_inner));
        let mut done = 0;
        while done < length {
            let Some((map, offset, room)) = self.piece(&maps, address + done as u64, write) else {
                self.faults.fetch_add(1, Ordering::Relaxed);
                break;
            };
            let bytes = room.min(length - done);
            visit(map, offset, done, bytes);
            done += bytes;
        }
        self.bytes.fetch_add(done as u64, Ordering::Relaxed);
        done
    }

    /// The memory at an address, the offset in it, and how many bytes from there on are contiguous.
    fn piece<'a>(&self, maps: &'a Maps, address: u64, write: bool) -> Option<(&'a Mapped, usize, usize)> {
        if !self.master.load(Ordering::Acquire) || address >= self.end {
            return None;
        }
        let (physical, contiguous) = match &self.translation {
            Some(translation) => translation.translate(maps, address, write)?,
            None => (address, u64::MAX),
        };
        let (map, offset) = maps.find(physical)?;
        if write && !map.writable {
            return None;
        }
        let room = (map.memory.size() - offset) as u64;
        Some((&map.memory, offset, room.min(contiguous) as usize))
    }
}

impl ExternalMemory for ClientMemory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> usize {
        let length = bytes.len();
        self.visit(address, length, false, |memory, offset, from, length| {
            // The piece lies in its memory.
            let _ = memory.read(offset, &mut bytes[from..from + length]);
        })
    }

    /// The last bytes become visible after the others: a completion entry ends with its phase.
    fn write(&self, address: u64, bytes: &[u8]) -> usize {
        self.visit(address, bytes.len(), true, |memory, offset, from, length| {
            let (head, tail) = bytes[from..from + length].split_at(length.saturating_sub(LAST));
            let _ = memory.write(offset, head);
            let _ = memory.write(offset + head.len(), tail);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_as_long_as_their_map() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8192).unwrap();
        let fits = |offset, size| Map::new(&file, offset, 0, size, true).is_ok();
        assert!(fits(0, 8192) && fits(4096, 4096));
        assert!(!fits(0, 8193) && !fits(4096, 8192) && !fits(u64::MAX, 4096));
    }
}
