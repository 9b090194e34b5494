//! How a device starts and stops.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cbp_isa::registers::{self, control, irq, status};

use super::{Device, GENERATION, State};
use crate::error::Error;
use crate::queue::{Queue, ring_bytes};
use crate::transport::{DmaMemory, Reset, Transport, TransportError};

impl<T: Transport> Device<T> {
    /// Resets the device and starts its queue again; tickets from before become stale.
    ///
    /// Tries the device's own reset, then a function-level reset, then a bus reset.
    ///
    /// # Errors
    /// The device answers none of them.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.quiesce()?;
        let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        if let Some(queue) = self.queue.as_mut() {
            queue.restart(generation)?;
        } else {
            let log2 = self.options.ring_log2;
            let (commands, completions) = ring_bytes(log2);
            let commands = self.allocate_dma(commands)?;
            let completions = self.allocate_dma(completions)?;
            self.queue = Some(Queue::new(commands, completions, log2, generation)?);
        }
        let started = self.start();
        self.watch(started)?;
        self.state = State::Running;
        Ok(())
    }

    /// Programs the queue of a device that was just reset.
    fn start(&mut self) -> Result<(), Error> {
        let queue = self.queue.as_ref().ok_or(Error::NeedsReset)?;
        let w = &mut self.window;
        w.0.enable_dma()?;
        if let Some(bytes) = self.options.burst_limit {
            w.write(registers::BURST_LIMIT, bytes)?;
        }
        if let Some(cycles) = self.options.dma_timeout {
            w.write(registers::DMA_TIMEOUT, cycles)?;
        }
        w.write64(registers::QUEUE_COMMAND_BASE_LO, queue.commands.bus_address())?;
        w.write(registers::QUEUE_COMMAND_LOG2, queue.log2())?;
        w.write(registers::QUEUE_COMMAND_PRODUCER, 0)?;
        w.write64(registers::QUEUE_COMPLETION_BASE_LO, queue.completions.bus_address())?;
        w.write(registers::QUEUE_COMPLETION_LOG2, queue.log2())?;
        w.write(registers::QUEUE_COMPLETION_CONSUMER, 0)?;
        w.write(registers::IRQ_STATUS, irq::COMPLETION | irq::ERROR | irq::WEDGED)?;
        w.write(registers::IRQ_ENABLE, irq::COMPLETION | irq::ERROR | irq::WEDGED)?;
        self.armed = true;
        w.write(registers::QUEUE_ENABLE, 1)
    }

    /// Stops the device: it starts no transfer any more, and none is left in flight.
    pub(super) fn quiesce(&mut self) -> Result<(), Error> {
        self.state = State::Stopped;
        let stopped = self.soft_reset();
        let mut last = match self.watch(stopped) {
            Err(first @ Error::Timeout { .. }) => first,
            other => return other,
        };
        for reset in [Reset::Function, Reset::Bus] {
            match self.window.0.reset(reset) {
                Ok(()) => {}
                Err(TransportError::Unsupported(_)) => continue,
                Err(TransportError::Gone) => return self.watch(Err(Error::DeviceGone)),
                // A harder one may work.
                Err(error) => {
                    last = error.into();
                    continue;
                }
            }
            let again = self.soft_reset();
            match self.watch(again) {
                Err(timeout @ Error::Timeout { .. }) => last = timeout,
                other => return other,
            }
        }
        Err(last)
    }

    fn soft_reset(&mut self) -> Result<(), Error> {
        self.window.write(registers::QUEUE_ENABLE, 0)?;
        self.window.write(registers::IRQ_ENABLE, 0)?;
        self.window.write(registers::CONTROL, control::SOFT_RESET)?;
        self.await_status(status::RESET_DONE, "end of the reset", self.options.reset_timeout)?;
        let consumed = self.window.read(registers::QUEUE_COMMAND_CONSUMER)?;
        let produced = self.window.read(registers::QUEUE_COMPLETION_PRODUCER)?;
        if (consumed, produced) == (0, 0) {
            self.armed = false;
            return Ok(());
        }
        Err(Error::Timeout {
            what: "ring indices of 0 after the reset",
            waited: Duration::ZERO,
            snapshot: Box::new(self.snapshot()),
        })
    }

    /// Polls STATUS until all of `bits` are set.
    pub(super) fn await_status(
        &mut self,
        bits: u32,
        what: &'static str,
        timeout: Duration,
    ) -> Result<u32, Error> {
        let start = self.window.0.now();
        loop {
            let value = self.window.read(registers::STATUS)?;
            if value & bits == bits {
                return Ok(value);
            }
            if self.window.0.now() >= start.saturating_add(timeout) {
                return Err(self.timeout(what, start));
            }
        }
    }
}
