//! What the simulated board calls itself on the PCI bus. Real boards keep the ids of their PCIe wrapper.

/// Vendor: pid.codes, which gives ids to open hardware.
pub const VENDOR: u16 = 0x1209;

/// Device: the accelerator behind a simulated endpoint.
pub const DEVICE: u16 = 0xcb00;

/// Class: processing accelerator, no programming interface.
pub const CLASS: u32 = 0x12_0000;

/// Subsystem of a simulated card whose register window begins at `window` of BAR0: [`DEVICE`] itself where it begins at
/// 0, so that a driver can tell cards apart.
#[must_use]
pub const fn subsystem(window: u32) -> u16 {
    DEVICE.wrapping_add((window >> 16) as u16)
}
