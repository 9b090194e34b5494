//! A device in plain Rust behind the driver's interface: obedient, or as hostile as a test wants it.

#[path = "../identity/mod.rs"]
pub mod identity;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cbp_driver::{DmaMemory, Identity, OutOfRange, Reset, Transport, TransportError};
use cbp_isa::ISA_VERSION;
use cbp_isa::registers::{self, control, irq, status};
use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES};

const PAGE: u64 = 4096;

/// What a completion entry looks like when it differs from the truth.
pub type Corruption = fn(&mut [u8; COMPLETION_BYTES]);

/// Everything a test sets or looks at.
#[derive(Default)]
pub struct State {
    /// Live pieces: bus address and bytes.
    pub memory: Vec<(u64, Vec<u8>)>,
    next: u64,
    pub registers: std::collections::BTreeMap<u32, u32>,
    /// Jobs that complete by themselves after the doorbell.
    pub serve: bool,
    /// Status of the next completions.
    pub statuses: std::collections::VecDeque<u32>,
    pub corrupt: Option<Corruption>,
    /// Operations until one fails.
    pub fuse: Option<u32>,
    pub gone: bool,
    /// Soft reset never ends; this many outside resets are needed.
    pub stuck: u32,
    pub resets: Vec<Reset>,
    /// The back end cannot do this one.
    pub refused: Option<Reset>,
    /// The back end finds in this one that the device is gone.
    pub gone_at: Option<Reset>,
    /// Whether it may access memory.
    pub dma: bool,
    pub time: Duration,
}

#[derive(Clone, Default)]
pub struct Fake(pub Arc<Mutex<State>>);

pub struct FakeDma {
    state: Fake,
    address: u64,
    size: usize,
}

impl Fake {
    pub fn new() -> Self {
        let fake = Self::default();
        let mut s = fake.state();
        (s.next, s.serve) = (1 << 33, true);
        let own = [(registers::ISA_VERSION, ISA_VERSION + 7), (registers::ERROR_ADDRESS_LO, 0xabc0)];
        for (register, value) in identity::registers(40).into_iter().chain(own) {
            s.registers.insert(register.offset, value);
        }
        drop(s);
        fake
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn burn(&self) -> Result<(), TransportError> {
        let mut s = self.state();
        s.time += Duration::from_micros(1);
        match s.fuse.as_mut() {
            Some(0) => Err(TransportError::Other("the fuse blew".into())),
            Some(n) => {
                *n -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl State {
    pub fn get(&self, register: registers::Register) -> u32 {
        self.registers.get(&register.offset).copied().unwrap_or(0)
    }

    pub fn set(&mut self, register: registers::Register, value: u32) {
        self.registers.insert(register.offset, value);
    }

    fn address(&self, low: registers::Register) -> u64 {
        u64::from(self.registers[&(low.offset + 4)]) << 32 | u64::from(self.get(low))
    }

    fn piece(&mut self, address: u64) -> (&mut Vec<u8>, usize) {
        let (base, bytes) = self.memory.iter_mut().rfind(|(base, _)| *base <= address).unwrap();
        (bytes, (address - *base) as usize)
    }

    /// Completes the oldest job.
    pub fn complete(&mut self) {
        assert!(self.dma);
        let index = self.get(registers::QUEUE_COMMAND_CONSUMER);
        let commands = 1 << self.get(registers::QUEUE_COMMAND_LOG2);
        let at = self.address(registers::QUEUE_COMMAND_BASE_LO)
            + u64::from(index % commands) * COMMAND_BYTES as u64;
        let (bytes, offset) = self.piece(at);
        let cookie: [u8; 8] = bytes[offset..offset + 8].try_into().unwrap();
        let log2 = self.get(registers::QUEUE_COMPLETION_LOG2);
        let mut entry = [0; COMPLETION_BYTES];
        entry[..8].copy_from_slice(&cookie);
        entry[8..12].copy_from_slice(&self.statuses.pop_front().unwrap_or(0).to_le_bytes());
        entry[12..16].copy_from_slice(&index.to_le_bytes());
        entry[16..20].copy_from_slice(&(1000 + index).to_le_bytes());
        entry[31] = if index >> log2 & 1 == 0 { 0x80 } else { 0 };
        if let Some(corrupt) = self.corrupt {
            corrupt(&mut entry);
        }
        let at = self.address(registers::QUEUE_COMPLETION_BASE_LO);
        let (bytes, offset) = self.piece(at + u64::from(index % (1 << log2)) * COMPLETION_BYTES as u64);
        bytes[offset..offset + COMPLETION_BYTES].copy_from_slice(&entry);
        self.set(registers::QUEUE_COMMAND_CONSUMER, index.wrapping_add(1));
        self.set(registers::QUEUE_COMPLETION_PRODUCER, index.wrapping_add(1));
        self.set(registers::IRQ_STATUS, irq::COMPLETION);
    }
}

impl Transport for Fake {
    type Dma = FakeDma;

    fn identity(&self) -> Identity {
        Identity { name: "fake".to_owned(), vendor: 0, device: 0 }
    }

    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        self.burn()?;
        let s = self.state();
        Ok(if s.gone { u32::MAX } else { s.registers.get(&offset).copied().unwrap_or(0) })
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        self.burn()?;
        let mut s = self.state();
        if offset == registers::CONTROL.offset && value & control::SOFT_RESET != 0 {
            let done = if s.stuck == 0 { status::RESET_DONE } else { 0 };
            s.set(registers::STATUS, done);
            s.set(registers::QUEUE_COMMAND_CONSUMER, 0);
            s.set(registers::QUEUE_COMPLETION_PRODUCER, 0);
        } else if offset == registers::IRQ_STATUS.offset {
            let left = s.get(registers::IRQ_STATUS) & !value;
            s.set(registers::IRQ_STATUS, left);
        } else {
            s.registers.insert(offset, value);
        }
        if offset == registers::QUEUE_COMMAND_PRODUCER.offset && s.serve {
            while s.get(registers::QUEUE_COMMAND_CONSUMER) != value {
                s.complete();
            }
        }
        Ok(())
    }

    fn allocate(&mut self, bytes: usize) -> Result<FakeDma, TransportError> {
        self.burn()?;
        let mut s = self.state();
        let address = s.next;
        s.next += (bytes as u64).next_multiple_of(PAGE);
        s.memory.push((address, vec![0; bytes]));
        Ok(FakeDma { state: self.clone(), address, size: bytes })
    }

    fn now(&self) -> Duration {
        self.state().time
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        self.burn()?;
        let mut s = self.state();
        if s.get(registers::IRQ_STATUS) == 0 {
            s.time = s.time.max(until);
        }
        Ok(())
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        self.burn()?;
        let mut s = self.state();
        assert_eq!((s.get(registers::STATUS), s.get(registers::QUEUE_ENABLE)), (status::RESET_DONE, 0));
        s.dma = true;
        Ok(())
    }

    fn reset(&mut self, reset: Reset) -> Result<(), TransportError> {
        self.burn()?;
        let mut s = self.state();
        if s.refused == Some(reset) {
            return Err(TransportError::Other("refused".into()));
        }
        if s.gone_at == Some(reset) {
            return Err(TransportError::Gone);
        }
        s.resets.push(reset);
        s.dma = false;
        s.stuck = s.stuck.saturating_sub(1);
        Ok(())
    }
}

impl DmaMemory for FakeDma {
    fn bus_address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> usize {
        self.size
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size)?;
        let mut s = self.state.state();
        let (piece, at) = s.piece(self.address);
        bytes.copy_from_slice(&piece[at + offset..][..bytes.len()]);
        Ok(())
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size)?;
        let mut s = self.state.state();
        let (piece, at) = s.piece(self.address);
        piece[at + offset..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
}

impl Drop for FakeDma {
    fn drop(&mut self) {
        self.state.state().memory.retain(|(address, _)| *address != self.address);
    }
}
