//! Messages of the protocol, version 0.1: a header and what follows it, in the byte order of the host.

use bytemuck::{Pod, Zeroable};

/// What is asked. Servers ask too, for memory that comes without a file; this client's never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Command {
    Version = 1,
    DmaMap = 2,
    DmaUnmap = 3,
    DeviceGetInfo = 4,
    DeviceGetRegionInfo = 5,
    DeviceGetIrqInfo = 7,
    DeviceSetIrqs = 8,
    RegionRead = 9,
    RegionWrite = 10,
    DeviceReset = 13,
}

impl Command {
    /// Its name in the specification.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Version => "VERSION",
            Self::DmaMap => "DMA_MAP",
            Self::DmaUnmap => "DMA_UNMAP",
            Self::DeviceGetInfo => "DEVICE_GET_INFO",
            Self::DeviceGetRegionInfo => "DEVICE_GET_REGION_INFO",
            Self::DeviceGetIrqInfo => "DEVICE_GET_IRQ_INFO",
            Self::DeviceSetIrqs => "DEVICE_SET_IRQS",
            Self::RegionRead => "REGION_READ",
            Self::RegionWrite => "REGION_WRITE",
            Self::DeviceReset => "DEVICE_RESET",
        }
    }
}

/// Flags of a reply; those of a command are 0.
pub(super) const REPLY: u32 = 1;
/// Flag of a reply that refuses.
pub(super) const ERROR: u32 = 1 << 5;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Header {
    pub(super) id: u16,
    pub(super) command: u16,
    /// Bytes, with the header.
    pub(super) size: u32,
    pub(super) flags: u32,
    /// An errno, if the flag is set.
    pub(super) error: u32,
}

pub(super) const HEADER_BYTES: usize = size_of::<Header>();

/// A text follows it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Version {
    pub(super) major: u16,
    pub(super) minor: u16,
}

pub(super) const VERSION: Version = Version { major: 0, minor: 1 };
/// What this client can do beyond the least: nothing.
pub(super) const CAPABILITIES: &[u8] = c"{\"capabilities\":{}}".to_bytes_with_nul();

/// For reading and writing.
pub(super) const MAP_READ_WRITE: u32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct DmaMap {
    pub(super) argsz: u32,
    pub(super) flags: u32,
    /// In the file that comes with it.
    pub(super) offset: u64,
    pub(super) address: u64,
    pub(super) size: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct DmaUnmap {
    pub(super) argsz: u32,
    pub(super) flags: u32,
    pub(super) address: u64,
    pub(super) size: u64,
}

pub(super) const DEVICE_RESETS: u32 = 1;
pub(super) const DEVICE_PCI: u32 = 1 << 1;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct DeviceInfo {
    pub(super) argsz: u32,
    pub(super) flags: u32,
    pub(super) regions: u32,
    pub(super) irqs: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct RegionInfo {
    pub(super) argsz: u32,
    pub(super) flags: u32,
    pub(super) index: u32,
    pub(super) capabilities: u32,
    pub(super) size: u64,
    pub(super) offset: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct IrqInfo {
    pub(super) argsz: u32,
    pub(super) flags: u32,
    pub(super) index: u32,
    pub(super) count: u32,
}

/// An interrupt signals the eventfd that comes with it.
pub(super) const TRIGGER_EVENTFD: u32 = 1 << 2 | 1 << 5;
/// With a count of 0: no interrupt signals anything.
pub(super) const TRIGGER_NOTHING: u32 = 1 | 1 << 5;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct IrqSet {
    pub(super) argsz: u32,
    pub(super) flags: u32,
    pub(super) index: u32,
    pub(super) start: u32,
    pub(super) count: u32,
}

/// The bytes follow it, in a command that writes and in a reply to one that reads.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct RegionAccess {
    pub(super) offset: u64,
    pub(super) region: u32,
    pub(super) count: u32,
}
