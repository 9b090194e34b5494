//! Whether the kernel windows of a convolution are packed (`cbp_isa::instruction::pack`).

use cbp_isa::Config;
use cbp_isa::instruction::pack;
use cbp_numerics::{Convolution, Shape};

/// Whether `conv` on an image of `shape` whose pixels take `pixel` bytes is faster with packed kernel windows.
///
/// A packed position takes ⌈kernel bytes / K⌉ words where an unpacked one takes kernel·⌈C / K⌉; the packer takes about
/// one cycle per beat that a kernel row touches, and must keep up with the array.
pub(crate) fn packs(config: &Config, conv: &Convolution, shape: Shape, pixel: usize) -> bool {
    let (k, beat) = (config.lanes, config.beat_bytes());
    let [rows, columns] = conv.window.kernel;
    let piece = columns * pixel;
    let line = (shape.width * pixel).div_ceil(beat);
    let lines = (rows - 1) * conv.window.dilation[0] + 1 + conv.window.stride[0];
    let possible = conv.groups == 1
        && rows * columns > 1
        && (columns == 1 || conv.window.dilation[1] == 1)
        && piece as u64 <= pack::PIECE.max()
        && (shape.width * pixel) as u64 <= 0x7fff
        && rows as u64 <= pack::PIECES.max()
        && lines * line <= config.line_depth;
    let passes =
        if matches!(conv.weights, cbp_numerics::Weights::Int8 { .. }) { config.int8_passes() } else { 1 };
    let tiles = conv.outputs.div_ceil(config.columns);
    let packed = (rows * piece).div_ceil(k) * passes * tiles;
    let plain = rows * columns * conv.inputs.div_ceil(k) * passes * tiles;
    let packing = rows * (piece + beat - 1).div_ceil(beat) + rows / 2 + 1;
    possible && packed.max(packing) < plain
}
