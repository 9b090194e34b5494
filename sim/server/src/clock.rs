//! The thread that owns the model.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use cbp_isa::registers::{self, status};
use cbp_sim::{SimDevice, SimError, Traffic};

/// Cycles between two looks at the requests.
const CHUNK: u64 = 16;
/// Cycles without an access or a transfer after which the model is asked whether it is idle.
const SETTLE: u64 = 16_384;

/// The model stopped: it broke a rule of AXI, or its thread ended.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the simulated device stopped: {0}; nothing brings it back but a new server")]
pub struct Stopped(String);

/// Clocks a model while it has work, and sleeps while it has none: then the device's time stands still.
pub struct Clock {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<OnceLock<String>>,
}

enum Access {
    Read(u32),
    Write(u32, u32),
    Reset,
}

struct Request {
    access: Access,
    answer: Sender<u32>,
}

impl Clock {
    /// Starts to clock a model. `interrupt` hears of every change of the levels and of the levels that rose, from
    /// the clock's thread.
    #[must_use]
    pub fn start(device: SimDevice, interrupt: impl FnMut(u8, u8) + Send + 'static) -> Self {
        let (requests, received) = channel();
        let failure = Arc::new(OnceLock::new());
        let mut clocked = Clocked { device, levels: 0, interrupt, failure: Arc::clone(&failure) };
        let thread = thread::spawn(move || clocked.run(&received));
        Self { requests: Some(requests), thread: Some(thread), failure }
    }

    /// Reads a register.
    ///
    /// # Errors
    /// The model stopped.
    pub fn read(&self, offset: u32) -> Result<u32, Stopped> {
        self.ask(Access::Read(offset))
    }

    /// Writes a register, and waits until the device has it.
    ///
    /// # Errors
    /// The model stopped.
    pub fn write(&self, offset: u32, value: u32) -> Result<(), Stopped> {
        self.ask(Access::Write(offset, value)).map(|_| ())
    }

    /// Pulls the reset wire.
    ///
    /// # Errors
    /// The model stopped.
    pub fn reset(&self) -> Result<(), Stopped> {
        self.ask(Access::Reset).map(|_| ())
    }

    fn ask(&self, access: Access) -> Result<u32, Stopped> {
        let (answer, answered) = channel();
        let sent = self.requests.as_ref().map(|requests| requests.send(Request { access, answer }));
        if let (Some(Ok(())), Ok(value)) = (sent, answered.recv()) {
            return Ok(value);
        }
        let reason = self.failure.get().cloned();
        Err(Stopped(reason.unwrap_or_else(|| "its thread ended".to_owned())))
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.requests = None; // ends the thread
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Clocked<F> {
    device: SimDevice,
    levels: u8,
    interrupt: F,
    failure: Arc<OnceLock<String>>,
}

impl<F: FnMut(u8, u8)> Clocked<F> {
    /// Until nobody can ask any more, or the model stops.
    fn run(&mut self, requests: &Receiver<Request>) {
        let (mut idle, mut quiet_since, mut traffic) = (false, 0, Traffic::default());
        loop {
            let request = if idle {
                requests.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                requests.try_recv()
            };
            if let Err(TryRecvError::Disconnected) = request {
                return;
            }
            let accessed = request.is_ok();
            let stepped =
                request.as_ref().map_or(Ok(()), |request| self.serve(request)).and_then(|()| self.step());
            if let Err(error) = stepped {
                // Known before `request` is dropped and whoever asked hears of it.
                let _ = self.failure.set(error.to_string());
                return;
            }
            let cycle = self.device.cycle();
            if accessed || self.device.traffic() != traffic {
                (quiet_since, traffic) = (cycle, self.device.traffic());
            }
            idle = false;
            if cycle - quiet_since > SETTLE {
                // A model that stops here stops in the next step too.
                idle = self.is_idle().unwrap_or(false);
                quiet_since = cycle;
            }
        }
    }

    fn step(&mut self) -> Result<(), SimError> {
        for _ in 0..CHUNK {
            self.device.tick()?;
            self.notice();
        }
        Ok(())
    }

    fn serve(&mut self, request: &Request) -> Result<(), SimError> {
        let done = match request.access {
            Access::Read(offset) => self.device.read32(offset),
            Access::Write(offset, value) => self.device.write32(offset, value).map(|()| 0),
            Access::Reset => self.device.reset().map(|()| 0),
        };
        let value = match done {
            // An unsupported request on the bus: reads give all ones, writes are lost.
            Err(SimError::Refused { .. }) => u32::MAX,
            other => other?,
        };
        // An interrupt that came before the answer is heard of before it.
        self.notice();
        // Whoever asked may be gone.
        let _ = request.answer.send(value);
        Ok(())
    }

    fn notice(&mut self) {
        let (levels, risen) = (self.device.irq(), self.device.take_risen());
        if levels != self.levels || risen != 0 {
            self.levels = levels;
            (self.interrupt)(levels, risen);
        }
    }

    /// No job, and no transfer; a wedged device waits for a reset only.
    fn is_idle(&mut self) -> Result<bool, SimError> {
        let value = self.device.read32(registers::STATUS.offset)?;
        self.notice();
        let waits = value & status::BUSY == 0 && self.device.in_flight() == 0;
        Ok(waits || value & status::WEDGED != 0)
    }
}
