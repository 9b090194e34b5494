//! The time of every instruction of a program.
//!
//! - *Fetch*: one read latency, then the instructions' beats, before those of LOAD where both want the bus, in
//!   program order, into queues of [`QUEUE_DEPTH`]; a full queue blocks what is behind it.
//! - *LOAD*: one request per cycle while a read tag is free; bursts of at most `burst_bytes` that do not cross 4 KiB;
//!   one beat per cycle in request order. The next LOAD's requests follow at once.
//! - *PACK*: one cycle per beat of the line buffer that a kernel row touches, and one per position.
//! - *COMPUTE*: one step per cycle; a position leaves when its steps are done and the position before it has drained
//!   (one cycle per group, one more with sign masks). The next COMPUTE's steps follow at once.
//! - *STORE*: one beat per cycle and a gap per row and per burst; the next STORE's rows follow at once.

use std::collections::VecDeque;

use cbp_isa::Config;
use cbp_isa::instruction::{Destination, INSTRUCTION_BYTES};

use super::Timing;
use crate::Program;
use crate::interpreter::{Engine, QUEUE_DEPTH, signals, waits};
use crate::operation::{Compute, Load, Operation, Pack, Rows, Store};

/// Cycles between putting an instruction together and the next one's first beat.
const DISPATCH: u64 = 2;

/// When an instruction ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// It had its tokens and its engine.
    pub start: u64,
    /// Its effects were visible.
    pub end: u64,
}

/// One layer's share.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerTime {
    /// The layer.
    pub name: String,
    /// From its first COMPUTE's start to its last STORE's end.
    pub span: Span,
    /// Steps it would take at full use, see [`crate::CompiledLayer::ideal_steps`].
    pub ideal_steps: u64,
    /// Ideal steps over the cycles of the span.
    pub utilisation: f64,
}

/// What a run of a program takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// From the first instruction's fetch to the last write response.
    pub cycles: u64,
    /// Steps issued to the array.
    pub steps: u64,
    /// Cycles in which COMPUTE waited for LOAD.
    pub wait_load: u64,
    /// Cycles in which COMPUTE waited for STORE.
    pub wait_store: u64,
    /// Ideal steps over cycles: the share of K·N MACs per cycle.
    pub utilisation: f64,
    /// Per layer.
    pub layers: Vec<LayerTime>,
    /// Per instruction, in program order.
    pub spans: Vec<Span>,
}

/// An instruction waits for a token that only a later instruction gives; the compiler makes no such program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("instruction {0} waits for a token that only a later instruction gives")]
pub struct NotOrdered(
    /// Its index.
    pub usize,
);

struct Clocks<'a> {
    config: &'a Config,
    timing: &'a Timing,
    /// When a LOAD can request, the read channel is free, and each tag is free (oldest first).
    request: u64,
    read: u64,
    tags: VecDeque<u64>,
    /// When the array and the PPU are free.
    array: u64,
    ppu: u64,
    /// When the write channel is free.
    write: u64,
}

/// Times one run of a program.
///
/// # Errors
/// The program is not in an order in which it could run one by one.
pub fn simulate(program: &Program, timing: &Timing) -> Result<Prediction, NotOrdered> {
    let config = &program.config;
    let mut clocks = Clocks {
        config,
        timing,
        request: 0,
        read: 0,
        tags: core::iter::repeat_n(0, config.read_tags).collect(),
        array: 0,
        ppu: 0,
        write: 0,
    };
    let fetch_beats = (INSTRUCTION_BYTES / config.beat_bytes()).max(1) as u64;
    let mut tokens: [[VecDeque<u64>; 3]; 3] = Default::default();
    let mut starts: [Vec<u64>; 3] = Default::default();
    let (mut dispatched, mut wait_load, mut wait_store) = (0, 0, 0);
    let mut spans: Vec<Span> = Vec::with_capacity(program.instructions.len());
    for (index, (op, _)) in program.instructions.iter().enumerate() {
        let fetched = timing.read_latency + (fetch_beats + DISPATCH) * (index as u64 + 1);
        dispatched = fetched.max(dispatched + 1);
        if clocks.read > dispatched {
            clocks.read += fetch_beats;
        }
        let Some(engine) = op.engine() else {
            let end = spans.iter().map(|s| s.end).max().unwrap_or(0).max(dispatched);
            spans.push(Span { start: dispatched, end });
            continue;
        };
        // The queue has room once the instruction QUEUE_DEPTH before this one has left it.
        let before = starts[engine as usize].len().checked_sub(QUEUE_DEPTH);
        dispatched = dispatched.max(before.map_or(0, |i| starts[engine as usize][i] + 1));
        let free = match engine {
            Engine::Load => clocks.request,
            Engine::Compute => clocks.array,
            Engine::Store => clocks.write,
        };
        let mut start = free.max(dispatched);
        for (from, count) in waits(op).into_iter().enumerate() {
            for _ in 0..count {
                let token = tokens[from][engine as usize].pop_front().ok_or(NotOrdered(index))?;
                let waited = token.saturating_sub(start);
                match (engine, from) {
                    (Engine::Compute, 0) => wait_load += waited,
                    (Engine::Compute, _) => wait_store += waited,
                    _ => {}
                }
                start = start.max(token);
            }
        }
        starts[engine as usize].push(start);
        let begin = start + timing.setup;
        let end = match op {
            Operation::Load(op) => clocks.load(op, begin),
            Operation::Pack(op) => clocks.pack(op, begin),
            Operation::Compute(op) => clocks.compute(op, begin),
            Operation::Store(op) => clocks.store(op, begin),
            Operation::End => begin,
        };
        for (to, count) in signals(op).into_iter().enumerate() {
            tokens[engine as usize][to].extend(core::iter::repeat_n(end, usize::from(count)));
        }
        spans.push(Span { start, end });
    }
    let cycles = spans.last().map_or(0, |s| s.end);
    let layers = layers(program, &spans);
    let ideal = program.layers.iter().map(|l| l.ideal_steps).sum();
    let steps = program.layers.iter().map(|l| l.steps).sum();
    let utilisation = share(ideal, cycles);
    Ok(Prediction { cycles, steps, wait_load, wait_store, utilisation, layers, spans })
}

fn layers(program: &Program, spans: &[Span]) -> Vec<LayerTime> {
    let of = |wanted: usize| {
        let all = program.instructions.iter().zip(spans);
        all.filter(move |((_, layer), _)| *layer == wanted).map(|((op, _), span)| (op.engine(), span))
    };
    let time = |(index, layer): (usize, &crate::CompiledLayer)| {
        let computes = of(index).filter(|(e, _)| *e == Some(Engine::Compute)).map(|(_, s)| s.start);
        let stores = of(index).filter(|(e, _)| *e == Some(Engine::Store)).map(|(_, s)| s.end);
        let span = Span { start: computes.min().unwrap_or(0), end: stores.max().unwrap_or(0) };
        let utilisation = share(layer.ideal_steps, span.end.saturating_sub(span.start));
        LayerTime { name: layer.name.clone(), span, ideal_steps: layer.ideal_steps, utilisation }
    };
    program.layers.iter().enumerate().map(time).collect()
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Clocks<'_> {
    /// Beats of every burst of `rows`.
    fn bursts(&self, rows: &Rows) -> impl Iterator<Item = u64> + use<> {
        let (beat, limit) = (self.config.beat_bytes() as u64, self.timing.burst_bytes);
        let length = rows.length as u64 * beat;
        rows.iter().flat_map(move |(offset, _)| {
            let (mut at, end) = (offset, offset + length);
            core::iter::from_fn(move || {
                let bytes = limit.min(4096 - at % 4096).min(end - at);
                at += bytes;
                (bytes > 0).then_some(bytes / beat)
            })
        })
    }

    fn load(&mut self, op: &Load, begin: u64) -> u64 {
        self.request = self.request.max(begin);
        self.read += self.timing.load_gap;
        // Eight beats of int8 weights take so many cycles.
        let group = match op.destination {
            Destination::WeightsInt8 => Timing::int8_group_cycles(self.config),
            _ => 8,
        };
        for beats in self.bursts(&op.rows) {
            let tag = self.tags.pop_front().unwrap_or(0);
            self.request = self.request.max(tag) + 1;
            let first = (self.request + self.timing.read_latency).max(self.read);
            self.read = first + (beats * group).div_ceil(8);
            self.tags.push_back(self.read);
        }
        self.read
    }

    fn pack(&mut self, op: &Pack, begin: u64) -> u64 {
        let beat = self.config.beat_bytes() as i64;
        let mut cycles = 0;
        for x in 0..op.count[0] {
            let first = op.column + (x * op.column_step) as i64;
            let touched = (first + op.piece as i64 - 1).div_euclid(beat) - first.div_euclid(beat) + 1;
            cycles += touched as u64 * op.pieces as u64 + 1;
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
        self.ppu + self.timing.array_latency + self.timing.ppu_latency
    }

    fn store(&mut self, op: &Store, begin: u64) -> u64 {
        let gap = self.timing.store_gap;
        let bursts: u64 = self.bursts(&op.rows).map(|beats| beats + gap).sum();
        let rows = (op.rows.count[0] * op.rows.count[1]) as u64;
        self.write = begin + bursts + gap * rows;
        self.write + self.timing.write_latency
    }
}
