//! What a LOAD or STORE moves.

/// Rows in host memory and where they lie in a buffer. Row (i, j), i < `count[0]`, j < `count[1]`, is `length` beats
/// at `offset + i·stride[0] + j·stride[1]`, and buffer position `base + i·step[0] + j·step[1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Segment of the job.
    pub segment: usize,
    /// Byte offset of row (0, 0).
    pub offset: u64,
    /// Beats of a row.
    pub length: usize,
    /// Rows, inner and outer.
    pub count: [usize; 2],
    /// Bytes from row to row, inner and outer.
    pub stride: [u64; 2],
    /// Buffer position of row (0, 0): words of a LOAD, beats of a STORE.
    pub base: usize,
    /// Positions from row to row, inner and outer.
    pub step: [usize; 2],
}

impl Rows {
    /// All rows: (byte offset in the segment, buffer position), in the order in which they are moved.
    pub fn iter(self) -> impl Iterator<Item = (u64, usize)> {
        (0..self.count[1]).flat_map(move |j| {
            (0..self.count[0]).map(move |i| {
                let offset = self.offset + i as u64 * self.stride[0] + j as u64 * self.stride[1];
                (offset, self.base + i * self.step[0] + j * self.step[1])
            })
        })
    }

    /// All beats of all rows.
    #[must_use]
    pub const fn beats(&self) -> usize {
        self.length * self.count[0] * self.count[1]
    }
}
