//! Which parts of a range are free.

use std::collections::BTreeMap;

/// Free ranges, none of which touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First value of each, and the value after its last.
    free: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Starts with these ranges free; empty ones are ignored.
    pub fn new(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut new = Self::default();
        for (start, end) in ranges {
            new.free(start, end.saturating_sub(start));
        }
        new
    }

    /// The first free range of `size` at a multiple of `align`, which is a power of two; it is then taken.
    pub fn take(&mut self, size: u64, align: u64) -> Option<u64> {
        let fits = |(&start, &end): (&u64, &u64)| {
            let at = start.checked_next_multiple_of(align)?;
            let last = at.checked_add(size)?;
            (size > 0 && last <= end).then_some((start, end, at, last))
        };
        let (start, end, at, last) = self.free.iter().find_map(fits)?;
        self.free.remove(&start);
        if start < at {
            self.free.insert(start, at);
        }
        if last < end {
            self.free.insert(last, end);
        }
        Some(at)
    }

    /// Gives back a range that was taken, and joins it with its neighbours.
    pub fn free(&mut self, start: u64, size: u64) {
        let (mut start, mut end) = (start, start.saturating_add(size));
        if start == end {
            return;
        }
        if let Some((&before, &touching)) = self.free.range(..=start).next_back()
            && touching >= start
        {
            self.free.remove(&before);
            (start, end) = (before, end.max(touching));
        }
        while let Some((&next, &last)) = self.free.range(start..=end).next() {
            self.free.remove(&next);
            end = end.max(last);
        }
        self.free.insert(start, end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn taken_in_order_and_joined_again() {
        let whole = Ranges::new([(0, 100), (100, 200), (300, 300)]);
        let mut ranges = whole.clone();
        assert_eq!(ranges, Ranges::new([(0, 200)]));
        let taken: Vec<_> = [10, 50, 140].into_iter().map(|size| ranges.take(size, 1)).collect();
        assert_eq!(taken, [Some(0), Some(10), Some(60)]);
        assert_eq!(ranges.take(1, 1), None);
        ranges.free(10, 50);
        ranges.free(60, 140);
        ranges.free(0, 10);
        assert_eq!(ranges, whole);
        assert_eq!(
            (ranges.take(0, 1), ranges.take(u64::MAX, 1), ranges.take(8, 1 << 63)),
            (None, None, Some(0))
        );
    }

    proptest! {
        /// Taken ranges are aligned, inside, and apart; when all are back, nothing has changed.
        #[test]
        fn no_overlap(steps in prop::collection::vec((1_u64..5000, 0_u32..13, any::<bool>()), 1..200)) {
            let whole = Ranges::new([(0x1000, 0x8000), (0x9000, 0xffff)]);
            let mut ranges = whole.clone();
            let mut taken: Vec<(u64, u64)> = Vec::new();
            for (size, align, give_back) in steps {
                if give_back && !taken.is_empty() {
                    let (start, size) = taken.swap_remove(size as usize % taken.len());
                    ranges.free(start, size);
                } else if let Some(start) = ranges.take(size, 1 << align) {
                    let end = start + size;
                    prop_assert!(start.is_multiple_of(1 << align));
                    prop_assert!((0x1000 <= start && end <= 0x8000) || (0x9000 <= start && end <= 0xffff));
                    prop_assert!(taken.iter().all(|&(other, length)| end <= other || other + length <= start));
                    taken.push((start, size));
                }
            }
            for (start, size) in taken {
                ranges.free(start, size);
            }
            prop_assert_eq!(ranges, whole);
        }
    }
}
