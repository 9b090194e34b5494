//! A PCI board as a [`Transport`].

use std::fmt;
use std::time::Duration;

use crate::backends::attachment::{Attachment, Parts};
use crate::backends::clock::Clock;
use crate::backends::pace::Pace;
use crate::backends::registers::Registers;
use crate::memory::{DmaBuffer, Meter, Pool};
use crate::pci::boards::Id;
use crate::pci::{PciDevice, PciError};
use crate::transport::{Identity, OutOfRange, Reset, Transport, TransportError};

/// A bit for each line of the core.
const LINES: u32 = 0xf;

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
    pace: Pace,
    msi_enable: Option<u32>,
}

impl PciTransport {
    pub(crate) fn new(device: &PciDevice, parts: Parts) -> Result<Self, PciError> {
        let Parts { name, registers, attachment, pool, msi_enable } = parts;
        let Id { vendor, device: id } = device.id;
        let identity = Identity { name: format!("{name} {}", device.address), vendor, device: id };
        let clock = Clock::from_environment()?;
        Ok(Self { identity, registers, attachment, pool, clock, pace: Pace::default(), msi_enable })
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
        self.pace.restart();
        self.registers.write(offset, value).map_err(outside)
    }

    fn allocate(&mut self, bytes: usize) -> Result<DmaBuffer, TransportError> {
        Ok(self.pool.allocate(bytes)?)
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        match self.pace.nap(self.clock.nap(until)) {
            Some(nap) => Ok(self.attachment.wait(nap)?),
            None => Ok(()),
        }
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        self.attachment.enable_dma()?;
        // A reset clears it. Messages are writes to memory, so it comes with them.
        self.msi_enable.map_or(Ok(()), |at| self.registers.write_beside(at, LINES)).map_err(outside)
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use cbp_isa::registers::WINDOW_BYTES;

    use super::*;
    use crate::backends::physical_source::PhysicalSource;
    use crate::pci::boards::BOARDS;
    use crate::pci::fake::Tree;

    /// Naps that were asked for; takes none.
    #[derive(Clone, Default)]
    struct Recorded(Arc<Mutex<Vec<Duration>>>);

    impl Attachment for Recorded {
        fn wait(&mut self, nap: Duration) -> Result<(), PciError> {
            self.0.lock().unwrap().push(nap);
            Ok(())
        }

        fn enable_dma(&mut self) -> Result<(), PciError> {
            Ok(())
        }

        fn reset(&mut self, _: Reset) -> Result<(), PciError> {
            Ok(())
        }
    }

    /// A board whose window lies behind other registers.
    fn board(tree: &Tree, msi_enable: Option<u32>) -> (PciTransport, Recorded, File) {
        let board = BOARDS.iter().find(|board| board.window != 0).unwrap();
        let path = tree.board().join("resource0");
        fs::write(&path, vec![0; (board.window + WINDOW_BYTES) as usize]).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let device = PciDevice::read(&tree.sysfs(), Tree::address()).unwrap();
        let registers = Registers::map(&file, 0, &device, board).unwrap();
        let recorded = Recorded::default();
        let attachment = Box::new(recorded.clone());
        let pool = Pool::new(PhysicalSource { address_bits: 32 });
        let parts = Parts { name: "test", registers, attachment, pool, msi_enable };
        (PciTransport::new(&device, parts).unwrap(), recorded, file)
    }

    /// A wait spins until something should have happened, and every write starts a new one.
    #[test]
    fn waits_spin_first() {
        let tree = Tree::new();
        let (mut board, recorded, _) = board(&tree, None);
        for waits in 1..3 {
            board.write32(0, 0).unwrap();
            board.wait_interrupt(Duration::MAX).unwrap();
            assert_eq!(recorded.0.lock().unwrap().len(), waits - 1, "it spins");
            thread::sleep(Duration::from_millis(2));
            board.wait_interrupt(Duration::MAX).unwrap();
            let nap = recorded.0.lock().unwrap()[waits - 1];
            assert!(nap >= Duration::from_micros(500), "a quarter of what it waited: {nap:?}");
        }
    }

    #[test]
    fn messages_are_let_through_with_dma() {
        use std::os::unix::fs::FileExt;
        let tree = Tree::new();
        let (mut board, _, file) = board(&tree, Some(0x1004));
        let found = || {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, 0x1004).unwrap();
            u32::from_le_bytes(bytes)
        };
        assert_eq!(found(), 0);
        board.enable_dma().unwrap();
        assert_eq!(found(), 0xf);
        let (mut nowhere, ..) = self::board(&tree, Some(u32::MAX - 3));
        assert!(nowhere.enable_dma().is_err());
    }
}
