//! Answers that the device should survive.

use std::collections::BTreeMap;

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
