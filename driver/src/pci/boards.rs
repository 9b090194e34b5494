//! Boards this driver knows: what they are on the bus, and where our registers are behind it.

use cbp_isa::pci;

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name for people.
    pub name: &'static str,
    /// PCI vendor.
    pub vendor: u16,
    /// PCI device.
    pub device: u16,
    /// Subsystem vendor and device, if the board sets them.
    pub subsystem: Option<(u16, u16)>,
    /// BAR that holds the register window.
    pub bar: u8,
    /// First byte of the window in it.
    pub window: u32,
}

/// All of them; entries with a subsystem come before those without.
pub const BOARDS: &[Board] = &[
    Board {
        name: "simulated board",
        vendor: pci::VENDOR,
        device: pci::DEVICE,
        subsystem: None,
        bar: 0,
        window: 0,
    },
    // The ids that LitePCIe gives every Gen2 x4 design: whether it is ours, only the identity register says.
    Board {
        name: "LitePCIe Gen2 x4",
        vendor: 0x10ee,
        device: 0x7024,
        subsystem: None,
        bar: 0,
        window: 0x2_0000,
    },
];

/// The board with these ids.
#[must_use]
pub fn find(vendor: u16, device: u16, subsystem: (u16, u16)) -> Option<&'static Board> {
    BOARDS.iter().find(|b| {
        (b.vendor, b.device) == (vendor, device) && b.subsystem.is_none_or(|wanted| wanted == subsystem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_ids() {
        assert_eq!(find(0x1209, 0xcb00, (0, 0)).unwrap().name, "simulated board");
        assert_eq!(find(0x10ee, 0x7024, (1, 2)).unwrap().window, 0x2_0000);
        assert_eq!(find(0x10ee, 0x7025, (0, 0)), None);
    }
}
