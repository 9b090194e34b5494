//! Configuration space: 256 bytes, and which of their bits the host may write.

use cbp_isa::pci;

use super::{MSIX_BAR, Options, PBA_OFFSET};

/// Offsets of what the endpoint acts on.
pub(super) mod offset {
    pub const COMMAND: usize = 0x04;
    pub const STATUS: usize = 0x06;
    pub const BARS: usize = 0x10;
    pub const CAPABILITIES: usize = 0x34;
    pub const INTERRUPT_PIN: usize = 0x3d;
    pub const POWER: usize = 0x40;
    pub const MSIX: usize = 0x50;
    pub const MSIX_CONTROL: usize = MSIX + 2;
    pub const EXPRESS: usize = 0x60;
    pub const DEVICE_CONTROL: usize = EXPRESS + 8;
}

/// Bits of the command register.
pub(super) mod command {
    pub const MEMORY: u32 = 1 << 1;
    pub const MASTER: u32 = 1 << 2;
    pub const NO_INTX: u32 = 1 << 10;
    /// What can be written: these, parity and system errors.
    pub const WRITABLE: u16 = 0x0546;
}

/// Status: an interrupt line is raised.
pub(super) const STATUS_INTX: u8 = 1 << 3;
/// Device control: begin a function-level reset.
pub(super) const START_RESET: u32 = 1 << 15;

const SIZE: usize = 256;
const STATUS_CAPABILITIES: u16 = 1 << 4;
const PIN_A: u8 = 1;
/// Capability ids.
const POWER_ID: u8 = 0x01;
const EXPRESS_ID: u8 = 0x10;
const MSIX_ID: u8 = 0x11;

/// Registers with masks: a write changes the writable bits and no others.
#[derive(Clone)]
pub(super) struct ConfigSpace {
    bytes: [u8; SIZE],
    writable: [u8; SIZE],
}

impl ConfigSpace {
    /// After a reset.
    pub(super) fn new(options: &Options) -> Self {
        let mut space = Self { bytes: [0; SIZE], writable: [0; SIZE] };
        space.set(0x00, &pci::VENDOR.to_le_bytes());
        space.set(0x02, &pci::DEVICE.to_le_bytes());
        space.set(offset::STATUS, &STATUS_CAPABILITIES.to_le_bytes());
        space.set(0x08, &(pci::CLASS << 8).to_le_bytes());
        space.set(0x2c, &pci::VENDOR.to_le_bytes());
        space.set(0x2e, &pci::subsystem(options.window_offset).to_le_bytes());
        space.set(offset::CAPABILITIES, &[offset::POWER as u8]);
        space.set(offset::INTERRUPT_PIN, &[PIN_A]);
        space.allow(offset::COMMAND, &command::WRITABLE.to_le_bytes());
        space.allow(0x0c, &[0xff]); // cache line
        space.allow(0x3c, &[0xff]); // interrupt line
        for (bar, size) in options.bar_sizes() {
            space.allow(offset::BARS + 4 * bar, &(!(size - 1)).to_le_bytes());
        }
        space.power();
        space.msix(options.vectors);
        space.express(options.generation, options.lanes);
        space
    }

    /// Power management, version 3: D0 and D3hot, and nothing is lost in between.
    fn power(&mut self) {
        self.set(offset::POWER, &[POWER_ID, offset::MSIX as u8, 3, 0, 1 << 3]);
        self.allow(offset::POWER + 4, &[3]);
    }

    fn msix(&mut self, vectors: u16) {
        self.set(offset::MSIX, &[MSIX_ID, offset::EXPRESS as u8]);
        self.set(offset::MSIX_CONTROL, &(vectors - 1).to_le_bytes());
        self.allow(offset::MSIX_CONTROL, &0xc000_u16.to_le_bytes()); // enable, mask all
        self.set(offset::MSIX + 4, &(MSIX_BAR as u32).to_le_bytes());
        self.set(offset::MSIX + 8, &(PBA_OFFSET as u32 | MSIX_BAR as u32).to_le_bytes());
    }

    /// An endpoint of version 2 that can be reset by function.
    fn express(&mut self, generation: u32, lanes: u32) {
        let at = offset::EXPRESS;
        let link = generation | lanes << 4;
        // Speeds 1…generation.
        let speeds = ((1 << generation) - 1) << 1;
        self.set(at, &[EXPRESS_ID, 0, 2, 0]);
        // 256 bytes of payload, role-based error reports, function-level reset.
        self.set(at + 0x04, &(1_u32 | 1 << 15 | 1 << 28).to_le_bytes());
        // Everything but the reset bit holds its value; 512-byte read requests, relaxed order and no snoop at first.
        self.allow(offset::DEVICE_CONTROL, &0x7fff_u16.to_le_bytes());
        self.set(offset::DEVICE_CONTROL, &0x2810_u16.to_le_bytes());
        self.set(at + 0x0c, &link.to_le_bytes());
        self.allow(at + 0x10, &0x01fb_u16.to_le_bytes());
        self.set(at + 0x12, &(link as u16).to_le_bytes());
        self.set(at + 0x2c, &(speeds as u32).to_le_bytes());
        self.set(at + 0x30, &(generation as u16).to_le_bytes());
    }

    fn set(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn allow(&mut self, at: usize, bits: &[u8]) {
        self.writable[at..at + bits.len()].copy_from_slice(bits);
    }

    pub(super) fn byte(&mut self, at: usize) -> &mut u8 {
        &mut self.bytes[at]
    }

    /// Up to four bytes; what lies beyond reads as ones.
    pub(super) fn read(&self, at: usize, length: usize) -> u32 {
        (0..length.min(4)).rev().fold(0, |value, i| {
            value << 8 | self.bytes.get(at.saturating_add(i)).map_or(0xff, |&byte| u32::from(byte))
        })
    }

    /// Writes up to four bytes.
    pub(super) fn write(&mut self, at: usize, length: usize, value: u32) {
        for (i, new) in value.to_le_bytes().into_iter().enumerate().take(length) {
            let at = at.saturating_add(i);
            if let (Some(byte), Some(mask)) = (self.bytes.get_mut(at), self.writable.get(at)) {
                *byte = *byte & !mask | new & mask;
            }
        }
    }
}
