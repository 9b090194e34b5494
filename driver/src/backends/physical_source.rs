//! DMA memory for devices that see physical addresses: contiguous hugepages.

use crate::memory::{Hugepages, Pagemap, Region, Source};
use crate::pci::PciError;

/// Hugepages that the device reaches.
#[derive(Debug)]
pub(crate) struct PhysicalSource {
    /// Bits of a bus address that it drives.
    pub(crate) address_bits: u32,
}

impl Source for PhysicalSource {
    fn region(&self, bytes: usize) -> Result<Region, PciError> {
        let pages = Hugepages::read()?;
        let (memory, bus) =
            pages.map_contiguous(pages.holding(bytes), self.address_bits, &Pagemap::open()?)?;
        Ok(Region::new(memory, bus))
    }
}
