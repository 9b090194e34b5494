//! Digits to train on.
//!
//! `idx` reads and writes the file format, `mnist` finds the four files of a data set, `augment` makes the shifted
//! float images of a training batch.

pub(crate) mod augment;
mod error;
pub mod idx;
mod mnist;

pub use error::DataError;
pub use mnist::{load_mnist, save_mnist};

use crate::rng::{Purpose, keyed, permutation};

/// Grey-scale images with one label each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Pixels: n × rows × cols, row-major, 0 = background. The real value of a pixel p is p / 255.
    pub images: Vec<u8>,
    /// One class per image.
    pub labels: Vec<u8>,
    /// Height of an image in pixels.
    pub rows: usize,
    /// Width of an image in pixels.
    pub cols: usize,
}

impl Dataset {
    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixels of one image.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.rows * self.cols
    }

    /// Image `index`: rows × cols bytes. Panics if there is no such image.
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.pixels()..][..self.pixels()]
    }

    /// The first `count` images of a random order that depends on `seed` alone (all of them if there are fewer).
    #[must_use]
    pub fn sample(&self, count: usize, seed: u64) -> Self {
        let order = permutation(&mut keyed(seed, Purpose::Subset, 0, 0), self.len());
        let chosen = &order[..count.min(order.len())];
        Self {
            images: chosen.iter().flat_map(|&i| self.image(i as usize)).copied().collect(),
            labels: chosen.iter().map(|&i| self.labels[i as usize]).collect(),
            rows: self.rows,
            cols: self.cols,
        }
    }
}
