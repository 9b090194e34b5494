//! Control of a device through its files in sysfs, for the back ends without VFIO.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::backends::command::{self, BUS_MASTER, INTX_DISABLE, MEMORY};
use crate::pci::lock::Lock;
use crate::pci::{PciDevice, PciError, sysfs};
use crate::transport::Reset;

/// A device that belongs to this process. Dropping it puts back what was, but for access to memory.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    config: File,
    _lock: Lock,
    device: PathBuf,
    /// The command register before.
    before: u16,
    /// Whether we enabled a device that has no driver to do it.
    enabled: bool,
}

impl ConfigFile {
    /// Takes the device and lets it answer. It accesses no memory, even if a process that was killed left it running, and
    /// raises no interrupt that nobody handles.
    pub(crate) fn open(device: &PciDevice) -> Result<Self, PciError> {
        let path = device.path.join("config");
        let lock = Lock::take(&device.path, device.address)?;
        let config = sysfs::open(&path)?;
        // A process that was killed leaves access to memory behind, which must not come back.
        let before = command::read(&config, 0).map_err(|e| PciError::file(&path, e))? & !BUS_MASTER;
        let mut this = Self { config, _lock: lock, device: device.path.clone(), before, enabled: false };
        if device.driver.is_none() {
            this.enable("1")?;
            this.enabled = true;
        }
        this.answer_only()?;
        Ok(this)
    }

    /// Lets the device access memory.
    pub(crate) fn enable_dma(&self) -> Result<(), PciError> {
        self.command(BUS_MASTER, 0)
    }

    /// The state after opening and after a reset.
    fn answer_only(&self) -> Result<(), PciError> {
        // The kernel enables the pin with the device. Without a driver nobody silences it, also for those who share it.
        self.command(if self.enabled { MEMORY | INTX_DISABLE } else { MEMORY }, BUS_MASTER)
    }

    /// Lets the device raise its legacy interrupt again, which the kernel disabled when it came.
    pub(crate) fn rearm(&self) -> Result<(), PciError> {
        self.command(0, INTX_DISABLE)
    }

    /// Resets it by the kernel, which saves and restores the configuration.
    pub(crate) fn reset(&self, reset: Reset) -> Result<(), PciError> {
        let method = self.device.join("reset_method");
        let trigger = self.device.join("reset");
        let methods = sysfs::read(&method)?;
        let has = |name| methods.as_ref().is_some_and(|m| m.split_whitespace().any(|m| m == name));
        match reset {
            Reset::Function if trigger.exists() => sysfs::write(&trigger, "1")?,
            Reset::Bus if has("bus") => {
                sysfs::write(&method, "bus")?;
                let done = sysfs::write(&trigger, "1");
                let restored = sysfs::write(&method, methods.as_deref().unwrap_or("default"));
                done.and(restored)?;
            }
            Reset::Function => return Err(PciError::Unsupported("function-level reset")),
            Reset::Bus => return Err(PciError::Unsupported("bus reset")),
        }
        self.answer_only()
    }

    /// Fails if it has left the bus.
    pub(crate) fn check_present(&self) -> Result<(), PciError> {
        command::read(&self.config, 0).map(drop).map_err(|e| self.failed(e))
    }

    fn command(&self, set: u16, clear: u16) -> Result<(), PciError> {
        command::update(&self.config, 0, set, clear).map_err(|e| self.failed(e))
    }

    fn enable(&self, value: &str) -> Result<(), PciError> {
        sysfs::write(&self.device.join("enable"), value)
    }

    fn failed(&self, error: io::Error) -> PciError {
        PciError::file(self.device.join("config"), error)
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        // Errors have nobody to go to; a device that is gone accesses nothing.
        let _ = self.config.write_all_at(&self.before.to_le_bytes(), command::OFFSET);
        if self.enabled {
            let _ = self.enable("0");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::pci::fake::{BOARD, Tree};

    fn command_of(tree: &Tree) -> u16 {
        let config = fs::read(tree.board().join("config")).unwrap();
        u16::from_le_bytes([config[4], config[5]])
    }

    fn set_command(tree: &Tree, value: u16) {
        let mut config = fs::read(tree.board().join("config")).unwrap();
        config[4..6].copy_from_slice(&value.to_le_bytes());
        fs::write(tree.board().join("config"), config).unwrap();
    }

    fn open(tree: &Tree) -> Result<ConfigFile, PciError> {
        ConfigFile::open(&PciDevice::read(&tree.sysfs(), Tree::address())?)
    }

    #[test]
    fn everything_is_put_back() {
        let tree = Tree::new();
        let device = open(&tree).unwrap();
        assert_eq!(command_of(&tree), MEMORY | INTX_DISABLE);
        device.enable_dma().unwrap();
        let enabled = MEMORY | INTX_DISABLE | BUS_MASTER;
        assert_eq!(command_of(&tree), enabled);
        assert!(fs::read_to_string(tree.board().join("enable")).unwrap().starts_with('1'));
        assert!(matches!(open(&tree), Err(PciError::Busy(_))));
        assert_eq!(command_of(&tree), enabled, "the second one changed nothing");
        drop(device);
        assert_eq!(command_of(&tree), 0);
        assert!(fs::read_to_string(tree.board().join("enable")).unwrap().starts_with('0'));
    }

    /// What a process that was killed left behind, and what a reset brings back with the saved configuration.
    #[test]
    fn access_to_memory_is_never_inherited() {
        let tree = Tree::new();
        set_command(&tree, MEMORY | BUS_MASTER);
        let device = open(&tree).unwrap();
        assert_eq!(command_of(&tree), MEMORY | INTX_DISABLE);
        fs::write(tree.board().join("reset"), "").unwrap();
        set_command(&tree, MEMORY | BUS_MASTER);
        device.reset(Reset::Function).unwrap();
        assert_eq!(command_of(&tree), MEMORY | INTX_DISABLE);
        drop(device);
        assert_eq!(command_of(&tree), MEMORY);
    }

    /// With a driver of the kernel the pin has a handler.
    #[test]
    fn a_driver_keeps_its_interrupt() {
        let tree = Tree::new();
        tree.bound(BOARD, "uio_pci_generic");
        let _device = open(&tree).unwrap();
        assert_eq!(command_of(&tree), MEMORY);
    }

    #[test]
    fn a_device_that_cannot_be_enabled() {
        let tree = Tree::new();
        fs::remove_file(tree.board().join("enable")).unwrap();
        assert!(open(&tree).unwrap_err().to_string().contains("enable"));
        assert_eq!(command_of(&tree), 0);
        fs::write(tree.board().join("config"), [0; 3]).unwrap();
        assert!(open(&tree).is_err());
    }

    #[test]
    fn resets() {
        let tree = Tree::new();
        let device = open(&tree).unwrap();
        assert!(matches!(device.reset(Reset::Function), Err(PciError::Unsupported(_))));
        assert!(matches!(device.reset(Reset::Bus), Err(PciError::Unsupported(_))));
        let reset = tree.board().join("reset");
        fs::write(&reset, "").unwrap();
        device.reset(Reset::Function).unwrap();
        assert_eq!(fs::read_to_string(&reset).unwrap(), "1");
        let method = tree.board().join("reset_method");
        fs::write(&method, "flr bus").unwrap();
        device.reset(Reset::Bus).unwrap();
        assert_eq!(fs::read_to_string(&method).unwrap(), "flr bus");
    }

    #[test]
    fn rearming_clears_one_bit() {
        let tree = Tree::new();
        let device = open(&tree).unwrap();
        set_command(&tree, MEMORY | 5 << 8);
        device.rearm().unwrap();
        assert_eq!(command_of(&tree), MEMORY | 1 << 8);
    }
}
