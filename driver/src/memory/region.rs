//! Larger pieces of memory that buffers are cut from.

use crate::memory::Mapped;
use crate::pci::PciError;

/// Where regions come from.
pub trait Source: Send + Sync {
    /// A region of at least this many bytes.
    ///
    /// # Errors
    /// There is none.
    fn region(&self, bytes: usize) -> Result<Region, PciError>;
}

/// Memory that is contiguous for the device.
pub struct Region {
    /// Ends the device's access; goes before the memory does.
    _access: Option<Box<dyn Send + Sync>>,
    pub(crate) memory: Mapped,
    /// Where the device sees its first byte.
    pub(crate) bus: u64,
}

impl Region {
    /// Memory that the device always reaches.
    #[must_use]
    pub const fn new(memory: Mapped, bus: u64) -> Self {
        Self { _access: None, memory, bus }
    }

    /// Memory that the device reaches until `access` is dropped.
    pub fn with_access(memory: Mapped, bus: u64, access: impl Send + Sync + 'static) -> Self {
        Self { _access: Some(Box::new(access)), memory, bus }
    }
}
