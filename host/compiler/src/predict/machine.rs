//! The engines' clocks: when an instruction is dispatched, when its engine takes it, when it is done.
//!
//! - *Fetch*: one read latency, then the instructions' beats, before those of LOAD where both want the bus, in
//!   program order, into queues of [`QUEUE_DEPTH`]; a full queue blocks what is behind it.
//! - *LOAD*: one request per cycle while a read tag is free; bursts of at most `burst_bytes` that do not cross 4 KiB;
//!   one beat per cycle in request order. The next LOAD's requests follow at once.
//! - *PACK*: one cycle per beat of the line buffer that a kernel row touches, one more per position whose last bytes
//!   reach into one more packed beat.
//! - *COMPUTE*: one step per cycle; a position leaves when its steps are done and the position before it has drained
//!   (one cycle per group, one more with sign masks). The next COMPUTE's steps follow at once.
//! - *STORE*: one beat per cycle and a gap per row and per burst, while a bound on bursts under way allows; the next STORE's rows follow at once.

use std::collections::VecDeque;

use cbp_isa::Config;
use cbp_isa::instruction::{Destination, INSTRUCTION_BYTES};

use super::Timing;
use crate::interpreter::{Engine, QUEUE_DEPTH};
use crate::operation::{Compute, Load, Operation, Pack, Rows, Store};

/// Cycles between putting an instruction together and the next one's first beat.
const DISPATCH: u64 = 3;

/// Cycles from a job's start to the request of its program, and from a beat of that to the queues.
const FETCH_PATH: u64 = 8;
/// Cycles from the begin of a LOAD to its first request, and from a beat on the bus to the buffers.
const READ_PATH: u64 = 6;
/// Cycles from the begin of a STORE to its first beat, beside the gaps.
const WRITE_PATH: u64 = 9;

/// Cycles that a COMPUTE's tokens take from its last result.
const TOKEN: u64 = 2;

/// LOADs and PACKs that are started and not done.
const LOADS: usize = 4;
/// PACKs among them.
const PACKS: usize = 2;

/// When an instruction ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// It had its tokens and its engine.
    pub start: u64,
    /// Its effects were visible.
    pub end: u64,
}

/// The last N of some times; 0 before there are as many.
#[derive(Clone, Copy, Debug)]
struct Recent<const N: usize> {
    times: [u64; N],
    next: usize,
}

impl<const N: usize> Default for Recent<N> {
    fn default() -> Self {
        Self { times: [0; N], next: 0 }
    }
}

impl<const N: usize> Recent<N> {
    const fn oldest(&self) -> u64 {
        self.times[self.next]
    }

    const fn push(&mut self, time: u64) {
        self.times[self.next] = time;
        self.next = (self.next + 1) % N;
    }
}

/// The accelerator while a program passes, instruction by instruction.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    config: &'a Config,
    timing: Timing,
    /// Instructions so far, and when the last one was dispatched.
    fetched: u64,
    dispatched: u64,
    /// When each engine's last instructions left its queue, as many as it holds.
    leaves: [Recent<QUEUE_DEPTH>; 3],
    /// When the last instruction of all was done.
    done: u64,
    /// When the last LOADs and PACKs were done.
    loads: Recent<LOADS>,
    packs: Recent<PACKS>,
    /// When a LOAD can request, the read channel is free, and each tag is free (oldest first).
    request: u64,
    read: u64,
    parts: u64,
    tags: VecDeque<u64>,
    /// When the array and the PPU are free.
    array: u64,
    ppu: u64,
    /// When what the last COMPUTE keeps is where the next may read it; that one waits whether it reads it or not.
    kept: u64,
    /// When the write channel is free, and each of the writes that may be under way.
    write: u64,
    writes: VecDeque<u64>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(config: &'a Config, timing: Timing) -> Self {
        Self {
            config,
            timing,
            fetched: 0,
            dispatched: 0,
            leaves: Default::default(),
            done: 0,
            loads: Recent::default(),
            packs: Recent::default(),
            request: 0,
            read: 0,
            parts: 0,
            tags: core::iter::repeat_n(0, config.read_tags).collect(),
            array: 0,
            ppu: 0,
            kept: 0,
            write: 0,
            writes: core::iter::repeat_n(0, timing.writes_under_way).collect(),
        }
    }

    /// When the next instruction, one of `engine`, would leave the fetch unit: fetched, and its queue not full.
    pub(crate) fn dispatch(&self, engine: Engine) -> u64 {
        let beats = self.fetch_beats() + DISPATCH;
        let fetched = FETCH_PATH + self.timing.read_latency + beats * (self.fetched + 1);
        // The queue has room once the instruction QUEUE_DEPTH before this one has left it.
        let room = self.leaves[engine as usize].oldest() + 1;
        fetched.max(self.dispatched + 1).max(room)
    }

    pub(crate) const fn timing(&self) -> &Timing {
        &self.timing
    }

    /// When the array is free.
    pub(crate) const fn array(&self) -> u64 {
        self.array
    }

    /// When an instruction of `engine` could start, but for what it waits for.
    pub(crate) fn free(&self, engine: Engine) -> u64 {
        let free = match engine {
            Engine::Load => self.request.max(self.loads.oldest()),
            Engine::Compute => self.array.max(self.kept),
            Engine::Store => self.write,
        };
        // Its queue puts it together again, which hides behind what is ahead of it.
        free.max(self.dispatch(engine) + self.fetch_beats() + 1)
    }

    /// Runs the next instruction, for which everything is `ready` at that time.
    pub(crate) fn run(&mut self, operation: &Operation, ready: u64) -> Span {
        let fetch_beats = self.fetch_beats();
        let Some(engine) = operation.engine() else {
            let start = self.dispatch(Engine::Load).min(self.dispatch(Engine::Store));
            let span = Span { start, end: self.done.max(start) };
            return span;
        };
        let pack = matches!(operation, Operation::Pack(_));
        let start = self.free(engine).max(ready).max(if pack { self.packs.oldest() } else { 0 });
        self.dispatched = self.dispatch(engine);
        self.fetched += 1;
        if self.read > self.dispatched {
            self.read += fetch_beats * self.timing.read_beat / Timing::BEAT;
        }
        let begin = start + self.timing.setup;
        let end = match operation {
            Operation::Load(op) => self.load(op, begin),
            Operation::Pack(op) => self.pack(op, begin),
            Operation::Compute(op) => self.compute(op, begin),
            Operation::Store(op) => self.store(op, begin),
            Operation::End => begin,
        };
        // An instruction stays at the head of its queue until its last request, step or row; a PACK moves on.
        let leave = match operation {
            Operation::Load(_) => self.request,
            Operation::Compute(_) => self.array,
            Operation::Store(_) => self.write,
            Operation::Pack(_) | Operation::End => begin,
        };
        self.leaves[engine as usize].push(leave);
        if engine == Engine::Load {
            self.loads.push(end);
        }
        if pack {
            self.packs.push(end);
        }
        self.done = self.done.max(end);
        Span { start, end }
    }

    fn fetch_beats(&self) -> u64 {
        (INSTRUCTION_BYTES / self.config.beat_bytes()).max(1) as u64
    }

    /// Beats of every burst of `rows`, and whether its row ends with it.
    fn bursts(&self, rows: &Rows) -> impl Iterator<Item = (u64, bool)> + use<> {
        let (beat, limit) = (self.config.beat_bytes() as u64, self.timing.burst_bytes);
        let length = rows.length as u64 * beat;
        rows.iter().flat_map(move |(offset, _)| {
            let (mut at, end) = (offset, offset + length);
            core::iter::from_fn(move || {
                let bytes = limit.min(4096 - at % 4096).min(end - at);
                at += bytes;
                (bytes > 0).then_some((bytes / beat, at == end))
            })
        })
    }

    /// Parts of a cycle that a burst takes: as the memory gives it, or as LOAD takes it.
    fn beats(&self, beats: u64, group: u64) -> u64 {
        beats * self.timing.read_beat.max(group * Timing::BEAT / 8)
    }

    fn load(&mut self, op: &Load, begin: u64) -> u64 {
        self.request = self.request.max(begin);
        self.read += self.timing.load_gap;
        // Eight beats of int8 weights take so many cycles.
        let group = match op.destination {
            Destination::WeightsInt8 => Timing::int8_group_cycles(self.config),
            _ => 8,
        };
        for (beats, _) in self.bursts(&op.rows) {
            let tag = self.tags.pop_front().unwrap_or(0);
            self.request = self.request.max(tag) + 1;
            let first = (self.request + READ_PATH + self.timing.read_latency).max(self.read);
            // Parts of a cycle are carried from burst to burst while the channel does not rest.
            self.parts = if first > self.read { 0 } else { self.parts } + self.beats(beats, group);
            self.read = first + self.parts / Timing::BEAT;
            self.parts %= Timing::BEAT;
            self.tags.push_back(self.read);
        }
        self.read
    }

    fn pack(&mut self, op: &Pack, begin: u64) -> u64 {
        let beat = self.config.beat_bytes() as i64;
        let mut cycles = 0;
        for x in 0..op.count[0] {
            let first = op.column + (x * op.column_step) as i64;
            let last = first + op.piece as i64 - 1;
            let touched = last.div_euclid(beat) - first.div_euclid(beat) + 1;
            // The last bytes may fill one packed beat and begin another one, which is written a cycle later.
            let [taken, left] = [last.rem_euclid(beat) + 1, (op.piece * op.pieces) as i64 % beat];
            let spills = left != 0 && taken.min(op.piece as i64) > left;
            cycles += touched as u64 * op.pieces as u64 + u64::from(spills);
        }
        self.request = self.request.max(begin);
        self.read = self.read.max(begin) + cycles * op.count[1] as u64;
        self.read
    }

    fn compute(&mut self, op: &Compute, begin: u64) -> u64 {
        let (steps, groups) = (op.steps() as u64, op.groups as u64);
        let positions = op.positions();
        let mut at = begin;
        for _ in 0..positions {
            at = (at + steps).max(self.ppu);
            self.ppu = at + groups + u64::from(op.mask);
        }
        self.array = at;
        let end = self.ppu + self.timing.array_latency + self.timing.ppu_latency;
        self.kept = if op.target.keep.is_some() { end - TOKEN } else { 0 };
        end
    }

    fn store(&mut self, op: &Store, begin: u64) -> u64 {
        let gap = self.timing.store_gap;
        self.write = begin;
        for (beats, row_ends) in self.bursts(&op.rows) {
            let free = self.writes.pop_front().unwrap_or(0);
            let last = self.write.max(free) + beats * self.timing.write_beat / Timing::BEAT;
            self.writes.push_back(last + self.timing.write_latency);
            self.write = last + gap * if row_ends { 2 } else { 1 };
        }
        self.write + WRITE_PATH + self.timing.write_latency
    }
}
