//! The levels of a weight set at one scale, and the quantiser onto them.

use cbp_numerics::WeightSet;

use super::steps::StepFunction;

/// Levels a·k / 2^D in rising order, with the thresholds between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    set: WeightSet,
    scale: f32,
    levels: Vec<f32>,
    medians: Vec<f32>,
    /// Level in units of the scale. Its jumps are dyadic, so their sum is exact and a level is rounded only once.
    quantiser: StepFunction,
}

impl Grid {
    /// The grid of a set; its largest magnitude is `scale` (a > 0) itself.
    #[must_use]
    pub fn new(set: WeightSet, scale: f32) -> Self {
        let unit = |k: i8| f32::from(k) / (1_u32 << set.max_shift()) as f32;
        let units: Vec<f32> = set.levels().iter().map(|&k| unit(k)).collect();
        let medians: Vec<f32> = units.windows(2).map(|pair| (pair[0] + pair[1]) * 0.5 * scale).collect();
        let jumps = units.windows(2).map(|pair| pair[1] - pair[0]);
        let quantiser = StepFunction::new(units[0], medians.iter().copied().zip(jumps));
        let levels = units.iter().map(|unit| unit * scale).collect();
        Self { set, scale, levels, medians, quantiser }
    }

    /// The weight set.
    #[must_use]
    pub fn set(&self) -> WeightSet {
        self.set
    }

    /// a: the largest level.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Levels in rising order, in the unit of the weights.
    #[must_use]
    pub fn levels(&self) -> &[f32] {
        &self.levels
    }

    /// Middle of each gap between neighbouring levels, in rising order.
    #[must_use]
    pub fn medians(&self) -> &[f32] {
        &self.medians
    }

    /// The nearest level; a weight exactly on a median goes to the upper one. (The published code returns the median
    /// itself there, which is no level.)
    #[must_use]
    pub fn quantise(&self, w: f32) -> f32 {
        self.scale * self.quantiser.at(w)
    }

    /// The integer k of the nearest level.
    #[must_use]
    pub fn code(&self, w: f32) -> i8 {
        (self.quantiser.at(w) * (1_u32 << self.set.max_shift()) as f32) as i8
    }

    /// [`Grid::quantise`] of many weights.
    pub(crate) fn quantise_into(&self, out: &mut [f32], ws: &[f32]) {
        self.quantiser.fill(out, ws, self.scale);
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // levels are exact
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn medians_in_units_of_the_scale() {
        let medians = |set| Grid::new(set, 1.0).medians().to_vec();
        assert_eq!(medians(WeightSet::Binary), [0.0]);
        assert_eq!(medians(WeightSet::Ternary), [-0.5, 0.5]);
        assert_eq!(medians(WeightSet::OneBitShift), [-0.75, -0.25, 0.25, 0.75]);
        assert_eq!(medians(WeightSet::TwoBitShift), [-0.75, -0.375, -0.125, 0.125, 0.375, 0.75]);
    }

    #[test]
    fn thresholds_are_rounded_once() {
        let a = 0.3_f32;
        for (set, w, level) in [
            (WeightSet::Ternary, 0.15, 0.3),
            (WeightSet::OneBitShift, 0.15, 0.15),
            (WeightSet::TwoBitShift, 0.15, 0.15),
            (WeightSet::Ternary, -0.15, 0.0),
            (WeightSet::OneBitShift, -0.15, -0.15),
            (WeightSet::TwoBitShift, -0.15, -0.15),
            (WeightSet::OneBitShift, 0.2249, 0.15),
            (WeightSet::TwoBitShift, 0.2249, 0.15),
            (WeightSet::OneBitShift, 0.2251, 0.3),
            (WeightSet::TwoBitShift, 0.2251, 0.3),
            (WeightSet::TwoBitShift, 0.0374, 0.0),
            (WeightSet::TwoBitShift, 0.0376, 0.075),
            (WeightSet::TwoBitShift, -0.1, -0.075),
            (WeightSet::OneBitShift, -0.1, -0.15),
        ] {
            let q = Grid::new(set, a).quantise(w);
            assert!((q - level).abs() < 1e-7, "{set} {w}: {q}, expected {level}");
        }
    }

    #[test]
    fn the_reference_vector() {
        let w = [0.02, -0.4, 0.75, -0.1, 0.33, -0.05, 0.6, -0.9];
        for (set, expected) in [
            (WeightSet::Binary, [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]),
            (WeightSet::Ternary, [0.0, -1.0, 1.0, 0.0, 1.0, 0.0, 1.0, -1.0]),
            (WeightSet::OneBitShift, [0.0, -1.0, 1.0, -0.5, 1.0, 0.0, 1.0, -1.0]),
            (WeightSet::TwoBitShift, [0.0, -1.0, 1.0, -0.25, 1.0, -0.25, 1.0, -1.0]),
        ] {
            let grid = Grid::new(set, 0.39375);
            let units = w.map(|w| grid.quantise(w) / 0.39375);
            assert_eq!(units, expected, "{set}");
            let codes = w.map(|w| f32::from(grid.code(w)) / (1 << set.max_shift()) as f32);
            assert_eq!(codes, expected, "{set}");
        }
    }

    proptest! {
        #[test]
        fn the_result_is_the_nearest_level_and_odd_symmetric(a in 0.01_f32..1.0, w in -2.0_f32..2.0) {
            for set in WeightSet::ALL {
                let grid = Grid::new(set, a);
                let q = grid.quantise(w);
                prop_assert!(grid.levels().contains(&q));
                let nearest = grid.levels().iter().map(|level| (w - level).abs()).fold(f32::MAX, f32::min);
                prop_assert!((w - q).abs() <= nearest + 1e-6);
                if !grid.medians().iter().any(|m| (w.abs() - m.abs()).abs() < 1e-6) {
                    prop_assert_eq!(grid.quantise(-w), -q);
                }
                let mut many = [0.0; 3];
                grid.quantise_into(&mut many, &[w; 3]);
                prop_assert_eq!(many, [q; 3]);
                prop_assert_eq!(f32::from(grid.code(w)) / (1 << set.max_shift()) as f32 * a, q);
            }
        }
    }
}
