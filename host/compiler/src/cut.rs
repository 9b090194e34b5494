//! How a stage is cut: in which form its input comes, into strips of positions that are in the buffers together, and
//! into pieces that one COMPUTE takes.

use std::collections::BTreeMap;

use cbp_isa::Config;

use crate::CompileError;
use crate::lower::{Kind, Stage};

/// Beats of input or output that a piece should have: enough to hide what an instruction costs, few enough that the
/// next layer starts soon.
const PIECE_BEATS: usize = 512;
/// Least beats of a pixel that is worth a row of a LOAD of its own.
const GATHER_BEATS: usize = 8;

/// In which form a stage's input comes to the activation buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Positions follow each other as pixels, or whole images, do.
    Pixels,
    /// Every `stride`-th pixel is gathered; then as pixels.
    Gather,
    /// Whole rows; windows overlap in the buffer.
    Rows,
    /// Rows in the line buffer, kernel windows packed into words.
    Packed,
}

/// How a stage is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) feed: Feed,
    /// The weights of all tiles stay while strips pass.
    pub(crate) resident: bool,
    /// Positions of a strip: whole rows or whole images where rows matter.
    pub(crate) strip: usize,
    /// Positions of a piece.
    pub(crate) piece: usize,
    /// Positions of a piece of a strip's first and last tile, when weights are not resident: the array starts as soon
    /// as the first rows are there, and what follows the stage as soon as the last are done.
    pub(crate) fine: usize,
    /// Tiles whose residual operands are loaded together where `together` is not: longer rows, fewer bursts.
    pub(crate) operand_tiles: usize,
    /// All tiles of a strip share rows in the output buffer and are stored together.
    pub(crate) together: bool,
}

impl Cut {
    /// Cuts a stage.
    ///
    /// # Errors
    /// It does not fit, however it is cut.
    pub(crate) fn new(config: &Config, stage: &Stage) -> Result<Self, CompileError> {
        let largest = stage.tiles.iter().map(|tile| stage.steps(tile)).max().unwrap_or(0);
        if stage.kind == Kind::Products && largest > config.weight_depth {
            let (layer, passes, depth) = (stage.name.clone(), stage.shifts.len(), config.weight_depth);
            let (words, most) = (largest / passes, depth / passes * config.lanes);
            return Err(CompileError::Weights { layer, words, passes, depth, most });
        }
        let all: usize = distinct(stage.tiles.iter().map(|tile| (Some(tile.weights), stage.steps(tile))));
        let groups = distinct(stage.tiles.iter().map(|tile| (tile.parameters, tile.groups)));
        let weights = stage.kind == Kind::Maximum || all <= config.weight_depth;
        let resident = weights && groups <= config.parameter_depth;
        let feed = feed(config, stage);
        let limits = Limits { config, stage, feed };
        let cut = if resident { limits.resident() } else { None };
        let cut = cut.map_or_else(|| limits.streamed(), Ok)?;
        Ok(Self { resident, ..cut })
    }
}

/// Whether the buffers hold the weights and parameters of all stages at once.
pub(crate) fn all_constants_fit(config: &Config, stages: &[Stage]) -> bool {
    let tiles = || stages.iter().flat_map(|stage| stage.tiles.iter().map(move |tile| (stage, tile)));
    let weights = tiles().filter(|(stage, _)| stage.kind == Kind::Products);
    let weights = distinct(weights.map(|(stage, tile)| (Some(tile.weights), stage.steps(tile))));
    let groups = distinct(tiles().map(|(_, tile)| (tile.parameters, tile.groups)));
    weights <= config.weight_depth && groups <= config.parameter_depth
}

/// Sum of the sizes of different constants.
fn distinct(constants: impl Iterator<Item = (Option<usize>, usize)>) -> usize {
    let there = constants.filter_map(|(offset, size)| Some((offset?, size)));
    there.collect::<BTreeMap<_, _>>().values().sum()
}

fn feed(config: &Config, stage: &Stage) -> Feed {
    let beats = stage.input.span() / config.beat_bytes();
    match (stage.packed, stage.is_pointwise(), stage.window.stride) {
        (true, ..) => Feed::Packed,
        // One window that is the whole image has no next one, whatever its stride.
        (_, true, _) if stage.is_whole() && stage.input.is_linear() => Feed::Pixels,
        (_, true, [1, 1]) if stage.input.is_linear() => Feed::Pixels,
        (_, true, _) if stage.window.kernel == [1, 1] && beats >= GATHER_BEATS && !stage.kept_input => {
            Feed::Gather
        }
        _ => Feed::Rows,
    }
}

struct Limits<'a> {
    config: &'a Config,
    stage: &'a Stage<'a>,
    feed: Feed,
}

impl Limits<'_> {
    /// Positions of which strips are whole multiples.
    const fn grain(&self) -> usize {
        match self.feed {
            Feed::Pixels => 1,
            _ => self.stage.size[1],
        }
    }

    const fn image(&self) -> usize {
        self.stage.size[0] * self.stage.size[1]
    }

    /// Activation words that a strip of `positions` needs, and that the next one adds.
    fn activations(&self, positions: usize) -> [usize; 2] {
        let (stage, config) = (self.stage, self.config);
        if stage.kept_input {
            return [0; 2];
        }
        let pixel = stage.pixel_words(config);
        match self.feed {
            Feed::Pixels | Feed::Gather => [positions * pixel * stage.window.area(); 2],
            Feed::Packed => [positions * stage.packed_words(config); 2],
            Feed::Rows => {
                let row = stage.input.shape.width * pixel;
                let (rows, images) = if positions > self.image() {
                    (stage.size[0], positions.div_ceil(self.image()))
                } else {
                    (positions / stage.size[1], 1)
                };
                let w = &stage.window;
                let tall = (rows - 1) * w.stride[0] + (w.kernel[0] - 1) * w.dilation[0] + 1;
                let tall = if images > 1 { stage.input.shape.height } else { tall };
                [
                    images * tall.min(stage.input.shape.height) * row,
                    images * (rows * w.stride[0]).min(stage.input.shape.height) * row,
                ]
            }
        }
    }

    /// Whether the buffers hold `positions` of `groups` groups' outputs and operands twice.
    fn outputs_fit(&self, positions: usize, groups: usize, times: usize) -> bool {
        let (stage, config) = (self.stage, self.config);
        let masks = if stage.masked { config.columns.div_ceil(8 * config.ppu_lanes) + 1 } else { 0 };
        let granules = positions * (groups * stage.group_granules() + masks);
        let padding = 2 * crate::lower::unit(config) / config.ppu_lanes;
        (!stage.store || times * (granules + padding) <= config.output_depth)
            && (stage.operand.is_none() || times * (positions * groups) <= config.residual_depth)
    }

    /// Beats of the larger of a strip's input and output.
    fn beats(&self, positions: usize, groups: usize) -> usize {
        let input = self.activations(positions)[1] * self.config.activation_beats();
        let input = if self.feed == Feed::Packed { 0 } else { input };
        let output = positions * groups * self.stage.group_granules() * self.config.ppu_lanes;
        input.max(output / self.config.beat_bytes())
    }

    /// Small strips through all tiles, whose weights stay.
    fn resident(&self) -> Option<Cut> {
        let groups = self.stage.groups();
        let fits = |positions: usize| {
            let [now, next] = self.activations(positions);
            now + next <= self.config.activation_depth && self.outputs_fit(positions, groups, 2)
        };
        let grain = self.grain();
        if !fits(grain) {
            return None;
        }
        // Within an image: whole rows; several images do not share a strip where rows matter.
        let most = if self.feed == Feed::Pixels { self.stage.positions() } else { self.image() };
        let mut strip = grain;
        while strip + grain <= most && fits(strip + grain) && self.beats(strip + grain, groups) <= PIECE_BEATS
        {
            strip += grain;
        }
        let strip = evenly(most, strip, grain);
        let (piece, fine, feed) = (strip, strip, self.feed);
        Some(Cut { feed, resident: true, strip, piece, fine, operand_tiles: 1, together: true })
    }

    /// Large strips; the tiles' weights pass for each.
    fn streamed(&self) -> Result<Cut, CompileError> {
        let (stage, config, grain) = (self.stage, self.config, self.grain());
        let depth = config.activation_depth;
        let groups = stage.tiles.iter().map(|tile| tile.groups).max().unwrap_or(1);
        let fits = |positions: usize| self.activations(positions)[0] <= depth;
        let refused = |what, needed, depth| CompileError::Buffer {
            layer: stage.name.clone(),
            what,
            positions: grain,
            needed,
            depth,
        };
        if !fits(grain) {
            return Err(refused("words of activations", self.activations(grain)[0], depth));
        }
        if !self.outputs_fit(grain, groups, 1) {
            let needed = grain * groups * stage.group_granules();
            let operand = stage.operand.is_some() && grain * groups > config.residual_depth;
            let depth = if operand { config.residual_depth } else { config.output_depth };
            return Err(refused("granules of outputs", needed, depth));
        }
        let total = stage.positions();
        let strip = if self.feed == Feed::Pixels {
            // Half, so that the next strip loads meanwhile, unless everything fits.
            let each = self.activations(1)[0];
            if fits(total) { total } else { (depth / 2 / each.max(1)).max(1) }
        } else {
            let image = self.image();
            if fits(image) {
                let each = self.activations(image)[0];
                let share = if 2 * each <= depth { depth / 2 } else { depth };
                (share / each.max(1)).clamp(1, stage.images()) * image
            } else {
                let rows = (1..=stage.size[0]).rev().find(|&rows| fits(rows * grain)).unwrap_or(1);
                rows * grain
            }
        };
        let strip = if strip < self.image() { evenly(self.image(), strip, grain) } else { strip };
        let times = if self.outputs_fit(grain, groups, 2) { 2 } else { 1 };
        let piece_of = |beats: usize| {
            let mut piece = grain;
            while piece + grain <= strip
                && self.outputs_fit(piece + grain, groups, times)
                && self.beats(piece + grain, groups) <= beats
            {
                piece += grain;
            }
            piece
        };
        let (piece, fine) = (piece_of(4 * PIECE_BEATS), piece_of(PIECE_BEATS / 2));
        let operand_tiles = if stage.operand.is_some() {
            // All pieces of a strip stay until the group's last tile; half the buffer, so that the next group loads.
            (config.residual_depth / 2 / (strip * groups)).clamp(1, stage.tiles.len())
        } else {
            1
        };
        Ok(Cut { feed: self.feed, resident: false, strip, piece, fine, operand_tiles, together: false })
    }
}

/// The size near `strip`, a multiple of `grain`, that cuts `total` into as many parts of more equal size.
fn evenly(total: usize, strip: usize, grain: usize) -> usize {
    let parts = total.div_ceil(strip);
    total.div_ceil(parts).next_multiple_of(grain).min(strip)
}
