//! A PCI board as a [`Transport`].

use std::fmt;
use std::time::Duration;

use crate::backends::attachment::{Attachment, Parts};
use crate::backends::clock::Clock;
use crate::backends::registers::Registers;
use crate::memory::{DmaBuffer, Meter, Pool};
use crate::pci::boards::Id;
use crate::pci::{PciDevice, PciError};
use crate::transport::{Identity, OutOfRange, Reset, Transport, TransportError};

/// A PCI board, open through any back end.
///
/// The device can access memory from [`Transport::enable_dma`] until this is dropped.
pub struct PciTransport {
    identity: Identity,
    registers: Registers,
    // Before the pool: the device loses its access first.
    attachment: Box<dyn Attachment>,
    pool: Pool,
    clock: Clock,
    /// The deadline of the wait that runs, and how often it was called for it.
    wait: (Duration, u32),
}

impl PciTransport {
    pub(crate) fn new(device: &PciDevice, parts: Parts) -> Result<Self, PciError> {
        let Parts { name, registers, attachment, pool } = parts;
        let Id { vendor, device: id } = device.id;
        let identity = Identity { name: format!("{name} {}", device.address), vendor, device: id };
        let clock = Clock::from_environment()?;
        Ok(Self { identity, registers, attachment, pool, clock, wait: (Duration::ZERO, 0) })
    }

    /// Counts of its DMA memory.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.pool.meter()
    }
}

impl Transport for PciTransport {
    type Dma = DmaBuffer;

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        self.registers.read(offset).map_err(outside)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        self.registers.write(offset, value).map_err(outside)
    }

    fn allocate(&mut self, bytes: usize) -> Result<DmaBuffer, TransportError> {
        Ok(self.pool.allocate(bytes)?)
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        let round = if self.wait.0 == until { self.wait.1.saturating_add(1) } else { 0 };
        self.wait = (until, round);
        Ok(self.attachment.wait(self.clock.nap(until), round)?)
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        Ok(self.attachment.enable_dma()?)
    }

    fn reset(&mut self, reset: Reset) -> Result<(), TransportError> {
        Ok(self.attachment.reset(reset)?)
    }
}

fn outside(error: OutOfRange) -> TransportError {
    TransportError::Other(Box::new(error))
}

impl fmt::Debug for PciTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PciTransport({})", self.identity)
    }
}
