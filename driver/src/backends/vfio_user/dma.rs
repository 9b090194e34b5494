//! Memory that client and server have mapped.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::MmapOptions;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::param::page_size;

use super::connection::{Shared, lock};
use crate::memory::Mapped;
use crate::transport::{DmaMemory, OutOfRange, TransportError};

/// Memory that the server has mapped too; taken from it when dropped.
pub struct VfioUserDma {
    memory: Mapped,
    size: usize,
    address: u64,
    shared: Shared,
    mapped: AtomicBool,
}

impl VfioUserDma {
    /// Zeroed memory at an address of its own.
    pub(super) fn new(shared: &Shared, bytes: usize) -> Result<Self, TransportError> {
        let size = bytes.max(1).next_multiple_of(page_size());
        let none = |_| TransportError::NoMemory(bytes);
        let file = File::from(memfd_create("cbp-dma", MemfdFlags::CLOEXEC).map_err(|e| none(e.into()))?);
        file.set_len(size as u64).map_err(none)?;
        let memory = Mapped::new(MmapOptions::new().len(size).map_raw(&file).map_err(none)?);
        let mut connection = lock(shared);
        let address = connection.reserve(size as u64);
        let dma =
            Self { memory, size: bytes, address, shared: Arc::clone(shared), mapped: AtomicBool::new(false) };
        let mapped = connection.call(|client| client.dma_map(0, address, size as u64, file.as_raw_fd()));
        drop(connection); // or dropping `dma` would wait for it
        mapped?;
        dma.mapped.store(true, Ordering::Relaxed);
        Ok(dma)
    }

    /// Takes it from the server.
    pub(super) fn unmap(&self) -> Result<(), TransportError> {
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
        lock(&self.shared).release(self.address);
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

    fn read_words<const N: usize>(&self, offset: usize) -> Result<[u64; N], OutOfRange> {
        OutOfRange::check(offset, 8 * N, self.size)?;
        self.memory.read_words(offset)
    }

    fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, 8 * N, self.size)?;
        self.memory.write_words(offset, words)
    }

    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        OutOfRange::check(offset, 4, self.size)?;
        self.memory.read_u32(offset)
    }
}
