//! Where tensors and masks lie in a job's segments, and how the host reads and writes them.
//!
//! Tensors are NHWC. A pixel is its channels, padded, in one or more runs: a concatenation has one run per part, each
//! beginning at a whole beat. What lies in the padding is undefined.

use core::ops::Range;

use cbp_numerics::{Shape, Values};

/// What one element of a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 8-bit activations.
    I8,
    /// 32-bit accumulators, little endian.
    I32,
    /// Twice the accumulator, 32 bits, little endian: a raw layer on a binary array whose weights are not all ±1.
    /// Reading halves it, exactly.
    DoubledI32,
}

impl Element {
    /// Bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I32 | Self::DoubledI32 => 4,
        }
    }
}

/// Consecutive channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Byte of the first one in its pixel.
    pub first: usize,
    /// Channels.
    pub channels: usize,
}

/// A tensor of one run (one batch) in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorLayout {
    /// Segment of the job.
    pub segment: usize,
    /// Byte offset of the first pixel in the first run.
    pub offset: u64,
    /// Images.
    pub images: usize,
    /// Rows, columns and channels.
    pub shape: Shape,
    /// Where the channels lie in a pixel.
    pub runs: Vec<Run>,
    /// Bytes from pixel to pixel.
    pub pixel_bytes: usize,
    /// Bytes from row to row.
    pub row_bytes: usize,
    /// What an element is.
    pub element: Element,
}

/// A range that memory does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("segment {segment} holds {found} bytes, but the tensor ends at byte {needed}")]
pub struct ShortSegment {
    /// The segment.
    pub segment: usize,
    /// Its bytes.
    pub found: usize,
    /// Bytes that it must have.
    pub needed: usize,
}

impl TensorLayout {
    /// Bytes of one image.
    #[must_use]
    pub const fn image_bytes(&self) -> usize {
        self.shape.height * self.row_bytes
    }

    /// Bytes of the tensor.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.images * self.image_bytes()
    }

    /// Bytes of a pixel from its first channel to its last, with what lies between.
    #[must_use]
    pub fn span(&self) -> usize {
        let end = self.runs.last().map_or(0, |run| run.first + run.channels * self.element.bytes());
        end - self.first()
    }

    /// First byte of a pixel that belongs to it.
    #[must_use]
    pub fn first(&self) -> usize {
        self.runs.first().map_or(0, |run| run.first)
    }

    /// The channel at each byte of the span; only for 8-bit elements.
    #[must_use]
    pub fn channel_map(&self) -> Vec<Option<usize>> {
        let mut map = vec![None; self.span()];
        let mut channel = 0;
        for run in &self.runs {
            for i in 0..run.channels {
                map[run.first - self.first() + i] = Some(channel);
                channel += 1;
            }
        }
        map
    }

    /// Whether pixels follow each other without a gap, over rows and images.
    #[must_use]
    pub const fn is_linear(&self) -> bool {
        self.row_bytes == self.shape.width * self.pixel_bytes
    }

    /// The same tensor in a later run, `stride` being the segment's bytes per run.
    #[must_use]
    pub fn in_run(&self, run: usize, stride: u32) -> Self {
        Self { offset: self.offset + run as u64 * u64::from(stride), ..self.clone() }
    }

    fn check(&self, found: usize) -> Result<(), ShortSegment> {
        let (segment, needed) = (self.segment, self.offset as usize + self.bytes());
        if needed <= found { Ok(()) } else { Err(ShortSegment { segment, found, needed }) }
    }

    /// Byte ranges of all runs of all pixels, in the order of the values.
    fn pieces(&self) -> impl Iterator<Item = Range<usize>> {
        let (Shape { height, width, .. }, element) = (self.shape, self.element.bytes());
        (0..self.images * height * width).flat_map(move |pixel| {
            let (row, column) = (pixel / width, pixel % width);
            let start = self.offset as usize + row * self.row_bytes + column * self.pixel_bytes;
            self.runs.iter().map(move |run| {
                let first = start + run.first;
                first..first + run.channels * element
            })
        })
    }

    /// Writes activations, `[image][row][column][channel]`, into the segment's bytes. Padding is left as it is; missing
    /// images (a last batch that is not full) too.
    ///
    /// # Errors
    /// The segment is too short.
    pub fn write(&self, memory: &mut [u8], values: &[i8]) -> Result<(), ShortSegment> {
        self.check(memory.len())?;
        let mut rest = values;
        for piece in self.pieces() {
            if rest.len() < piece.len() {
                break;
            }
            let (now, later) = rest.split_at(piece.len());
            for (byte, &q) in memory[piece].iter_mut().zip(now) {
                *byte = q.cast_unsigned();
            }
            rest = later;
        }
        Ok(())
    }

    /// Reads the tensor, `[image][row][column][channel]`.
    ///
    /// # Errors
    /// The segment is too short.
    pub fn read(&self, memory: &[u8]) -> Result<Values, ShortSegment> {
        self.check(memory.len())?;
        let words = |shift: u32| -> Vec<i32> {
            let quads = self.pieces().flat_map(|piece| memory[piece].as_chunks().0);
            quads.map(|&quad| i32::from_le_bytes(quad) >> shift).collect()
        };
        Ok(match self.element {
            Element::I8 => {
                Values::I8(self.pieces().flat_map(|piece| &memory[piece]).map(|b| b.cast_signed()).collect())
            }
            Element::I32 => Values::I32(words(0)),
            Element::DoubledI32 => Values::I32(words(1)),
        })
    }
}

/// Sign masks that one COMPUTE wrote: `columns` bits per position, lowest bit of the first byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskBlock {
    /// Byte offset in the segment.
    pub offset: u64,
    /// First channel.
    pub channel: usize,
    /// First position, counted over rows and images.
    pub position: usize,
    /// Positions.
    pub positions: usize,
}

/// The sign masks of one layer in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskLayout {
    /// Segment of the job.
    pub segment: usize,
    /// Images.
    pub images: usize,
    /// Rows, columns and channels.
    pub shape: Shape,
    /// Columns N of the array: bits per position.
    pub columns: usize,
    /// Everything that was written.
    pub blocks: Vec<MaskBlock>,
}

impl MaskLayout {
    /// The same masks in a later run, `stride` being the segment's bytes per run.
    #[must_use]
    pub fn in_run(&self, run: usize, stride: u32) -> Self {
        let mut moved = self.clone();
        for block in &mut moved.blocks {
            block.offset += run as u64 * u64::from(stride);
        }
        moved
    }

    /// Reads the masks, `[image][row][column][channel]`.
    ///
    /// # Errors
    /// The segment is too short.
    pub fn read(&self, memory: &[u8]) -> Result<Vec<bool>, ShortSegment> {
        let channels = self.shape.channels;
        let mut masks = vec![false; self.images * self.shape.values()];
        for block in &self.blocks {
            let start = block.offset as usize;
            let needed = start + (block.positions * self.columns).div_ceil(8);
            let found = memory.len();
            let bytes = memory.get(start..needed);
            let bytes = bytes.ok_or(ShortSegment { segment: self.segment, found, needed })?;
            let width = self.columns.min(channels - block.channel);
            for i in 0..block.positions {
                let target = (block.position + i) * channels + block.channel;
                for (n, mask) in masks[target..target + width].iter_mut().enumerate() {
                    let bit = i * self.columns + n;
                    *mask = bytes[bit / 8] >> (bit % 8) & 1 != 0;
                }
            }
        }
        Ok(masks)
    }
}
