//! What a back end provides.

use std::fmt;
use std::time::Duration;

/// Memory that both the host and the device can access.
///
/// There is no way to borrow it, because the device may change it at any time. Implementations over mapped
/// memory copy with volatile or atomic accesses. This is what back ends and rings see; who uses a device has
/// [`HostBuffer`](crate::HostBuffer)s, which say whose the memory is.
pub trait DmaMemory: Send + Sync + 'static {
    /// Where the device sees it; a multiple of 4,096.
    fn bus_address(&self) -> u64;

    /// Bytes.
    fn size(&self) -> usize;

    /// Copies out.
    ///
    /// # Errors
    /// The range is not inside the memory.
    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange>;

    /// Copies in.
    ///
    /// # Errors
    /// The range is not inside the memory.
    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange>;

    /// Copies words out, little-endian; rings are read with it.
    ///
    /// # Errors
    /// The range is not inside the memory.
    fn read_words<const N: usize>(&self, offset: usize) -> Result<[u64; N], OutOfRange> {
        let mut words = [0; N];
        for (i, word) in words.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            self.read(offset + 8 * i, &mut bytes)?;
            *word = u64::from_le_bytes(bytes);
        }
        Ok(words)
    }

    /// Copies words in, little-endian; rings are written with it.
    ///
    /// # Errors
    /// The range is not inside the memory.
    fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        words.iter().enumerate().try_for_each(|(i, word)| self.write(offset + 8 * i, &word.to_le_bytes()))
    }

    /// One aligned 32-bit load with acquire order: what the device wrote before it is visible after it.
    ///
    /// # Errors
    /// The range is not inside the memory.
    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange>;
}

/// An access beyond a piece of DMA memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bytes {offset}…{} of a DMA memory of {size}", .offset + .length)]
pub struct OutOfRange {
    /// First byte.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// Bytes there are.
    pub size: usize,
}

impl OutOfRange {
    /// Checks an access of `length` bytes at `offset`.
    ///
    /// # Errors
    /// It does not lie in `size` bytes.
    pub const fn check(offset: usize, length: usize, size: usize) -> Result<(), Self> {
        match offset.checked_add(length) {
            Some(end) if end <= size => Ok(()),
            _ => Err(Self { offset, length, size }),
        }
    }
}

/// Which device this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Back end and address, for messages: `sim`, `vfio 0000:03:00.0`.
    pub name: String,
    /// PCI vendor, 0 if there is none.
    pub vendor: u16,
    /// PCI device.
    pub device: u16,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{:04x}:{:04x}]", self.name, self.vendor, self.device)
    }
}

/// Resets beyond the device's own soft reset, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Function-level reset.
    Function,
    /// Reset of the bus or slot.
    Bus,
}

/// Why a back end could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The device has left the bus.
    #[error("the device is gone")]
    Gone,
    /// The back end cannot do this.
    #[error("this back end has no {0}")]
    Unsupported(&'static str),
    /// No memory for the device.
    #[error("no DMA memory of {0} bytes")]
    NoMemory(usize),
    /// Anything else.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// One device, however it is attached.
///
/// A back end implements this and nothing else: VFIO, UIO, sysfs, a vfio-user socket, a simulation.
pub trait Transport {
    /// Its DMA memory.
    type Dma: DmaMemory;

    /// Which device this is.
    fn identity(&self) -> Identity;

    /// Reads the register at this byte offset of the window. All ones is data here, not an error.
    ///
    /// # Errors
    /// Whatever the back end meets.
    fn read32(&mut self, offset: u32) -> Result<u32, TransportError>;

    /// Writes a register. Everything written to DMA memory before is visible to the device first.
    ///
    /// # Errors
    /// Whatever the back end meets.
    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError>;

    /// Memory for the device, zeroed. It is freed when dropped.
    ///
    /// # Errors
    /// There is none.
    fn allocate(&mut self, bytes: usize) -> Result<Self::Dma, TransportError>;

    /// Time on the device's scale: a back end that simulates counts clock cycles at a nominal rate, so that no
    /// deadline fires because the simulation is slow.
    fn now(&self) -> Duration;

    /// Sleeps until an interrupt is pending, at the latest until [`Transport::now`] is `until`; it may return
    /// earlier for any reason, and does so at times so that a lost interrupt costs time but no job.
    ///
    /// # Errors
    /// Whatever the back end meets.
    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError>;

    /// Lets the device access memory, which no back end does before: what an earlier program left running would write to
    /// memory that is somebody else's by now. [`Device`](crate::Device) asks for it once a reset is confirmed.
    ///
    /// # Errors
    /// Whatever the back end meets.
    fn enable_dma(&mut self) -> Result<(), TransportError>;

    /// Resets the device from outside; its registers lose their values, its transfers are forgotten, and it accesses no
    /// memory until [`Transport::enable_dma`].
    ///
    /// # Errors
    /// [`TransportError::Unsupported`] if the back end cannot.
    fn reset(&mut self, reset: Reset) -> Result<(), TransportError>;

    /// Reads a 64-bit register; the low half comes first because reading it latches the high half.
    ///
    /// # Errors
    /// Whatever the back end meets.
    fn read64(&mut self, offset: u32) -> Result<u64, TransportError> {
        let low = self.read32(offset)?;
        let high = self.read32(offset + 4)?;
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    /// Writes a 64-bit register, low half first.
    ///
    /// # Errors
    /// Whatever the back end meets.
    fn write64(&mut self, offset: u32, value: u64) -> Result<(), TransportError> {
        self.write32(offset, value as u32)?;
        self.write32(offset + 4, (value >> 32) as u32)
    }
}
