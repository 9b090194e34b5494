//! What is to be done, before addresses are known.

use cbp_isa::instruction::Destination;

use crate::hazards::Place;
use crate::operation::{Compute, Pack, Rows};

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
    /// Lines it reads.
    pub(crate) lines: core::ops::Range<usize>,
}

/// Data in one block of a buffer.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) layer: usize,
    pub(crate) place: Place,
    pub(crate) length: usize,
    pub(crate) loads: Vec<LoadSpec>,
    pub(crate) pack: Option<PackSpec>,
    /// The last job, or else the last item, that needs it.
    pub(crate) last_job: Option<usize>,
    pub(crate) last_item: Option<ItemId>,
}

/// A place in an item: positions from its start on (before it, if negative).
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) item: ItemId,
    pub(crate) offset: i64,
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
    pub(crate) out: (BlockId, usize),
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

/// Jobs and items of a whole program.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) items: Vec<Item>,
    pub(crate) jobs: Vec<Job>,
    /// Granules of each block.
    pub(crate) blocks: Vec<usize>,
    /// The last job that uses each block.
    pub(crate) last_use: Vec<usize>,
}

impl Work {
    pub(crate) fn item(&mut self, layer: usize, place: Place, length: usize, loads: Vec<LoadSpec>) -> ItemId {
        self.items.push(Item { layer, place, length, loads, pack: None, last_job: None, last_item: None });
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
        let blocks = job.computes.iter().flat_map(|c| [Some(c.out.0), c.mask]).flatten();
        for block in blocks.chain(job.stores.iter().map(|s| s.block)) {
            self.last_use[block] = index;
        }
        self.jobs.push(job);
    }
}
