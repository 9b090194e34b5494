//! Ordinary pages that others can map too.

use std::fs::File;
use std::path::Path;

use memmap2::MmapOptions;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::param::page_size;

use crate::memory::Mapped;
use crate::pci::PciError;

/// Smallest region: buffers share it.
const LEAST: usize = 64 << 10;

/// At least `bytes` of zeros in whole pages, and the file that they are. After a fork they are still the same, where a
/// private page would be copied and the device left behind.
pub(crate) fn shared(bytes: usize) -> Result<(Mapped, File), PciError> {
    let size = bytes.max(LEAST).next_multiple_of(page_size());
    let file = memfd_create("cbp", MemfdFlags::CLOEXEC).map_err(|e| PciError::system("memfd_create", e))?;
    let file = File::from(file);
    file.set_len(size as u64).map_err(|e| PciError::file(Path::new("memfd"), e))?;
    let map = MmapOptions::new().len(size).map_raw(&file);
    Ok((Mapped::new(map.map_err(|e| PciError::system("mmap of DMA memory", e))?), file))
}
