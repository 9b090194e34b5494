//! DMA memory for devices that see physical addresses: contiguous hugepages.

use crate::memory::{Hugepages, Pagemap, Region, Source};
use crate::pci::PciError;

/// Hugepages, which stay where they are.
#[derive(Debug)]
pub(crate) struct PhysicalSource;

impl Source for PhysicalSource {
    fn region(&self, bytes: usize) -> Result<Region, PciError> {
        let pages = Hugepages::read()?;
        let (memory, bus) = pages.map_contiguous(pages.holding(bytes), &Pagemap::open()?)?;
        Ok(Region::new(memory, bus))
    }
}
