//! Checked access to the register window.

use cbp_isa::registers::{self, Register};

use crate::error::{Error, Snapshot};
use crate::transport::Transport;

const ALL_ONES: u32 = u32::MAX;

/// Registers that tell why a device is stuck.
const SNAPSHOT: &[Register] = &[
    registers::STATUS,
    registers::ERROR_CODE,
    registers::ERROR_ADDRESS_LO,
    registers::ERROR_ADDRESS_HI,
    registers::IRQ_STATUS,
    registers::CYCLES_LO,
    registers::QUEUE_COMMAND_PRODUCER,
    registers::QUEUE_COMMAND_CONSUMER,
    registers::QUEUE_COMPLETION_PRODUCER,
    registers::QUEUE_COMPLETION_CONSUMER,
    registers::QUEUE_ENABLE,
];

/// The registers of one device.
pub(crate) struct Window<T>(pub T);

impl<T: Transport> Window<T> {
    /// Reads a register; all ones is an error if the device is gone, and data if it is not.
    pub(crate) fn read(&mut self, register: Register) -> Result<u32, Error> {
        let value = self.0.read32(register.offset)?;
        if value == ALL_ONES && self.0.read32(registers::MAGIC.offset)? == ALL_ONES {
            return Err(Error::DeviceGone);
        }
        Ok(value)
    }

    /// Reads a 64-bit register by its low half. A device may go between the halves.
    pub(crate) fn read64(&mut self, low: Register) -> Result<u64, Error> {
        let value = self.0.read64(low.offset)?;
        if value as u32 == ALL_ONES || (value >> 32) as u32 == ALL_ONES {
            self.read(registers::MAGIC)?;
        }
        Ok(value)
    }

    pub(crate) fn write(&mut self, register: Register, value: u32) -> Result<(), Error> {
        Ok(self.0.write32(register.offset, value)?)
    }

    /// Writes a 64-bit register by its low half.
    pub(crate) fn write64(&mut self, low: Register, value: u64) -> Result<(), Error> {
        Ok(self.0.write64(low.offset, value)?)
    }

    /// Whatever can still be read.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let read = |r: &Register| Some((r.name, self.0.read32(r.offset).ok()?));
        Snapshot { registers: SNAPSHOT.iter().filter_map(read).collect(), ..Snapshot::default() }
    }
}
