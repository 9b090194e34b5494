//! Cycles of a layer from its shape.
//!
//! Column tiles of N channels keep their weights; positions of a strip of output rows (or of a batch, when images
//! are small) pass through. Layers with fewer input channels than lanes are packed: a position takes ⌈kernel²·C / K⌉
//! words. Either the strips are outer and weights come again for each, or the tiles are outer and activations come
//! again for each; the cheaper is taken. Compute, reads and writes overlap; what does not is the first tile's weights
//! and strip, and the last results' way out.

use cbp_isa::Config;
use cbp_isa::instruction::{compute, load};

use super::{Kind, LayerShape, Timing};

/// Why a layer cannot run as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The weights of one column tile do not fit.
    #[error("one column tile takes {words} words of weights, the buffer has {depth}")]
    Weights {
        /// Words, all passes.
        words: usize,
        /// Words of the buffer.
        depth: usize,
    },
    /// The input rows of one output row do not fit.
    #[error("one output row needs {words} words of activations, the buffer has {depth}")]
    Activations {
        /// Words.
        words: usize,
        /// Words of the buffer.
        depth: usize,
    },
    /// The outputs of one row do not fit.
    #[error("one output row takes {granules} granules, the output buffer has {depth}")]
    Outputs {
        /// Granules.
        granules: usize,
        /// Granules of the buffer.
        depth: usize,
    },
    /// A number is too large for its instruction field.
    #[error("{field} would be {value}, at most {max} fits")]
    Field {
        /// The field.
        field: &'static str,
        /// The value.
        value: u64,
        /// The largest that fits.
        max: u64,
    },
}

/// What a layer takes for a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The layer.
    pub name: &'static str,
    /// Steps per position, all passes.
    pub steps: u64,
    /// Cycles of the array, the PPU's back pressure included.
    pub compute: u64,
    /// Beats read.
    pub read: u64,
    /// Beats written.
    pub written: u64,
    /// All cycles.
    pub cycles: u64,
    /// ⌈MACs·passes / (K·N)⌉ over cycles.
    pub utilisation: f64,
    /// The drain takes longer than the steps.
    pub ppu_bound: bool,
    /// Reads or writes take longer than the array.
    pub memory_bound: bool,
    /// The weights of two column tiles fit the buffer, so that one loads while the other computes.
    pub double_buffered: bool,
    /// Why it cannot run; the figures are then those of a device on which it could.
    pub obstacles: Vec<Obstacle>,
}

/// Estimates one layer for `batch` images.
#[must_use]
pub fn estimate(layer: &LayerShape, config: &Config, batch: usize, timing: &Timing) -> Estimate {
    let (k, n) = (config.lanes, config.columns);
    let passes = if layer.kind == Kind::Int8 { config.int8_passes() } else { 1 };
    let (channels, out_size) = (layer.inputs / layer.groups, layer.output_size());
    let area = layer.kernel * layer.kernel;
    let packed = channels < k && layer.kernel > 1;
    // Words of a position; words of an input row that a strip holds, and rows of it per output row.
    let words = if packed { (area * channels).div_ceil(k) } else { area * channels.div_ceil(k) };
    let steps = (words * passes) as u64;
    let tiles = layer.groups * (layer.outputs / layer.groups).div_ceil(n);
    let groups = (layer.outputs / layer.groups).min(n).div_ceil(config.ppu_lanes);
    let positions = batch * layer.positions();

    let rows_of = |rows: usize| -> usize {
        if packed {
            rows * out_size * words
        } else {
            let tall = ((rows - 1) * layer.stride + layer.kernel).min(layer.size + 2 * layer.pad);
            tall * (layer.size + 2 * layer.pad) * channels.div_ceil(k)
        }
    };
    let out_of = |rows: usize| rows * out_size * config.ppu_groups();
    let fits = |rows: usize, share: usize| {
        rows_of(rows) <= config.activation_depth / share && out_of(rows) <= config.output_depth / share
    };
    let rows = (1..=out_size).rev().find(|&r| fits(r, 2)).unwrap_or(1);
    // Small images go together.
    let together = if rows == out_size {
        let space = (config.activation_depth / 2 / rows_of(rows)).min(config.output_depth / 2 / out_of(rows));
        space.clamp(1, batch)
    } else {
        1
    };
    let strips = out_size.div_ceil(rows) * batch.div_ceil(together);

    let mut obstacles = obstacles(layer, config, [words, passes, rows, groups]);
    let tile_words = words * passes;
    if tile_words > config.weight_depth {
        obstacles.push(Obstacle::Weights { words: tile_words, depth: config.weight_depth });
    }
    if !fits(1, 1) {
        if rows_of(1) > config.activation_depth {
            obstacles.push(Obstacle::Activations { words: rows_of(1), depth: config.activation_depth });
        } else {
            obstacles.push(Obstacle::Outputs { granules: out_of(1), depth: config.output_depth });
        }
    }

    // Reads, in cycles of the read channel.
    let weight_word = match layer.kind {
        Kind::Constrained => config.weight_beats() as u64,
        Kind::Int8 => Timing::int8_group_cycles(config) * config.weight_groups() as u64,
    };
    let tile_beats = words as u64 * weight_word + (groups * config.parameter_beats()) as u64;
    let strip_beats = (together * rows_of(rows) * config.activation_beats()) as u64;
    let (weights, activations) = (tiles as u64 * tile_beats, strips as u64 * strip_beats);
    let resident = tiles * tile_words <= config.weight_depth && tiles * groups <= config.parameter_depth;
    let strips_outer = activations + weights * if resident { 1 } else { strips as u64 };
    let tiles_outer = weights + activations * if strips == 1 { 1 } else { tiles as u64 };
    let read = strips_outer.min(tiles_outer);
    let written = (positions * layer.outputs).div_ceil(config.beat_bytes()) as u64;

    let drain = groups as u64;
    let compute = (positions * tiles) as u64 * steps.max(drain);
    let startup = timing.read_latency + tile_beats + strip_beats.min(tile_beats);
    let tail = timing.array_latency + timing.ppu_latency + timing.write_latency + drain;
    let cycles = startup + compute.max(read).max(written) + tail;
    let ideal = (batch as u64 * layer.macs() * passes as u64).div_ceil((k * n) as u64);
    Estimate {
        name: layer.name,
        steps,
        compute,
        read,
        written,
        cycles,
        utilisation: ideal as f64 / cycles as f64,
        ppu_bound: drain > steps,
        memory_bound: read.max(written) > compute,
        double_buffered: 2 * tile_words <= config.weight_depth,
        obstacles,
    }
}

/// Values that a schedule of this layer puts in instruction fields, against the fields' widths.
fn obstacles(
    layer: &LayerShape,
    config: &Config,
    [words, passes, rows, groups]: [usize; 4],
) -> Vec<Obstacle> {
    let channels = layer.inputs / layer.groups;
    let packed = channels < config.lanes && layer.kernel > 1;
    let per_pixel = channels.div_ceil(config.lanes);
    let width = layer.size + 2 * layer.pad;
    let kernel = if packed { 1 } else { layer.kernel };
    let row_step = if packed { layer.output_size() * words } else { width * per_pixel * layer.stride };
    let out_row = layer.output_size() * config.ppu_groups();
    let fields = [
        (compute::COUNT0, if packed { words } else { per_pixel }),
        (compute::COUNT1, kernel),
        (compute::COUNT2, kernel),
        (compute::COUNT3, layer.output_size()),
        (compute::COUNT4, rows),
        (compute::ACT_STEP2, width * per_pixel),
        (compute::ACT_STEP4, row_step),
        (compute::OUT_STEP4, out_row),
        (compute::PASSES, passes),
        (compute::GROUPS, groups),
        (compute::LANE_COUNT, config.lanes.min(channels)),
        (load::LENGTH, words * config.weight_beats()),
        (load::STRIDE0, width * layer.inputs),
        (load::STRIDE1, width * width * layer.inputs),
        (load::PAD_BEFORE0, layer.pad),
        (load::PACK, if packed { layer.kernel * channels } else { 0 }),
    ];
    let too_large = fields.into_iter().filter(|&(field, value)| value as u64 > field.max());
    let name = |(field, value): (cbp_isa::Field, usize)| Obstacle::Field {
        field: field.name,
        value: value as u64,
        max: field.max(),
    };
    too_large.map(name).collect()
}
