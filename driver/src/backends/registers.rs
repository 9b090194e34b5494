//! The register window of a device, mapped.

use std::fs::File;
use std::io;
use std::sync::atomic::{Ordering, fence};

use cbp_isa::registers::{DMA_ADDRESS_BITS, WINDOW_BYTES};
use memmap2::{MmapOptions, MmapRaw};

use crate::pci::boards::Board;
use crate::pci::{PciDevice, PciError, sysfs};
use crate::transport::OutOfRange;

/// Registers, accessed by aligned 32-bit loads and stores that the compiler keeps.
#[derive(Debug)]
pub(crate) struct Registers {
    map: MmapRaw,
    /// First byte of the window in the mapping.
    window: usize,
}

impl Registers {
    /// Maps the window through the BAR's file in sysfs.
    pub(crate) fn of_resource(device: &PciDevice, board: &Board) -> Result<Self, PciError> {
        check_size(device, board)?;
        let file = sysfs::open(&device.path.join(format!("resource{}", board.bar)))?;
        Self::map(&file, 0, device, board)
    }

    /// Maps the window of a BAR that starts at `start` in `file`.
    pub(crate) fn map(file: &File, start: u64, device: &PciDevice, board: &Board) -> Result<Self, PciError> {
        let window = board.window as usize;
        let map = MmapOptions::new().offset(start).len(window + WINDOW_BYTES as usize).map_raw(file);
        let map = map.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => {
                PciError::UnmappableBar { address: device.address, bar: board.bar }
            }
            // The kernel keeps the BAR for a driver of its own, or is locked down.
            io::ErrorKind::PermissionDenied => {
                PciError::Permission(device.path.join(format!("resource{}", board.bar)))
            }
            _ => PciError::system("mmap of the registers", error),
        })?;
        Ok(Self { map, window })
    }

    /// Reads a register. What the device wrote to memory before it answered is visible after it.
    pub(crate) fn read(&self, offset: u32) -> Result<u32, OutOfRange> {
        let at = self.at(offset)?;
        // SAFETY: `at` is an aligned address inside of the mapping.
        #[allow(unsafe_code)]
        let value = unsafe { at.read_volatile() };
        fence(Ordering::Acquire);
        Ok(u32::from_le(value))
    }

    /// Writes a register. Everything written to memory before is visible to the device first.
    pub(crate) fn write(&self, offset: u32, value: u32) -> Result<(), OutOfRange> {
        let at = self.at(offset)?;
        fence(Ordering::Release);
        // SAFETY: `at` is an aligned address inside of the mapping.
        #[allow(unsafe_code)]
        unsafe {
            at.write_volatile(value.to_le());
        }
        Ok(())
    }

    /// Writes a register of the board's own, at a byte offset in the BAR before the window.
    pub(crate) fn write_beside(&self, at: u32, value: u32) -> Result<(), OutOfRange> {
        let at = self.inside(0, at, self.window)?;
        // SAFETY: `at` is an aligned address inside of the mapping.
        #[allow(unsafe_code)]
        unsafe {
            at.write_volatile(value.to_le());
        }
        Ok(())
    }

    /// How many address bits the device drives. 32 if it does not say: whoever it is, that is enough.
    pub(crate) fn address_bits(&self) -> u32 {
        let bits = self.read(DMA_ADDRESS_BITS.offset).unwrap_or_default();
        if (32..=64).contains(&bits) { bits } else { 32 }
    }

    /// The address of a register of the window.
    fn at(&self, offset: u32) -> Result<*mut u32, OutOfRange> {
        self.inside(self.window, offset, WINDOW_BYTES as usize)
    }

    /// The address of a register in a part of the mapping.
    fn inside(&self, start: usize, offset: u32, size: usize) -> Result<*mut u32, OutOfRange> {
        let offset = offset as usize;
        OutOfRange::check(offset, 4, size)?;
        if !offset.is_multiple_of(4) {
            return Err(OutOfRange { offset, length: 4, size });
        }
        #[allow(clippy::cast_ptr_alignment)] // mappings start at pages, windows at multiples of their size
        Ok(self.map.as_mut_ptr().wrapping_add(start + offset).cast())
    }
}

/// The BAR must hold the window.
pub(crate) fn check_size(device: &PciDevice, board: &Board) -> Result<(), PciError> {
    let size = device.function.as_ref().map_or(0, |f| f.bar_size(board.bar));
    let needed = u64::from(board.window) + u64::from(WINDOW_BYTES);
    if size < needed {
        return Err(PciError::SmallBar { address: device.address, bar: board.bar, size, needed });
    }
    Ok(())
}
