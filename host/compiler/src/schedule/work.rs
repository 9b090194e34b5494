//! What is to be done, before addresses are known.

use std::collections::BTreeMap;

use cbp_isa::instruction::Destination;

use crate::hazards::{Access, Pieces, Place};
use crate::interpreter::Engine;
use crate::operation::{Compute, Pack, Rows};
use crate::program::segment;

/// Index of an [`Item`].
pub(crate) type ItemId = usize;

/// One LOAD of an item; its buffer positions count from the item's start.
#[derive(Clone, Debug)]
pub(crate) struct LoadSpec {
    pub(crate) destination: Destination,
    pub(crate) rows: Rows,
    pub(crate) digit_step: usize,
}

/// A PACK; `base` counts from its item's start.
#[derive(Clone, Debug)]
pub(crate) struct PackSpec {
    pub(crate) op: Pack,
    /// The item that begins with line `anchor.1` of the image.
    pub(crate) anchor: (ItemId, usize),
    /// Lines it reads, and the items that hold them.
    pub(crate) lines: core::ops::Range<usize>,
    pub(crate) items: Vec<ItemId>,
}

/// Data in one block of a buffer.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) layer: usize,
    pub(crate) place: Place,
    pub(crate) length: usize,
    pub(crate) loads: Vec<LoadSpec>,
    pub(crate) pack: Option<PackSpec>,
    /// The last job that writes what it reads from host memory.
    pub(crate) after: Option<usize>,
    /// The last job, or else the last item, that needs it.
    pub(crate) last_job: Option<usize>,
    pub(crate) last_packed: Option<ItemId>,
}

/// A place in an item: positions from its start on (before it, if negative).
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) item: ItemId,
    pub(crate) offset: i64,
}

/// Where results stay in the activation buffer.
#[derive(Clone, Debug)]
pub(crate) struct KeepAt {
    pub(crate) item: ItemId,
    /// Granule of the first position's first group in the item, and granules from position to position.
    pub(crate) granule: usize,
    pub(crate) step: usize,
    /// Words that are written, for what must wait.
    pub(crate) words: core::ops::Range<usize>,
}

/// A block of the output buffer, taken by its first job.
pub(crate) type BlockId = usize;

/// A COMPUTE whose bases are not known yet.
#[derive(Debug)]
pub(crate) struct ComputeSpec {
    /// Its bases are 0.
    pub(crate) op: Compute,
    /// Activation word of the first step.
    pub(crate) activations: At,
    /// Words that are read, for what must wait: an offset range from the same item's start.
    pub(crate) reads: core::ops::Range<i64>,
    pub(crate) weights: Option<ItemId>,
    pub(crate) parameters: Option<ItemId>,
    pub(crate) residual: Option<At>,
    /// Output block and granule in it.
    pub(crate) out: Option<(BlockId, usize)>,
    /// Where results stay in the activation buffer: item, word and granule in it; and words that are written.
    pub(crate) keep: Option<KeepAt>,
    /// Block of its sign masks.
    pub(crate) mask: Option<BlockId>,
}

/// A STORE; its buffer positions count from its block's start.
#[derive(Debug)]
pub(crate) struct StoreSpec {
    pub(crate) block: BlockId,
    pub(crate) rows: Rows,
}

/// What follows each other without a look at anything else: COMPUTEs, then STOREs.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) layer: usize,
    /// Items that it needs.
    pub(crate) needs: Vec<ItemId>,
    pub(crate) computes: Vec<ComputeSpec>,
    pub(crate) stores: Vec<StoreSpec>,
}

/// Bytes from the first to the last of all rows, in host memory.
pub(crate) fn memory(rows: &Rows, beat: usize, write: bool) -> Access {
    let steps = (rows.count[0] - 1) as u64 * rows.stride[0] + (rows.count[1] - 1) as u64 * rows.stride[1];
    let end = rows.offset + steps + (rows.length * beat) as u64;
    Access { place: Place::Memory(rows.segment), start: rows.offset, end, write }
}

/// Jobs and items of a whole program.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Bytes of a beat.
    beat: usize,
    /// Weights and parameters of all stages are loaded once, before everything, and stay.
    pub(crate) resident: bool,
    /// Those that are there, by offset behind the program.
    pub(crate) constants: BTreeMap<usize, ItemId>,
    /// Which job writes what, by segment.
    stored: [Pieces; cbp_isa::ring::SEGMENTS],
    pub(crate) items: Vec<Item>,
    pub(crate) jobs: Vec<Job>,
    /// Granules of each block.
    pub(crate) blocks: Vec<usize>,
    /// The last job that uses each block.
    pub(crate) last_use: Vec<usize>,
}

impl Work {
    pub(crate) fn new(beat: usize) -> Self {
        Self { beat, ..Self::default() }
    }

    pub(crate) fn item(&mut self, layer: usize, place: Place, length: usize, loads: Vec<LoadSpec>) -> ItemId {
        let mut after = None;
        for load in loads.iter().filter(|load| load.rows.segment != segment::PROGRAM) {
            let read = memory(&load.rows, self.beat, false);
            self.stored[load.rows.segment].touch(&read, Engine::Load, 0, |job| after = after.max(Some(job)));
        }
        let (pack, last_job, last_packed) = (None, None, None);
        self.items.push(Item { layer, place, length, loads, pack, after, last_job, last_packed });
        self.items.len() - 1
    }

    pub(crate) fn block(&mut self, granules: usize) -> BlockId {
        self.blocks.push(granules);
        self.last_use.push(0);
        self.blocks.len() - 1
    }

    pub(crate) fn push(&mut self, job: Job) {
        let index = self.jobs.len();
        for &item in &job.needs {
            self.items[item].last_job = Some(index);
        }
        let blocks = job.computes.iter().flat_map(|c| [c.out.map(|out| out.0), c.mask]).flatten();
        for block in blocks.chain(job.stores.iter().map(|s| s.block)) {
            self.last_use[block] = index;
        }
        for store in &job.stores {
            let written = memory(&store.rows, self.beat, true);
            self.stored[store.rows.segment].touch(&written, Engine::Store, index, |_| {});
        }
        self.jobs.push(job);
    }
}
