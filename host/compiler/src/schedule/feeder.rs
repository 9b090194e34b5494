//! A stage's input as items, in the order in which positions need it.

mod loads;
mod packed;

use core::ops::Range;
use std::collections::BTreeMap;

use cbp_isa::Config;

use super::work::{At, ItemId, Work};
use crate::cut::{Cut, Feed};
use crate::hazards::Place;
use crate::lower::{Stage, Tile};
use crate::operation::Coordinates;

/// Beats of one LOAD of a longer strip.
const CHUNK_BEATS: usize = 512;

/// Rows of an image, or positions, that are in a buffer: one item follows the other there.
#[derive(Debug, Default)]
struct Loaded {
    items: Vec<(Range<usize>, ItemId)>,
    /// Words before the first row, or position, in the first item.
    offset: usize,
}

impl Loaded {
    fn end(&self) -> Option<usize> {
        self.items.last().map(|(range, _)| range.end)
    }

    /// Forgets the items of which nothing from `start` on is of use.
    fn forget(&mut self, start: usize) {
        let used = self.items.iter().position(|(range, _)| range.end > start).unwrap_or(self.items.len());
        self.items.drain(..used);
    }

    /// The first item, what it begins with, and after how many words.
    fn anchor(&self) -> (ItemId, usize, usize) {
        self.items.first().map_or((0, 0, 0), |(range, id)| (*id, range.start, self.offset))
    }

    fn ids(&self, range: &Range<usize>) -> Vec<ItemId> {
        let used = self.items.iter().filter(|(r, _)| r.start < range.end && range.start < r.end);
        used.map(|(_, id)| *id).collect()
    }
}

/// What one COMPUTE reads.
pub(crate) struct Fed {
    pub(crate) needs: Vec<ItemId>,
    /// Activation word of the first step of word 0.
    pub(crate) at: At,
    /// Words read, counted from the same item's start.
    pub(crate) reads: Range<i64>,
    pub(crate) count: [usize; 5],
    pub(crate) step: [usize; 4],
    pub(crate) x: Coordinates,
    pub(crate) y: Coordinates,
}

/// Makes the items of a stage's input.
pub(crate) struct Feeder<'a> {
    config: &'a Config,
    stage: &'a Stage<'a>,
    cut: Cut,
    /// Rows of each image in the activation buffer, or positions (then all under image 0).
    loaded: BTreeMap<usize, Loaded>,
    /// Rows of each image in the line buffer.
    lines: BTreeMap<usize, Loaded>,
    /// Holds the whole input, if it stayed on chip.
    kept: Option<ItemId>,
}

impl<'a> Feeder<'a> {
    /// `kept` holds the whole input, if it stayed on chip.
    pub(crate) fn new(config: &'a Config, stage: &'a Stage<'a>, cut: Cut, kept: Option<ItemId>) -> Self {
        Self { config, stage, cut, loaded: BTreeMap::new(), lines: BTreeMap::new(), kept }
    }

    /// Input rows that the output rows `rows` need; one at least, even where all windows lie in the padding.
    fn input_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let (w, height) = (&self.stage.window, self.stage.input.shape.height);
        let first = (rows.start * w.stride[0]).saturating_sub(w.before[0]);
        let last = (rows.end - 1) * w.stride[0] + (w.kernel[0] - 1) * w.dilation[0] + 1;
        let first = first.min(height - 1);
        first..last.saturating_sub(w.before[0]).min(height).max(first + 1)
    }

    /// Parts of `positions` that one COMPUTE can take: all of them, or what lies in one image.
    pub(crate) fn parts(&self, positions: &Range<usize>) -> Vec<Range<usize>> {
        let image = self.stage.size[0] * self.stage.size[1];
        if self.cut.feed == Feed::Pixels {
            return vec![positions.clone()];
        }
        let mut parts = Vec::new();
        let mut start = positions.start;
        while start < positions.end {
            let end = ((start / image + 1) * image).min(positions.end);
            parts.push(start..end);
            start = end;
        }
        parts
    }

    /// A strip begins: what only strips before it needed is of no more use.
    pub(crate) fn begin(&mut self, strip: &Range<usize>) {
        let image = strip.start / (self.stage.size[0] * self.stage.size[1]);
        let rows = self.rows_of(&(strip.start..strip.start + 1));
        let row = self.input_rows(&rows).start;
        match self.cut.feed {
            Feed::Pixels | Feed::Gather => {
                self.loaded.entry(0).or_default().forget(strip.start);
            }
            Feed::Rows => {
                self.loaded = self.loaded.split_off(&image);
                self.loaded.entry(image).or_default().forget(row);
            }
            Feed::Packed => {
                self.loaded = self.loaded.split_off(&image);
                self.loaded.entry(image).or_default().forget(strip.start);
                self.lines = self.lines.split_off(&image);
                self.lines.entry(image).or_default().forget(row);
            }
        }
    }

    /// Makes sure that what `part` reads is loaded; nothing beyond `limit` is loaded before its time.
    pub(crate) fn feed(&mut self, work: &mut Work, part: &Range<usize>, limit: usize, tile: &Tile) -> Fed {
        match self.cut.feed {
            Feed::Pixels | Feed::Gather => self.feed_positions(work, part, limit, tile),
            Feed::Rows => self.feed_rows(work, part, limit, tile),
            Feed::Packed => self.feed_packed(work, part, tile),
        }
    }

    fn feed_positions(&mut self, work: &mut Work, part: &Range<usize>, limit: usize, tile: &Tile) -> Fed {
        let (stage, config) = (self.stage, self.config);
        let [kernel_rows, kernel_columns] = stage.window.kernel;
        let pixel = stage.pixel_words(config);
        let words = pixel * kernel_rows * kernel_columns;
        let grain = if self.cut.feed == Feed::Pixels { 1 } else { stage.size[1] };
        let chunk = (CHUNK_BEATS / (words * config.activation_beats())).next_multiple_of(grain).max(grain);
        let all = 0..stage.positions();
        let kept = self.kept.map(|item| Loaded { items: vec![(all, item)], offset: 0 });
        let mut loaded = kept.unwrap_or_else(|| self.loaded.remove(&0).unwrap_or_default());
        while loaded.end().is_none_or(|end| end < part.end) {
            let start = loaded.end().unwrap_or(part.start);
            let end = if self.cut.feed == Feed::Pixels {
                part.end.min(start + chunk).max((start + chunk).min(limit))
            } else {
                // A gathered chunk lies in one image.
                let image = stage.size[0] * stage.size[1];
                (start + chunk).min((start / image + 1) * image).min(limit.max(part.end))
            };
            let loads = if self.cut.feed == Feed::Pixels {
                self.pixels(&(start..end))
            } else {
                self.gather(&(start..end))
            };
            let item = work.item(stage.layer, Place::Activations, (end - start) * words, loads);
            loaded.items.push((start..end, item));
        }
        let (item, first, _) = loaded.anchor();
        let needs = loaded.ids(part);
        self.loaded.insert(0, loaded);
        let offset = ((part.start - first) * words + tile.words.start) as i64;
        let inner = tile.words.len();
        let count = if inner == pixel && self.whole_words() {
            // One run of words: kernel elements follow each other.
            [words, 1, 1, part.len(), 1]
        } else {
            [inner, kernel_columns, kernel_rows, part.len(), 1]
        };
        Fed {
            needs,
            at: At { item, offset },
            reads: offset - tile.words.start as i64..((part.end - first) * words) as i64,
            count,
            step: [pixel, pixel * kernel_columns, words, 0],
            x: Coordinates::INSIDE,
            y: Coordinates::INSIDE,
        }
    }

    /// Whether the last word of a pixel is full, so that lanes need no mask between kernel elements.
    fn whole_words(&self) -> bool {
        self.stage.window.area() == 1 || self.stage.input.span().is_multiple_of(self.config.lanes)
    }

    fn feed_rows(&mut self, work: &mut Work, part: &Range<usize>, limit: usize, tile: &Tile) -> Fed {
        let (stage, config) = (self.stage, self.config);
        let [height, width] = stage.size;
        let (image, rows) = (part.start / (height * width), self.rows_of(part));
        let pixel = stage.pixel_words(config);
        let row_words = stage.input.shape.width * pixel;
        let needed = self.input_rows(&rows);
        let last = self
            .input_rows(&self.rows_of(&(part.start..limit.clamp(part.end, (image + 1) * height * width))));
        let chunk = (CHUNK_BEATS / (row_words * config.activation_beats())).max(1);
        let kept = self.kept.map(|item| {
            let rows = stage.input.shape.height;
            Loaded { items: vec![(0..rows, item)], offset: image * rows * row_words }
        });
        let mut loaded = kept.unwrap_or_else(|| self.loaded.remove(&image).unwrap_or_default());
        while loaded.end().is_none_or(|end| end < needed.end) {
            let start = loaded.end().unwrap_or(needed.start);
            let end = (start + chunk).min(last.end.max(start + 1));
            let loads = self.image_rows(image, &(start..end));
            let item = work.item(stage.layer, Place::Activations, (end - start) * row_words, loads);
            loaded.items.push((start..end, item));
        }
        let (item, first, before) = loaded.anchor();
        let needs = loaded.ids(&needed);
        self.loaded.insert(image, loaded);
        let w = &stage.window;
        let top = (rows.start * w.stride[0]) as i64 - w.before[0] as i64;
        let left = -(w.before[1] as i64);
        let origin = before as i64 + (top - first as i64) * row_words as i64 + left * pixel as i64;
        let read = |row: usize| before as i64 + (row as i64 - first as i64) * row_words as i64;
        Fed {
            needs,
            at: At { item, offset: origin + tile.words.start as i64 },
            reads: read(needed.start)..read(needed.end),
            count: [tile.words.len(), w.kernel[1], w.kernel[0], width, rows.len()],
            step: [
                w.dilation[1] * pixel,
                w.dilation[0] * row_words,
                w.stride[1] * pixel,
                w.stride[0] * row_words,
            ],
            x: Coordinates {
                first: left,
                kernel_step: w.dilation[1],
                output_step: w.stride[1],
                size: stage.input.shape.width,
            },
            y: Coordinates {
                first: top,
                kernel_step: w.dilation[0],
                output_step: w.stride[0],
                size: stage.input.shape.height,
            },
        }
    }
}
