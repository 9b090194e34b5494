//! A device without a driver: its files in sysfs, physical addresses, polling.

use std::hint;
use std::thread;
use std::time::Duration;

use crate::backends::attachment::{Attachment, Parts};
use crate::backends::config_file::ConfigFile;
use crate::backends::physical_source::PhysicalSource;
use crate::backends::registers::Registers;
use crate::memory::Pool;
use crate::pci::{PciDevice, PciError};
use crate::transport::Reset;

/// Rounds of a wait that spin: jobs of microseconds end in them.
const SPINS: u32 = 64;
/// Length of one, in hints to the processor.
const SPIN: u32 = 32;
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);
/// log2 of longest by shortest sleep.
const GROWTH: u32 = 5;

/// Nothing but configuration space.
struct Polling(ConfigFile);

/// Opens a device that is bound to no driver.
pub(crate) fn open(device: &PciDevice) -> Result<Parts, PciError> {
    let board = device.known()?;
    if let Some(driver) = device.driver.clone() {
        return Err(PciError::ForeignDriver { address: device.address, driver, remedy: "unbind" });
    }
    check_addresses(device)?;
    // Enabled first: the registers of a device that is not answer with all ones.
    let config = ConfigFile::open(device)?;
    let registers = Registers::of_resource(device, board)?;
    Ok(Parts {
        name: "sysfs",
        registers,
        attachment: Box::new(Polling(config)),
        pool: Pool::new(PhysicalSource),
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
    fn wait(&mut self, nap: Duration, round: u32) -> Result<(), PciError> {
        match round.checked_sub(SPINS) {
            None => (0..SPIN).for_each(|_| hint::spin_loop()),
            Some(sleeps) => thread::sleep((SHORTEST_SLEEP * (1 << sleeps.min(GROWTH))).min(nap)),
        }
        Ok(())
    }

    fn enable_dma(&mut self) -> Result<(), PciError> {
        self.0.enable_dma()
    }

    fn reset(&mut self, reset: Reset) -> Result<(), PciError> {
        self.0.reset(reset)
    }
}
