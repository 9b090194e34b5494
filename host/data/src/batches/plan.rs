//! What a caller chooses for an epoch.

use std::ops::Range;

use crate::rng::{Purpose, keyed, permutation};
use crate::{DataError, Draws};

/// How the samples of an epoch become batches.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Images per batch, at least 1.
    pub batch: usize,
    /// Order of the images.
    pub order: Order,
    /// What random numbers follow from.
    pub draws: Draws,
    /// Batches to leave out at the beginning, to go on within an epoch. Those that follow are the same as without.
    pub start: usize,
    /// What happens to images left over at the end.
    pub remainder: Remainder,
    /// Background threads; 0: as many as there are processors.
    pub threads: usize,
    /// Batches made before they are asked for; 0: two more than threads.
    pub ahead: usize,
}

/// Order of the images in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// A permutation that depends on seed and epoch.
    Shuffled,
    /// As they are stored.
    Stored,
    /// These, by position in the samples.
    Given(Vec<u32>),
}

/// Images that do not fill a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remainder {
    /// Are left out.
    Drop,
    /// Make a smaller batch.
    Keep,
}

impl Plan {
    /// To train: shuffled, images left over are left out.
    #[must_use]
    pub const fn training(batch: usize, draws: Draws) -> Self {
        Self {
            batch,
            order: Order::Shuffled,
            draws,
            start: 0,
            remainder: Remainder::Drop,
            threads: 0,
            ahead: 0,
        }
    }

    /// To evaluate: every image once, as stored.
    #[must_use]
    pub fn evaluation(batch: usize) -> Self {
        let draws = Draws { seed: 0, epoch: 0 };
        Self { order: Order::Stored, remainder: Remainder::Keep, ..Self::training(batch, draws) }
    }

    /// The epoch's images.
    pub(super) fn order(&self, samples: usize) -> Result<Vec<u32>, DataError> {
        match &self.order {
            Order::Shuffled => {
                Ok(permutation(&mut keyed(self.draws.seed, Purpose::Order, self.draws.epoch, 0), samples))
            }
            Order::Stored => Ok((0..samples as u32).collect()),
            Order::Given(indices) => match indices.iter().find(|&&index| index as usize >= samples) {
                None => Ok(indices.clone()),
                Some(index) => {
                    let what =
                        format!("the order has image {index}, the data set images 0 to {}", samples - 1);
                    Err(DataError::Request { what, remedy: "use an order of this data set" })
                }
            },
        }
    }

    /// Numbers of the batches of an epoch with so many images.
    pub(super) fn batches(&self, images: usize) -> Result<Range<usize>, DataError> {
        let request = |what, remedy| Err(DataError::Request { what, remedy });
        let batches = match (self.batch, self.remainder) {
            (0, _) => 0,
            (batch, Remainder::Drop) => images / batch,
            (batch, Remainder::Keep) => images.div_ceil(batch),
        };
        if batches == 0 {
            let what = format!("{images} images give no batch of {}", self.batch);
            return request(what, "choose a batch from 1 to the number of images");
        }
        if self.start > batches {
            let what = format!("the epoch has {batches} batches, it cannot start after {}", self.start);
            return request(what, "start with the next epoch");
        }
        Ok(self.start..batches)
    }

    pub(super) fn threads_and_ahead(&self) -> (usize, usize) {
        let threads = match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        (threads, if self.ahead == 0 { threads + 2 } else { self.ahead })
    }
}
