//! A back end that fails on demand, around any other one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cbp_driver::{DmaMemory, Identity, OutOfRange, Reset, Transport, TransportError};
use cbp_isa::registers::{self, Register};

/// The bit of a bus address that [`Fault::Beyond`] sets, and the device lacks.
const HIGH: u64 = 1 << 40;

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Every read gives all ones, writes go nowhere.
    Removed,
    /// So many register accesses from now.
    RemovedAfter(u32),
    /// The back end says that the device is gone.
    Unplugged,
    /// Writes of this register go nowhere.
    Deaf(Register),
    /// This register reads so.
    Reads(Register, u32),
    /// Interrupts never arrive: every wait lasts until the driver looks again by itself.
    NoInterrupts,
    /// Interrupts arrive all the time.
    EndlessInterrupts,
    /// Every register access takes so long on the device's scale.
    Stall(Duration),
    /// Words of a completion entry are changed when the host reads them.
    Completion(fn(&mut [u64])),
    /// The phase bit that the device writes never changes.
    StalePhase,
    /// Words of a command entry are changed on their way to memory.
    Command(fn(&mut [u64])),
    /// There is no memory.
    NoMemory,
    /// Memory lies at addresses that the device says it cannot drive.
    Beyond,
    /// Nobody lets the device access memory.
    NoMaster,
    /// The operation after so many others fails.
    Fuse(u32),
}

/// The fault of the moment, and what is allocated.
#[derive(Clone, Default)]
pub struct Control(Arc<State>);

#[derive(Default)]
struct State {
    fault: Mutex<Option<Fault>>,
    live: AtomicUsize,
    stalled: Mutex<Duration>,
}

impl Control {
    /// From now on this goes wrong, or nothing.
    pub fn set(&self, fault: Option<Fault>) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What goes wrong.
    #[must_use]
    pub fn get(&self) -> Option<Fault> {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Buffers that were allocated and not freed.
    #[must_use]
    pub fn live(&self) -> usize {
        self.0.live.load(Ordering::Relaxed)
    }

    /// An operation that may fail.
    fn operation(&self) -> Result<(), TransportError> {
        match self.get() {
            Some(Fault::Unplugged) => Err(TransportError::Gone),
            Some(Fault::Fuse(0)) => Err(TransportError::Other("a failure on purpose".into())),
            Some(Fault::Fuse(left)) => {
                self.set(Some(Fault::Fuse(left - 1)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A register access; whether the device is there.
    fn access(&self) -> Result<bool, TransportError> {
        self.operation()?;
        match self.get() {
            Some(Fault::Removed) => return Ok(false),
            Some(Fault::RemovedAfter(0)) => {
                self.set(Some(Fault::Removed));
                return Ok(false);
            }
            Some(Fault::RemovedAfter(left)) => self.set(Some(Fault::RemovedAfter(left - 1))),
            Some(Fault::Stall(time)) => {
                *self.0.stalled.lock().unwrap_or_else(PoisonError::into_inner) += time;
            }
            _ => {}
        }
        Ok(true)
    }
}

/// A back end with faults.
pub struct Injected<T> {
    inner: T,
    control: Control,
}

impl<T: Transport> Injected<T> {
    /// Around `inner`.
    pub const fn new(inner: T, control: Control) -> Self {
        Self { inner, control }
    }
}

/// Its memory.
pub struct InjectedDma<M> {
    inner: M,
    control: Control,
}

impl<M> Drop for InjectedDma<M> {
    fn drop(&mut self) {
        self.control.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<M: DmaMemory> DmaMemory for InjectedDma<M> {
    fn bus_address(&self) -> u64 {
        let high = if matches!(self.control.get(), Some(Fault::Beyond)) { HIGH } else { 0 };
        self.inner.bus_address() | high
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        self.inner.read(offset, bytes)
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        self.inner.write(offset, bytes)
    }

    /// Only completion entries are read as words.
    fn read_words<const N: usize>(&self, offset: usize) -> Result<[u64; N], OutOfRange> {
        let mut words = self.inner.read_words(offset)?;
        if let Some(Fault::Completion(change)) = self.control.get() {
            change(&mut words);
        }
        Ok(words)
    }

    /// Only command entries are written as words.
    fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        let mut words = *words;
        if let Some(Fault::Command(change)) = self.control.get() {
            change(&mut words);
        }
        self.inner.write_words(offset, &words)
    }

    /// Only phases are read so.
    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        let dword = self.inner.read_u32(offset)?;
        Ok(if matches!(self.control.get(), Some(Fault::StalePhase)) { dword ^ 1 << 31 } else { dword })
    }
}

impl<T: Transport> Transport for Injected<T> {
    type Dma = InjectedDma<T::Dma>;

    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        if !self.control.access()? {
            return Ok(u32::MAX);
        }
        match self.control.get() {
            // Read all the same: that takes the time that a read takes.
            Some(Fault::Reads(register, value)) if register.offset == offset => {
                self.inner.read32(offset).map(|_| value)
            }
            Some(Fault::Beyond) if registers::DMA_ADDRESS_BITS.offset == offset => {
                self.inner.read32(offset).map(|_| HIGH.ilog2())
            }
            _ => self.inner.read32(offset),
        }
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        if !self.control.access()? {
            return Ok(());
        }
        match self.control.get() {
            Some(Fault::Deaf(register)) if register.offset == offset => Ok(()),
            _ => self.inner.write32(offset, value),
        }
    }

    fn allocate(&mut self, bytes: usize) -> Result<Self::Dma, TransportError> {
        self.control.operation()?;
        if matches!(self.control.get(), Some(Fault::NoMemory)) {
            return Err(TransportError::NoMemory(bytes));
        }
        let inner = self.inner.allocate(bytes)?;
        self.control.0.live.fetch_add(1, Ordering::Relaxed);
        Ok(InjectedDma { inner, control: self.control.clone() })
    }

    fn now(&self) -> Duration {
        self.inner.now() + *self.control.0.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        self.control.operation()?;
        match self.control.get() {
            Some(Fault::EndlessInterrupts) => {
                // A register read costs device time, so that a simulated device goes on.
                self.inner.read32(registers::STATUS.offset)?;
                Ok(())
            }
            // What the driver gets is the time-out of a wait in which nothing was heard.
            Some(Fault::NoInterrupts) => {
                let enabled = self.inner.read32(registers::IRQ_ENABLE.offset)?;
                self.inner.write32(registers::IRQ_ENABLE.offset, 0)?;
                self.inner.wait_interrupt(until)?;
                self.inner.write32(registers::IRQ_ENABLE.offset, enabled)
            }
            _ => {
                let stalled = *self.control.0.stalled.lock().unwrap_or_else(PoisonError::into_inner);
                self.inner.wait_interrupt(until.saturating_sub(stalled))
            }
        }
    }

    fn enable_dma(&mut self) -> Result<(), TransportError> {
        self.control.operation()?;
        if matches!(self.control.get(), Some(Fault::NoMaster)) {
            return Ok(());
        }
        self.inner.enable_dma()
    }

    fn reset(&mut self, reset: Reset) -> Result<(), TransportError> {
        self.control.operation()?;
        self.inner.reset(reset)
    }
}
