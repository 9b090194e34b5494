//! The residual operand as items.

use core::ops::Range;

use cbp_isa::Config;
use cbp_isa::instruction::Destination;

use super::work::{ItemId, LoadSpec, Work};
use crate::hazards::Place;
use crate::lower::{Operand, Stage, unit};
use crate::operation::Rows;

/// The operand of some positions and channels in the residual buffer.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) item: ItemId,
    /// Positions that it holds.
    pub(crate) positions: Range<usize>,
    /// Granules from position to position.
    pub(crate) step: usize,
}

/// Loads the operand of `positions` and output channels `channels`; none if the operand does not reach them. A position
/// takes as many granules as the outputs' groups, so that group g of one meets group g of the other.
pub(crate) fn load(
    config: &Config,
    stage: &Stage,
    operand: &Operand,
    work: &mut Work,
    positions: &Range<usize>,
    channels: &Range<usize>,
) -> Option<Loaded> {
    let (u, beat) = (unit(config), config.beat_bytes());
    let there = operand.first..operand.first + operand.layout.shape.channels;
    let overlap = channels.start.max(there.start)..channels.end.min(there.end);
    if overlap.is_empty() {
        return None;
    }
    let slot = channels.len().next_multiple_of(u);
    // Words of the residual buffer.
    let (slot_words, skipped) = (slot / u, (overlap.start - channels.start) / u);
    let layout = &operand.layout;
    let length = overlap.len().next_multiple_of(u) / beat;
    let first = layout.first() + overlap.start - operand.first;
    let at = |byte: usize| layout.offset + byte as u64;
    let pixel = layout.pixel_bytes;
    let rows = |offset, length, count, stride, base, step| LoadSpec {
        destination: Destination::Residuals,
        rows: Rows { segment: layout.segment, offset, length, count, stride, base: base + skipped, step },
        digit_step: 0,
    };
    let [height, width] = stage.size;
    let same =
        operand.stride == 1 && [layout.shape.height, layout.shape.width] == stage.size && layout.is_linear();
    let mut loads = Vec::new();
    if same && pixel == slot && length * beat == pixel {
        // Pixels of the operand lie as they should.
        let all = positions.len() * length;
        let step = 0xffff / length * length;
        for start in (0..all).step_by(step) {
            let offset = at(first + positions.start * pixel + start * beat);
            loads.push(rows(offset, (all - start).min(step), [1, 1], [0; 2], start * beat / u, [0; 2]));
        }
    } else if same {
        let offset = at(first + positions.start * pixel);
        loads.push(rows(offset, length, [positions.len(), 1], [pixel as u64, 0], 0, [slot_words, 0]));
    } else {
        // Row by row of the output; pieces begin and end anywhere.
        let mut start = positions.start;
        while start < positions.end {
            let (image, row, column) = (start / (height * width), start / width % height, start % width);
            let end = (start - column + width).min(positions.end);
            let byte = image * layout.image_bytes()
                + row * operand.stride * layout.row_bytes
                + column * operand.stride * pixel;
            let (count, stride) = ([end - start, 1], [(operand.stride * pixel) as u64, 0]);
            let base = (start - positions.start) * slot_words;
            loads.push(rows(at(first + byte), length, count, stride, base, [slot_words, 0]));
            start = end;
        }
    }
    let step = slot / config.ppu_lanes;
    let item = work.item(stage.layer, Place::Residuals, positions.len() * step, loads);
    Some(Loaded { item, positions: positions.clone(), step })
}
