//! IOMMU groups.

use std::fs;
use std::path::Path;

use crate::pci::{Address, PciError, sysfs};

/// Class of PCI-to-PCI bridges, whose own driver does not disturb.
const BRIDGE: u32 = 0x0604;
/// Drivers that leave a device to VFIO.
const HARMLESS: [&str; 2] = ["vfio-pci", "pci-stub"];

/// Devices that the IOMMU cannot tell from each other: a process gets all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IommuGroup {
    /// Its number, the name of its file in `/dev/vfio`.
    pub number: u32,
    /// Whether bus addresses are physical addresses while a device is not VFIO's.
    pub identity: bool,
    /// Devices with drivers of their own; VFIO refuses the group while there are any.
    pub others: Vec<(Address, String)>,
}

impl IommuGroup {
    /// The group of the device with these files; `None` without an IOMMU.
    pub(crate) fn read(device: &Path) -> Result<Option<Self>, PciError> {
        let link = device.join("iommu_group");
        let Some(number) = sysfs::link_name(&link).and_then(|name| name.parse().ok()) else {
            return Ok(None);
        };
        // Kernels before 5.11 do not say.
        let identity = sysfs::read(&link.join("type"))?.is_none_or(|kind| kind == "identity");
        let members = link.join("devices");
        let mut others = Vec::new();
        for entry in fs::read_dir(&members).map_err(|e| PciError::file(&members, e))?.flatten() {
            let path = entry.path();
            let Some(address) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
            let Some(driver) = sysfs::link_name(&path.join("driver")) else { continue };
            let bridge = sysfs::read_hex(&path.join("class"))? >> 8 == BRIDGE;
            let this = device.file_name() == Some(&entry.file_name());
            if !this && !bridge && !HARMLESS.contains(&driver.as_str()) {
                others.push((address, driver));
            }
        }
        others.sort_unstable();
        Ok(Some(Self { number, identity, others }))
    }

    /// Whether VFIO would take it.
    pub(crate) fn check_viable(&self) -> Result<(), PciError> {
        if self.others.is_empty() {
            return Ok(());
        }
        let others: Vec<String> = self.others.iter().map(|(a, driver)| format!("{a} ({driver})")).collect();
        Err(PciError::GroupNotViable { group: self.number, others: others.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::fake::{BOARD, Tree};

    #[test]
    fn members_with_drivers() {
        let tree = Tree::new();
        tree.add("pci0000:00/0000:00:01.0/0000:01:00.1", "0x020000");
        tree.bound("0000:00:01.0", "pcieport");
        tree.bound(BOARD, "vfio-pci");
        tree.group(7, "DMA-FQ\n", &["0000:00:01.0", BOARD, "0000:01:00.1"]);
        let read = || IommuGroup::read(&fs::canonicalize(tree.board()).unwrap()).unwrap().unwrap();
        let group = read();
        assert_eq!((group.number, group.identity), (7, false));
        group.check_viable().unwrap();
        tree.bound("0000:01:00.1", "e1000e");
        let error = read().check_viable().unwrap_err().to_string();
        assert!(error.contains("group 7") && error.contains("0000:01:00.1 (e1000e)"), "{error}");
    }
}
