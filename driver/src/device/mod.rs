//! One open device; `reset` is how it starts and stops.

mod reset;

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use cbp_isa::registers::{self, Register, control, irq, status};
use cbp_isa::ring::ErrorCode;
use cbp_isa::{Config, capability};

use crate::buffer::{DeviceId, HostBuffer};
use crate::entry;
use crate::error::{Error, Snapshot};
use crate::info::Info;
use crate::job::{Completion, Job, Ticket};
use crate::quarantine;
use crate::queue::{Next, Queue};
use crate::transport::{DmaMemory, Identity, Transport};
use crate::window::Window;

/// Polls that find nothing until the registers are looked at: a read over the bus costs as much as a hundred polls.
const EMPTY_POLLS: u32 = 1 << 12;

/// Makes tickets of different devices, and of one device before and after a reset, different.
static GENERATION: AtomicU32 = AtomicU32::new(1);

/// How a device is used.
#[derive(Clone, Debug)]
pub struct Options {
    /// log2 of ring entries, 0…15.
    pub ring_log2: u32,
    /// Largest burst in bytes; the device's own choice if `None`.
    pub burst_limit: Option<u32>,
    /// Clock cycles without progress before the device gives a transfer up; its own choice if `None`.
    pub dma_timeout: Option<u32>,
    /// How long a reset may take.
    pub reset_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { ring_log2: 6, burst_limit: None, dma_timeout: None, reset_timeout: Duration::from_millis(100) }
    }
}

/// Counters since the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Clock cycles.
    pub cycles: u64,
    /// Steps issued to the array.
    pub mac_active: u64,
    /// Cycles COMPUTE waited for LOAD.
    pub wait_load: u64,
    /// Cycles COMPUTE waited for STORE.
    pub wait_store: u64,
    /// Cycles COMPUTE waited for post-processing.
    pub wait_ppu: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Registers may hold anything.
    Stopped,
    Running,
    /// A job failed.
    Halted(ErrorCode),
    /// It did something that it should not.
    Broken,
    /// It has left the bus.
    Gone,
}

/// One open device: jobs in, completions out.
pub struct Device<T: Transport> {
    /// Buffers of others are refused.
    id: DeviceId,
    window: Window<T>,
    info: Info,
    options: Options,
    /// Bytes of a beat of the device's port.
    beat: u64,
    queue: Option<Queue<T::Dma>>,
    state: State,
    /// The device may use the queue's memory: it was told of it, and no reset was confirmed since.
    armed: bool,
    /// Polls since the device was last looked at that found nothing.
    empty_polls: u32,
}

impl<T: Transport> Device<T> {
    /// Checks that this is our device, resets it and starts its queue.
    ///
    /// # Errors
    /// No device, another device, another version, or no memory. The device is then left disabled.
    pub fn open(transport: T, options: Options) -> Result<Self, Error> {
        if options.ring_log2 > 15 {
            return Err(Error::BadOptions("rings have at most 2^15 entries"));
        }
        let mut window = Window(transport);
        let info = Info::read(&mut window)?;
        let beat = info.config.beat_bytes() as u64;
        let mut device = Self {
            id: DeviceId::next(),
            window,
            info,
            options,
            beat,
            queue: None,
            state: State::Stopped,
            armed: false,
            empty_polls: 0,
        };
        device.reset()?;
        Ok(device)
    }

    /// What the device says about itself.
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// How the device was built.
    pub const fn config(&self) -> &Config {
        &self.info.config
    }

    /// How the device is used.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Which device this is.
    pub fn identity(&self) -> Identity {
        self.window.0.identity()
    }

    /// The back end, for what only it can do (traces and faults of a simulation).
    pub const fn transport(&mut self) -> &mut T {
        &mut self.window.0
    }

    /// Zeroed memory that the device can access once it is lent to a job.
    ///
    /// # Errors
    /// There is none, or it lies beyond the device's address bits.
    pub fn allocate(&mut self, bytes: usize) -> Result<HostBuffer<T::Dma>, Error> {
        Ok(HostBuffer::new(self.allocate_dma(bytes)?, self.id))
    }

    fn allocate_dma(&mut self, bytes: usize) -> Result<T::Dma, Error> {
        let memory = self.window.0.allocate(bytes)?;
        self.info.reaches(memory.bus_address(), memory.size())?;
        Ok(memory)
    }

    /// Hands a job to the device, which holds the job's memory until it is over. The same job can be submitted again.
    ///
    /// # Errors
    /// [`Error::RingFull`], [`Error::BadJob`], or a device that does not take jobs.
    pub fn submit(&mut self, job: &Job<T::Dma>) -> Result<Ticket, Error> {
        let ticket = self.enqueue(job)?;
        self.ring()?;
        Ok(ticket)
    }

    /// As [`Device::submit`], but the device need not hear of the job before [`Device::ring`]: many jobs then cost one
    /// write over the bus. Waiting for a job rings too.
    ///
    /// # Errors
    /// As [`Device::submit`].
    #[inline]
    pub fn enqueue(&mut self, job: &Job<T::Dma>) -> Result<Ticket, Error> {
        self.ready()?;
        job.check(self.beat, self.id)?;
        if self.queue.as_ref().is_some_and(|queue| queue.has_next() != Ok(false)) {
            // A job may have failed meanwhile.
            self.reap()?;
            self.ready()?;
        }
        match &mut self.queue {
            Some(queue) => queue.push(job),
            None => Err(Error::NeedsReset),
        }
    }

    /// Tells the device of all jobs enqueued.
    ///
    /// # Errors
    /// The device is gone.
    pub fn ring(&mut self) -> Result<(), Error> {
        let Some(producer) = self.queue.as_mut().and_then(Queue::unheard) else { return Ok(()) };
        let rung = self.window.write(registers::QUEUE_COMMAND_PRODUCER, producer);
        self.watch(rung)
    }

    /// The job's completion if it is over, without waiting. That is one look at memory, and now and then one at the
    /// registers, so that who only polls hears of a device that died.
    ///
    /// # Errors
    /// [`Error::JobFailed`] if the job failed, and everything that [`Device::wait`] returns except time-outs.
    #[inline]
    pub fn poll(&mut self, ticket: Ticket) -> Result<Option<Completion>, Error> {
        if let Some(completion) = self.take(ticket)? {
            return Self::judge(completion).map(Some);
        }
        self.poll_ring(ticket)
    }

    fn poll_ring(&mut self, ticket: Ticket) -> Result<Option<Completion>, Error> {
        self.reap()?;
        let mut taken = self.take(ticket)?;
        if taken.is_none() {
            // What runs behind a failed job completes only after `resume`.
            self.ready()?;
            self.empty_polls += 1;
            if self.empty_polls >= EMPTY_POLLS {
                self.acknowledge(ticket)?;
                taken = self.take(ticket)?;
            }
        }
        taken.map(Self::judge).transpose()
    }

    #[inline]
    fn judge(completion: Completion) -> Result<Completion, Error> {
        match completion.status {
            ErrorCode::None => Ok(completion),
            code => Err(Error::JobFailed { code, address: completion.error_address, completion }),
        }
    }

    #[inline]
    fn take(&mut self, ticket: Ticket) -> Result<Option<Completion>, Error> {
        match &mut self.queue {
            Some(queue) => queue.take(ticket),
            None => Err(Error::StaleTicket),
        }
    }

    /// Waits until the job is over. Time counts on the device's scale (see [`Transport::now`]).
    ///
    /// # Errors
    /// [`Error::JobFailed`] if the job failed; [`Error::Timeout`] and others if the device did not answer.
    pub fn wait(&mut self, ticket: Ticket, timeout: Duration) -> Result<Completion, Error> {
        self.ring()?;
        let start = self.window.0.now();
        let until = start.saturating_add(timeout);
        loop {
            if let Some(completion) = self.poll(ticket)? {
                return Ok(completion);
            }
            self.ready()?;
            if self.window.0.now() >= until {
                return Err(self.timeout("completion", start));
            }
            let woken = self.window.0.wait_interrupt(until).map_err(Error::from);
            self.watch(woken)?;
            self.acknowledge(ticket)?;
        }
    }

    /// Clears interrupt causes. An expired watchdog ends every wait but those for completions already written.
    fn acknowledge(&mut self, ticket: Ticket) -> Result<(), Error> {
        self.empty_polls = 0;
        let causes = self.window.read(registers::IRQ_STATUS);
        let causes = self.watch(causes)?;
        if causes == 0 {
            // Of two errors only the first is a cause, and the second may be that of a completion's write.
            return self.check_written();
        }
        let cleared = self.window.write(registers::IRQ_STATUS, causes);
        self.watch(cleared)?;
        self.reap()?;
        let over = |q: &Queue<T::Dma>| q.indices().1.wrapping_sub(ticket.index).cast_signed() > 0;
        if self.queue.as_ref().is_some_and(over) {
            if causes & irq::WEDGED != 0 {
                self.state = State::Broken;
            }
            return Ok(());
        }
        if causes & irq::WEDGED == 0 {
            return self.check_written();
        }
        self.state = State::Broken;
        let address = self.window.read64(registers::ERROR_ADDRESS_LO);
        let address = self.watch(address)?;
        Err(Error::Wedged { address, snapshot: Box::new(self.snapshot()) })
    }

    /// Fails if the device counts a completion as written that is not in the ring: its write was answered with an error,
    /// and nothing else would ever end the wait.
    fn check_written(&mut self) -> Result<(), Error> {
        let written = self.window.read(registers::QUEUE_COMPLETION_PRODUCER);
        let written = self.watch(written)?;
        // What was written before the register's answer has landed by now.
        self.reap()?;
        let read = self.queue.as_ref().map_or(written, |queue| queue.indices().1);
        if written.wrapping_sub(read).cast_signed() <= 0 {
            return Ok(());
        }
        let snapshot = Box::new(self.snapshot());
        self.state = State::Broken;
        Err(Error::LostCompletion { index: read, snapshot })
    }

    /// Takes every new completion out of the ring and tells the device.
    fn reap(&mut self) -> Result<(), Error> {
        if matches!(self.state, State::Gone) {
            return Err(Error::DeviceGone);
        }
        let Some(queue) = self.queue.as_mut() else { return Ok(()) };
        let before = queue.indices().1;
        let mut bad = None;
        let looked = loop {
            if self.state == State::Broken {
                break Ok(());
            }
            match queue.pop()? {
                Next::Empty => break Ok(()),
                Next::Completed(ErrorCode::None | ErrorCode::Aborted) => {}
                Next::Completed(status) => {
                    self.state = State::Halted(status);
                    // The next resume clears the register, and the ticket may be waited for after it.
                    match self.window.read64(registers::ERROR_ADDRESS_LO) {
                        Ok(address) => queue.set_error_address(address),
                        Err(error) => break Err(error),
                    }
                }
                Next::Bad(reason) => {
                    bad = Some((reason, entry::bytes(queue.next_entry()?)));
                    self.state = State::Broken;
                }
            }
        };
        let index = queue.indices().1;
        if index != before {
            let told = self.window.write(registers::QUEUE_COMPLETION_CONSUMER, index);
            self.watch(told)?;
        }
        self.watch(looked)?;
        match bad {
            None => Ok(()),
            Some((reason, entry)) => {
                Err(Error::BadCompletion { reason, index, entry, snapshot: Box::new(self.snapshot()) })
            }
        }
    }

    /// After a failed job: the jobs behind it complete as aborted, and new ones are taken.
    ///
    /// # Errors
    /// The device is gone.
    pub fn resume(&mut self) -> Result<(), Error> {
        if let State::Halted(_) = self.state {
            let resumed = self.window.write(registers::CONTROL, control::RESUME);
            self.watch(resumed)?;
            self.state = State::Running;
        }
        self.ready()
    }

    /// Runs the built-in self-test; `false` means that it found a fault.
    ///
    /// # Errors
    /// The device has none, or it does not end in time.
    pub fn self_test(&mut self, timeout: Duration) -> Result<bool, Error> {
        if self.info.capabilities & capability::SELF_TEST == 0 {
            return Err(Error::Unsupported("self-test"));
        }
        self.ready()?;
        let started = self.window.write(registers::CONTROL, control::SELF_TEST);
        self.watch(started)?;
        let value = self.await_status(status::SELF_TEST_DONE, "end of the self-test", timeout);
        Ok(self.watch(value)? & status::SELF_TEST_PASSED != 0)
    }

    /// Counters since the last reset.
    ///
    /// # Errors
    /// The device is gone.
    pub fn counters(&mut self) -> Result<Counters, Error> {
        let mut read = |low: Register| {
            let value = self.window.read64(low);
            self.watch(value)
        };
        Ok(Counters {
            cycles: read(registers::CYCLES_LO)?,
            mac_active: read(registers::MAC_ACTIVE_LO)?,
            wait_load: read(registers::WAIT_LOAD_LO)?,
            wait_store: read(registers::WAIT_STORE_LO)?,
            wait_ppu: read(registers::WAIT_PPU_LO)?,
        })
    }

    /// Ring indices and registers now.
    pub fn snapshot(&mut self) -> Snapshot {
        let (submitted, completed) = self.queue.as_ref().map_or((0, 0), Queue::indices);
        Snapshot { submitted, completed, ..self.window.snapshot() }
    }

    fn timeout(&mut self, what: &'static str, start: Duration) -> Error {
        let waited = self.window.0.now().saturating_sub(start);
        let snapshot = Box::new(self.snapshot());
        match self.window.read(registers::MAGIC) {
            Err(Error::DeviceGone) => {
                self.state = State::Gone;
                Error::DeviceGone
            }
            _ => Error::Timeout { what, waited, snapshot },
        }
    }

    /// Remembers that the device is gone.
    fn watch<R>(&mut self, result: Result<R, Error>) -> Result<R, Error> {
        if matches!(result, Err(Error::DeviceGone)) {
            self.state = State::Gone;
        }
        result
    }

    const fn ready(&self) -> Result<(), Error> {
        match self.state {
            State::Running => Ok(()),
            State::Halted(code) => Err(Error::Halted(code)),
            State::Stopped | State::Broken => Err(Error::NeedsReset),
            State::Gone => Err(Error::DeviceGone),
        }
    }
}

impl<T: Transport> Drop for Device<T> {
    fn drop(&mut self) {
        if self.quiesce().is_err() && self.armed {
            // The device may still write: what it can reach must never be memory of somebody else.
            quarantine::keep(self.queue.take());
        }
    }
}

impl<T: Transport> std::fmt::Debug for Device<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("identity", &self.identity())
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}
