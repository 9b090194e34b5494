//! A device that does nothing but complete jobs, as fast as it can: what is left is the cost of the rings.
#![allow(clippy::unwrap_used)] // helpers of tests
#![allow(dead_code)] // each test uses a part

#[path = "../identity/mod.rs"]
mod identity;

use std::sync::Arc;
use std::time::Duration;

use cbp_driver::memory::Mapped;
use cbp_driver::{
    Device, DmaMemory, Identity, Job, Options, OutOfRange, Reset, Segment, Transport, TransportError,
};
use cbp_isa::registers::{self, control, status};
use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES};

/// Bytes of the addresses that a piece of memory gets.
const REGION: u64 = 1 << 24;

/// One piece of memory.
pub struct NullDma {
    memory: Arc<Mapped>,
    address: u64,
}

/// Registers as an array, memory as mappings.
pub struct Null {
    registers: Vec<u32>,
    pieces: Vec<Arc<Mapped>>,
    /// Command and completion ring, once the queue is enabled.
    rings: Option<(Arc<Mapped>, Arc<Mapped>)>,
}

impl Null {
    pub fn new() -> Self {
        let mut null = Self { registers: vec![0; 0x4000], pieces: Vec::new(), rings: None };
        for (register, value) in identity::registers(48) {
            *null.register(register.offset) = value;
        }
        null
    }

    fn register(&mut self, offset: u32) -> &mut u32 {
        &mut self.registers[offset as usize / 4]
    }

    fn piece(&mut self, low: u32) -> Arc<Mapped> {
        let address = u64::from(*self.register(low + 4)) << 32 | u64::from(*self.register(low));
        Arc::clone(&self.pieces[(address / REGION) as usize - 1])
    }

    fn complete(&mut self, producer: u32) {
        let Some((commands, completions)) = self.rings.take() else { return };
        let log2 = *self.register(registers::QUEUE_COMMAND_LOG2.offset);
        let mut index = *self.register(registers::QUEUE_COMMAND_CONSUMER.offset);
        while index != producer {
            let slot = (index & ((1 << log2) - 1)) as usize;
            let [cookie] = commands.read_words(slot * COMMAND_BYTES).unwrap();
            let phase = u64::from(!index >> log2) << 63;
            let entry = [cookie, u64::from(index) << 32, 0, phase];
            completions.write_words(slot * COMPLETION_BYTES, &entry).unwrap();
            index = index.wrapping_add(1);
        }
        *self.register(registers::QUEUE_COMMAND_CONSUMER.offset) = index;
        *self.register(registers::QUEUE_COMPLETION_PRODUCER.offset) = index;
        self.rings = Some((commands, completions));
    }
}

impl Transport for Null {
    type Dma = NullDma;

    fn identity(&self) -> Identity {
        Identity { name: "null".to_owned(), vendor: 0, device: 0 }
    }

    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        Ok(*self.register(offset))
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        *self.register(offset) = value;
        if offset == registers::QUEUE_COMMAND_PRODUCER.offset {
            self.complete(value);
        } else if offset == registers::QUEUE_ENABLE.offset && value == 1 {
            let commands = self.piece(registers::QUEUE_COMMAND_BASE_LO.offset);
            let completions = self.piece(registers::QUEUE_COMPLETION_BASE_LO.offset);
            self.rings = Some((commands, completions));
        } else if offset == registers::CONTROL.offset && value == control::SOFT_RESET {
            *self.register(registers::STATUS.offset) = status::RESET_DONE;
            *self.register(registers::QUEUE_COMMAND_CONSUMER.offset) = 0;
            *self.register(registers::QUEUE_COMPLETION_PRODUCER.offset) = 0;
        }
        Ok(())
    }

    fn allocate(&mut self, bytes: usize) -> Result<NullDma, TransportError> {
        let memory = Arc::new(Mapped::zeroed(bytes).ok_or(TransportError::NoMemory(bytes))?);
        self.pieces.push(Arc::clone(&memory));
        Ok(NullDma { memory, address: REGION * self.pieces.len() as u64 })
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wait_interrupt(&mut self, _: Duration) -> Result<(), TransportError> {
        Ok(())
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn reset(&mut self, _: Reset) -> Result<(), TransportError> {
        Ok(())
    }
}

impl DmaMemory for NullDma {
    fn bus_address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> usize {
        self.memory.size()
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        self.memory.read(offset, bytes)
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        self.memory.write(offset, bytes)
    }

    fn read_words<const N: usize>(&self, offset: usize) -> Result<[u64; N], OutOfRange> {
        self.memory.read_words(offset)
    }

    fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        self.memory.write_words(offset, words)
    }

    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        self.memory.read_u32(offset)
    }
}

/// A device of 64 entries, and a job for it: program, input and output in one memory.
pub fn device() -> (Device<Null>, Job<NullDma>) {
    let mut device = Device::open(Null::new(), Options::default()).unwrap();
    let memory = device.allocate(1 << 16).unwrap();
    (device, Job::new(Segment::all(memory.lend()), 10))
}

/// Submits as many jobs as the rings hold, then takes their completions.
pub fn round(device: &mut Device<Null>, job: &Job<NullDma>) -> u64 {
    let mut tickets = [None; 64];
    for ticket in &mut tickets {
        *ticket = Some(device.enqueue(job).unwrap());
    }
    device.ring().unwrap();
    let mut odd = 0;
    for ticket in tickets {
        odd += device.poll(ticket.unwrap()).unwrap().unwrap().cookie & 1;
    }
    odd
}
