//! Base address registers, as the kernel lists them.

use std::path::Path;

use crate::pci::{PciError, sysfs};

/// Base address registers of a function.
pub const BARS: usize = 6;

const IO: u64 = 0x100;
const MEMORY: u64 = 0x200;
const PREFETCH: u64 = 0x2000;
const WIDE: u64 = 0x10_0000;

/// One base address register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Physical address, 0 if the firmware gave it none.
    pub start: u64,
    /// Bytes, 0 if there is no such register.
    pub size: u64,
    flags: u64,
}

impl Resource {
    /// A register with the kernel's flags.
    #[cfg(test)]
    pub(crate) const fn new(start: u64, size: u64, flags: u64) -> Self {
        Self { start, size, flags }
    }

    /// Whether it is memory, not ports.
    #[must_use]
    pub const fn is_memory(&self) -> bool {
        self.flags & (MEMORY | IO) == MEMORY
    }

    /// Whether it takes two registers.
    #[must_use]
    pub const fn is_wide(&self) -> bool {
        self.flags & WIDE != 0
    }

    /// Whether reads have no effect.
    #[must_use]
    pub const fn is_prefetchable(&self) -> bool {
        self.flags & PREFETCH != 0
    }
}

/// Reads the file `resource` of a device: a line of first byte, last byte and flags for each register.
pub(crate) fn read(device: &Path) -> Result<[Resource; BARS], PciError> {
    let path = device.join("resource");
    let text = sysfs::read(&path)?.unwrap_or_default();
    let mut bars = [Resource::default(); BARS];
    for (bar, line) in bars.iter_mut().zip(text.lines()) {
        *bar = parse(line).ok_or_else(|| PciError::Unexpected {
            path: path.clone(),
            found: line.to_owned(),
            wanted: "resource: start, end, flags",
        })?;
    }
    Ok(bars)
}

fn parse(line: &str) -> Option<Resource> {
    let mut numbers = line.split_whitespace().map(|n| u64::from_str_radix(n.strip_prefix("0x")?, 16).ok());
    let (start, end, flags) = (numbers.next()??, numbers.next()??, numbers.next()??);
    // A register that is not there is three zeros.
    let size = if end == 0 && flags == 0 { 0 } else { end.checked_sub(start)?.checked_add(1)? };
    Some(Resource { start, size, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let bar = parse("0x00000000fea00000 0x00000000fea0ffff 0x0000000000040200").unwrap();
        assert_eq!((bar.start, bar.size), (0xfea0_0000, 0x1_0000));
        assert!(bar.is_memory() && !bar.is_wide() && !bar.is_prefetchable());
        assert_eq!(parse("0x0 0x0 0x0").unwrap(), Resource::default());
        assert!(!parse("0xe000 0xe0ff 0x40101").unwrap().is_memory());
        for wrong in ["", "0x0 0x0", "0x1 0x0 0x200", "zero 0x0 0x0", "0x0 0xffffffffffffffff 0x200"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
