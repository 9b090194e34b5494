//! Answers that the device should survive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::memory::lock;

/// Reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Of the device from host memory.
    Read,
    /// Of the device to host memory.
    Write,
}

/// How a burst is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Answer {
    /// As it should be.
    #[default]
    Okay,
    /// SLVERR; a write does not reach memory.
    SlaveError,
    /// DECERR; a write does not reach memory.
    DecodeError,
    /// Never, as when a `PCIe` completion is lost.
    Lost,
}

impl Answer {
    /// The AXI response code.
    pub(crate) const fn code(self) -> u64 {
        match self {
            Self::Okay | Self::Lost => 0,
            Self::SlaveError => 2,
            Self::DecodeError => 3,
        }
    }
}

/// Plans answers of a device's bursts from anywhere, also while another thread clocks it.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    pub(crate) reads: SharedFaults,
    pub(crate) writes: SharedFaults,
}

impl FaultPlan {
    /// Answers a burst otherwise: the next one, or the one after `skip` further ones.
    pub fn inject(&self, direction: Direction, skip: u64, answer: Answer) {
        lock(self.of(direction)).plan(skip, answer);
    }

    /// Bursts accepted so far.
    #[must_use]
    pub fn bursts(&self, direction: Direction) -> u64 {
        lock(self.of(direction)).bursts
    }

    const fn of(&self, direction: Direction) -> &SharedFaults {
        match direction {
            Direction::Read => &self.reads,
            Direction::Write => &self.writes,
        }
    }
}

/// Faults of a port, which others may plan.
pub(crate) type SharedFaults = Arc<Mutex<Faults>>;

/// Counts bursts and says which get another answer.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    bursts: u64,
    planned: BTreeMap<u64, Answer>,
}

impl Faults {
    /// The burst after `skip` further ones gets this answer.
    pub(crate) fn plan(&mut self, skip: u64, answer: Answer) {
        self.planned.insert(self.bursts + skip, answer);
    }

    /// The answer of the burst that is accepted now.
    pub(crate) fn next(&mut self) -> Answer {
        let answer = if self.planned.is_empty() { None } else { self.planned.remove(&self.bursts) };
        self.bursts += 1;
        answer.unwrap_or_default()
    }
}
