//! The four weight sets of constrained backpropagation (CBP, Kim & Jeong, NeurIPS 2021).

use core::fmt;
use core::str::FromStr;

/// A constrained weight is w = a · k / 2^D, with the integer k from the set and one scale a.
///
/// Sets are ordered: an array built for one set also runs every smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightSet {
    /// k ∈ {±1}
    Binary,
    /// k ∈ {0, ±1}
    Ternary,
    /// k ∈ {0, ±1, ±2}
    OneBitShift,
    /// k ∈ {0, ±1, ±2, ±4}
    TwoBitShift,
}

impl WeightSet {
    /// All sets, smallest first.
    pub const ALL: [Self; 4] = [Self::Binary, Self::Ternary, Self::OneBitShift, Self::TwoBitShift];

    /// The integer levels k in rising order.
    #[must_use]
    pub const fn levels(self) -> &'static [i8] {
        match self {
            Self::Binary => &[-1, 1],
            Self::Ternary => &[-1, 0, 1],
            Self::OneBitShift => &[-2, -1, 0, 1, 2],
            Self::TwoBitShift => &[-4, -2, -1, 0, 1, 2, 4],
        }
    }

    /// D: the largest shift; k / 2^D lies in [−1, 1].
    #[must_use]
    pub const fn max_shift(self) -> u32 {
        match self {
            Self::Binary | Self::Ternary => 0,
            Self::OneBitShift => 1,
            Self::TwoBitShift => 2,
        }
    }

    /// Bits of one packed weight code.
    #[must_use]
    pub const fn code_bits(self) -> u32 {
        match self {
            Self::Binary => 1,
            Self::Ternary => 2,
            Self::OneBitShift | Self::TwoBitShift => 3,
        }
    }

    /// Whether k is a member.
    #[must_use]
    pub fn contains(self, k: i8) -> bool {
        self.levels().contains(&k)
    }

    /// Whether every level of `other` is a level of this set.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self >= other
    }

    /// The name used on the command line, in files and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Ternary => "ternary",
            Self::OneBitShift => "one-bit-shift",
            Self::TwoBitShift => "two-bit-shift",
        }
    }
}

impl fmt::Display for WeightSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no weight set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWeightSet;

impl fmt::Display for UnknownWeightSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown weight set; use binary, ternary, one-bit-shift or two-bit-shift")
    }
}

impl core::error::Error for UnknownWeightSet {}

impl FromStr for WeightSet {
    type Err = UnknownWeightSet;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|set| set.name() == text).ok_or(UnknownWeightSet)
    }
}
