//! The command register in configuration space.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

/// Where it is in configuration space.
pub(crate) const OFFSET: u64 = 4;

/// Answer to accesses of BARs.
pub(crate) const MEMORY: u16 = 1 << 1;
/// Access memory.
pub(crate) const BUS_MASTER: u16 = 1 << 2;
/// Raise no legacy interrupt.
pub(crate) const INTX_DISABLE: u16 = 1 << 10;

/// What a device that has left the bus answers; no register has reserved bits set.
const ABSENT: u16 = u16::MAX;

/// Reads it, of a configuration space that starts at `base` in a file.
pub(crate) fn read(file: &File, base: u64) -> io::Result<u16> {
    let mut bytes = [0; 2];
    file.read_exact_at(&mut bytes, base + OFFSET)?;
    match u16::from_le_bytes(bytes) {
        ABSENT => Err(Errno::NODEV.into()),
        value => Ok(value),
    }
}

/// Sets and clears bits of it.
pub(crate) fn update(file: &File, base: u64, set: u16, clear: u16) -> io::Result<()> {
    let old = read(file, base)?;
    let new = (old | set) & !clear;
    if new == old { Ok(()) } else { file.write_all_at(&new.to_le_bytes(), base + OFFSET) }
}
