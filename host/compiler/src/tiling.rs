//! How a layer is cut: words along the input, tiles of columns, blocks of images.

use cbp_isa::Config;
use cbp_isa::instruction::OutputMode;
use cbp_isa::weight_code::int8_shift;
use cbp_numerics::{Clamp, FullyConnected, Output, Requant, Weights};

use crate::{CompileError, Element, MaskLayout, TensorLayout};

/// Cycles of a STORE beside its rows: the response's latency above all.
const STORE_CYCLES: usize = 256;
/// Cycles of a row of a STORE beside its beats.
const STORE_ROW_CYCLES: usize = 2;
/// Most column tiles that are stored together.
const MOST_TOGETHER: usize = 8;

/// Beats below which a row is short.
const SHORT_ROW: usize = 16;

/// One column tile: N output channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile {
    /// Byte offset of its weights in segment 0.
    pub(crate) weights: usize,
    /// Byte offset of its parameters in segment 0, if it has any.
    pub(crate) parameters: Option<usize>,
    /// Groups of P columns that are written: whole beats.
    pub(crate) groups: usize,
}

/// Everything that is decided about a fully connected layer before its instructions are ordered.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) input: TensorLayout,
    pub(crate) output: TensorLayout,
    pub(crate) mask: Option<MaskLayout>,
    pub(crate) tiles: Vec<Tile>,
    /// Activation words W of one image: steps of one pass.
    pub(crate) words: usize,
    /// Accumulator shift before each pass.
    pub(crate) shifts: Vec<u8>,
    pub(crate) int8: bool,
    pub(crate) mode: OutputMode,
    pub(crate) clamp: Clamp,
    /// Images that are in the activation buffer at once.
    pub(crate) block: usize,
    /// Images of one LOAD of activations.
    pub(crate) chunk: usize,
    /// Least number of images of one STORE of a block's last tile, unless they are the last ones.
    pub(crate) tail: usize,
    /// Column tiles that share rows in the output buffer and are stored together.
    pub(crate) together: usize,
}

/// Bytes to which rows of host tensors are padded: whole beats and whole PPU groups.
pub(crate) fn row_unit(config: &Config) -> usize {
    config.ppu_lanes.max(config.beat_bytes())
}

/// Bytes of a row of activations that a layer will read. Short rows are padded to whole activation words: then LOAD
/// takes many rows as one, in long bursts, where short ones would leave the bus idle between a few tags.
pub(crate) fn activation_row(config: &Config, channels: usize) -> usize {
    let bytes = channels.next_multiple_of(row_unit(config));
    if bytes < SHORT_ROW * config.beat_bytes() { bytes.next_multiple_of(config.lanes) } else { bytes }
}

/// Whether an int8 layer gives twice its accumulators.
pub(crate) fn doubles(config: &Config, fc: &FullyConnected) -> bool {
    config.weight_set == cbp_isa::WeightSet::Binary && matches!(fc.weights, Weights::Int8 { .. })
}

/// The requantisation constants as the array needs them; none for a raw layer.
pub(crate) fn requant(
    config: &Config,
    name: &str,
    fc: &FullyConnected,
) -> Result<Vec<Requant>, CompileError> {
    let doubles = doubles(config, fc);
    for channel in 0..fc.outputs {
        let bound = 2 * fc.accumulator_bound(channel);
        if doubles && bound > i64::from(i32::MAX) {
            return Err(CompileError::DoubledAccumulator { layer: name.to_owned(), channel, bound });
        }
    }
    let Output::Requantised { requant, .. } = &fc.output else { return Ok(Vec::new()) };
    if !doubles {
        return Ok(requant.clone());
    }
    let twice = |(channel, r): (usize, &Requant)| {
        let fault = |fault| CompileError::DoubledRequant { layer: name.to_owned(), channel, fault };
        r.doubled(fc.accumulator_bound(channel)).map_err(fault)
    };
    requant.iter().enumerate().map(twice).collect()
}

impl Plan {
    /// Cuts a layer. `tiles` come with their place in segment 0; `masked` asks for sign masks; `read_later` says
    /// that a layer follows.
    pub(crate) fn new(
        config: &Config,
        name: &str,
        fc: &FullyConnected,
        input: TensorLayout,
        [masked, read_later]: [bool; 2],
    ) -> Result<Self, CompileError> {
        let layer = || name.to_owned();
        if let Weights::Constrained { set, .. } = fc.weights
            && !config.weight_set.includes(set)
        {
            return Err(CompileError::WeightSet { layer: layer(), set, array: config.weight_set });
        }
        let int8 = matches!(fc.weights, Weights::Int8 { .. });
        let passes = if int8 { config.int8_passes() } else { 1 };
        let shifts = (0..passes).map(|p| if int8 { int8_shift(config.weight_set, p) } else { 0 }).collect();
        let words = fc.inputs.div_ceil(config.lanes);
        if words * passes > config.weight_depth {
            let (depth, most) = (config.weight_depth, config.weight_depth / passes * config.lanes);
            return Err(CompileError::Weights { layer: layer(), words, passes, depth, most });
        }
        let (mode, clamp, element) = match &fc.output {
            Output::Requantised { clamp, .. } => (OutputMode::Requantised, *clamp, Element::I8),
            Output::Raw if doubles(config, fc) => (OutputMode::Raw, Clamp::full(0), Element::DoubledI32),
            Output::Raw => (OutputMode::Raw, Clamp::full(0), Element::I32),
        };
        let images = input.images;
        let element_bytes = if mode == OutputMode::Raw { 4 } else { 1 };
        let row_bytes = if read_later {
            activation_row(config, fc.outputs)
        } else {
            fc.outputs.next_multiple_of(row_unit(config)) * element_bytes
        };
        let output = TensorLayout { segment: 0, offset: 0, images, channels: fc.outputs, row_bytes, element };
        let mask = masked.then(|| MaskLayout {
            segment: 0,
            offset: 0,
            images,
            channels: fc.outputs,
            columns: config.columns,
            tile_bytes: (images * config.columns).div_ceil(8).next_multiple_of(row_unit(config)),
        });
        let n = config.columns;
        let tiles = (0..fc.outputs.div_ceil(n)).map(|t| {
            let channels = (fc.outputs - t * n).min(n).next_multiple_of(row_unit(config));
            let parameters = (mode == OutputMode::Requantised).then_some(0);
            Tile { weights: 0, parameters, groups: channels / config.ppu_lanes }
        });
        let mut plan = Self {
            name: layer(),
            input,
            output,
            mask,
            tiles: tiles.collect(),
            words,
            shifts,
            int8,
            mode,
            clamp,
            block: 0,
            chunk: 0,
            tail: 0,
            together: 1,
        };
        plan.cut_images(config)?;
        Ok(plan)
    }

    /// Whether the weights of all tiles stay while blocks of images pass. They take at most half of each buffer, which
    /// a ring always has in pieces of their sizes.
    pub(crate) fn resident(&self, config: &Config) -> bool {
        let words = self.tiles.len() * self.words * self.shifts.len();
        let groups: usize = self.tiles.iter().map(|tile| tile.groups).sum();
        2 * words <= config.weight_depth && 2 * groups <= config.parameter_depth
    }

    /// Images that must stay together: sign masks fill whole granules and whole beats.
    fn unit(&self, config: &Config) -> usize {
        if self.mask.is_some() { (8 * row_unit(config) / config.columns).max(1) } else { 1 }
    }

    fn cut_images(&mut self, config: &Config) -> Result<(), CompileError> {
        let (images, unit) = (self.input.images, self.unit(config));
        let least = unit.min(images);
        let fits = |count: usize, share: usize| {
            count * self.words <= config.activation_depth / share
                && self.output_granules(config, count) <= config.output_depth / share
        };
        for (what, needed, depth) in [
            ("words of the activation buffer", least * self.words, config.activation_depth),
            ("granules of the output buffer", self.output_granules(config, least), config.output_depth),
        ] {
            if needed > depth {
                let layer = self.name.clone();
                return Err(CompileError::Buffer { layer, what, images: least, needed, depth });
            }
        }
        // All at once if they fit; else halves of the buffers, so that one block arrives while the other computes.
        let all = images * self.words <= config.activation_depth
            && 2 * self.output_granules(config, images) <= config.output_depth;
        let largest = |share| (1..=images.div_ceil(unit)).rev().map(|u| u * unit).find(|&c| fits(c, share));
        self.block = if all { images } else { largest(2).or(largest(1)).unwrap_or(least) };
        let blocks = images.div_ceil(self.block);
        self.block = images.div_ceil(blocks).next_multiple_of(unit);
        // Eighths of a block, but no COMPUTE so short that starting it costs more than it does.
        let cycles = (self.words * self.shifts.len()).max(config.ppu_groups());
        self.chunk = self.block.div_ceil(8).max(128usize.div_ceil(cycles)).next_multiple_of(unit);
        // As many tiles to a STORE as leave space for the next ones: long rows, few responses to wait for.
        let held = self.block.min(images);
        for together in 2..=self.tiles.len().min(self.most_together(config, cycles)) {
            self.together = together;
            if 2 * self.output_granules(config, held) > config.output_depth {
                self.together = together - 1;
                break;
            }
        }
        // STOREs run one after the other: each must take no longer than computing what it stores.
        let per_image = self.out_step(config) * config.ppu_lanes / config.beat_bytes() + STORE_ROW_CYCLES;
        let fixed = STORE_CYCLES * if self.mask.is_some() { 2 } else { 1 };
        let images = if cycles > per_image { fixed.div_ceil(cycles - per_image) } else { self.block };
        self.tail = images.max(self.chunk).next_multiple_of(unit);
        Ok(())
    }

    /// How many tiles should be stored together where the array takes `cycles` per position. All, if whole rows leave
    /// faster than they are computed, or no row does; else few enough that the last STORE is short.
    fn most_together(&self, config: &Config, cycles: usize) -> usize {
        let beat = config.beat_bytes();
        let tile_beats = self.tile_granules(config) * config.ppu_lanes / beat;
        let rows_keep_up = self.tiles.len() <= MOST_TOGETHER && self.output.row_bytes / beat <= cycles;
        if rows_keep_up || cycles <= tile_beats + STORE_ROW_CYCLES {
            MOST_TOGETHER
        } else {
            ((cycles / 4).saturating_sub(STORE_ROW_CYCLES) / tile_beats).min(MOST_TOGETHER)
        }
    }

    /// Granules that one tile of a position takes in the output buffer.
    pub(crate) fn tile_granules(&self, config: &Config) -> usize {
        if self.mode == OutputMode::Raw { 4 * config.ppu_groups() } else { config.ppu_groups() }
    }

    /// Granules from one position to the next, whole beats. Where all tiles are stored together that is a row as it
    /// lies in memory, so that rows follow each other there too.
    pub(crate) fn out_step(&self, config: &Config) -> usize {
        let all = self.together == self.tiles.len();
        if all {
            self.output.row_bytes / config.ppu_lanes
        } else {
            self.together * self.tile_granules(config)
        }
    }

    /// Granules before the masks of `images` images.
    pub(crate) fn mask_start(&self, config: &Config, images: usize) -> usize {
        (images * self.out_step(config)).next_multiple_of(4)
    }

    /// Granules from one tile's masks of `images` images to the next tile's.
    pub(crate) fn mask_granules(&self, config: &Config, images: usize) -> usize {
        let granules = images.div_ceil(8 * config.ppu_lanes / config.columns).next_multiple_of(4);
        if self.mask.is_some() { granules } else { 0 }
    }

    /// Granules that the tiles stored together take for `images` images, masks included.
    pub(crate) fn output_granules(&self, config: &Config, images: usize) -> usize {
        self.mask_start(config, images) + self.together * self.mask_granules(config, images)
    }
}
