//! Speed and width of a PCIe link.

use std::fmt;
use std::path::Path;

use crate::pci::sysfs;

/// What a link does, or could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Transfers per second and lane, in units of 10^8: 25 is 2.5 GT/s.
    pub speed: u32,
    /// Lanes.
    pub width: u32,
}

impl Link {
    /// Reads `current_link_*` or `max_link_*` of a device; `None` if it is no PCIe device, or if its link is down: the
    /// files of a device that has left the bus cannot be read.
    pub(crate) fn read(device: &Path, which: &str) -> Option<Self> {
        let read = |what| sysfs::read(&device.join(format!("{which}_link_{what}"))).ok()?;
        let speed = parse_speed(&read("speed")?)?;
        let width = read("width")?.parse().ok().filter(|w| (1..=32).contains(w))?;
        Some(Self { speed, width })
    }

    /// The link that two ends can form.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        Self { speed: self.speed.min(other.speed), width: self.width.min(other.width) }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} GT/s x{}", self.speed / 10, self.speed % 10, self.width)
    }
}

/// Reads `5.0 GT/s PCIe` or `5 GT/s`; `None` for `Unknown`.
fn parse_speed(text: &str) -> Option<u32> {
    let number = text.split_once(" GT/s")?.0;
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let tenths = tenths.get(..1)?.parse::<u32>().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(10)?.checked_add(tenths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds() {
        assert_eq!(parse_speed("5.0 GT/s PCIe"), Some(50));
        assert_eq!(parse_speed("8 GT/s"), Some(80));
        assert_eq!(parse_speed("Unknown"), None);
        assert_eq!(parse_speed(". GT/s"), None);
        assert_eq!(parse_speed("99999999999 GT/s"), None);
        assert_eq!(Link { speed: 25, width: 4 }.to_string(), "2.5 GT/s x4");
    }
}
