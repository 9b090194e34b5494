//! When the memory answers.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::link::Link;

/// When the memory accepts and answers.
#[derive(Clone, Debug)]
pub enum Timing {
    /// Everything is accepted at once; answers come in order after a fixed time, one beat per cycle.
    Fixed {
        /// Cycles from an accepted read address to its first beat.
        read_latency: u32,
        /// Cycles from the last write beat to its response.
        write_latency: u32,
    },
    /// Whatever AXI allows, in an order that the seed decides: slow acceptance, gaps, responses of different IDs
    /// out of order and interleaved, in moods that change every few hundred cycles.
    Random {
        /// Same seed, same run.
        seed: u64,
        /// Most cycles that an answer takes.
        max_latency: u32,
    },
    /// Memory lies behind a `PCIe` link.
    Link(Link),
}

/// Cycles from a whole write burst to its response when writes are posted.
const POSTED: u64 = 4;

impl Default for Timing {
    /// About a microsecond at 200 MHz, as over `PCIe`.
    fn default() -> Self {
        Self::Fixed { read_latency: 200, write_latency: 100 }
    }
}

/// Draws from a [`Timing`].
pub(crate) struct Clockwork {
    timing: Timing,
    rng: ChaCha8Rng,
    /// Chances of the current mood, of 256: address ready, read beat, write ready, register channels.
    chances: [u32; 4],
    mood_ends: u64,
}

/// What is drawn.
#[derive(Clone, Copy)]
pub(crate) enum Draw {
    Address = 0,
    ReadBeat = 1,
    WriteBeat = 2,
    Register = 3,
}

impl Clockwork {
    pub(crate) fn new(timing: Timing) -> Self {
        let seed = if let Timing::Random { seed, .. } = timing { seed } else { 0 };
        Self { timing, rng: ChaCha8Rng::seed_from_u64(seed), chances: [256; 4], mood_ends: 0 }
    }

    pub(crate) const fn is_random(&self) -> bool {
        matches!(self.timing, Timing::Random { .. })
    }

    /// Starts a cycle.
    pub(crate) fn cycle(&mut self, cycle: u64) {
        if self.is_random() && cycle >= self.mood_ends {
            self.mood_ends = cycle + self.rng.random_range(32..512);
            for chance in &mut self.chances {
                *chance = [256, 224, 128, 32, 8][self.rng.random_range(0..5)];
            }
        }
    }

    /// Whether something happens in this cycle.
    pub(crate) fn happens(&mut self, draw: Draw) -> bool {
        !self.is_random() || (self.rng.next_u32() & 255) < self.chances[draw as usize]
    }

    /// One of `n`.
    pub(crate) fn pick(&mut self, n: usize) -> usize {
        if n > 1 && self.is_random() { self.rng.random_range(0..n) } else { 0 }
    }

    pub(crate) fn read_latency(&mut self) -> u64 {
        match self.timing {
            Timing::Fixed { read_latency, .. } => u64::from(read_latency.max(1)),
            Timing::Link(_) => 1,
            Timing::Random { max_latency, .. } => self.rng.random_range(1..=u64::from(max_latency.max(1))),
        }
    }

    pub(crate) fn write_latency(&mut self) -> u64 {
        match self.timing {
            Timing::Fixed { write_latency, .. } => u64::from(write_latency.max(1)),
            Timing::Link(_) => POSTED,
            Timing::Random { max_latency, .. } => self.rng.random_range(1..=u64::from(max_latency.max(1))),
        }
    }
}
