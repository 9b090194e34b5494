//! Devices as the kernel shows them; nothing here changes one.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::pci::boards::{Board, Id, find};
use crate::pci::{Address, Function, IommuGroup, Link, PciError, Sysfs, resource, sysfs};

/// Bytes of configuration space that are read.
const CONFIG: u64 = 256;

/// A PCI device.
#[derive(Clone, Debug)]
pub struct PciDevice {
    /// Where it is.
    pub address: Address,
    /// Its files.
    pub path: PathBuf,
    /// What it is.
    pub id: Id,
    /// Who built it into a board.
    pub subsystem: Id,
    /// Class, subclass, programming interface.
    pub class: u32,
    /// The board, if this driver knows it.
    pub board: Option<&'static Board>,
    /// What its configuration space says; `None` if it is a bridge, or has left the bus.
    pub function: Option<Function>,
    /// Its link now.
    pub link: Option<Link>,
    /// What its link can do.
    pub max_link: Option<Link>,
    /// What the slot can do.
    pub slot_link: Option<Link>,
    /// NUMA node it is near to.
    pub numa_node: Option<u32>,
    /// Driver of the kernel that it is bound to.
    pub driver: Option<String>,
    /// Devices that the IOMMU cannot tell from it.
    pub iommu_group: Option<IommuGroup>,
}

impl PciDevice {
    /// Reads what the kernel shows of one device.
    ///
    /// # Errors
    /// There is none, or a file is not as it should be.
    pub fn read(tree: &Sysfs, address: Address) -> Result<Self, PciError> {
        let link = tree.device(address);
        let path = fs::canonicalize(&link).map_err(|_| PciError::NoDevice(address))?;
        let (id, subsystem) = ids(&path)?;
        let numa_node = sysfs::read(&path.join("numa_node"))?.and_then(|n| n.parse().ok());
        Ok(Self {
            address,
            id,
            subsystem,
            class: sysfs::read_hex(&path.join("class"))?,
            board: find(id, subsystem),
            function: Function::decode(&snapshot(&path.join("config"))?, &resource::read(&path)?),
            link: Link::read(&path, "current"),
            max_link: Link::read(&path, "max"),
            slot_link: path.parent().and_then(|slot| Link::read(slot, "max")),
            numa_node,
            driver: sysfs::link_name(&path.join("driver")),
            iommu_group: IommuGroup::read(&path)?,
            path,
        })
    }

    /// The link that device and slot can form, if the link is slower or narrower than that.
    #[must_use]
    pub fn degraded_from(&self) -> Option<Link> {
        let device = self.max_link?;
        let possible = self.slot_link.map_or(device, |slot| slot.common(device));
        let link = self.link?;
        (link.common(possible) != possible).then_some(possible)
    }

    /// Fails unless this driver of the kernel has it, or none.
    pub(crate) fn check_driver(&self, wanted: Option<&'static str>) -> Result<(), PciError> {
        let address = self.address;
        match (&self.driver, wanted) {
            (Some(driver), _) if wanted != Some(driver.as_str()) => {
                Err(PciError::ForeignDriver { address, driver: driver.clone() })
            }
            (None, Some(wanted)) => Err(PciError::Unbound { address, wanted }),
            _ => Ok(()),
        }
    }

    /// The board, or that this is none.
    pub(crate) fn known(&self) -> Result<&'static Board, PciError> {
        self.board.ok_or(PciError::NotABoard { address: self.address, id: self.id })
    }
}

/// A board of [`discover`].
pub type Found = (Address, Result<PciDevice, PciError>);

/// All boards that this driver knows, in the order of their addresses. One that cannot be read is there too, with the
/// reason.
///
/// # Errors
/// The kernel's list of devices cannot be read.
pub fn discover(tree: &Sysfs) -> Result<Vec<Found>, PciError> {
    let mut boards = Vec::new();
    for address in tree.addresses()? {
        // Of other devices nothing else is read.
        let known = ids(&tree.device(address)).is_ok_and(|(id, subsystem)| find(id, subsystem).is_some());
        match known.then(|| PciDevice::read(tree, address)) {
            // Unplugged meanwhile.
            None | Some(Err(PciError::NoDevice(_))) => {}
            Some(device) => boards.push((address, device)),
        }
    }
    Ok(boards)
}

/// Ids of a device and of its subsystem, which bridges lack.
fn ids(device: &Path) -> Result<(Id, Id), PciError> {
    let hex = |name: &str| sysfs::read_hex(&device.join(name)).map(|id| id as u16);
    let has_subsystem = device.join("subsystem_vendor").exists();
    let subsystem = if has_subsystem {
        Id { vendor: hex("subsystem_vendor")?, device: hex("subsystem_device")? }
    } else {
        Id::default()
    };
    Ok((Id { vendor: hex("vendor")?, device: hex("device")? }, subsystem))
}

/// As much of the configuration space as this process may read.
fn snapshot(path: &Path) -> Result<Vec<u8>, PciError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(CONFIG).read_to_end(&mut bytes));
    read.map_err(|e| PciError::file(path, e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::fake::Tree;

    #[test]
    fn a_board_behind_a_port() {
        let tree = Tree::new();
        let found = discover(&tree.sysfs()).unwrap();
        let [(_, Ok(board))] = &found[..] else { panic!("{found:?}") };
        assert_eq!((board.address, board.class), (Tree::address(), 0x12_0000));
        assert_eq!(board.id.to_string(), "1209:cb00");
        assert_eq!(board.board.unwrap().name, "simulated board");
        assert_eq!((board.numa_node, &board.driver, &board.iommu_group), (None, &None, &None));
        assert_eq!(board.link, Some(Link { speed: 50, width: 4 }));
        assert_eq!(board.slot_link, Some(Link { speed: 80, width: 4 }));
        assert_eq!(board.degraded_from(), None);
        assert_eq!(board.function.as_ref().unwrap().bar_size(0), 0x1_0000);
        let port = PciDevice::read(&tree.sysfs(), "00:01.0".parse().unwrap()).unwrap();
        assert!(port.board.is_none() && port.function.is_none());
        assert!(matches!(port.known(), Err(PciError::NotABoard { id: Id { vendor: 0x8086, .. }, .. })));
    }

    #[test]
    fn degraded_links() {
        let tree = Tree::new();
        fs::write(tree.board().join("current_link_width"), "1\n").unwrap();
        let board = PciDevice::read(&tree.sysfs(), Tree::address()).unwrap();
        assert_eq!(board.degraded_from(), Some(Link { speed: 50, width: 4 }));
        // The slot is the limit: nothing is wrong.
        fs::write(tree.board().parent().unwrap().join("0000:00:01.0/max_link_width"), "1\n").unwrap();
        let board = PciDevice::read(&tree.sysfs(), Tree::address()).unwrap();
        assert_eq!(board.degraded_from(), None);
    }

    /// Its files are there, and reading them fails: directories do not read.
    #[test]
    fn a_sick_board_hides_no_other() {
        let tree = Tree::new();
        for address in ["0000:02:00.0", "0000:03:00.0"] {
            let path = tree.add(&format!("pci0000:00/{address}"), "0x120000");
            for file in ["vendor", "device", "resource", "config", "driver_override"] {
                fs::copy(tree.board().join(file), path.join(file)).unwrap();
            }
        }
        let speed = tree.board().join("current_link_speed");
        fs::remove_file(&speed).unwrap();
        fs::create_dir(&speed).unwrap();
        fs::write(tree.path("bus/pci/devices/0000:02:00.0/resource"), "1 2 3").unwrap();
        let found = discover(&tree.sysfs()).unwrap();
        let [(_, Ok(first)), (at, Err(error)), (_, Ok(third))] = &found[..] else { panic!("{found:?}") };
        assert_eq!((first.link, at.bus, third.address.bus), (None, 2, 3));
        assert!(error.to_string().contains("resource"), "{error}");
    }

    #[test]
    fn machines_without_boards() {
        let empty = tempfile::tempdir().unwrap();
        assert!(discover(&Sysfs::new(empty.path())).unwrap().is_empty());
        let error = PciDevice::read(&Sysfs::new(empty.path()), Tree::address()).unwrap_err();
        assert!(error.to_string().contains("rescan"), "{error}");
    }

    #[test]
    fn files_that_hold_nonsense() {
        for (file, text) in [("vendor", "0xhello"), ("vendor", ""), ("resource", "1 2 3"), ("class", "x")] {
            let tree = Tree::new();
            fs::write(tree.board().join(file), text).unwrap();
            let error = PciDevice::read(&tree.sysfs(), Tree::address()).unwrap_err();
            assert!(error.to_string().contains(file), "{error}");
        }
    }
}
