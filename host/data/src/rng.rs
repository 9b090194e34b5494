//! Random numbers keyed by what they are for, so that results do not depend on the order of work.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What a stream of random numbers is used for; distinct uses never share a stream.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Initial weights; `index` is the layer.
    Weights = 1,
    /// Order of the images in an epoch.
    Order = 2,
    /// Shift augmentation; `index` is the image.
    Shift = 3,
    /// Choice of a subset of a data set.
    Subset = 4,
    /// Division of a data set into two.
    Split = 5,
    /// Random crops; `index` is the image.
    Crop = 6,
    /// Horizontal flips; `index` is the image.
    Flip = 7,
    /// Changes of colour; `index` is the image.
    Colour = 8,
    /// Dropped values; `index` is the node and the image.
    Dropout = 9,
}

/// The stream of (seed, purpose, epoch, index).
#[must_use]
pub fn keyed(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (part, word) in key.chunks_exact_mut(8).zip([seed, purpose as u64, epoch, index]) {
        part.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// A uniform integer in 0..bound, without bias (Lemire's multiply-and-reject). Panics if `bound` is 0.
pub fn below(rng: &mut ChaCha8Rng, bound: u32) -> u32 {
    let reject_under = bound.wrapping_neg() % bound;
    loop {
        let wide = u64::from(rng.next_u32()) * u64::from(bound);
        if wide as u32 >= reject_under {
            return (wide >> 32) as u32;
        }
    }
}

/// A uniform number in [−1, 1) on a grid of 2^−23, exact in f32.
pub fn symmetric(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0
}

/// A uniform number in [low, high); `low` if both are equal.
pub fn between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    let unit = (rng.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
    low + (high - low) * unit
}

/// A random order of 0..n (Fisher-Yates).
#[must_use]
pub fn permutation(rng: &mut ChaCha8Rng, n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        order.swap(last, below(rng, last as u32 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_holds_every_index_once_and_depends_on_its_key() {
        let order = permutation(&mut keyed(7, Purpose::Order, 3, 0), 1000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..1000));
        assert_ne!(order, permutation(&mut keyed(7, Purpose::Order, 4, 0), 1000));
        assert_eq!(order, permutation(&mut keyed(7, Purpose::Order, 3, 0), 1000));
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut rng = keyed(1, Purpose::Shift, 0, 0);
        let mut seen = [0; 5];
        for _ in 0..5000 {
            seen[below(&mut rng, 5) as usize] += 1;
            assert!((-1.0..1.0).contains(&symmetric(&mut rng)));
            assert!((0.25..0.5).contains(&between(&mut rng, 0.25, 0.5)));
        }
        assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
    }

    /// The stream that every published number came from.
    #[test]
    fn streams_do_not_change() {
        let mut rng = keyed(1, Purpose::Shift, 2, 3);
        assert_eq!([0; 4].map(|_: u32| below(&mut rng, 1000)), [801, 384, 423, 501]);
        assert_eq!(permutation(&mut keyed(1, Purpose::Order, 1, 0), 6), [0, 1, 4, 5, 2, 3]);
    }
}
