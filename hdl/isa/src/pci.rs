//! What the simulated board calls itself on the PCI bus. Real boards keep the ids of their PCIe wrapper.

/// Vendor: pid.codes, which gives ids to open hardware.
pub const VENDOR: u16 = 0x1209;

/// Device: the accelerator behind a simulated endpoint.
pub const DEVICE: u16 = 0xcb00;

/// Class: processing accelerator, no programming interface.
pub const CLASS: u32 = 0x12_0000;
