//! Numbers that begin at a cache line: a vector that crosses two of them takes twice as long to load and to store.

use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

const PER_LINE: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; PER_LINE]);

/// A slice of numbers whose first one begins a cache line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// Without numbers.
    pub(crate) const fn new() -> Self {
        Self { lines: Vec::new(), len: 0 }
    }

    /// Zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self { lines: vec![Line::zeroed(); len.div_ceil(PER_LINE)], len }
    }

    /// Makes room for at least so many numbers; what is there stays.
    pub(crate) fn reserve_len(&mut self, len: usize) {
        if self.len < len {
            self.lines.resize(len.div_ceil(PER_LINE), Line::zeroed());
            self.len = len;
        }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl FromIterator<f32> for Aligned {
    fn from_iter<I: IntoIterator<Item = f32>>(numbers: I) -> Self {
        let numbers: Vec<f32> = numbers.into_iter().collect();
        let mut aligned = Self::zeros(numbers.len());
        aligned.copy_from_slice(&numbers);
        aligned
    }
}
