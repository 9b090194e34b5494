//! What a device says about itself.

use cbp_isa::registers::{self, MAGIC_VALUE};
use cbp_isa::{BadConfig, Config, ISA_VERSION};

use crate::error::Error;
use crate::transport::Transport;
use crate::window::Window;

/// Identity registers of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Version of its interface; the major half equals the driver's.
    pub version: u32,
    /// How it was built.
    pub config: Config,
    /// [`cbp_isa::capability`] bits.
    pub capabilities: u32,
    /// Bits of a bus address that it drives.
    pub dma_address_bits: u32,
}

impl Info {
    /// Asks a device that nobody uses; this changes nothing in it.
    ///
    /// # Errors
    /// No device, another device, another version.
    pub fn of<T: Transport>(transport: T) -> Result<Self, Error> {
        Self::read(&mut Window(transport))
    }

    /// Reads and checks the identity registers; changes nothing in the device.
    pub(crate) fn read<T: Transport>(window: &mut Window<T>) -> Result<Self, Error> {
        match window.read(registers::MAGIC)? {
            MAGIC_VALUE => {}
            other => return Err(Error::NotOurs(other)),
        }
        let version = window.read(registers::ISA_VERSION)?;
        if version >> 16 != ISA_VERSION >> 16 {
            return Err(Error::WrongVersion { device: version, driver: ISA_VERSION });
        }
        let config = Config::from_registers([
            window.read(registers::CONFIG_ARRAY)?,
            window.read(registers::CONFIG_SET)?,
            window.read(registers::CONFIG_ACTIVATIONS)?,
            window.read(registers::CONFIG_WEIGHTS)?,
            window.read(registers::CONFIG_PARAMETERS)?,
            window.read(registers::CONFIG_OUTPUTS)?,
            window.read(registers::CONFIG_RESIDUALS)?,
            window.read(registers::CONFIG_LINES)?,
        ])?;
        let dma_address_bits = window.read(registers::DMA_ADDRESS_BITS)?;
        if !(32..=64).contains(&dma_address_bits) {
            return Err(BadConfig("DMA address bits must be 32…64").into());
        }
        Ok(Self { version, config, capabilities: window.read(registers::CAPABILITIES)?, dma_address_bits })
    }

    /// Whether the device can reach `size` bytes at `address`.
    pub(crate) fn reaches(&self, address: u64, size: usize) -> Result<(), Error> {
        let bits = self.dma_address_bits;
        let last = address.checked_add(size.saturating_sub(1) as u64);
        match last {
            Some(last) if bits >= 64 || last >> bits == 0 => Ok(()),
            _ => Err(Error::Unreachable { address, bits }),
        }
    }
}
