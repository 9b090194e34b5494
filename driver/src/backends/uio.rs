//! A device bound to `uio_pci_generic`: as sysfs, and the legacy interrupt if it has one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::backends::attachment::{Attachment, Parts, poll_for};
use crate::backends::config_file::ConfigFile;
use crate::backends::physical_source::PhysicalSource;
use crate::backends::registers::Registers;
use crate::backends::sysfs::check_addresses;
use crate::memory::Pool;
use crate::pci::{PciDevice, PciError, bind, sysfs};
use crate::transport::Reset;

/// Configuration space and the file whose reads count interrupts.
struct Uio {
    config: ConfigFile,
    node: File,
    /// Not every board has a pin: some wrappers send messages only, which this driver of the kernel knows nothing of.
    pin: bool,
}

/// Opens a device that is bound to `uio_pci_generic`.
pub(crate) fn open(device: &PciDevice) -> Result<Parts, PciError> {
    let board = device.known()?;
    device.check_driver(Some(bind::UIO))?;
    check_addresses(device)?;
    // Before the node: closing one takes the device's access to memory away, even if another process has it open.
    let config = ConfigFile::open(device)?;
    let node = sysfs::open(&node(&device.path)?)?;
    let registers = Registers::of_resource(device, board)?;
    let pin = device.function.as_ref().is_some_and(|function| function.intx);
    Ok(Parts {
        name: "uio",
        msi_enable: None,
        attachment: Box::new(Uio { config, node, pin }),
        pool: Pool::new(PhysicalSource { address_bits: registers.address_bits() }),
        registers,
    })
}

/// The device's node: `/dev/uioN`, where N is the kernel's choice.
fn node(device: &Path) -> Result<PathBuf, PciError> {
    let path = device.join("uio");
    let entries = fs::read_dir(&path).map_err(|e| PciError::file(&path, e))?;
    let name = entries.flatten().next().map(|entry| entry.file_name());
    let name = name.ok_or_else(|| PciError::file(&path, io::ErrorKind::NotFound.into()))?;
    Ok(Path::new("/dev").join(name))
}

impl Uio {
    /// Takes the interrupt, so that the next wait sleeps.
    fn take(&mut self) -> Result<(), PciError> {
        match self.node.read_exact(&mut [0; 4]) {
            // The device has left, or the firmware gave its pin no interrupt.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => {
                self.config.check_present()?;
                self.pin = false;
                Ok(())
            }
            read => read.map_err(|e| PciError::system("read of the uio node", e)),
        }
    }
}

impl Attachment for Uio {
    fn wait(&mut self, nap: Duration) -> Result<(), PciError> {
        if !self.pin {
            thread::sleep(nap);
            return Ok(());
        }
        // Only now: before the driver acknowledged the last interrupt, its level would raise it again. `uio_pci_generic`
        // takes no writes to its node, so this goes through configuration space.
        self.config.rearm()?;
        let ready = poll_for(&mut [PollFd::new(&self.node, PollFlags::IN)], nap)?;
        if ready { self.take() } else { Ok(()) }
    }

    fn enable_dma(&mut self) -> Result<(), PciError> {
        self.config.enable_dma()
    }

    fn reset(&mut self, reset: Reset) -> Result<(), PciError> {
        self.config.reset(reset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransportError;
    use crate::pci::fake::{BOARD, Tree};

    #[test]
    fn nodes() {
        let tree = Tree::new();
        assert!(node(&tree.board()).is_err());
        fs::create_dir_all(tree.board().join("uio/uio3")).unwrap();
        assert_eq!(node(&tree.board()).unwrap(), Path::new("/dev/uio3"));
    }

    /// A file whose reads fail as those of a node do without a device or without an interrupt.
    fn failing() -> File {
        File::open("/proc/self/mem").unwrap()
    }

    #[test]
    fn boards_without_an_interrupt() {
        let tree = Tree::new();
        let config = ConfigFile::open(&PciDevice::read(&tree.sysfs(), Tree::address()).unwrap()).unwrap();
        let mut uio = Uio { config, node: failing(), pin: true };
        uio.wait(Duration::ZERO).unwrap();
        assert!(!uio.pin, "it sleeps from now on");
        uio.wait(Duration::ZERO).unwrap();
    }

    #[test]
    fn boards_that_are_gone() {
        let tree = Tree::new();
        let config = ConfigFile::open(&PciDevice::read(&tree.sysfs(), Tree::address()).unwrap()).unwrap();
        let mut uio = Uio { config, node: failing(), pin: true };
        fs::write(tree.board().join("config"), [0xff; 64]).unwrap();
        for _ in 0..2 {
            for result in [uio.wait(Duration::ZERO), uio.take()] {
                assert!(matches!(TransportError::from(result.unwrap_err()), TransportError::Gone));
            }
        }
    }

    #[test]
    fn refusals() {
        let tree = Tree::new();
        let refused = || open(&PciDevice::read(&tree.sysfs(), Tree::address()).unwrap()).err().unwrap();
        assert!(refused().to_string().contains("cbp device bind 0000:01:00.0 --driver uio_pci_generic"));
        tree.bound(BOARD, "nvme");
        assert!(refused().to_string().contains("bound to the driver nvme"));
        tree.bound(BOARD, bind::UIO);
        tree.group(1, "DMA\n", &[BOARD]);
        assert!(matches!(refused(), PciError::Translated(_)));
    }
}
