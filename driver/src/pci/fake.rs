//! A tree of files like the kernel's, with one board in it, for tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cbp_isa::registers::{self, MAGIC_VALUE};
use tempfile::TempDir;

use crate::pci::resource::{self, BARS, Resource};
use crate::pci::{Address, Sysfs};

pub(crate) const BOARD: &str = "0000:01:00.0";

const RESOURCE: &str = "\
0x00000000fea00000 0x00000000fea0ffff 0x0000000000040200
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x00000000fea10000 0x00000000fea10fff 0x0000000000040200
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x0000003800000000 0x00000039ffffffff 0x000000000014220c
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x0000000000000000 0x0000000000000000 0x0000000000000000
";

/// Configuration space of the simulated board: PCI Express with reset, then MSI-X with 4 vectors in BAR 2.
pub(crate) fn config() -> Vec<u8> {
    let mut bytes = vec![0; 256];
    let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(0x00, 0xcb00_1209);
    put(0x04, 0x0010_0000);
    put(0x08, 0x1200_0001);
    put(0x34, 0x40);
    put(0x3c, 0x0100);
    put(0x40, 0x0002_6010);
    put(0x44, 1 << 28);
    put(0x60, 0x0003_0011);
    put(0x64, 2);
    put(0x68, 0x802);
    bytes
}

pub(crate) fn resources() -> [Resource; BARS] {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("resource"), RESOURCE).unwrap();
    resource::read(directory.path()).unwrap()
}

/// The tree; it goes when this is dropped.
pub(crate) struct Tree {
    directory: TempDir,
}

impl Tree {
    /// A root port with our board behind it, bound to no driver, behind no IOMMU.
    pub(crate) fn new() -> Self {
        let tree = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(tree.path("bus/pci/devices")).unwrap();
        fs::create_dir_all(tree.path("bus/pci/drivers")).unwrap();
        tree.write("bus/pci/drivers_probe", "");
        let port = tree.add("pci0000:00/0000:00:01.0", "0x060400");
        let board = tree.add("pci0000:00/0000:00:01.0/0000:01:00.0", "0x120000");
        tree.write_in(&port, &[("max_link_speed", "8.0 GT/s PCIe\n"), ("max_link_width", "4\n")]);
        tree.write_in(&port, &[("vendor", "0x8086\n"), ("device", "0x1901\n")]);
        let mut bridge = config();
        bridge[0x0e] = 1;
        fs::write(port.join("config"), bridge).unwrap();
        let link = [("current_link_speed", "5.0 GT/s PCIe\n"), ("current_link_width", "4\n")];
        tree.write_in(&board, &link);
        tree.write_in(&board, &[("max_link_speed", "5.0 GT/s PCIe\n"), ("max_link_width", "4\n")]);
        tree.write_in(&board, &[("vendor", "0x1209\n"), ("device", "0xcb00\n"), ("numa_node", "-1\n")]);
        tree.write_in(&board, &[("subsystem_vendor", "0x0000\n"), ("subsystem_device", "0x0000\n")]);
        tree.write_in(&board, &[("resource", RESOURCE), ("driver_override", "(null)\n"), ("enable", "0\n")]);
        fs::write(board.join("config"), config()).unwrap();
        let mut window = vec![0; registers::WINDOW_BYTES as usize];
        let magic = registers::MAGIC.offset as usize;
        window[magic..magic + 4].copy_from_slice(&MAGIC_VALUE.to_le_bytes());
        fs::write(board.join("resource0"), window).unwrap();
        tree
    }

    pub(crate) fn sysfs(&self) -> Sysfs {
        Sysfs::new(self.directory.path())
    }

    pub(crate) fn address() -> Address {
        BOARD.parse().unwrap()
    }

    pub(crate) fn board(&self) -> PathBuf {
        self.sysfs().device(Self::address())
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn write_in(&self, directory: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            assert!(directory.starts_with(self.directory.path()));
            fs::write(directory.join(name), text).unwrap();
        }
    }

    /// A device of this class; returns its directory.
    pub(crate) fn add(&self, path: &str, class: &str) -> PathBuf {
        let directory = self.path("devices").join(path);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("class"), class).unwrap();
        symlink(&directory, self.path("bus/pci/devices").join(directory.file_name().unwrap())).unwrap();
        directory
    }

    /// A driver that the kernel has.
    pub(crate) fn driver(&self, name: &str) -> PathBuf {
        let directory = self.path("bus/pci/drivers").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("unbind"), "").unwrap();
        fs::write(directory.join("bind"), "").unwrap();
        directory
    }

    /// Binds a device to a driver.
    pub(crate) fn bound(&self, address: &str, driver: &str) {
        let link = self.path("bus/pci/devices").join(address).join("driver");
        let _ = fs::remove_file(&link);
        symlink(self.driver(driver), link).unwrap();
    }

    /// Puts devices into an IOMMU group.
    pub(crate) fn group(&self, number: u32, kind: &str, members: &[&str]) {
        let group = self.path("kernel/iommu_groups").join(number.to_string());
        fs::create_dir_all(group.join("devices")).unwrap();
        fs::write(group.join("type"), kind).unwrap();
        for member in members {
            let device = self.path("bus/pci/devices").join(member);
            symlink(&group, device.join("iommu_group")).unwrap();
            symlink(&device, group.join("devices").join(member)).unwrap();
        }
    }
}
