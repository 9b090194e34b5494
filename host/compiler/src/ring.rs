//! Buffer space, given out in a circle.

use std::collections::VecDeque;

/// Space of one buffer. Addresses grow for ever; the buffer's own address is the one modulo its depth, so that a block
/// may wrap. What is freed first was, roughly, allocated first.
#[derive(Debug)]
pub(crate) struct Ring {
    depth: u64,
    head: u64,
    /// Start of every block that is in use, or was freed behind one that is.
    blocks: VecDeque<(u64, bool)>,
}

impl Ring {
    pub(crate) const fn new(depth: usize) -> Self {
        Self { depth: depth as u64, head: 0, blocks: VecDeque::new() }
    }

    /// Whether `length` is free.
    pub(crate) fn fits(&self, length: usize) -> bool {
        let oldest = self.blocks.front().map_or(self.head, |&(start, _)| start);
        self.head + length as u64 - oldest <= self.depth
    }

    /// Takes `length`.
    pub(crate) fn allocate(&mut self, length: usize) -> Option<u64> {
        if !self.fits(length) {
            return None;
        }
        let start = self.head;
        self.head += length as u64;
        self.blocks.push_back((start, true));
        Some(start)
    }

    /// Gives back the block at `start`.
    pub(crate) fn free(&mut self, start: u64) {
        for block in &mut self.blocks {
            block.1 &= block.0 != start;
        }
        while self.blocks.front().is_some_and(|block| !block.1) {
            self.blocks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_wrap_and_are_reused_in_order() {
        let mut ring = Ring::new(10);
        assert_eq!((ring.allocate(4), ring.allocate(4), ring.allocate(4)), (Some(0), Some(4), None));
        ring.free(4);
        assert_eq!(ring.allocate(4), None, "the older block still stands before it");
        ring.free(0);
        assert_eq!((ring.allocate(10), ring.fits(1)), (Some(8), false));
        ring.free(8);
        assert_eq!(ring.allocate(1), Some(18));
    }
}
