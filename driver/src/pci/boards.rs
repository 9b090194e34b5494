//! Boards this driver knows: what they are on the bus, and where our registers are behind it.

use std::fmt;

use cbp_isa::pci;

/// Who made a device or a subsystem, and which of theirs it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Id {
    /// Vendor.
    pub vendor: u16,
    /// Device.
    pub device: u16,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.device)
    }
}

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name for people.
    pub name: &'static str,
    /// What it is on the bus.
    pub id: Id,
    /// Its subsystem, if it has one of its own.
    pub subsystem: Option<Id>,
    /// BAR that holds the register window.
    pub bar: u8,
    /// First byte of the window in it.
    pub window: u32,
    /// Register before the window that lets interrupts through as messages, a bit for each line; `None` if there is none,
    /// or if it is not known: the generator of `LitePCIe` puts its own wherever there is room (`csr.h` says where).
    /// Waits then end by looking, which costs some time and no job.
    pub msi_enable: Option<u32>,
}

/// All of them; entries with a subsystem come before those without.
pub const BOARDS: &[Board] = &[
    Board {
        name: "simulated board, window behind other registers",
        id: Id { vendor: pci::VENDOR, device: pci::DEVICE },
        subsystem: Some(Id { vendor: pci::VENDOR, device: pci::subsystem(0x2_0000) }),
        bar: 0,
        window: 0x2_0000,
        msi_enable: None,
    },
    Board {
        name: "simulated board",
        id: Id { vendor: pci::VENDOR, device: pci::DEVICE },
        subsystem: None,
        bar: 0,
        window: 0,
        msi_enable: None,
    },
    // The ids that LitePCIe gives every Gen2 x4 design: whether it is ours, only the identity register says.
    Board {
        name: "LitePCIe Gen2 x4",
        id: Id { vendor: 0x10ee, device: 0x7024 },
        subsystem: None,
        bar: 0,
        window: 0x2_0000,
        msi_enable: None,
    },
];

/// The board with these ids.
#[must_use]
pub fn find(id: Id, subsystem: Id) -> Option<&'static Board> {
    BOARDS.iter().find(|b| b.id == id && b.subsystem.is_none_or(|wanted| wanted == subsystem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_ids() {
        let find = |vendor, device, subsystem| find(Id { vendor, device }, subsystem);
        let other = Id { vendor: 1, device: 2 };
        assert_eq!(find(0x1209, 0xcb00, Id::default()).unwrap().name, "simulated board");
        let behind = Id { vendor: 0x1209, device: 0xcb02 };
        assert_eq!(find(0x1209, 0xcb00, behind).unwrap().window, 0x2_0000);
        assert_eq!(find(0x10ee, 0x7024, other).unwrap().window, 0x2_0000);
        assert_eq!(find(0x10ee, 0x7025, other), None);
    }
}
