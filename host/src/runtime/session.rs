//! One compiled network on one device.

use std::time::Duration;

use cbp_compiler::{Keep, Program, ShortSegment, segment};
use cbp_driver::{Completion, Device, Error, Job, OutOfRange, Segment, Transport};
use cbp_numerics::{LayerResult, Values};

/// Most bytes of activations handed to the device with one command.
const JOB_BYTES: u64 = 64 << 20;

/// Why a network did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The driver's or device's fault.
    #[error(transparent)]
    Driver(#[from] Error),
    /// Beyond a DMA memory: a fault of the compiler.
    #[error("the program and its memory do not fit each other: {0}")]
    Memory(#[from] OutOfRange),
    /// Beyond a segment: a fault of the compiler.
    #[error("the program and its memory do not fit each other: {0}")]
    Segment(#[from] ShortSegment),
    /// The program is for another device.
    #[error("the program is for {program}, the device is {device}")]
    OtherDevice {
        /// The array it was compiled for.
        program: String,
        /// The array there is.
        device: String,
    },
    /// The input has another size.
    #[error("the input has {found} values, which is no whole number of images of {inputs}")]
    Input {
        /// Values given.
        found: usize,
        /// Values of one image.
        inputs: usize,
    },
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Results of every layer that is kept, `None` for the others; `[image][channel]`.
    pub layers: Vec<Option<LayerResult>>,
    /// Sums over all commands.
    pub cycles: u64,
    /// Steps of the array.
    pub mac_active: u64,
    /// Cycles that the array waited for LOAD.
    pub wait_load: u64,
    /// Cycles that the array waited for STORE.
    pub wait_store: u64,
}

/// A device with a program and its weights in memory.
pub struct Session<'a, T: Transport> {
    device: &'a mut Device<T>,
    program: Program,
    keep: Keep,
    image: Segment<T::Dma>,
    /// The prologue has run: what stays in the buffers is there.
    loaded: bool,
    /// On the device's clock.
    timeout: Duration,
}

impl<'a, T: Transport> Session<'a, T> {
    /// Puts the program's image into device memory.
    ///
    /// # Errors
    /// The program is for another device, or there is no memory.
    pub fn new(device: &'a mut Device<T>, program: Program, keep: Keep) -> Result<Self, RunError> {
        if *device.config() != program.config {
            let name = |c: &cbp_isa::Config| format!("{} × {} {}", c.lanes, c.columns, c.weight_set);
            return Err(RunError::OtherDevice {
                program: name(&program.config),
                device: name(device.config()),
            });
        }
        let mut memory = device.allocate(program.image.len())?;
        memory.write(0, &program.image)?;
        let image = Segment::all(memory.lend());
        Ok(Self { device, program, keep, image, loaded: false, timeout: Duration::from_mins(1) })
    }

    /// The device.
    pub const fn device(&mut self) -> &mut Device<T> {
        self.device
    }

    /// Runs whole batches of images, `input` being `[image][channel]`; a last batch that is not full is filled up
    /// and its surplus results are dropped.
    ///
    /// # Errors
    /// The device's, or an input of another size.
    pub fn run(&mut self, input: &[i8]) -> Result<Run, RunError> {
        let inputs = self.program.input.shape.values();
        if input.is_empty() || !input.len().is_multiple_of(inputs) {
            return Err(RunError::Input { found: input.len(), inputs });
        }
        let per_run = inputs * self.program.batch;
        let bytes: u64 = self.program.segment_bytes[1..].iter().sum();
        let runs = (JOB_BYTES / bytes.max(1)).clamp(1, 1024) as usize;
        let mut total = Run { layers: Vec::new(), cycles: 0, mac_active: 0, wait_load: 0, wait_store: 0 };
        self.load()?;
        for chunk in input.chunks(per_run * runs) {
            let done = self.job(chunk, &mut total);
            // A job that failed may have left anything in the buffers.
            self.loaded &= done.is_ok();
            done?;
        }
        Ok(total)
    }

    /// Loads what stays in the buffers from job to job, unless it is there; `run` does it too. Gives its cycles.
    ///
    /// # Errors
    /// The device's.
    pub fn load(&mut self) -> Result<u64, RunError> {
        let Some(prologue) = self.program.prologue_job().filter(|_| !self.loaded) else { return Ok(0) };
        let mut job = Job::new(self.image.clone(), prologue.program_length as u32);
        job.program_offset = prologue.program_offset;
        let ticket = self.device.submit(&job)?;
        let completion = self.device.wait(ticket, self.timeout)?;
        self.loaded = true;
        Ok(completion.cycles.into())
    }

    /// One command.
    fn job(&mut self, input: &[i8], total: &mut Run) -> Result<(), RunError> {
        let program = &self.program;
        let per_run = program.input.shape.values() * program.batch;
        let runs = input.len().div_ceil(per_run);
        let mut host = program.memory(runs);
        for (run, values) in input.chunks(per_run).enumerate() {
            let layout = program.input.in_run(run, program.strides[segment::INPUT]);
            layout.write(&mut host[segment::INPUT], values)?;
        }
        let mut job = Job::new(self.image.clone(), program.instructions.len() as u32);
        job.repeat = runs as u32;
        for s in [segment::INPUT, segment::OUTPUT, segment::SCRATCH] {
            if host[s].is_empty() {
                continue;
            }
            let mut memory = self.device.allocate(host[s].len())?;
            if s == segment::INPUT {
                memory.write(0, &host[s])?;
            }
            let length = program.segment_bytes[s] as u32;
            job.segments[s] =
                Some(Segment { memory: memory.lend(), offset: 0, length, stride: program.strides[s] });
        }
        let ticket = self.device.submit(&job)?;
        let Completion { cycles, mac_active, wait_load, wait_store, .. } =
            self.device.wait(ticket, self.timeout)?;
        total.cycles += u64::from(cycles);
        total.mac_active += u64::from(mac_active);
        total.wait_load += u64::from(wait_load);
        total.wait_store += u64::from(wait_store);
        for s in [segment::OUTPUT, segment::SCRATCH] {
            if let Some(segment) = job.segments[s].take() {
                segment.memory.reclaim().map_err(Error::from)?.read(0, &mut host[s])?;
            }
        }
        let images = input.len() / program.input.shape.values();
        let results = self.results(&host, runs, images)?;
        if total.layers.is_empty() {
            total.layers = results;
        } else {
            total.layers.iter_mut().zip(results).for_each(|(all, more)| append(all, more));
        }
        Ok(())
    }

    /// What is kept of every layer.
    fn results(
        &self,
        memory: &[Vec<u8>],
        runs: usize,
        images: usize,
    ) -> Result<Vec<Option<LayerResult>>, RunError> {
        let program = &self.program;
        let last = program.layers.len() - 1;
        let mut results = Vec::new();
        for (index, layer) in program.layers.iter().enumerate() {
            if index < last && self.keep == Keep::Output {
                results.push(None);
                continue;
            }
            let mut all = None;
            for run in 0..runs {
                let output = layer.output.in_run(run, program.strides[layer.output.segment]);
                let values = output.read(&memory[output.segment])?;
                let mask = match &layer.mask {
                    None => None,
                    Some(mask) => {
                        let mask = mask.in_run(run, program.strides[mask.segment]);
                        Some(mask.read(&memory[mask.segment])?)
                    }
                };
                append(&mut all, Some(LayerResult { values, mask }));
            }
            if let Some(LayerResult { values, mask }) = &mut all {
                let length = images * layer.output.shape.values();
                match values {
                    Values::I8(values) => values.truncate(length),
                    Values::I32(values) => values.truncate(length),
                }
                if let Some(mask) = mask {
                    mask.truncate(length);
                }
            }
            results.push(all);
        }
        Ok(results)
    }
}

/// Appends what one job or run kept of a layer.
fn append(all: &mut Option<LayerResult>, more: Option<LayerResult>) {
    match (all.as_mut(), more) {
        (Some(to), Some(from)) => to.append(from),
        (None, more) => *all = more,
        (Some(_), None) => {}
    }
}
