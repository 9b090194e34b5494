//! The simulated device as a transport of the driver.

use std::time::Duration;

use cbp_driver::{Identity, Reset, Transport, TransportError};
use cbp_isa::Config;
use cbp_isa::registers::WINDOW_BYTES;

use crate::device::{SimDevice, SimOptions};
use crate::error::SimError;
use crate::memory::SimDma;

/// Cycles after which a wait looks at the completion ring even without an interrupt.
const POLL_CYCLES: u64 = 20_000;

/// A [`SimDevice`] behind the driver's interface. Time is its clock cycles at the nominal rate.
pub struct SimTransport {
    device: SimDevice,
    clock_hz: u64,
}

impl SimTransport {
    /// The accelerator of a configuration.
    ///
    /// # Errors
    /// The model cannot be built.
    pub fn accelerator(config: &Config, options: &SimOptions) -> Result<Self, SimError> {
        Ok(Self::from_device(SimDevice::accelerator(config, options)?, options))
    }

    /// The model of a Verilog text (see [`SimDevice::new`]).
    ///
    /// # Errors
    /// The model cannot be built.
    pub fn new(text: &str, top: &str, config: &Config, options: &SimOptions) -> Result<Self, SimError> {
        Ok(Self::from_device(SimDevice::new(text, top, config, options)?, options))
    }

    /// A device that is simulated already.
    #[must_use]
    pub fn from_device(device: SimDevice, options: &SimOptions) -> Self {
        device.memory().set_fence(true);
        Self { device, clock_hz: options.clock_hz.max(1) }
    }

    /// The simulation, for traces, faults and counters.
    pub const fn sim(&mut self) -> &mut SimDevice {
        &mut self.device
    }

    fn cycle_at(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() * u128::from(self.clock_hz) / 1_000_000_000).unwrap_or(u64::MAX)
    }
}

impl From<SimError> for TransportError {
    fn from(error: SimError) -> Self {
        Self::Other(Box::new(error))
    }
}

/// Refuses what is not a register of the window.
fn in_window(offset: u32) -> Result<u32, SimError> {
    let decode_error = SimError::Refused { offset, response: 3 };
    if offset < WINDOW_BYTES && offset.is_multiple_of(4) { Ok(offset) } else { Err(decode_error) }
}

impl Transport for SimTransport {
    type Dma = SimDma;

    fn identity(&self) -> Identity {
        Identity { name: "sim".to_owned(), vendor: 0, device: 0 }
    }

    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        Ok(self.device.read32(in_window(offset)?)?)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        Ok(self.device.write32(in_window(offset)?, value)?)
    }

    fn allocate(&mut self, bytes: usize) -> Result<SimDma, TransportError> {
        Ok(SimDma::new(self.device.shared_memory(), bytes))
    }

    fn now(&self) -> Duration {
        let nanoseconds = u128::from(self.device.cycle()) * 1_000_000_000 / u128::from(self.clock_hz);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        // One more cycle than the division gives, so that `now` has reached `until` afterwards.
        let end = self.cycle_at(until).saturating_add(1).min(self.device.cycle() + POLL_CYCLES);
        while self.device.irq() == 0 && self.device.cycle() < end {
            self.device.tick()?;
        }
        Ok(())
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        self.device.memory().set_fence(false);
        Ok(())
    }

    /// The device has no access to memory afterwards, as a board.
    fn reset(&mut self, _: Reset) -> Result<(), TransportError> {
        self.device.memory().set_fence(true);
        Ok(self.device.reset()?)
    }
}
