//! A cut stage as jobs.

use core::ops::Range;
use std::collections::BTreeMap;

use cbp_isa::Config;
use cbp_isa::instruction::Destination;

use super::feeder::Feeder;
use super::operand::{self, Loaded};
use super::work::{At, BlockId, ComputeSpec, ItemId, Job, KeepAt, LoadSpec, StoreSpec, Work};
use crate::cut::Cut;
use crate::hazards::Place;
use crate::layout::MaskBlock;
use crate::lower::{Kind, Stage, Tile, unit};
use crate::operation::{Compute, Rows, Target};
use crate::program::segment;

/// Largest row of a LOAD or STORE, in beats.
const MAX_LENGTH: usize = 0xffff;

/// Weights and parameters of a tile in their buffers.
#[derive(Clone, Copy, Debug, Default)]
struct Constants {
    weights: Option<ItemId>,
    parameters: Option<ItemId>,
}

struct Jobs<'a> {
    config: &'a Config,
    stage: &'a Stage<'a>,
    cut: Cut,
    feeder: Feeder<'a>,
    /// Holds the output, if it stays on chip.
    output: Option<ItemId>,
    /// What is in the buffers, by offset behind the program: of a resident stage everything, of others the current
    /// tile's. Tiles with the same weights or parameters share them.
    constants: BTreeMap<usize, ItemId>,
    /// Operands of the tiles of a group, by first position.
    operands: BTreeMap<usize, Option<Loaded>>,
}

/// Adds all jobs of a stage; `kept` is its input, if that stays on chip. `reserve` gives offsets of mask blocks in the
/// scratch segment; these blocks are returned, and the item that holds the output, if it stays on chip.
pub(crate) fn add_stage(
    config: &Config,
    stage: &Stage,
    cut: Cut,
    work: &mut Work,
    kept: Option<ItemId>,
    reserve: impl FnMut(usize) -> usize,
) -> (Vec<MaskBlock>, Option<ItemId>) {
    let output = stage.keep.then(|| {
        let words = stage.output.shape.channels.div_ceil(config.lanes);
        work.item(stage.layer, Place::Activations, stage.positions() * words, Vec::new())
    });
    let feeder = Feeder::new(config, stage, cut, kept.filter(|_| stage.kept_input));
    let (constants, operands) = (BTreeMap::new(), BTreeMap::new());
    let masks = Jobs { config, stage, cut, feeder, output, constants, operands }.add(work, reserve);
    (masks, output)
}

/// Positions `range` cut into pieces of at most `length`.
fn pieces(range: &Range<usize>, length: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let Range { start, end } = *range;
    (start..end).step_by(length).map(move |at| at..(at + length).min(end))
}

impl Jobs<'_> {
    fn add(&mut self, work: &mut Work, mut reserve: impl FnMut(usize) -> usize) -> Vec<MaskBlock> {
        let (stage, cut) = (self.stage, self.cut);
        let mut masks = Vec::new();
        let tiles = stage.tiles.len();
        let image = stage.size[0] * stage.size[1];
        let mut start = 0;
        while start < stage.positions() {
            // A strip of rows ends with its image.
            let end = if cut.strip < image && cut.feed != crate::cut::Feed::Pixels {
                (start + cut.strip).min((start / image + 1) * image)
            } else {
                (start + cut.strip).min(stage.positions())
            };
            let strip = start..end;
            self.feeder.begin(&strip);
            if !cut.resident {
                self.constants.clear();
            }
            let shared = cut.together.then(|| {
                let operand = stage.operand.as_ref();
                let channels = 0..stage.output.shape.channels;
                let loaded =
                    operand.and_then(|o| operand::load(self.config, stage, o, work, &strip, &channels));
                let block = stage.store.then(|| self.block(work, strip.len() * stage.groups()));
                (block, loaded)
            });
            for t in 0..tiles {
                // The tiles of a group must be cut alike.
                let ends = t < cut.operand_tiles || t >= (tiles - 1) / cut.operand_tiles * cut.operand_tiles;
                let length = if ends { cut.fine } else { cut.piece };
                for piece in pieces(&strip, length) {
                    self.job(work, &strip, t, &piece, shared.as_ref(), &mut masks, &mut reserve);
                }
            }
            start = end;
        }
        masks
    }

    /// A block of at least `groups` groups' granules, in whole words and beats.
    fn block(&self, work: &mut Work, groups: usize) -> BlockId {
        let whole = (unit(self.config) / self.config.ppu_lanes).max(4);
        work.block((groups * self.stage.group_granules()).next_multiple_of(whole))
    }

    #[allow(clippy::too_many_arguments)]
    fn job(
        &mut self,
        work: &mut Work,
        strip: &Range<usize>,
        tile: usize,
        piece: &Range<usize>,
        shared: Option<&(Option<BlockId>, Option<Loaded>)>,
        masks: &mut Vec<MaskBlock>,
        reserve: &mut impl FnMut(usize) -> usize,
    ) {
        let (config, stage) = (self.config, self.stage);
        let data = &stage.tiles[tile];
        let constants = self.constants(work, tile);
        let mut needs: Vec<ItemId> =
            [constants.weights, constants.parameters].into_iter().flatten().collect();
        let first_group = data.outputs.start / config.ppu_lanes;
        let (block, step, base) = if let Some((block, _)) = shared {
            (*block, stage.groups(), (piece.start - strip.start) * stage.groups() + first_group)
        } else {
            let block = stage.store.then(|| self.block(work, piece.len() * data.groups));
            (block, data.groups, 0)
        };
        let (step, base) = (step * stage.group_granules(), base * stage.group_granules());
        needs.extend(self.output);
        let mut computes = Vec::new();
        let mut stores = Vec::new();
        for part in self.feeder.parts(piece) {
            let fed = self.feeder.feed(work, &part, strip.end, data);
            needs.extend(&fed.needs);
            let width = fed.count[3];
            let compute = Compute {
                wait_load: 0,
                wait_store: 0,
                signal_load: 0,
                signal_store: 0,
                mode: stage.mode,
                mask: stage.masked,
                maximum: stage.kind == Kind::Maximum,
                residual: None,
                target: Target { outputs: stage.store, keep: None },
                shifts: stage.shifts.clone(),
                lanes: data.lanes,
                groups: data.groups,
                act_base: 0,
                weight_base: 0,
                parameter_base: 0,
                count: fed.count,
                act_step: fed.step,
                x: fed.x,
                y: fed.y,
                fill: stage.fill,
                out_base: 0,
                out_step: if stage.store {
                    [step, if fed.count[4] > 1 { width * step } else { 0 }]
                } else {
                    [0; 2]
                },
                mask_base: 0,
                low: stage.clamp.low,
                high: stage.clamp.high,
                zero_point: stage.clamp.zero_point,
            };
            let mask = stage.masked.then(|| {
                let (block, store, layout) = self.mask_block(work, data, &part, reserve);
                stores.push(store);
                masks.push(layout);
                block
            });
            computes.push(ComputeSpec {
                op: compute,
                activations: fed.at,
                reads: fed.reads,
                weights: constants.weights,
                parameters: constants.parameters,
                residual: None,
                out: block.map(|block| (block, base + (part.start - piece.start) * step)),
                keep: self.output.map(|item| {
                    let words = stage.output.shape.channels.div_ceil(config.lanes);
                    let step = words * config.activation_granules();
                    let granule = part.start * step + first_group;
                    KeepAt { item, granule, step, words: part.start * words..part.end * words }
                }),
                mask,
            });
        }
        // The operand comes last: it may have to wait for the same stage's predecessor as the input does.
        if let Some(operand) = &stage.operand {
            let (own, group) = if let Some((_, loaded)) = shared {
                (loaded.clone(), 0)
            } else {
                let group = tile / self.cut.operand_tiles * self.cut.operand_tiles;
                let last = (group + self.cut.operand_tiles).min(stage.tiles.len()) - 1;
                let channels = stage.tiles[group].outputs.start..stage.tiles[last].outputs.end;
                if tile == group {
                    let loaded = operand::load(config, stage, operand, work, piece, &channels);
                    self.operands.insert(piece.start, loaded);
                }
                (self.operands.get(&piece.start).cloned().flatten(), channels.start)
            };
            if let Some(loaded) = own {
                needs.push(loaded.item);
                let first = first_group - group / config.ppu_lanes;
                let mut at = piece.start;
                for compute in &mut computes {
                    let offset = (at - loaded.positions.start) * loaded.step + first;
                    compute.op.residual = Some([0, loaded.step]);
                    compute.residual = Some(At { item: loaded.item, offset: offset as i64 });
                    at += compute.op.positions();
                }
            }
        }
        let ends = tile + 1 == stage.tiles.len() && piece.end == strip.end;
        match (block, shared) {
            (Some(block), Some(_)) if ends => {
                let channels = stage.groups() * config.ppu_lanes;
                stores.insert(0, self.store(block, strip, 0, channels));
            }
            (Some(block), None) => {
                let channels = data.groups * config.ppu_lanes;
                stores.insert(0, self.store(block, piece, data.outputs.start, channels));
            }
            _ => {}
        }
        work.push(Job { layer: stage.layer, needs, computes, stores });
    }

    /// The STORE of a block that holds `channels` channels from `first` on of `positions`.
    fn store(&self, block: BlockId, positions: &Range<usize>, first: usize, channels: usize) -> StoreSpec {
        let (output, beat) = (&self.stage.output, self.config.beat_bytes());
        let element = output.element.bytes();
        let length = channels * element / beat;
        let byte = output.first() + positions.start * output.pixel_bytes + first * element;
        let offset = output.offset + byte as u64;
        let whole = output.pixel_bytes == channels * element && positions.len() * length <= MAX_LENGTH;
        let (length, count) = if whole { (positions.len() * length, 1) } else { (length, positions.len()) };
        StoreSpec {
            block,
            rows: Rows {
                segment: output.segment,
                offset,
                length,
                count: [count, 1],
                stride: [if whole { 0 } else { output.pixel_bytes as u64 }, 0],
                base: 0,
                step: [if whole { 0 } else { length }, 0],
            },
        }
    }

    /// The sign masks of one COMPUTE: their block, their STORE, and where they will be.
    fn mask_block(
        &self,
        work: &mut Work,
        tile: &Tile,
        part: &Range<usize>,
        reserve: &mut impl FnMut(usize) -> usize,
    ) -> (BlockId, StoreSpec, MaskBlock) {
        let config = self.config;
        let bytes = (part.len() * config.columns).div_ceil(8).next_multiple_of(unit(config));
        let whole = (unit(config) / config.ppu_lanes).max(4);
        let block = work.block((bytes / config.ppu_lanes).next_multiple_of(whole));
        let offset = reserve(bytes) as u64;
        let rows = Rows {
            segment: segment::SCRATCH,
            offset,
            length: bytes / config.beat_bytes(),
            count: [1, 1],
            stride: [0; 2],
            base: 0,
            step: [0; 2],
        };
        let (channel, position, positions) = (tile.outputs.start, part.start, part.len());
        (block, StoreSpec { block, rows }, MaskBlock { offset, channel, position, positions })
    }

    /// Weights and parameters of a tile; what is there already is not loaded again.
    fn constants(&mut self, work: &mut Work, tile: usize) -> Constants {
        let (config, stage) = (self.config, self.stage);
        let data = &stage.tiles[tile];
        let offsets = [Some(data.weights).filter(|_| stage.kind == Kind::Products), data.parameters];
        if !self.cut.resident {
            self.constants.retain(|offset, _| offsets.contains(&Some(*offset)));
        }
        let weights = offsets[0].map(|offset| {
            *self.constants.entry(offset).or_insert_with(|| {
                let steps = stage.steps(data);
                let (destination, words, beats, digit_step) = if stage.int8 {
                    let words = steps / stage.shifts.len();
                    let beats = config.lanes * config.columns / config.beat_bytes();
                    (Destination::WeightsInt8, words, beats, words)
                } else {
                    (Destination::Weights, steps, config.weight_beats(), 0)
                };
                let rows = constant(config, offset, words, beats);
                let load = LoadSpec { destination, rows, digit_step };
                work.item(stage.layer, Place::Weights, steps, vec![load])
            })
        });
        let parameters = offsets[1].map(|offset| {
            *self.constants.entry(offset).or_insert_with(|| {
                let rows = constant(config, offset, data.groups, config.parameter_beats());
                let load = LoadSpec { destination: Destination::Parameters, rows, digit_step: 0 };
                work.item(stage.layer, Place::Parameters, data.groups, vec![load])
            })
        });
        Constants { weights, parameters }
    }
}

/// `words` words of `beats` beats that follow each other behind the program.
fn constant(config: &Config, offset: usize, words: usize, beats: usize) -> Rows {
    let (length, count, step) =
        if words * beats <= MAX_LENGTH { (words * beats, 1, 0) } else { (beats, words, 1) };
    Rows {
        segment: segment::PROGRAM,
        offset: offset as u64,
        length,
        count: [count, 1],
        stride: [if count == 1 { 0 } else { (beats * config.beat_bytes()) as u64 }, 0],
        base: 0,
        step: [step, 0],
    }
}
