//! Numbers that begin at a cache line: a vector that crosses two of them takes twice as long to load and to store.

use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;

const PER_LINE: usize = 16;
/// From this size on, memory is asked for in huge pages where the system has them for those who ask: products walk
/// through activations in steps of whole rows, and the addresses of small pages are then looked up more than numbers are
/// read (4 % of the time of VGG-7's steps).
const HUGE: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; PER_LINE]);

/// A slice of numbers whose first one begins a cache line.
#[derive(Debug)]
pub(crate) struct Aligned {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Lines(Vec<Line>),
    Pages(MmapMut),
}

impl Memory {
    fn zeros(len: usize) -> Self {
        if let Some(bytes) = len.checked_mul(size_of::<f32>()).filter(|&bytes| bytes >= HUGE)
            && let Ok(pages) = MmapMut::map_anon(bytes)
        {
            // Small pages serve too.
            #[cfg(target_os = "linux")]
            let _ = pages.advise(memmap2::Advice::HugePage);
            return Self::Pages(pages);
        }
        Self::Lines(vec![Line::zeroed(); len.div_ceil(PER_LINE)])
    }
}

impl Aligned {
    /// Without numbers.
    pub(crate) const fn new() -> Self {
        Self { memory: Memory::Lines(Vec::new()), len: 0 }
    }

    /// Zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self { memory: Memory::zeros(len), len }
    }

    /// Makes room for at least so many numbers; what is there may change.
    pub(crate) fn reserve_len(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeros(len);
        }
    }
}

impl Default for Aligned {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut clone = Self::zeros(self.len);
        clone.copy_from_slice(self);
        clone
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let numbers: &[f32] = match &self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice(lines),
            Memory::Pages(pages) => bytemuck::cast_slice(pages),
        };
        &numbers[..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        let numbers: &mut [f32] = match &mut self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Memory::Pages(pages) => bytemuck::cast_slice_mut(pages),
        };
        &mut numbers[..self.len]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_ones_are_zeros_at_a_cache_line_and_keep_what_is_written() {
        for len in [0, 1, 17, HUGE / 4 - 1, HUGE / 4, HUGE / 4 + 5] {
            let mut numbers = Aligned::zeros(len);
            assert_eq!(matches!(numbers.memory, Memory::Pages(_)), 4 * len >= HUGE);
            assert!(numbers.len() == len && (numbers.as_ptr() as usize).is_multiple_of(64));
            assert!(numbers.iter().all(|number| number.to_bits() == 0));
            if let Some(last) = numbers.last_mut() {
                *last = 3.0;
            }
            let clone = numbers.clone();
            assert_eq!(*clone, *numbers);
            numbers.reserve_len(len + 1);
            assert_eq!((clone.len(), numbers.len()), (len, len + 1));
        }
    }
}
