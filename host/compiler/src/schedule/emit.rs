//! From jobs and items to instructions.
//!
//! Before a job come the items that it needs, and then items of later jobs, as long as there is space for them and
//! LOAD's queue has room for them before the job starts: a full queue would keep the array's own instructions from
//! being fetched. Items of one buffer keep their order; an item that cannot come yet (no space, or what it reads is
//! not stored yet) does not hold up those of other buffers.

use core::ops::Range;
use std::collections::VecDeque;

use cbp_isa::Config;
use cbp_isa::instruction::OutputMode;

use super::work::{ComputeSpec, Item, ItemId, Job, Work, memory};
use crate::CompileError;
use crate::hazards::{Access, Builder, Instructions, Place};
use crate::interpreter::Engine;
use crate::operation::{Load, Operation, Rows, Store};
use crate::predict::{Machine, Timing};
use crate::program::segment;
use crate::ring::Ring;

/// Cycles by which a LOAD ahead of its time leaves the fetch unit before the next job can start.
const MARGIN: u64 = 32;

/// An operand buffer: its space, and its items that are still to come.
struct Buffer {
    place: Place,
    ring: Ring,
    waiting: VecDeque<ItemId>,
}

struct Emitter<'a> {
    config: &'a Config,
    builder: Builder,
    items: Vec<Item>,
    /// Start of each item that is there.
    starts: Vec<Option<u64>>,
    rings: [Buffer; 5],
    /// Jobs that are emitted.
    done: usize,
    outputs: Ring,
    blocks: Vec<usize>,
    block_starts: Vec<Option<u64>>,
    /// Items that no job needs, by the item after which they are free.
    free_after: Vec<Vec<ItemId>>,
    /// When each item is there.
    ready: Vec<u64>,
    /// Times as they would be.
    machine: Machine<'a>,
    /// When each instruction is done.
    ends: Vec<u64>,
}

/// The prologue, which may be empty, and the program. `name` gives a layer's name for messages.
pub(crate) fn emit<'n>(
    config: &Config,
    timing: Timing,
    work: Work,
    name: impl Fn(usize) -> &'n str,
) -> Result<[Instructions; 2], CompileError> {
    let Work { items, jobs, blocks, last_use, resident, .. } = work;
    let mut free_after = vec![Vec::new(); items.len()];
    for (id, item) in items.iter().enumerate() {
        if let (None, Some(last)) = (item.last_job, item.last_packed) {
            free_after[last].push(id);
        }
    }
    // What each job frees.
    let mut free_items = vec![Vec::new(); jobs.len()];
    for (id, item) in items.iter().enumerate() {
        let stays = resident && matches!(item.place, Place::Weights | Place::Parameters);
        if let Some(job) = item.last_job.filter(|_| !stays) {
            free_items[job].push(id);
        }
    }
    let mut free_blocks = vec![Vec::new(); jobs.len()];
    for (block, &job) in last_use.iter().enumerate() {
        free_blocks[job].push(block);
    }
    let buffer = |place, depth| {
        let waiting = (0..items.len()).filter(|&id| items[id].place == place).collect();
        Buffer { place, ring: Ring::new(depth), waiting }
    };
    let mut emitter = Emitter {
        config,
        builder: Builder::default(),
        starts: vec![None; items.len()],
        ready: vec![0; items.len()],
        rings: [
            buffer(Place::Activations, config.activation_depth),
            buffer(Place::Weights, config.weight_depth),
            buffer(Place::Parameters, config.parameter_depth),
            buffer(Place::Residuals, config.residual_depth),
            buffer(Place::Lines, config.line_depth),
        ],
        items,
        done: 0,
        outputs: Ring::new(config.output_depth),
        block_starts: vec![None; blocks.len()],
        blocks,
        free_after,
        machine: Machine::new(config, timing),
        ends: Vec::new(),
    };
    let failed = |layer, what| CompileError::Internal { layer: name(layer).to_owned(), what };
    let prologue = if resident {
        emitter.prologue().ok_or_else(|| failed(0, "no space for constants"))?
    } else {
        Instructions::new()
    };
    for (index, job) in jobs.iter().enumerate() {
        let mut needs = job.needs.clone();
        needs.sort_unstable();
        needs.dedup();
        for &id in &needs {
            emitter.need(id).ok_or_else(|| failed(job.layer, "no space for what a job needs"))?;
        }
        let start = needs.iter().map(|&id| emitter.ready[id]).fold(emitter.machine.array(), u64::max);
        while emitter.machine.dispatch(Engine::Load) + MARGIN <= start && emitter.prefetch() {}
        emitter.job(job).ok_or_else(|| failed(job.layer, "no space for what a job writes"))?;
        emitter.done += 1;
        for &id in &free_items[index] {
            emitter.free(id);
        }
        for &block in &free_blocks[index] {
            if let Some(start) = emitter.block_starts[block] {
                emitter.outputs.free(start);
            }
        }
    }
    let last = jobs.last().map_or(0, |job| job.layer);
    let program = emitter.builder.finish();
    Ok([prologue, program.ok_or_else(|| failed(last, "a wait without a token counter"))?])
}

/// The range of a buffer, in one or two pieces.
fn wrapped(place: Place, range: Range<u64>, depth: usize, write: bool) -> Vec<Access> {
    let depth = depth as u64;
    if range.is_empty() {
        return Vec::new();
    }
    let start = range.start % depth;
    let end = start + (range.end - range.start);
    let access = |start, end| Access { place, start, end, write };
    if end <= depth { vec![access(start, end)] } else { vec![access(start, depth), access(0, end - depth)] }
}

impl Emitter<'_> {
    /// Emits all weights and parameters, as a program of their own; for the next one they are there.
    fn prologue(&mut self) -> Option<Instructions> {
        for place in [Place::Weights, Place::Parameters] {
            while let Some(&id) = self.ring(place)?.waiting.front() {
                self.need(id)?;
            }
        }
        self.machine = Machine::new(self.config, *self.machine.timing());
        self.ends.clear();
        self.ready.fill(0);
        core::mem::take(&mut self.builder).finish()
    }

    fn ring(&mut self, place: Place) -> Option<&mut Buffer> {
        self.rings.iter_mut().find(|buffer| buffer.place == place)
    }

    const fn depth(&self, place: Place) -> usize {
        match place {
            Place::Activations => self.config.activation_depth,
            Place::Weights => self.config.weight_depth,
            Place::Parameters => self.config.parameter_depth,
            Place::Residuals => self.config.residual_depth,
            Place::Lines => self.config.line_depth,
            Place::Outputs => self.config.output_depth,
            Place::Memory(_) => usize::MAX,
        }
    }

    fn free(&mut self, id: ItemId) {
        if let (Some(start), place) = (self.starts[id], self.items[id].place)
            && let Some(buffer) = self.ring(place)
        {
            buffer.ring.free(start);
        }
    }

    /// Adds an instruction; says when it will be done.
    fn push(&mut self, layer: usize, operation: &Operation, touched: &[Access]) -> u64 {
        let after = self.builder.push(layer, operation.clone(), touched);
        let ready = after.into_iter().flatten().map(|index| self.ends[index]).max().unwrap_or(0);
        let end = self.machine.run(operation, ready).end;
        self.ends.push(end);
        end
    }

    /// Words of a LOAD's own address from positions of an item: the residual buffer counts granules, but is loaded in
    /// words of whole beats.
    fn word(&self, place: Place, position: u64) -> usize {
        let position = (position % self.depth(place) as u64) as usize;
        match place {
            Place::Residuals => position * self.config.ppu_lanes / self.config.residual_word_bytes(),
            _ => position,
        }
    }

    /// Emits an item, and what must come before it.
    fn need(&mut self, id: ItemId) -> Option<()> {
        while self.starts[id].is_none() {
            let place = self.items[id].place;
            let next = self.ring(place)?.waiting.front().copied()?;
            for line in self.items[next].pack.iter().flat_map(|pack| pack.items.clone()).collect::<Vec<_>>() {
                self.need(line)?;
            }
            if !self.item(next) {
                return None;
            }
        }
        Some(())
    }

    /// Emits the first item that can come.
    fn prefetch(&mut self) -> bool {
        let mut next: Vec<ItemId> =
            self.rings.iter().filter_map(|buffer| buffer.waiting.front().copied()).collect();
        next.sort_unstable();
        let stored = |item: &Item| item.after.is_none_or(|job| job < self.done);
        let there = |item: &Item| {
            item.pack.iter().flat_map(|pack| &pack.items).all(|&line| self.starts[line].is_some())
        };
        next.retain(|&id| stored(&self.items[id]) && there(&self.items[id]));
        next.into_iter().any(|id| self.item(id))
    }

    /// Emits the next item of a buffer, if there is space.
    fn item(&mut self, id: ItemId) -> bool {
        let item = &self.items[id];
        let (place, length, layer) = (item.place, item.length, item.layer);
        let Some(buffer) = self.ring(place) else { return false };
        let Some(start) = buffer.ring.allocate(length) else { return false };
        buffer.waiting.pop_front();
        self.starts[id] = Some(start);
        let depth = self.depth(place);
        let beat = self.config.beat_bytes();
        let written = wrapped(place, start..start + length as u64, depth, true);
        let base = self.word(place, start);
        let words = self.word_count(place);
        let loads = core::mem::take(&mut self.items[id].loads);
        for load in loads {
            let mut touched = written.clone();
            if load.rows.segment != segment::PROGRAM {
                touched.push(memory(&load.rows, beat, false));
            }
            let rows = Rows { base: (base + load.rows.base) % words, ..load.rows };
            let op = Load {
                wait_compute: 0,
                wait_store: 0,
                signal_compute: 0,
                destination: load.destination,
                rows,
                digit_step: load.digit_step,
            };
            self.ready[id] = self.push(layer, &Operation::Load(op), &touched);
        }
        if let Some(pack) = self.items[id].pack.take() {
            let (anchor, line) = pack.anchor;
            let origin = self.starts[anchor].unwrap_or(0);
            let mut op = pack.op;
            let at = |l: usize| origin + ((l - line) * op.line_pitch) as u64;
            let mut touched = written;
            let lines = at(pack.lines.start)..at(pack.lines.end);
            touched.extend(wrapped(Place::Lines, lines, self.config.line_depth, false));
            op.line_base = (origin as i64 - (line * op.line_pitch) as i64).rem_euclid(1 << 16) as usize;
            op.base = base;
            self.ready[id] = self.push(layer, &Operation::Pack(op), &touched);
        }
        for freed in core::mem::take(&mut self.free_after[id]) {
            self.free(freed);
        }
        true
    }

    /// Words of a buffer, as LOAD counts them.
    const fn word_count(&self, place: Place) -> usize {
        match place {
            Place::Residuals => {
                self.config.residual_depth * self.config.ppu_lanes / self.config.residual_word_bytes()
            }
            _ => self.depth(place),
        }
    }

    fn block(&mut self, block: usize) -> Option<u64> {
        if self.block_starts[block].is_none() {
            self.block_starts[block] = self.outputs.allocate(self.blocks[block]);
        }
        self.block_starts[block]
    }

    fn job(&mut self, job: &Job) -> Option<()> {
        for spec in &job.computes {
            self.compute(job.layer, spec)?;
        }
        for spec in &job.stores {
            let start = self.block(spec.block)?;
            let beat = self.config.beat_bytes();
            let p = self.config.ppu_lanes;
            let beats = self.config.output_depth * p / beat;
            let base = (start % self.config.output_depth as u64) as usize * p / beat;
            let read = start..start + self.blocks[spec.block] as u64;
            let mut touched = wrapped(Place::Outputs, read, self.config.output_depth, false);
            touched.push(memory(&spec.rows, beat, true));
            let rows = Rows { base: (base + spec.rows.base) % beats, ..spec.rows };
            let op = Store { wait_compute: 0, signal_compute: 0, signal_load: 0, rows };
            self.push(job.layer, &Operation::Store(op), &touched);
        }
        Some(())
    }

    fn compute(&mut self, layer: usize, spec: &ComputeSpec) -> Option<()> {
        let config = self.config;
        let mut op = spec.op.clone();
        let start = |id: ItemId, starts: &[Option<u64>]| starts.get(id).copied().flatten();
        let origin = start(spec.activations.item, &self.starts)? as i64;
        op.act_base = (origin + spec.activations.offset).rem_euclid(1 << 16) as usize;
        let reads = (origin + spec.reads.start).max(0) as u64..(origin + spec.reads.end).max(0) as u64;
        let mut touched = wrapped(Place::Activations, reads, config.activation_depth, false);
        if let Some(id) = spec.weights {
            let at = start(id, &self.starts)?;
            op.weight_base = (at % config.weight_depth as u64) as usize;
            let range = at..at + op.steps() as u64;
            touched.extend(wrapped(Place::Weights, range, config.weight_depth, false));
        }
        if let Some(id) = spec.parameters {
            let at = start(id, &self.starts)?;
            op.parameter_base = (at % config.parameter_depth as u64) as usize;
            let range = at..at + op.groups as u64;
            touched.extend(wrapped(Place::Parameters, range, config.parameter_depth, false));
        }
        if let (Some(at), Some([_, step])) = (spec.residual, op.residual) {
            let first = start(at.item, &self.starts)? + at.offset as u64;
            op.residual = Some([(first % config.residual_depth as u64) as usize, step]);
            let range = first..first + ((op.positions() - 1) * step + op.groups) as u64;
            touched.extend(wrapped(Place::Residuals, range, config.residual_depth, false));
        }
        if let Some((block, granule)) = spec.out {
            let out = self.block(block)? + granule as u64;
            op.out_base = (out % config.output_depth as u64) as usize;
            let each = if op.mode == OutputMode::Raw { 4 } else { 1 };
            let last =
                (op.count[3] - 1) * op.out_step[0] + (op.count[4] - 1) * op.out_step[1] + op.groups * each;
            touched.extend(wrapped(Place::Outputs, out..out + last as u64, config.output_depth, true));
        }
        if let Some(keep) = &spec.keep {
            let at = start(keep.item, &self.starts)?;
            let each = config.activation_granules();
            let granules = (config.activation_depth * each) as u64;
            let first = (at * each as u64 + keep.granule as u64) % granules;
            op.target.keep = Some([first as usize, keep.step]);
            let range = at + keep.words.start as u64..at + keep.words.end as u64;
            touched.extend(wrapped(Place::Activations, range, config.activation_depth, true));
        }
        if let Some(mask) = spec.mask {
            let at = self.block(mask)?;
            op.mask_base = (at % config.output_depth as u64) as usize;
            let range = at..at + self.blocks[mask] as u64;
            touched.extend(wrapped(Place::Outputs, range, config.output_depth, true));
        }
        self.push(layer, &Operation::Compute(op), &touched);
        Some(())
    }
}
