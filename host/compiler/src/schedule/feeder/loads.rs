//! The LOADs that bring parts of a stage's input.

use core::ops::Range;

use cbp_isa::instruction::Destination;

use super::Feeder;
use crate::operation::Rows;
use crate::schedule::work::LoadSpec;

/// Largest row of a LOAD, in beats.
const MAX_LENGTH: usize = 0xffff;

impl Feeder<'_> {
    /// Output rows of positions, all of one image.
    pub(super) fn rows_of(&self, positions: &Range<usize>) -> Range<usize> {
        let [height, width] = self.stage.size;
        let start = positions.start % (height * width);
        start / width..(start + positions.len()).div_ceil(width)
    }

    /// `pixels` pixels that follow each other from byte `offset` of the input on.
    fn linear(&self, offset: usize, pixels: usize) -> Vec<LoadSpec> {
        let (input, config) = (&self.stage.input, self.config);
        let (beat, words) = (config.beat_bytes(), self.stage.pixel_words(config));
        let at = input.offset + (offset + input.first()) as u64;
        if input.pixel_bytes == words * config.lanes && input.first() == 0 {
            let all = pixels * input.pixel_bytes / beat;
            let step = MAX_LENGTH / (input.pixel_bytes / beat) * (input.pixel_bytes / beat);
            let pieces = (0..all.div_ceil(step)).map(|i| {
                let length = (all - i * step).min(step);
                let base = i * step / config.activation_beats();
                let offset = at + (i * step * beat) as u64;
                activations(Rows {
                    segment: input.segment,
                    offset,
                    length,
                    count: [1, 1],
                    stride: [0, 0],
                    base,
                    step: [0, 0],
                })
            });
            return pieces.collect();
        }
        vec![activations(Rows {
            segment: input.segment,
            offset: at,
            length: input.span().div_ceil(beat),
            count: [pixels, 1],
            stride: [input.pixel_bytes as u64, 0],
            base: 0,
            step: [words, 0],
        })]
    }

    pub(super) fn pixels(&self, positions: &Range<usize>) -> Vec<LoadSpec> {
        let each = self.stage.window.area();
        self.linear(positions.start * each * self.stage.input.pixel_bytes, positions.len() * each)
    }

    pub(super) fn image_rows(&self, image: usize, rows: &Range<usize>) -> Vec<LoadSpec> {
        let input = &self.stage.input;
        let row = |row: usize| image * input.image_bytes() + row * input.row_bytes;
        if input.is_linear() {
            return self.linear(row(rows.start), rows.len() * input.shape.width);
        }
        let words = input.shape.width * self.stage.pixel_words(self.config);
        let mut loads = Vec::new();
        for r in rows.clone() {
            for mut load in self.linear(row(r), input.shape.width) {
                load.rows.base += (r - rows.start) * words;
                loads.push(load);
            }
        }
        loads
    }

    /// Every stride-th pixel, `positions` being whole output rows of one image.
    pub(super) fn gather(&self, positions: &Range<usize>) -> Vec<LoadSpec> {
        let (stage, input) = (self.stage, &self.stage.input);
        let image = positions.start / (stage.size[0] * stage.size[1]);
        let rows = self.rows_of(positions);
        let words = stage.pixel_words(self.config);
        let [down, along] = stage.window.stride;
        let offset = image * input.image_bytes() + rows.start * down * input.row_bytes + input.first();
        vec![activations(Rows {
            segment: input.segment,
            offset: input.offset + offset as u64,
            length: input.span().div_ceil(self.config.beat_bytes()),
            count: [stage.size[1], rows.len()],
            stride: [(along * input.pixel_bytes) as u64, (down * input.row_bytes) as u64],
            base: 0,
            step: [words, words * stage.size[1]],
        })]
    }
}

fn activations(rows: Rows) -> LoadSpec {
    debug_assert!(rows.length <= MAX_LENGTH);
    LoadSpec { destination: Destination::Activations, rows, digit_step: 0 }
}
