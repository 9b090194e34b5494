//! Where tensors and masks lie in a job's segments, and how the host reads and writes them.
//!
//! A tensor holds one row per image. A row is the channels padded to whole beats and whole PPU groups, or, where a
//! layer reads it and it is short, to whole activation words. What lies in the padding is undefined.

use cbp_numerics::Values;

/// What one element of a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 8-bit activations.
    I8,
    /// 32-bit accumulators, little endian.
    I32,
    /// Twice the accumulator, 32 bits, little endian: a raw int8 layer on a binary array. Reading halves it, exactly.
    DoubledI32,
}

/// A tensor of one run (one batch) in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorLayout {
    /// Segment of the job.
    pub segment: usize,
    /// Byte offset of the first row in the first run.
    pub offset: u64,
    /// Rows.
    pub images: usize,
    /// Channels that count.
    pub channels: usize,
    /// Bytes from row to row.
    pub row_bytes: usize,
    /// What a row is made of.
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
    /// Bytes of the tensor.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.images * self.row_bytes
    }

    /// The same tensor in a later run, `stride` being the segment's bytes per run.
    #[must_use]
    pub fn in_run(&self, run: usize, stride: u32) -> Self {
        Self { offset: self.offset + run as u64 * u64::from(stride), ..self.clone() }
    }

    fn range(&self, found: usize) -> Result<core::ops::Range<usize>, ShortSegment> {
        let (start, needed) = (self.offset as usize, self.offset as usize + self.bytes());
        let segment = self.segment;
        if needed <= found { Ok(start..needed) } else { Err(ShortSegment { segment, found, needed }) }
    }

    /// Writes activations, `[image][channel]`, into the segment's bytes. Padding is left as it is; missing images
    /// (a last batch that is not full) too.
    ///
    /// # Errors
    /// The segment is too short.
    pub fn write(&self, memory: &mut [u8], values: &[i8]) -> Result<(), ShortSegment> {
        let range = self.range(memory.len())?;
        let rows = memory[range].chunks_exact_mut(self.row_bytes);
        for (row, image) in rows.zip(values.chunks(self.channels)) {
            for (byte, &q) in row.iter_mut().zip(image) {
                *byte = q.cast_unsigned();
            }
        }
        Ok(())
    }

    /// Reads the tensor, `[image][channel]`.
    ///
    /// # Errors
    /// The segment is too short.
    pub fn read(&self, memory: &[u8]) -> Result<Values, ShortSegment> {
        let rows = memory[self.range(memory.len())?].chunks_exact(self.row_bytes);
        let channels = self.channels;
        let words = |row: &[u8], shift: u32| -> Vec<i32> {
            let quads = row.as_chunks().0.iter().take(channels);
            quads.map(|&quad| i32::from_le_bytes(quad) >> shift).collect()
        };
        Ok(match self.element {
            Element::I8 => {
                Values::I8(rows.flat_map(|row| row[..channels].iter().map(|b| b.cast_signed())).collect())
            }
            Element::I32 => Values::I32(rows.flat_map(|row| words(row, 0)).collect()),
            Element::DoubledI32 => Values::I32(rows.flat_map(|row| words(row, 1)).collect()),
        })
    }
}

/// The sign masks of one layer in one run: per column tile a block, in it `columns` bits per image, lowest bit of
/// the first byte first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskLayout {
    /// Segment of the job.
    pub segment: usize,
    /// Byte offset of the first block in the first run.
    pub offset: u64,
    /// Images.
    pub images: usize,
    /// Channels that count.
    pub channels: usize,
    /// Columns N of the array: bits per image of a block.
    pub columns: usize,
    /// Bytes from block to block.
    pub tile_bytes: usize,
}

impl MaskLayout {
    /// Bytes of all blocks.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.channels.div_ceil(self.columns) * self.tile_bytes
    }

    /// The same masks in a later run, `stride` being the segment's bytes per run.
    #[must_use]
    pub fn in_run(&self, run: usize, stride: u32) -> Self {
        Self { offset: self.offset + run as u64 * u64::from(stride), ..self.clone() }
    }

    /// Reads the masks, `[image][channel]`.
    ///
    /// # Errors
    /// The segment is too short.
    pub fn read(&self, memory: &[u8]) -> Result<Vec<bool>, ShortSegment> {
        let (segment, found) = (self.segment, memory.len());
        let needed = self.offset as usize + self.bytes();
        if needed > found {
            return Err(ShortSegment { segment, found, needed });
        }
        let bit = |image: usize, channel: usize| {
            let block = self.offset as usize + channel / self.columns * self.tile_bytes;
            let bit = image * self.columns + channel % self.columns;
            memory[block + bit / 8] >> (bit % 8) & 1 != 0
        };
        Ok((0..self.images).flat_map(|i| (0..self.channels).map(move |c| bit(i, c))).collect())
    }
}
