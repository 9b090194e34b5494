//! Host memory as the device sees it: allocated pieces in an otherwise empty address space, or memory of somebody
//! else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cbp_driver::{DmaMemory, OutOfRange};

use crate::strobes::{Data, external_strobed, write_strobed};

const PAGE: u64 = 4096;
/// Every piece lies in a region of its own of so many bytes.
const REGION_LOG2: u32 = 40;
/// And begins at this page of it at the latest, a sixteenth of the region before its end.
const LAST_PAGE: u64 = 15 << (REGION_LOG2 - 12 - 4);
/// Pieces are padded to the widest beat, so that a beat lies in one piece or in none.
const PADDING: usize = 32;

/// Memory of another process, a guest, or whatever else lies behind the AXI master.
pub trait ExternalMemory: Send + Sync {
    /// Copies out from `address` on; returns how many bytes there were before the memory ended.
    fn read(&self, address: u64, bytes: &mut [u8]) -> usize;

    /// Copies in; returns how many bytes there was room for.
    fn write(&self, address: u64, bytes: &[u8]) -> usize;
}

/// Memory behind the AXI master. What is not allocated answers DECERR.
///
/// Addresses are scattered over 64 bits, the same in every run, so that every address line moves. They are not used
/// twice and pieces have empty pages between them, so accesses beyond a piece, or after it was freed, never hit
/// another one.
#[derive(Default)]
pub struct HostMemory {
    pieces: BTreeMap<u64, Box<[u8]>>,
    allocated: u64,
    fenced: bool,
    external: Option<Arc<dyn ExternalMemory>>,
}

/// Where the n-th piece lies: an odd factor gives every n below 2^24 a region of its own, and none is the first, where
/// address 0 is.
const fn place(n: u64) -> u64 {
    let region = (n + 1).wrapping_mul(0x9e_3779) & ((1 << (64 - REGION_LOG2)) - 1);
    // Not at the end of its region, so that the piece does not reach the next.
    let page = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - (REGION_LOG2 - 12));
    let page = if page > LAST_PAGE { page - LAST_PAGE } else { page };
    (region << REGION_LOG2) | (page * PAGE)
}

impl HostMemory {
    /// A zeroed piece; gives its bus address, a multiple of 4,096.
    pub fn allocate(&mut self, bytes: usize) -> u64 {
        let address = place(self.allocated);
        let bytes = bytes.next_multiple_of(PADDING);
        self.pieces.insert(address, vec![0; bytes].into());
        self.allocated += 1;
        address
    }

    /// Gives a piece back.
    pub fn free(&mut self, address: u64) {
        self.pieces.remove(&address);
    }

    /// Pieces allocated now.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// From now on the device sees this memory and no piece.
    pub fn set_external(&mut self, memory: Arc<dyn ExternalMemory>) {
        self.external = Some(memory);
    }

    /// Whether the device is kept away from all of it: every access answers DECERR, as without bus mastering.
    pub const fn set_fence(&mut self, fenced: bool) {
        self.fenced = fenced;
    }

    /// What the device reads.
    pub(crate) fn device_read(&self, address: u64, bytes: &mut [u8]) -> usize {
        if self.fenced { 0 } else { self.read(address, bytes) }
    }

    /// Copies from `address` on; returns how many bytes there were before the piece ended.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> usize {
        if let Some(external) = &self.external {
            return external.read(address, bytes);
        }
        let Some((base, piece)) = self.pieces.range(..=address).next_back() else { return 0 };
        let Some(there) = piece.get((address - base) as usize..) else { return 0 };
        let length = there.len().min(bytes.len());
        bytes[..length].copy_from_slice(&there[..length]);
        length
    }

    /// Up to `length` bytes from `address` on, fewer if the piece ends before.
    pub fn slice_mut(&mut self, address: u64, length: usize) -> &mut [u8] {
        let Some((base, piece)) = self.pieces.range_mut(..=address).next_back() else { return &mut [] };
        let Some(there) = piece.get_mut((address - base) as usize..) else { return &mut [] };
        let length = length.min(there.len());
        &mut there[..length]
    }

    /// What the device writes: the bytes of `length` whose strobes are set; says whether all of them lie in memory.
    pub(crate) fn write_strobed(&mut self, address: u64, data: &Data, length: usize) -> bool {
        if self.fenced {
            return false;
        }
        if let Some(external) = &self.external {
            return external_strobed(external.as_ref(), address, data);
        }
        let target = self.slice_mut(address, length);
        let complete = target.len() == length;
        write_strobed(target, data, length);
        complete
    }
}

impl fmt::Debug for HostMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMemory")
            .field("pieces", &self.pieces.len())
            .field("external", &self.external.is_some())
            .finish_non_exhaustive()
    }
}

/// Memory shared by the simulated device and its host.
pub(crate) type SharedMemory = Arc<Mutex<HostMemory>>;

/// What is shared, whatever happened to another holder of the lock.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One piece of simulated DMA memory; freed when dropped.
#[derive(Debug)]
pub struct SimDma {
    memory: SharedMemory,
    address: u64,
    size: usize,
}

impl SimDma {
    pub(crate) fn new(memory: &SharedMemory, size: usize) -> Self {
        Self { memory: Arc::clone(memory), address: lock(memory).allocate(size), size }
    }
}

impl Drop for SimDma {
    fn drop(&mut self) {
        lock(&self.memory).free(self.address);
    }
}

impl DmaMemory for SimDma {
    fn bus_address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> usize {
        self.size
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size)?;
        lock(&self.memory).read(self.address + offset as u64, bytes);
        Ok(())
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size)?;
        lock(&self.memory).slice_mut(self.address + offset as u64, bytes.len()).copy_from_slice(bytes);
        Ok(())
    }

    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_guards_and_reuse() {
        let shared = SharedMemory::default();
        let (a, b) = (SimDma::new(&shared, 100), SimDma::new(&shared, PAGE as usize));
        a.write(96, &[1, 2, 3, 4]).unwrap();
        assert!(a.write(97, &[0; 4]).is_err());
        assert!(a.read(usize::MAX, &mut [0; 4]).is_err());
        assert_eq!(a.read_u32(96).unwrap(), 0x0403_0201);
        let mut bytes = [0; 64];
        let at = |address, bytes: &mut [u8]| lock(&shared).read(address, bytes);
        assert_eq!(at(a.bus_address() + 96, &mut bytes), 32, "padded to a beat, then nothing");
        assert_eq!(at(b.bus_address() - 32, &mut bytes), 0, "nothing before");
        assert_eq!(at(b.bus_address() + PAGE, &mut bytes), 0, "nothing behind");
        assert_eq!(at(0, &mut bytes), 0);
        let old = a.bus_address();
        drop(a);
        assert_eq!(at(old, &mut bytes), 0);
        assert_ne!(SimDma::new(&shared, 100).bus_address(), old);
    }
}
