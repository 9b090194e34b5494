//! Random networks, reproducible from a seed: for tests and measurements.
//!
//! - [`Random`] numbers
//! - [`layer`], [`network`]: fully connected layers and chains of them
//! - [`layer_of`], [`Kind`]: one layer of a chosen kind; [`convolution`]: of a given shape
//! - [`graph`], [`Options`]: whole networks with branches

mod fully_connected;
mod graph;
mod kind;
mod pieces;
mod single;

pub use fully_connected::{Shape, layer, network};
pub use graph::graph;
pub use kind::{Kind, layer_of};
pub use pieces::Options;
pub use single::convolution;

/// Reproducible numbers (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number from 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Any byte; one in four is extreme.
    pub fn byte(&mut self) -> i8 {
        if self.below(4) == 0 { [-128, -127, 127, 0][self.below(4)] } else { self.bits() as i8 }
    }

    /// `n` bytes as of [`Random::byte`].
    pub fn bytes(&mut self, n: usize) -> Vec<i8> {
        (0..n).map(|_| self.byte()).collect()
    }
}
