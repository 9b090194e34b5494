//! Buffer space, given out in a circle.

use std::collections::VecDeque;

/// Space of one buffer in words. What is freed first was allocated first; neighbours in time get different space
/// where the buffer is large enough, so that the next may be filled while the last is in use.
#[derive(Debug)]
pub(crate) struct Ring {
    depth: usize,
    head: usize,
    live: VecDeque<(usize, usize)>,
}

impl Ring {
    pub(crate) const fn new(depth: usize) -> Self {
        Self { depth, head: 0, live: VecDeque::new() }
    }

    /// Where `length` consecutive words are free, if anywhere.
    pub(crate) fn find(&self, length: usize) -> Option<usize> {
        let free = |start: usize| {
            let end = start + length;
            end <= self.depth && self.live.iter().all(|&(s, e)| end <= s || e <= start)
        };
        [self.head, 0].into_iter().find(|&start| free(start))
    }

    /// Takes `length` consecutive words.
    pub(crate) fn allocate(&mut self, length: usize) -> Option<usize> {
        let start = self.find(length)?;
        self.head = start + length;
        self.live.push_back((start, self.head));
        Some(start)
    }

    /// Gives back the space at `start`.
    pub(crate) fn free(&mut self, start: usize) {
        self.live.retain(|&(s, _)| s != start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_time_get_different_space() {
        let mut ring = Ring::new(10);
        assert_eq!((ring.allocate(4), ring.allocate(4), ring.allocate(4)), (Some(0), Some(4), None));
        ring.free(0);
        assert_eq!(ring.allocate(4), Some(0));
        ring.free(4);
        assert_eq!((ring.find(7), ring.allocate(6)), (None, Some(4)));
    }

    #[test]
    fn an_empty_ring_gives_all_of_it() {
        let mut ring = Ring::new(8);
        let _ = ring.allocate(5);
        ring.free(0);
        assert_eq!(ring.allocate(8), Some(0));
    }
}
