//! The measures of a column: what is added where, how wide it is and when.

use cbp_isa::weight_code::chain_lanes;
use cbp_isa::{Config, WeightSet};

/// The measures that follow from a configuration.
///
/// A *unit* is what one adder of a chain takes: a lane, on binary arrays a pair of lanes.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The weight set of the array.
    pub set: WeightSet,
    /// Bits of an activation.
    pub activation_bits: usize,
    /// Lanes of a column.
    pub lanes: usize,
}

impl Shape {
    /// The shape of a configuration's columns.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { set: config.weight_set, activation_bits: config.activation_bits, lanes: config.lanes }
    }

    /// Whether units are pairs of lanes.
    #[must_use]
    pub fn pairs(&self) -> bool {
        self.set == WeightSet::Binary
    }

    /// Lanes of a unit.
    #[must_use]
    pub fn unit_lanes(&self) -> usize {
        if self.pairs() { 2 } else { 1 }
    }

    /// Bits of a unit's code.
    #[must_use]
    pub fn unit_code_bits(&self) -> usize {
        self.unit_lanes() * self.set.code_bits() as usize
    }

    /// Operands that a unit selects from: a lane's activation, or the sum and the difference of a pair.
    #[must_use]
    pub fn unit_operands(&self) -> usize {
        self.unit_lanes()
    }

    /// Bits of such an operand.
    #[must_use]
    pub fn operand_bits(&self) -> usize {
        self.activation_bits + usize::from(self.pairs())
    }

    /// Bits of what a unit selects, before its sign.
    #[must_use]
    pub fn selected_bits(&self) -> usize {
        self.operand_bits() + self.set.max_shift() as usize
    }

    /// Units of a chain.
    #[must_use]
    pub fn chain_units(&self) -> usize {
        chain_lanes(self.set) / self.unit_lanes()
    }

    /// Chains of a column.
    #[must_use]
    pub fn chains(&self) -> usize {
        self.lanes / chain_lanes(self.set)
    }

    /// Bits of the sum of `units` units: the first is not negated, so that the sum of a power of two of the
    /// lowest value's negatives still fits.
    #[must_use]
    pub fn sum_bits(&self, units: usize) -> usize {
        self.selected_bits() + units.next_power_of_two().ilog2() as usize
    }

    /// Cycles by which operands and codes of unit `place` of a chain are delayed: the pairs' sums are
    /// registered first, and each adder works a cycle after the one before it.
    #[must_use]
    pub fn arrival(&self, place: usize) -> usize {
        match self.set {
            WeightSet::Binary => 1 + place,
            WeightSet::Ternary | WeightSet::OneBitShift => place,
            // Its operand registers take the cycle before its adder.
            WeightSet::TwoBitShift => place.saturating_sub(1),
        }
    }

    /// Cycles from an activation to the sum of its chain.
    #[must_use]
    pub fn chain_latency(&self) -> usize {
        self.arrival(0) + self.chain_units()
    }

    /// Cycles from an activation to the sum of its column.
    #[must_use]
    pub fn latency(&self) -> usize {
        self.chain_latency() + self.chains().ilog2() as usize
    }
}
