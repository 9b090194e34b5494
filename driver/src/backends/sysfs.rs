//! A device without a driver: its files in sysfs, physical addresses, polling.

use std::thread;
use std::time::Duration;

use crate::backends::attachment::{Attachment, Parts};
use crate::backends::config_file::ConfigFile;
use crate::backends::physical_source::PhysicalSource;
use crate::backends::registers::Registers;
use crate::memory::Pool;
use crate::pci::{PciDevice, PciError};
use crate::transport::Reset;

/// Nothing but configuration space.
struct Polling(ConfigFile);

/// Opens a device that is bound to no driver.
pub(crate) fn open(device: &PciDevice) -> Result<Parts, PciError> {
    let board = device.known()?;
    device.check_driver(None)?;
    check_addresses(device)?;
    // Enabled first: the registers of a device that is not answer with all ones.
    let config = ConfigFile::open(device)?;
    let registers = Registers::of_resource(device, board)?;
    Ok(Parts {
        name: "sysfs",
        msi_enable: None,
        attachment: Box::new(Polling(config)),
        pool: Pool::new(PhysicalSource { address_bits: registers.address_bits() }),
        registers,
    })
}

/// Physical addresses must be bus addresses.
pub(crate) fn check_addresses(device: &PciDevice) -> Result<(), PciError> {
    match &device.iommu_group {
        Some(group) if !group.identity => Err(PciError::Translated(device.address)),
        _ => Ok(()),
    }
}

impl Attachment for Polling {
    fn wait(&mut self, nap: Duration) -> Result<(), PciError> {
        thread::sleep(nap);
        Ok(())
    }

    fn enable_dma(&mut self) -> Result<(), PciError> {
        self.0.enable_dma()
    }

    fn reset(&mut self, reset: Reset) -> Result<(), PciError> {
        self.0.reset(reset)
    }
}
