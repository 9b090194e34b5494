//! A layer as the device runs it.

use core::ops::Range;

use cbp_isa::Config;
use cbp_isa::instruction::OutputMode;
use cbp_numerics::{Clamp, Requant, Window};

use super::{Products, unit};
use crate::TensorLayout;

/// Which part of the engine a stage uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The array.
    Products,
    /// The maximum lanes.
    Maximum,
}

/// The residual operand.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub(crate) layout: TensorLayout,
    /// Rows and columns of the operand per output row and column.
    pub(crate) stride: usize,
    /// Output channel of the operand's first one, a multiple of [`unit`].
    pub(crate) first: usize,
}

/// Some output channels, computed together: one per column, or one per lane.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    /// Output channels; of a maximum, bytes of the pixel's span.
    pub(crate) outputs: Range<usize>,
    /// Activation words of a kernel element that it reads (packed: of a position).
    pub(crate) words: Range<usize>,
    /// Lanes of the last word that count: first and number.
    pub(crate) lanes: [usize; 2],
    /// Groups of P channels that are written: whole units.
    pub(crate) groups: usize,
    /// Byte offsets of weights and parameters behind the program.
    pub(crate) weights: usize,
    pub(crate) parameters: Option<usize>,
}

/// Everything that is decided about a layer before it is cut.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a layer")]
pub(crate) struct Stage<'a> {
    /// The network's layer that it belongs to.
    pub(crate) layer: usize,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) input: TensorLayout,
    pub(crate) output: TensorLayout,
    pub(crate) operand: Option<Operand>,
    pub(crate) window: Window,
    /// Output rows and columns.
    pub(crate) size: [usize; 2],
    /// What padding reads.
    pub(crate) fill: i8,
    /// Kernel windows are packed.
    pub(crate) packed: bool,
    pub(crate) products: Option<Products<'a>>,
    pub(crate) tiles: Vec<Tile>,
    /// Accumulator shift before each pass.
    pub(crate) shifts: Vec<u8>,
    /// Weights travel as bytes and are recoded into digits.
    pub(crate) int8: bool,
    /// A binary array runs weights with zeros: two passes of ±1 that give twice the accumulator.
    pub(crate) sparse: bool,
    pub(crate) mode: OutputMode,
    /// Per output channel; none for a raw stage.
    pub(crate) requant: Vec<Requant>,
    pub(crate) clamp: Clamp,
    pub(crate) masked: bool,
    /// The input is in the activation buffer: the stage before kept it there.
    pub(crate) kept_input: bool,
    /// The output stays in the activation buffer for the next stage.
    pub(crate) keep: bool,
    /// The output goes to host memory.
    pub(crate) store: bool,
}

impl Stage<'_> {
    /// Images.
    pub(crate) const fn images(&self) -> usize {
        self.input.images
    }

    /// Output positions of all images.
    pub(crate) const fn positions(&self) -> usize {
        self.images() * self.size[0] * self.size[1]
    }

    /// Activation words of a pixel.
    pub(crate) fn pixel_words(&self, config: &Config) -> usize {
        self.input.span().div_ceil(config.lanes)
    }

    /// Activation words of a packed position.
    pub(crate) fn packed_words(&self, config: &Config) -> usize {
        (self.window.area() * self.input.pixel_bytes).div_ceil(config.lanes)
    }

    /// Steps of one position of a tile, all passes: words of weights.
    pub(crate) fn steps(&self, tile: &Tile) -> usize {
        let elements = if self.packed { 1 } else { self.window.area() };
        elements * tile.words.len() * self.shifts.len()
    }

    /// Granules of one output group.
    pub(crate) const fn group_granules(&self) -> usize {
        match self.mode {
            OutputMode::Raw => 4,
            OutputMode::Requantised => 1,
        }
    }

    /// Groups of all tiles.
    pub(crate) fn groups(&self) -> usize {
        self.tiles.iter().map(|tile| tile.groups).sum()
    }

    /// Whether a position is one pixel of the input, or one whole image, so that positions follow each other over rows
    /// and images like pixels do.
    pub(crate) fn is_pointwise(&self) -> bool {
        let w = &self.window;
        let plain = w.before == [0; 2] && w.behind == [0; 2];
        !self.packed && (self.is_whole() || plain && w.kernel == [1, 1])
    }

    /// Whether the only window is the whole image.
    pub(crate) fn is_whole(&self) -> bool {
        let w = &self.window;
        let [rows, columns] = w.kernel;
        let dense = (rows == 1 || w.dilation[0] == 1) && (columns == 1 || w.dilation[1] == 1);
        let all = w.kernel == [self.input.shape.height, self.input.shape.width];
        self.size == [1, 1] && w.before == [0; 2] && dense && all
    }
}

/// The tiles of a stage.
pub(crate) fn tiles(
    config: &Config,
    kind: Kind,
    products: Option<&Products>,
    input: &TensorLayout,
    packed: Option<usize>,
    outputs: usize,
) -> Vec<Tile> {
    let (k, u) = (config.lanes, unit(config));
    let width = match kind {
        Kind::Products => config.columns,
        Kind::Maximum => k,
    };
    let span = input.span();
    let map = input.channel_map();
    let bytes = |outputs: Range<usize>| -> Range<usize> {
        if kind == Kind::Maximum {
            return outputs;
        }
        let Some(products) = products else { return 0..span };
        let seen = products.seen(outputs, input.shape.channels);
        let there = |&(_, channel): &(usize, &Option<usize>)| channel.is_some_and(|c| seen.contains(&c));
        let mut used = map.iter().enumerate().filter(there).map(|(byte, _)| byte);
        match used.next() {
            None => 0..1,
            Some(first) => first..used.next_back().unwrap_or(first) + 1,
        }
    };
    let tile = |t: usize| {
        let outputs = t * width..((t + 1) * width).min(outputs);
        let groups = outputs.len().next_multiple_of(u) / config.ppu_lanes;
        let used = if let Some(bytes) = packed { 0..bytes } else { bytes(outputs.clone()) };
        let words = used.start / k..used.end.div_ceil(k);
        let first = if words.len() == 1 { used.start % k } else { 0 };
        let lanes = [first, used.end - (words.end - 1) * k - first];
        Tile { outputs, words, lanes, groups, weights: 0, parameters: None }
    };
    (0..outputs.div_ceil(width)).map(tile).collect()
}
