//! The order of loads, computes and stores.
//!
//! Weights of the next column tiles load while the current one computes, across blocks and layers, as far ahead as
//! [`AHEAD`] and the buffers allow. The first tiles of a block of images start chunk by chunk, as activations arrive:
//! one tile at first, then up to [`EARLY_TILES`], so that the array has enough to do per image loaded. The last tile
//! of a block is computed and stored in pieces, so that the next layer's loads, or the end, come soon after it.

use core::ops::Range;

use cbp_isa::Config;
use cbp_isa::instruction::{Destination, OutputMode};

use crate::CompileError;
use crate::builder::{Access, Builder, Instructions, Place};
use crate::operation::{Compute, Load, Operation, Rows, Store};
use crate::program::segment;
use crate::ring::Ring;
use crate::tiling::Plan;

/// Tiles whose weights may be loaded before their turn.
const AHEAD: usize = 2;
/// Tiles that compute chunk by chunk while a block's activations arrive.
const EARLY_TILES: usize = 3;
/// Largest row of a LOAD or STORE, in beats.
const MAX_LENGTH: usize = 0xffff;

/// A tile of one block whose weights are in the buffer.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    tile: usize,
    weights: usize,
    parameters: Option<usize>,
}

/// The block of images that is in the activation buffer.
struct Block {
    layer: usize,
    images: Range<usize>,
    activations: usize,
    last_tile: usize,
    /// The layer's weights stay for the next block.
    resident: bool,
    /// First output granule of every group of tiles that are stored together, while it has one.
    outputs: Vec<Option<usize>>,
    /// Images of the last group that are stored.
    stored: usize,
}

impl Block {
    const fn len(&self) -> usize {
        self.images.end - self.images.start
    }
}

struct Scheduler<'a> {
    config: &'a Config,
    plans: &'a [Plan],
    builder: Builder,
    activations: Ring,
    weights: Ring,
    parameters: Ring,
    outputs: Ring,
    /// (layer, tile) of all loads of weights, in order; those that are loaded; how many of these are done.
    order: Vec<(usize, usize)>,
    loaded: Vec<Loaded>,
    done: usize,
}

/// The whole program.
pub(crate) fn schedule(config: &Config, plans: &[Plan]) -> Result<Instructions, CompileError> {
    let blocks = |plan: &Plan| plan.input.images.div_ceil(plan.block);
    let tiles = |layer: usize, plan: &Plan| (0..plan.tiles.len()).map(move |tile| (layer, tile));
    let order = plans.iter().enumerate();
    let loads = |plan: &Plan| if plan.resident(config) { 1 } else { blocks(plan) };
    let order = order.flat_map(|(layer, plan)| (0..loads(plan)).flat_map(move |_| tiles(layer, plan)));
    let mut scheduler = Scheduler {
        config,
        plans,
        builder: Builder::default(),
        activations: Ring::new(config.activation_depth),
        weights: Ring::new(config.weight_depth),
        parameters: Ring::new(config.parameter_depth),
        outputs: Ring::new(config.output_depth),
        order: order.collect(),
        loaded: Vec::new(),
        done: 0,
    };
    for (layer, plan) in plans.iter().enumerate() {
        for block in 0..blocks(plan) {
            let start = block * plan.block;
            let resident = plan.resident(config) && block + 1 < blocks(plan);
            scheduler.block(layer, start..(start + plan.block).min(plan.input.images), resident)?;
        }
    }
    let name = plans.last().map_or("", |plan| plan.name.as_str());
    scheduler.builder.finish().ok_or_else(|| internal(name, "a wait without a token counter"))
}

fn internal(layer: &str, what: &'static str) -> CompileError {
    CompileError::Internal { layer: layer.to_owned(), what }
}

impl Scheduler<'_> {
    fn block(&mut self, layer: usize, images: Range<usize>, resident: bool) -> Result<(), CompileError> {
        let plan = &self.plans[layer];
        let no_space = |what| move || internal(&plan.name, what);
        self.load_until(self.done + 1)?;
        let words = (images.end - images.start) * plan.words;
        let activations = self.activations.allocate(words).ok_or_else(no_space("no activation space"))?;
        let mut block = Block {
            layer,
            images,
            activations,
            last_tile: plan.tiles.len() - 1,
            resident,
            outputs: vec![None; plan.tiles.len().div_ceil(plan.together)],
            stored: 0,
        };
        let chunks: Vec<_> = pieces(block.len(), plan.chunk).collect();
        let early = if chunks.len() > 1 { EARLY_TILES.min(plan.tiles.len()) } else { 1 };
        let first = self.done;
        let mut active = 0;
        for (c, chunk) in chunks.iter().enumerate() {
            self.load_activations(&block, chunk);
            if c + 1 == chunks.len() {
                self.load_ahead(first + active + AHEAD);
            }
            for t in first..first + active {
                self.compute(&mut block, t, chunk.clone())?;
            }
            while active < early && self.joins(&block, first + active, active, c, chunks.len()) {
                self.compute(&mut block, first + active, 0..chunk.end)?;
                active += 1;
            }
        }
        for t in first..first + active {
            self.finish_tile(&mut block, t)?;
        }
        for t in first + active..first + plan.tiles.len() {
            self.load_until(t + 1)?;
            self.load_ahead(t + 1 + AHEAD);
            let last = self.loaded[t].tile == block.last_tile;
            for piece in pieces(block.len(), if last { plan.tail } else { block.len() }) {
                self.compute(&mut block, t, piece)?;
            }
            self.finish_tile(&mut block, t)?;
        }
        self.activations.free(activations);
        Ok(())
    }

    /// Whether tile `index`, the `active`-th of its block, may start after chunk `c`; loads it if it is time to.
    fn joins(&mut self, block: &Block, index: usize, active: usize, c: usize, chunks: usize) -> bool {
        let time = [0, 0, chunks / 3][active];
        let plan = &self.plans[block.layer];
        let space = block.outputs[active / plan.together].is_some()
            || self.outputs.find(plan.output_granules(self.config, block.len())).is_some();
        space && (index < self.loaded.len() || c >= time && self.load_next())
    }

    /// Loads weights until `count` tiles are loaded, which must be possible.
    fn load_until(&mut self, count: usize) -> Result<(), CompileError> {
        while self.loaded.len() < count {
            if !self.load_next() {
                let (layer, _) = self.order[self.loaded.len().min(self.order.len() - 1)];
                return Err(internal(&self.plans[layer].name, "no weight or parameter space"));
            }
        }
        Ok(())
    }

    /// Loads weights while there is space, up to `count` tiles.
    fn load_ahead(&mut self, count: usize) {
        while self.loaded.len() < count && self.load_next() {}
    }

    /// Loads weights and parameters of the next tile, if there is one and there is space.
    fn load_next(&mut self) -> bool {
        let Some(&(layer, tile)) = self.order.get(self.loaded.len()) else { return false };
        let (config, plan) = (self.config, &self.plans[layer]);
        let (data, passes) = (plan.tiles[tile], plan.shifts.len());
        if data.parameters.is_some() && self.parameters.find(data.groups).is_none() {
            return false;
        }
        let Some(weights) = self.weights.allocate(plan.words * passes) else { return false };
        let (destination, beats, digit_step) = if plan.int8 {
            (Destination::WeightsInt8, config.lanes * config.columns / config.beat_bytes(), plan.words)
        } else {
            (Destination::Weights, config.weight_beats(), 0)
        };
        let rows =
            contiguous(segment::PROGRAM, data.weights, plan.words, beats, config.beat_bytes(), weights, 1);
        let written = Access::write(Place::Weights, weights, plan.words * passes);
        self.push_load(layer, destination, rows, digit_step, &[written]);
        let parameters = data.parameters.and_then(|offset| {
            let base = self.parameters.allocate(data.groups)?;
            let beats = config.parameter_beats();
            let rows = contiguous(segment::PROGRAM, offset, data.groups, beats, config.beat_bytes(), base, 1);
            let written = Access::write(Place::Parameters, base, data.groups);
            self.push_load(layer, Destination::Parameters, rows, 0, &[written]);
            Some(base)
        });
        self.loaded.push(Loaded { tile, weights, parameters });
        true
    }

    fn load_activations(&mut self, block: &Block, chunk: &Range<usize>) {
        let (plan, beat) = (&self.plans[block.layer], self.config.beat_bytes());
        let input = &plan.input;
        let (images, first) = (chunk.end - chunk.start, block.images.start + chunk.start);
        let offset = input.offset as usize + first * input.row_bytes;
        let base = block.activations + chunk.start * plan.words;
        let dense = input.row_bytes == plan.words * self.config.lanes;
        let beats = if dense { input.row_bytes } else { input.channels }.div_ceil(beat);
        let rows = if dense {
            contiguous(input.segment, offset, images, beats, beat, base, plan.words)
        } else {
            strided(input.segment, offset, beats, images, input.row_bytes, base, plan.words)
        };
        let read = Access::read(Place::Memory(input.segment), offset, images * input.row_bytes);
        let written = Access::write(Place::Activations, base, images * plan.words);
        self.push_load(block.layer, Destination::Activations, rows, 0, &[read, written]);
    }

    fn push_load(
        &mut self,
        layer: usize,
        destination: Destination,
        rows: Rows,
        digit_step: usize,
        touched: &[Access],
    ) {
        let load = Load { wait_compute: 0, wait_store: 0, signal_compute: 0, destination, rows, digit_step };
        self.builder.push(layer, Operation::Load(load), touched);
    }

    /// Computes tile `index` (of the whole order) for `piece` of the block. Stores of the last group follow in pieces.
    fn compute(&mut self, block: &mut Block, index: usize, piece: Range<usize>) -> Result<(), CompileError> {
        let (config, plan) = (self.config, &self.plans[block.layer]);
        let Loaded { tile, weights, parameters } = self.loaded[index];
        let (group, member) = (tile / plan.together, tile % plan.together);
        let outputs = if let Some(outputs) = block.outputs[group] {
            outputs
        } else {
            let space = self.outputs.allocate(plan.output_granules(config, block.len()));
            space.ok_or_else(|| internal(&plan.name, "no output space"))?
        };
        block.outputs[group] = Some(outputs);
        let (images, groups) = (piece.end - piece.start, plan.tiles[tile].groups);
        let step = plan.out_step(config);
        let per_granule = 8 * config.ppu_lanes / config.columns;
        let act_base = block.activations + piece.start * plan.words;
        let out_base = outputs + piece.start * step + member * plan.tile_granules(config);
        let masks = plan.mask_start(config, block.len()) + member * plan.mask_granules(config, block.len());
        let mask_base = outputs + masks + piece.start / per_granule;
        let written = (images - 1) * step + groups * if plan.mode == OutputMode::Raw { 4 } else { 1 };
        let last_lanes = plan.input.channels - (plan.words - 1) * config.lanes;
        let mut touched = vec![
            Access::read(Place::Activations, act_base, images * plan.words),
            Access::read(Place::Weights, weights, plan.words * plan.shifts.len()),
            Access::write(Place::Outputs, out_base, written),
        ];
        touched.extend(parameters.map(|base| Access::read(Place::Parameters, base, groups)));
        if plan.mask.is_some() {
            touched.push(Access::write(Place::Outputs, mask_base, images.div_ceil(per_granule)));
        }
        let compute = Compute {
            wait_load: 0,
            wait_store: 0,
            signal_load: 0,
            signal_store: 0,
            mode: plan.mode,
            mask: plan.mask.is_some(),
            shifts: plan.shifts.clone(),
            lanes: [0, last_lanes],
            groups,
            act_base,
            weight_base: weights,
            parameter_base: parameters.unwrap_or(0),
            count: [plan.words, 1, 1, images, 1],
            act_step: [0, 0, plan.words, 0],
            out_base,
            out_step: [step, 0],
            mask_base: if plan.mask.is_some() { mask_base } else { 0 },
            low: plan.clamp.low,
            high: plan.clamp.high,
            zero_point: plan.clamp.zero_point,
        };
        self.builder.push(block.layer, Operation::Compute(compute), &touched);
        if tile == block.last_tile && piece.end - block.stored >= plan.tail {
            self.store(block, group, outputs, block.stored..piece.end);
            block.stored = piece.end;
        }
        Ok(())
    }

    /// Ends a tile. If it is the last of its group: stores what is left of the group and gives its space back.
    fn finish_tile(&mut self, block: &mut Block, index: usize) -> Result<(), CompileError> {
        let Loaded { tile, weights, parameters } = self.loaded[index];
        let plan = &self.plans[block.layer];
        let group = tile / plan.together;
        if tile == block.last_tile || (tile + 1).is_multiple_of(plan.together) {
            let outputs = block.outputs[group].take();
            let outputs = outputs.ok_or_else(|| internal(&plan.name, "a tile ends that never began"))?;
            let stored = if tile == block.last_tile { block.stored } else { 0 };
            if stored < block.len() {
                self.store(block, group, outputs, stored..block.len());
            }
            self.outputs.free(outputs);
        }
        if !block.resident {
            self.weights.free(weights);
            if let Some(base) = parameters {
                self.parameters.free(base);
            }
            self.done += 1;
        }
        Ok(())
    }

    /// Stores `piece` of the block's images for one group of tiles.
    fn store(&mut self, block: &Block, group: usize, outputs: usize, piece: Range<usize>) {
        let (config, plan) = (self.config, &self.plans[block.layer]);
        let (beat, p, n) = (config.beat_bytes(), config.ppu_lanes, config.columns);
        let (images, first) = (piece.end - piece.start, block.images.start + piece.start);
        let tiles = group * plan.together..((group + 1) * plan.together).min(plan.tiles.len());
        let step = plan.out_step(config);
        let out = &plan.output;
        let tile_bytes = plan.tile_granules(config) * p;
        let granule = outputs + piece.start * step;
        let offset = out.offset as usize + first * out.row_bytes + tiles.start * tile_bytes;
        let row = (tiles.len() * tile_bytes).min(out.row_bytes - tiles.start * tile_bytes);
        let (length, base, step_beats) = (row / beat, granule * p / beat, step * p / beat);
        let rows = if step * p == out.row_bytes {
            contiguous(out.segment, offset, images, step_beats, beat, base, step_beats)
        } else {
            strided(out.segment, offset, length, images, out.row_bytes, base, step_beats)
        };
        let bytes = (images - 1) * out.row_bytes + row;
        let touched = [
            Access::read(Place::Outputs, granule, images * step),
            Access::write(Place::Memory(out.segment), offset, bytes),
        ];
        self.push_store(block.layer, rows, &touched);
        if let Some(mask) = &plan.mask {
            let bytes = (images * n).div_ceil(8).next_multiple_of(beat);
            let offset = mask.offset as usize + tiles.start * mask.tile_bytes + first * n / 8;
            let granule = outputs + plan.mask_start(config, block.len()) + piece.start * n / 8 / p;
            let (step, base) = (plan.mask_granules(config, block.len()), granule * p / beat);
            let (stride, count) = (mask.tile_bytes, tiles.len());
            let rows = strided(mask.segment, offset, bytes / beat, count, stride, base, step * p / beat);
            let touched = [
                Access::read(Place::Outputs, granule, (count - 1) * step + bytes.div_ceil(p)),
                Access::write(Place::Memory(mask.segment), offset, (count - 1) * stride + bytes),
            ];
            self.push_store(block.layer, rows, &touched);
        }
    }

    fn push_store(&mut self, layer: usize, rows: Rows, touched: &[Access]) {
        let store = Store { wait_compute: 0, signal_compute: 0, signal_load: 0, rows };
        self.builder.push(layer, Operation::Store(store), touched);
    }
}

/// 0…`total` in pieces of `size`.
fn pieces(total: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total).step_by(size).map(move |start| start..(start + size).min(total))
}

/// `count` rows of `length` beats that follow each other in memory and in the buffer: one long row if a field holds it.
fn contiguous(
    segment: usize,
    offset: usize,
    count: usize,
    length: usize,
    beat: usize,
    base: usize,
    step: usize,
) -> Rows {
    if count * length <= MAX_LENGTH {
        strided(segment, offset, count * length, 1, 0, base, 0)
    } else {
        strided(segment, offset, length, count, length * beat, base, step)
    }
}

fn strided(
    segment: usize,
    offset: usize,
    length: usize,
    count: usize,
    stride: usize,
    base: usize,
    step: usize,
) -> Rows {
    let (stride, step) = if count > 1 { (stride as u64, step) } else { (0, 0) };
    let offset = offset as u64;
    Rows { segment, offset, length, count: [count, 1], stride: [stride, 0], base, step: [step, 0] }
}
