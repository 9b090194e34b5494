//! A layer's integer weights.

use cbp_isa::WeightSet;

/// Integer weights, `[output][…]` row-major: one row per output channel.
///
/// An int8 layer is defined by Σ w·q on every array; how many passes it takes, and any factor between, is the
/// compiler's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Levels k of a constrained set.
    Constrained {
        /// The set.
        set: WeightSet,
        /// k.
        codes: Vec<i8>,
    },
    /// Plain 8-bit weights.
    Int8 {
        /// w.
        w: Vec<i8>,
    },
}

impl Weights {
    /// The integers, row by row.
    #[must_use]
    pub fn values(&self) -> &[i8] {
        match self {
            Self::Constrained { codes, .. } => codes,
            Self::Int8 { w } => w,
        }
    }

    /// Row `channel` of rows of `length`, or nothing if there is no such row.
    #[must_use]
    pub fn row(&self, channel: usize, length: usize) -> &[i8] {
        self.values().get(channel * length..(channel + 1) * length).unwrap_or(&[])
    }

    /// Σ of a channel's weights and Σ of their magnitudes; `row` is one output's weights.
    #[must_use]
    pub fn sums(row: &[i8]) -> (i64, i64) {
        // 32 bits hold the sums of a part, and the compiler can use vector instructions for them.
        row.chunks(1 << 16).fold((0, 0), |(sum, magnitude), part| {
            let of_part: i32 = part.iter().fold(0, |sum, &k| sum.wrapping_add(k.into()));
            let magnitudes: i32 = part.iter().fold(0, |sum, &k| sum.wrapping_add(i32::from(k).abs()));
            (sum + i64::from(of_part), magnitude + i64::from(magnitudes))
        })
    }
}
