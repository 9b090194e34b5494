//! Configuration space, read from a snapshot.
//!
//! The crate `pcie` decodes it. That crate sizes base address registers by writing to them and follows any capability
//! list it finds. So it never gets a live device but a model of one: a copy of what the kernel shows, in which writes
//! end, base address registers have the kernel's sizes, and a list that leads nowhere is cut.

use pcie::{Endpoint, MsixTableInfo, PciAddress, PciCapability, PcieController};
use rdif_pcie::{DriverGeneric, Interface};

use crate::pci::resource::{BARS, Resource};

/// What processes without privileges may read.
const HEADER: usize = 64;
/// Where capabilities of the conventional kind end.
const CONVENTIONAL: usize = 256;

const COMMAND_STATUS: u16 = 0x04;
const CAPABILITY_LIST: u8 = 0x10;
const HEADER_TYPE: usize = 0x0e;
const FIRST_BAR: usize = 0x10;
const CAPABILITY_POINTER: usize = 0x34;

const EXPRESS: u8 = 0x10;
const MSIX: u8 = 0x11;
/// Device Capabilities bit of a function-level reset.
const FUNCTION_RESET: u32 = 1 << 28;

/// A base address register that is memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Physical address.
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// Reads have no effect.
    pub prefetchable: bool,
}

/// What the configuration space of an endpoint says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // facts that do not depend on each other
pub struct Function {
    /// Base address registers that are memory, by number.
    pub bars: [Option<Bar>; BARS],
    /// It has a PCI Express capability.
    pub express: bool,
    /// It can be reset alone.
    pub function_reset: bool,
    /// Vectors of MSI-X; 0 without it.
    pub msix_vectors: u16,
    /// BAR that holds their table.
    pub msix_bar: Option<u8>,
    /// It has MSI.
    pub msi: bool,
    /// It has a legacy interrupt pin.
    pub intx: bool,
    /// The whole capability list was read. Without privileges only the header can be.
    pub complete: bool,
}

impl Function {
    /// Decodes a snapshot; `None` if it is no endpoint or was cut within the header.
    #[must_use]
    pub fn decode(snapshot: &[u8], resources: &[Resource; BARS]) -> Option<Self> {
        if snapshot.len() < HEADER || snapshot[..2] == [0xff; 2] || snapshot[HEADER_TYPE] & 0x7f != 0 {
            return None;
        }
        let mut bytes = snapshot[..snapshot.len().min(CONVENTIONAL)].to_vec();
        let complete = cut_capabilities(&mut bytes);
        let mut controller = PcieController::new(Model::new(&bytes, resources));
        let endpoint = pcie::enumerate_by_controller(&mut controller, Some(0..1)).next()?;
        let mut function = Self {
            bars: endpoint.bars().map(|bar| bar.and_then(memory)),
            intx: (1..=4).contains(&endpoint.interrupt_pin()),
            complete,
            ..Self::default()
        };
        for capability in endpoint.capabilities() {
            function.add(&endpoint, capability, resources);
        }
        Some(function)
    }

    fn add(&mut self, endpoint: &Endpoint, capability: PciCapability, resources: &[Resource; BARS]) {
        match capability {
            PciCapability::Msi(_) => self.msi = true,
            PciCapability::PciExpress(at) => {
                self.express = true;
                self.function_reset = endpoint.read(at.offset + 4) & FUNCTION_RESET != 0;
            }
            PciCapability::MsiX(msix) => {
                let table = MsixTableInfo::from_capability(&msix);
                let size = resources.get(usize::from(table.bar)).map_or(0, |r| r.size);
                // A table outside of its BAR cannot be used.
                if table.table_range(0..usize::try_from(size).unwrap_or(usize::MAX)).is_ok() {
                    self.msix_vectors = table.entries;
                    self.msix_bar = Some(table.bar);
                }
            }
            _ => {}
        }
    }

    /// Size of a memory BAR; 0 if there is none.
    #[must_use]
    pub fn bar_size(&self, bar: u8) -> u64 {
        self.bars.get(usize::from(bar)).copied().flatten().map_or(0, |bar| bar.size)
    }
}

fn memory(bar: pcie::Bar) -> Option<Bar> {
    match bar {
        pcie::Bar::Memory32 { address, size, prefetchable } => {
            Some(Bar { address: address.into(), size: size.into(), prefetchable })
        }
        pcie::Bar::Memory64 { address, size, prefetchable } => Some(Bar { address, size, prefetchable }),
        pcie::Bar::Io { .. } => None,
    }
}

/// Ends the capability list before the first entry that is not in the snapshot or was there before. Whether it was whole.
fn cut_capabilities(bytes: &mut [u8]) -> bool {
    if bytes[usize::from(COMMAND_STATUS) + 2] & CAPABILITY_LIST == 0 {
        return true;
    }
    let mut seen = [false; CONVENTIONAL];
    let mut link = CAPABILITY_POINTER;
    loop {
        bytes[link] &= !3;
        let at = usize::from(bytes[link]);
        if at == 0 {
            return true;
        }
        let length = match bytes.get(at) {
            Some(&EXPRESS) => 20,
            Some(&MSIX) => 12,
            _ => 4,
        };
        if at < HEADER || at + length > bytes.len() || seen[at] {
            bytes[link] = 0;
            return false;
        }
        seen[at] = true;
        link = at + 1;
    }
}

/// A bus with one function, at its first address.
struct Model {
    registers: Vec<u32>,
    /// What each base address register reads after all ones were written to it.
    sizing: [u32; BARS],
}

impl Model {
    fn new(bytes: &[u8], resources: &[Resource; BARS]) -> Self {
        let words = bytes.as_chunks().0;
        let mut registers: Vec<u32> = words.iter().map(|&w| u32::from_le_bytes(w)).collect();
        let (bars, sizing) = registers_of(resources);
        registers[FIRST_BAR / 4..][..BARS].copy_from_slice(&bars);
        Self { registers, sizing }
    }
}

impl DriverGeneric for Model {
    fn name(&self) -> &'static str {
        "snapshot"
    }
}

impl Interface for Model {
    fn read(&mut self, address: PciAddress, offset: u16) -> u32 {
        let register =
            self.registers.get(usize::from(offset / 4)).filter(|_| address == PciAddress::default());
        register.copied().unwrap_or(u32::MAX)
    }

    fn write(&mut self, address: PciAddress, offset: u16, value: u32) {
        let slot = usize::from(offset / 4).wrapping_sub(FIRST_BAR / 4);
        if address == PciAddress::default() && slot < BARS {
            self.registers[FIRST_BAR / 4 + slot] = if value == u32::MAX { self.sizing[slot] } else { value };
        }
    }
}

/// Values of the six registers, and what they read while they are sized.
fn registers_of(resources: &[Resource; BARS]) -> ([u32; BARS], [u32; BARS]) {
    let (mut values, mut sizing) = ([0; BARS], [0; BARS]);
    let mut slot = 0;
    while slot < BARS {
        let bar = resources[slot];
        let wide = bar.is_wide() && slot + 1 < BARS;
        let limit = if wide { 1 << 63 } else { 1 << 31 };
        if bar.is_memory() && bar.size.is_power_of_two() && (16..=limit).contains(&bar.size) {
            let kind = u32::from(bar.is_prefetchable()) << 3 | u32::from(wide) << 2;
            let mask = !(bar.size - 1);
            values[slot] = bar.start as u32 & !0xf | kind;
            sizing[slot] = mask as u32 | kind;
            if wide {
                values[slot + 1] = (bar.start >> 32) as u32;
                sizing[slot + 1] = (mask >> 32) as u32;
            }
        }
        slot += if wide { 2 } else { 1 };
    }
    (values, sizing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pci::fake::{config, resources};

    #[test]
    fn our_board() {
        let function = Function::decode(&config(), &resources()).unwrap();
        assert!(function.complete && function.express && function.function_reset && function.intx);
        assert_eq!((function.msix_vectors, function.msix_bar), (4, Some(2)));
        assert_eq!((function.bar_size(0), function.bar_size(1), function.bar_size(2)), (0x1_0000, 0, 0x1000));
        assert_eq!(function.bar_size(9), 0);
        let wide = Bar { address: 0x38_0000_0000, size: 1 << 33, prefetchable: true };
        assert_eq!(function.bars[4], Some(wide));
    }

    #[test]
    fn without_privileges() {
        let function = Function::decode(&config()[..64], &resources()).unwrap();
        assert!(!function.complete && !function.express);
        assert_eq!(function.bar_size(0), 0x1_0000);
    }

    #[test]
    fn lists_that_lead_nowhere() {
        for (at, next) in [(0x34, 0x20), (0x41, 0x40), (0x61, 0x40), (0x61, 0x3f)] {
            let mut bytes = config();
            bytes[at] = next;
            assert!(!Function::decode(&bytes, &resources()).unwrap().complete, "{at:#x} {next:#x}");
        }
        for cut in [0x41, 0x50, 0x64, 0x6b] {
            assert!(!Function::decode(&config()[..cut], &resources()).unwrap().complete, "{cut:#x}");
        }
        let mut bytes = config();
        bytes[0x64..0x68].copy_from_slice(&0x0000_0fff_u32.to_le_bytes()); // table in BAR 7
        assert_eq!(Function::decode(&bytes, &resources()).unwrap().msix_vectors, 0);
    }

    #[test]
    fn no_endpoints() {
        let mut bridge = config();
        bridge[0x0e] = 0x81;
        assert_eq!(Function::decode(&bridge, &resources()), None);
        assert_eq!(Function::decode(&[0xff; 256], &resources()), None);
        assert_eq!(Function::decode(&config()[..63], &resources()), None);
    }

    proptest! {
        /// Whatever a device shows, decoding ends and does not fail.
        #[test]
        fn any_snapshot(
            mut bytes in prop::collection::vec(any::<u8>(), 64..300),
            bars in prop::array::uniform6((any::<u64>(), 0_u32..64, any::<u64>())),
        ) {
            bytes[0x0e] = 0;
            let bars = bars.map(|(start, log2, flags)| Resource::new(start, 1 << log2, flags));
            prop_assert!(bytes[..2] == [0xff; 2] || Function::decode(&bytes, &bars).is_some());
        }
    }
}
