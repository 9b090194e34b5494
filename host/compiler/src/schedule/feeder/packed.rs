//! Windows packed densely: a PACK, and the lines it reads.

use core::ops::Range;

use cbp_isa::instruction::Destination;

use super::{CHUNK_BEATS, Fed, Feeder};
use crate::hazards::Place;
use crate::lower::Tile;
use crate::operation::{Coordinates, Pack, Rows};
use crate::schedule::work::{At, ItemId, LoadSpec, PackSpec, Work};

impl Feeder<'_> {
    pub(super) fn feed_packed(&mut self, work: &mut Work, part: &Range<usize>, tile: &Tile) -> Fed {
        let (stage, config) = (self.stage, self.config);
        let [height, width] = stage.size;
        let image = part.start / (height * width);
        let words = stage.packed_words(config);
        let pitch = (stage.input.shape.width * stage.input.pixel_bytes).div_ceil(config.beat_bytes());
        let room = config.line_depth / pitch;
        let fit = |rows: usize| {
            let lines = self.input_rows(&(0..rows)).len();
            lines * pitch <= config.line_depth / 2
                && self.reach(rows) + stage.window.stride[0] <= room
                && rows * width * words * config.activation_beats() <= 2 * CHUNK_BEATS
        };
        let rows = (1..=height).take_while(|&rows| fit(rows)).last().unwrap_or(1);
        let chunk = rows * width;
        // Lines leave as they came: of a load whose last line a window needs, all others are still there.
        let most = room.saturating_sub(self.reach(rows)) + 1;
        let mut loaded = self.loaded.remove(&image).unwrap_or_default();
        while loaded.end().is_none_or(|end| end < part.end) {
            let start = loaded.end().unwrap_or(part.start);
            let end = (start + chunk).min((image + 1) * height * width).min(part.end);
            let item = self.pack(work, image, &(start..end), [pitch, most]);
            loaded.items.push((start..end, item));
        }
        let (item, first, _) = loaded.anchor();
        let needs = loaded.ids(part);
        self.loaded.insert(image, loaded);
        let offset = ((part.start - first) * words) as i64;
        Fed {
            needs,
            at: At { item, offset: offset + tile.words.start as i64 },
            reads: offset..((part.end - first) * words) as i64,
            count: [tile.words.len(), 1, 1, part.len(), 1],
            step: [0, 0, words, 0],
            x: Coordinates::INSIDE,
            y: Coordinates::INSIDE,
        }
    }

    /// Lines from the first to the last that the windows of `rows` output rows reach, padding included.
    const fn reach(&self, rows: usize) -> usize {
        let w = &self.stage.window;
        (rows - 1) * w.stride[0] + (w.kernel[0] - 1) * w.dilation[0] + 1
    }

    /// The packed windows of `positions`, all of one image, and the lines they are made of: beats of a line, and most
    /// lines of a LOAD.
    fn pack(
        &mut self,
        work: &mut Work,
        image: usize,
        positions: &Range<usize>,
        [pitch, most]: [usize; 2],
    ) -> ItemId {
        let (stage, w) = (self.stage, &self.stage.window);
        let input = &stage.input;
        let (rows, words) = (self.rows_of(positions), stage.packed_words(self.config));
        let needed = self.input_rows(&rows);
        let place = Place::Lines;
        let lines = self.lines.entry(image).or_default();
        // Lines that no window reaches any more give way to new ones.
        lines.forget(needed.start);
        while lines.end().is_none_or(|end| end < needed.end) {
            let start = lines.end().unwrap_or(needed.start);
            let range = start..needed.end.min(start + most);
            let from = (image * input.image_bytes() + range.start * input.row_bytes) as u64;
            let rows = Rows {
                segment: input.segment,
                offset: input.offset + from,
                length: pitch,
                count: [range.len(), 1],
                stride: [input.row_bytes as u64, 0],
                base: 0,
                step: [pitch, 0],
            };
            let load = LoadSpec { destination: Destination::Lines, rows, digit_step: 0 };
            let item = work.item(stage.layer, place, range.len() * pitch, vec![load]);
            lines.items.push((range, item));
        }
        let (anchor, line, _) = lines.anchor();
        let mut items = lines.ids(&needed);
        let pixel = input.pixel_bytes;
        let op = Pack {
            wait_compute: 0,
            wait_store: 0,
            signal_compute: 0,
            fill: stage.fill,
            piece: w.kernel[1] * pixel,
            pieces: w.kernel[0],
            piece_step: w.dilation[0],
            count: [stage.size[1], rows.len()],
            column: -((w.before[1] * pixel) as i64),
            column_step: w.stride[1] * pixel,
            line_bytes: input.shape.width * pixel,
            line: (rows.start * w.stride[0]) as i64 - w.before[0] as i64,
            line_step: w.stride[0],
            lines: input.shape.height,
            line_base: 0,
            line_pitch: pitch,
            base: 0,
        };
        let item = work.item(stage.layer, Place::Activations, positions.len() * words, Vec::new());
        items.push(anchor);
        for &line in &items {
            work.items[line].last_packed = Some(item);
        }
        work.items[item].pack = Some(PackSpec { op, anchor: (anchor, line), lines: needed, items });
        item
    }
}
