//! The meaning of programs: an interpreter that runs a program image instruction by instruction, on byte arrays, as
//! the device does. It is the executable specification of the instruction set.
//!
//! # Engines, dispatch, tokens
//! LOAD, COMPUTE and STORE run at the same time, each its own instructions in program order. One fetch unit
//! dispatches in program order into queues of [`QUEUE_DEPTH`] entries per engine; a full queue blocks everything
//! behind it. There is one token counter per ordered pair (LOAD→COMPUTE, COMPUTE→LOAD, COMPUTE→STORE,
//! STORE→COMPUTE, STORE→LOAD), 0 at the start of every run. An instruction at the head of its queue starts when its
//! WAIT tokens are there, takes them, and gives its SIGNAL tokens when its effects are visible. END waits until every
//! engine is idle and clears the counters. Here an instruction runs as a whole; [`Order`] chooses which engine goes
//! first where the device leaves it open, so that a test can try every extreme.
//!
//! # Buffers
//! - *Activations*: words of K bytes; byte k is lane k.
//! - *Weights*: words of K·N codes, in bit planes (`cbp_isa::weight_code`). LOAD of int8 weights reads K·N bytes per
//!   word, column-major (n·K + k), and writes digit j of word w to word `BASE + w + j·DIGIT_STEP`, for all passes of the
//!   array's set; `LENGTH` counts the int8 beats and is a multiple of 8.
//! - *Parameters*: words of P records of 16 bytes.
//! - *Outputs*: one linear array of bytes; granule g begins at byte g·P, beat b at byte b·(beat bytes).
//!
//! - *Residuals*: one linear array of bytes; granule g begins at byte g·P.
//! - *Lines*: one linear array of bytes; beat b begins at byte b·(beat bytes).
//!
//! Every on-chip address wraps at its buffer's depth. A row of a LOAD goes to consecutive beats from the first beat of
//! its word on, over as many words as it takes. Where it ends inside a word, the rest of the word keeps its old content.
//!
//! # PACK
//! Runs in the LOAD engine, see `cbp_isa::instruction::pack`.
//!
//! # COMPUTE
//! For every position (i4 outer, i3 inner): accumulators are 0; each pass first shifts them left, then runs the steps
//! (i2, i1, i0), i0 innermost. The weight word starts at `WEIGHT_BASE` for every position and advances with every step
//! through all passes. A step at column `X + i1·X_STEP1 + i3·X_STEP3`, row `Y + i2·Y_STEP2 + i4·Y_STEP4` outside
//! `WIDTH` × `HEIGHT` reads `FILL` in all lanes. In the last i0 word of each run only lanes
//! `LANE_FIRST … LANE_FIRST + LANE_COUNT − 1` count; the others read activation 0. With `MAXIMUM` the accumulators are
//! instead, lane by lane, the largest value that the steps read (lanes that do not count included). Then groups
//! 0…`GROUPS` − 1 leave: group g takes parameter word `PARAMETER_BASE` + g and, with `RESIDUAL`, granule
//! `RESIDUAL_BASE + j·RESIDUAL_STEP + g` of the residual buffer for position number j; it writes granule
//! `OUT_BASE + i3·OUT_STEP3 + i4·OUT_STEP4 + g` of the outputs, or, raw, the four granules from
//! `OUT_BASE + i3·OUT_STEP3 + i4·OUT_STEP4 + 4·g` on, which is a multiple of 4; and, or instead, granule
//! `KEEP_BASE + j·KEEP_STEP + g` of the activations. Sign masks take N bits per position, bit n for column n, 0 for
//! columns that are not written; they pack 8·P/N positions to a granule, lowest bits first, into granules `MASK_BASE`,
//! `MASK_BASE` + 1, …, in position order. The instruction's last granule is written with its unused bits 0. A raw
//! COMPUTE may write masks too; they come from the parameters all the same. An instruction sees everything that the
//! COMPUTEs before it kept.
//!
//! Accesses beyond a segment are errors.

mod compute;
mod error;
mod load;
mod pack;
mod store;

use std::collections::VecDeque;

use cbp_isa::Config;
use cbp_isa::instruction::{INSTRUCTION_BYTES, Instruction, TOKEN_MAX};
use cbp_isa::ring::SEGMENTS;

pub use error::{Fault, RunError};

use crate::operation::Operation;

/// Entries of an engine's queue.
pub const QUEUE_DEPTH: usize = 8;

/// A job's memory: the bytes of its segments.
pub type Segments = [Vec<u8>; SEGMENTS];

/// What a command entry says beside its segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Byte offset of the program in segment 0.
    pub program_offset: u64,
    /// Instructions, END included.
    pub program_length: usize,
    /// Runs of the program.
    pub repeat: usize,
    /// Bytes added to each segment's base per run.
    pub strides: [u32; SEGMENTS],
}

/// Which engine goes first where more than one could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// LOAD runs as far ahead as tokens let it, then COMPUTE.
    LoadFirst,
    /// STORE as early as tokens let it, then COMPUTE; LOAD as late as possible.
    StoreFirst,
    /// Any ready engine, by a reproducible sequence.
    Seeded(u64),
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Host memory to buffers.
    Load = 0,
    /// Array.
    Compute = 1,
    /// Output buffer to host memory.
    Store = 2,
}

/// Counters of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// K×N steps issued to the array.
    pub steps: u64,
    /// Beats read by LOAD.
    pub beats_read: u64,
    /// Beats written by STORE.
    pub beats_written: u64,
    /// Tokens left when a run ended, over all counters and runs. A tidy program leaves none.
    pub tokens_left: u64,
}

/// The device's state.
#[derive(Clone, Debug)]
pub struct Machine {
    config: Config,
    activations: Vec<u8>,
    weights: Vec<u8>,
    parameters: Vec<u8>,
    outputs: Vec<u8>,
    residuals: Vec<u8>,
    lines: Vec<u8>,
}

/// An operation with its index in the program.
type Entry = (usize, Operation);

impl Machine {
    /// A device of this configuration whose buffers are filled with `fill`: no result may depend on it.
    #[must_use]
    pub fn new(config: &Config, fill: u8) -> Self {
        let buffer = |words: usize, beats: usize| vec![fill; words * beats * config.beat_bytes()];
        Self {
            activations: buffer(config.activation_depth, config.activation_beats()),
            weights: buffer(config.weight_depth, config.weight_beats()),
            parameters: buffer(config.parameter_depth, config.parameter_beats()),
            outputs: vec![fill; config.output_depth * config.ppu_lanes],
            residuals: vec![fill; config.residual_depth * config.ppu_lanes],
            lines: vec![fill; config.line_depth * config.beat_bytes()],
            config: config.clone(),
        }
    }

    /// Runs a job.
    ///
    /// # Errors
    /// The first fault, with the index of its instruction.
    pub fn run(&mut self, job: &Job, memory: &mut Segments, order: Order) -> Result<Report, RunError> {
        let mut report = Report::default();
        for run in 0..job.repeat {
            let bases = job.strides.map(|stride| run as u64 * u64::from(stride));
            self.run_once(job, bases, memory, order, &mut report)?;
        }
        Ok(report)
    }

    fn run_once(
        &mut self,
        job: &Job,
        bases: [u64; SEGMENTS],
        memory: &mut Segments,
        order: Order,
        report: &mut Report,
    ) -> Result<(), RunError> {
        let mut queues: [VecDeque<Entry>; 3] = Default::default();
        // tokens[from][to]
        let mut tokens = [[0u64; 3]; 3];
        let mut next = 0;
        let mut held: Option<Entry> = None;
        let mut ended = false;
        let mut random = match order {
            Order::Seeded(seed) => seed | 1,
            _ => 0,
        };
        loop {
            while !ended {
                let entry = match held.take() {
                    Some(entry) => entry,
                    None => (next, fetch(job, bases[0], next, &memory[0])?),
                };
                let Some(engine) = entry.1.engine() else {
                    ended = true;
                    continue;
                };
                if queues[engine as usize].len() == QUEUE_DEPTH {
                    held = Some(entry);
                    break;
                }
                queues[engine as usize].push_back(entry);
                next += 1;
            }
            if ended && queues.iter().all(VecDeque::is_empty) {
                report.tokens_left += tokens.iter().flatten().sum::<u64>();
                return Ok(());
            }
            let preference = match order {
                Order::LoadFirst => [0, 1, 2],
                Order::StoreFirst => [2, 1, 0],
                Order::Seeded(_) => shuffled(&mut random),
            };
            let ready = |&engine: &usize| {
                queues[engine].front().is_some_and(|(_, op)| {
                    waits(op).iter().zip(&tokens).all(|(&wait, from)| u64::from(wait) <= from[engine])
                })
            };
            let Some(engine) = preference.into_iter().find(ready) else {
                let heads = queues.each_ref().map(|q| q.front().map(|(index, _)| *index));
                return Err(RunError::Deadlock { heads, tokens });
            };
            if let Some((index, op)) = queues[engine].pop_front() {
                for (from, wait) in waits(&op).into_iter().enumerate() {
                    tokens[from][engine] -= u64::from(wait);
                }
                self.execute(&op, bases, memory, report).map_err(|fault| RunError::Fault { index, fault })?;
                for (to, signal) in signals(&op).into_iter().enumerate() {
                    tokens[engine][to] += u64::from(signal);
                    if tokens[engine][to] > TOKEN_MAX {
                        return Err(RunError::Fault { index, fault: Fault::TokenOverflow });
                    }
                }
            }
        }
    }

    fn execute(
        &mut self,
        op: &Operation,
        bases: [u64; SEGMENTS],
        memory: &mut Segments,
        report: &mut Report,
    ) -> Result<(), Fault> {
        match op {
            Operation::End => Ok(()),
            Operation::Load(op) => {
                report.beats_read += op.rows.beats() as u64;
                self.load(op, bases, memory)
            }
            Operation::Pack(op) => self.pack(op),
            Operation::Compute(op) => {
                report.steps += op.mac_steps();
                self.compute(op)
            }
            Operation::Store(op) => {
                report.beats_written += op.rows.beats() as u64;
                self.store(op, bases, memory)
            }
        }
    }
}

fn fetch(job: &Job, base: u64, index: usize, memory: &[u8]) -> Result<Operation, RunError> {
    if index >= job.program_length {
        return Err(RunError::NoEnd { instructions: job.program_length });
    }
    let start = (base + job.program_offset) as usize + index * INSTRUCTION_BYTES;
    let bytes = memory.get(start..start + INSTRUCTION_BYTES);
    let bytes =
        bytes.ok_or(RunError::Fault { index, fault: Fault::Segment { segment: 0, end: start as u64 } })?;
    let mut words = [0; INSTRUCTION_BYTES / 8];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*chunk);
    }
    Operation::decode(&Instruction(words))
        .map_err(|error| RunError::Fault { index, fault: Fault::BadInstruction(error) })
}

impl Operation {
    /// The engine that runs it; none for END.
    #[must_use]
    pub const fn engine(&self) -> Option<Engine> {
        match self {
            Self::End => None,
            Self::Load(_) | Self::Pack(_) => Some(Engine::Load),
            Self::Compute(_) => Some(Engine::Compute),
            Self::Store(_) => Some(Engine::Store),
        }
    }
}

/// Tokens an operation takes, by the engine they come from.
pub(crate) const fn waits(op: &Operation) -> [u8; 3] {
    match op {
        Operation::End => [0; 3],
        Operation::Load(op) => [0, op.wait_compute, op.wait_store],
        Operation::Pack(op) => [0, op.wait_compute, op.wait_store],
        Operation::Compute(op) => [op.wait_load, 0, op.wait_store],
        Operation::Store(op) => [0, op.wait_compute, 0],
    }
}

/// Tokens an operation gives, by the engine they go to.
pub(crate) const fn signals(op: &Operation) -> [u8; 3] {
    match op {
        Operation::End => [0; 3],
        Operation::Load(op) => [0, op.signal_compute, 0],
        Operation::Pack(op) => [0, op.signal_compute, 0],
        Operation::Compute(op) => [op.signal_load, 0, op.signal_store],
        Operation::Store(op) => [op.signal_load, op.signal_compute, 0],
    }
}

fn shuffled(state: &mut u64) -> [usize; 3] {
    // xorshift64
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    let (first, second) = ((*state % 3) as usize, (*state >> 32 & 1) as usize + 1);
    let second = (first + second) % 3;
    [first, second, 3 - first - second]
}
