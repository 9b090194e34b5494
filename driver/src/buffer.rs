//! Who may touch a piece of DMA memory: its type says.
//!
//! - [`HostBuffer`]: the host has it to itself, reads and writes
//! - [`DeviceBuffer`]: it is lent to the device; the host knows where it is, and no more
//!
//! Both are the same pointer: lending and reclaiming move it, and cost nothing. What makes it sound is that the queue has a
//! clone of every buffer of a running job, and that nobody but the only holder gets the memory back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::transport::{DmaMemory, OutOfRange};

/// Names one opening of a device. No two have the same, not even of the same device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceId(u64);

impl DeviceId {
    /// One that was not there before: 64 bits do not wrap in the life of a machine.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Memory and the device that it was allocated for.
struct Memory<M> {
    dma: M,
    device: DeviceId,
}

/// Memory that no job uses: the host's alone, to read and to write.
///
/// [`Device::allocate`](crate::Device::allocate) gives it, and a job takes it only as a [`DeviceBuffer`]:
///
/// ```
/// use cbp_driver::{Device, Error, Job, Segment, Transport};
/// # use std::time::Duration;
///
/// fn run<T: Transport>(device: &mut Device<T>, program: &[u8], instructions: u32) -> Result<u8, Error> {
///     let mut memory = device.allocate(program.len())?;
///     memory.write(0, program)?;
///     let lent = memory.lend();
///     let job = Job::new(Segment::all(lent.clone()), instructions);
///     let ticket = device.submit(&job)?;
///     device.wait(ticket, Duration::from_millis(10))?;
///     drop(job); // it holds the memory too, to be submitted again
///     let mut byte = [0];
///     lent.reclaim()?.read(0, &mut byte)?;
///     Ok(byte[0])
/// }
/// ```
pub struct HostBuffer<M>(Arc<Memory<M>>);

impl<M: DmaMemory> HostBuffer<M> {
    pub(crate) fn new(dma: M, device: DeviceId) -> Self {
        Self(Arc::new(Memory { dma, device }))
    }

    /// Copies out.
    ///
    /// # Errors
    /// The range is not inside the memory.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        self.0.dma.read(offset, bytes)
    }

    /// Copies in.
    ///
    /// # Errors
    /// The range is not inside the memory.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        self.0.dma.write(offset, bytes)
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.dma.size()
    }

    /// Where the device sees it.
    #[must_use]
    pub fn bus_address(&self) -> u64 {
        self.0.dma.bus_address()
    }

    /// Gives it to jobs.
    #[must_use = "the memory is freed if nobody holds it"]
    pub fn lend(self) -> DeviceBuffer<M> {
        DeviceBuffer(self.0)
    }
}

/// Memory that jobs may use; clones are the same memory. [`DeviceBuffer::reclaim`] makes it the host's again.
///
/// There is no way to its bytes meanwhile:
///
/// ```
/// # use cbp_driver::{Device, Error, Transport};
/// # fn peek<T: Transport>(device: &mut Device<T>) -> Result<(), Error> {
/// let memory = device.allocate(64)?;
/// memory.read(0, &mut [0])?;
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0599
/// # use cbp_driver::{Device, Error, Transport};
/// # fn peek<T: Transport>(device: &mut Device<T>) -> Result<(), Error> {
/// let memory = device.allocate(64)?.lend();
/// memory.read(0, &mut [0])?;
/// # Ok(())
/// # }
/// ```
pub struct DeviceBuffer<M>(Arc<Memory<M>>);

impl<M: DmaMemory> DeviceBuffer<M> {
    /// The memory, if nobody else holds it: no running job, no other clone, and so no [`Segment`](crate::Segment) of a job
    /// that is still there to be submitted.
    ///
    /// A job holds its memory until the driver sees its completion, for which [`Device::wait`](crate::Device::wait) and
    /// [`Device::poll`](crate::Device::poll) look, whatever job they are for; or until a reset is confirmed. What a device
    /// may reach that was closed without confirming one is never the host's again.
    ///
    /// # Errors
    /// Gives itself back. (As an [`Error`] it is [`Error::StillLent`].)
    pub fn reclaim(mut self) -> Result<HostBuffer<M>, Self> {
        // It also makes what other threads did with their clones happen before what follows.
        match Arc::get_mut(&mut self.0) {
            Some(_) => Ok(HostBuffer(self.0)),
            None => Err(self),
        }
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.dma.size()
    }

    /// Where the device sees it.
    #[must_use]
    pub fn bus_address(&self) -> u64 {
        self.0.dma.bus_address()
    }

    /// Whether it was allocated for this opening of this device.
    pub(crate) fn is_of(&self, device: DeviceId) -> bool {
        self.0.device == device
    }
}

impl<M> Clone for DeviceBuffer<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> From<DeviceBuffer<M>> for Error {
    /// Of a buffer that could not be reclaimed.
    fn from(_: DeviceBuffer<M>) -> Self {
        Self::StillLent
    }
}

impl<M> fmt::Debug for HostBuffer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuffer").field("device", &self.0.device).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for DeviceBuffer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceBuffer").field("device", &self.0.device).finish_non_exhaustive()
    }
}
