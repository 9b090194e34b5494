//! Everything behind the bus.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cbp_isa::registers::{self, WINDOW_BYTES};
use cbp_sim::{ExternalMemory, SimDevice};

use crate::clock::{Clock, Stopped};
use crate::dma::ClientMemory;
use crate::endpoint::{Endpoint, MSIX_BAR, Options, WINDOW_BAR};
use crate::error::ServerError;

/// What reads of a device that is not there give.
const ALL_ONES: u8 = 0xff;

/// How a card is built.
#[derive(Clone, Debug)]
pub struct CardOptions {
    /// Its endpoint.
    pub endpoint: Options,
    /// Bits of a bus address that it drives, if fewer than the accelerator's own.
    pub dma_bits: u32,
}

impl Default for CardOptions {
    fn default() -> Self {
        Self { endpoint: Options::default(), dma_bits: u64::BITS }
    }
}

/// The way of interrupts to the client.
pub trait Interrupts: Send + Sync {
    /// Levels rose, or messages and the line may have changed: sends what there is to send. It is called from several
    /// threads, and never with the endpoint locked.
    fn deliver(&self, endpoint: &Mutex<Endpoint>, risen: u8);
}

/// The endpoint, what no endpoint holds on to for longer than an access.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An endpoint with the clocked accelerator and the client's memory behind it.
pub struct Card {
    endpoint: Arc<Mutex<Endpoint>>,
    clock: Clock,
    memory: Arc<ClientMemory>,
    interrupts: Arc<dyn Interrupts>,
    options: CardOptions,
}

impl Card {
    /// Puts a simulated device on a card. Its own memory is replaced by the client's.
    ///
    /// # Errors
    /// No endpoint has these options.
    pub fn new(
        device: SimDevice,
        options: CardOptions,
        memory: Arc<ClientMemory>,
        interrupts: Arc<dyn Interrupts>,
    ) -> Result<Self, ServerError> {
        let endpoint = Arc::new(Mutex::new(Endpoint::new(options.endpoint.clone())?));
        device.memory().set_external(Arc::clone(&memory) as Arc<dyn ExternalMemory>);
        let (heard, way) = (Arc::clone(&endpoint), Arc::clone(&interrupts));
        let clock = Clock::start(device, move |levels, risen| {
            lock(&heard).interrupt(levels, risen);
            way.deliver(&heard, risen);
        });
        Ok(Self { endpoint, clock, memory, interrupts, options })
    }

    /// How it is built.
    #[must_use]
    pub const fn options(&self) -> &CardOptions {
        &self.options
    }

    /// The client's memory.
    #[must_use]
    pub const fn memory(&self) -> &Arc<ClientMemory> {
        &self.memory
    }

    /// BAR and offset of a bus address.
    #[must_use]
    pub fn decode(&self, address: u64) -> Option<(usize, u64)> {
        lock(&self.endpoint).decode(address)
    }

    /// Reads 1, 2 or 4 bytes of configuration space.
    #[must_use]
    pub fn config_read(&self, at: usize, length: usize) -> u32 {
        lock(&self.endpoint).config_read(at, length)
    }

    /// Writes 1, 2 or 4 bytes of configuration space; a function-level reset happens here.
    ///
    /// # Errors
    /// The model stopped.
    pub fn config_write(&self, at: usize, length: usize, value: u32) -> Result<(), Stopped> {
        let (reset, master) = {
            let mut endpoint = lock(&self.endpoint);
            endpoint.config_write(at, length, value);
            (endpoint.take_reset(), endpoint.is_master())
        };
        self.memory.set_master(master);
        if reset {
            return self.reset();
        }
        self.interrupts.deliver(&self.endpoint, 0);
        Ok(())
    }

    /// Resets the accelerator and the endpoint.
    ///
    /// # Errors
    /// The model stopped.
    pub fn reset(&self) -> Result<(), Stopped> {
        self.memory.set_master(false);
        let done = self.clock.reset();
        lock(&self.endpoint).reset();
        self.interrupts.deliver(&self.endpoint, 0);
        done
    }

    /// Reads from a BAR. Where nothing answers, and once the model stopped, all bits are one.
    pub fn bar_read(&self, bar: usize, offset: u64, bytes: &mut [u8]) {
        if !lock(&self.endpoint).answers_memory() {
            bytes.fill(ALL_ONES);
        } else if bar == MSIX_BAR {
            let endpoint = lock(&self.endpoint);
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte = endpoint.msix_read(offset as usize + i);
            }
        } else if bar == WINDOW_BAR {
            self.memory.forget_translation();
            self.window_read(offset, bytes);
        } else {
            bytes.fill(ALL_ONES);
        }
    }

    /// Registers are read as a whole, and the bytes asked for are taken from them.
    fn window_read(&self, offset: u64, bytes: &mut [u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let skip = (at % 4) as usize;
            let count = (4 - skip).min(bytes.len() - done);
            let word = match self.register(at - skip as u64) {
                Some(register) => self.read(register).unwrap_or(u32::MAX),
                None => 0, // a wrapper's own registers, which this one has not
            };
            bytes[done..done + count].copy_from_slice(&word.to_le_bytes()[skip..skip + count]);
            done += count;
        }
    }

    fn read(&self, register: u32) -> Result<u32, Stopped> {
        let value = self.clock.read(register)?;
        let is_bits = register == registers::DMA_ADDRESS_BITS.offset;
        Ok(if is_bits { value.min(self.options.dma_bits) } else { value })
    }

    /// Writes to a BAR. Registers take aligned words only; anything else is dropped, as are writes to where nothing is.
    ///
    /// # Errors
    /// The model stopped.
    pub fn bar_write(&self, bar: usize, offset: u64, bytes: &[u8]) -> Result<(), Stopped> {
        if !lock(&self.endpoint).answers_memory() {
            return Ok(());
        }
        if bar == MSIX_BAR {
            {
                let mut endpoint = lock(&self.endpoint);
                for (i, &byte) in bytes.iter().enumerate() {
                    endpoint.msix_write(offset as usize + i, byte);
                }
            }
            self.interrupts.deliver(&self.endpoint, 0);
        } else if bar == WINDOW_BAR && offset.is_multiple_of(4) {
            self.memory.forget_translation();
            for (i, &word) in bytes.as_chunks().0.iter().enumerate() {
                if let Some(register) = self.register(offset + 4 * i as u64) {
                    self.clock.write(register, u32::from_le_bytes(word))?;
                }
            }
        }
        Ok(())
    }

    /// The register of the window at an offset of its BAR.
    fn register(&self, offset: u64) -> Option<u32> {
        let offset = offset.checked_sub(u64::from(self.options.endpoint.window_offset))?;
        u32::try_from(offset).ok().filter(|&offset| offset < WINDOW_BYTES)
    }
}
