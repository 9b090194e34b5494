//! Nodes that change each number on its own, and pass its gradient on or not: clamps, rounding, dropout.
//!
//! NaN passes all of them, so that a loss or an accuracy is never computed from a bound in its
//! place.

use rayon::prelude::*;

use super::VALUES_PER_TASK;
use crate::lanes;
use crate::wide::wide;
use cbp_data::rng::{Purpose, keyed, symmetric};

/// The gradient does not pass.
const CLOSED: u8 = 0;
/// The gradient passes.
pub(crate) const OPEN: u8 = 1;
/// The number was exactly at the lower bound.
const AT_BOUND: u8 = 2;

/// Adding and subtracting 1.5·2^23 rounds |x| ≤ 2^21 to an integer, ties to even, without a library call.
const ROUNDER: f32 = 12_582_912.0;
/// Weight of the newest batch in the observed range: an average over about a hundred batches.
const RANGE_RATE: f32 = 0.01;

/// min(max(x, low), high), and the gate of every number.
#[allow(clippy::float_cmp)] // exactly at the bound is a case of its own
pub(crate) fn clamp(values: &mut [f32], gates: &mut [u8], low: f32, high: f32) {
    values.par_chunks_mut(VALUES_PER_TASK).zip(gates.par_chunks_mut(VALUES_PER_TASK)).for_each(
        |(values, gates)| {
            wide!({
                for (value, gate) in values.iter_mut().zip(gates) {
                    let x = *value;
                    let above = if x > low { OPEN } else { CLOSED };
                    let at = if x == low { AT_BOUND } else { above };
                    *gate = if x >= high { CLOSED } else { at };
                    *value = lanes::clamp(x, low, high);
                }
            });
        },
    );
}

/// The same without gates.
pub(crate) fn clamp_only(values: &mut [f32], low: f32, high: f32) {
    values.par_chunks_mut(VALUES_PER_TASK).for_each(|values| {
        wide!({
            for value in values {
                *value = lanes::clamp(*value, low, high);
            }
        });
    });
}

/// Turns dL/dy into dL/dx: times 1, 0, or `at_bound` where the number was exactly at the lower bound; and times
/// `factor`.
pub(crate) fn backward(gradient: &mut [f32], gates: &[u8], at_bound: f32, factor: f32) {
    gradient.par_chunks_mut(VALUES_PER_TASK).zip(gates.par_chunks(VALUES_PER_TASK)).for_each(
        |(gradient, gates)| {
            wide!({
                for (gradient, &gate) in gradient.iter_mut().zip(gates) {
                    let passed = if gate == OPEN { *gradient * factor } else { 0.0 };
                    *gradient = if gate == AT_BOUND { *gradient * at_bound } else { passed };
                }
            });
        },
    );
}

/// The codes of a quantiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Codes {
    pub(crate) bits: u32,
    pub(crate) signed: bool,
}

impl Codes {
    /// Steps from 0 to the largest code.
    pub(crate) fn steps(self) -> f32 {
        let codes = 1_u32 << self.bits;
        if self.signed { (codes / 2 - 1) as f32 } else { (codes - 1) as f32 }
    }

    /// Follows the largest magnitude of the batches.
    pub(crate) fn observe(self, range: &mut f32, values: &[f32]) {
        let largest = |values: &[f32]| {
            if self.signed { lanes::max_by(values, f32::abs) } else { lanes::max_by(values, |x| x) }
        };
        let largest = values.par_chunks(VALUES_PER_TASK).map(largest).reduce(|| 0.0, f32::max);
        if *range > 0.0 {
            *range += RANGE_RATE * (largest - *range);
        } else {
            *range = largest;
        }
    }

    /// Rounds to the nearest code within ±range (0 to range if unsigned), ties to even; gates are closed where a number
    /// was clipped.
    pub(crate) fn round(self, values: &mut [f32], gates: Option<&mut [u8]>, range: f32) {
        let most = self.steps();
        let least = if self.signed { -most } else { 0.0 };
        let scale = range / most;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let round = |values: &mut [f32]| {
            wide!({
                for value in values {
                    let steps = *value * inverse;
                    *value = ((lanes::clamp(steps, least, most) + ROUNDER) - ROUNDER) * scale;
                }
            });
        };
        let lower = if self.signed { -range } else { 0.0 };
        match gates {
            None => values.par_chunks_mut(VALUES_PER_TASK).for_each(round),
            Some(gates) => {
                let gates = gates.par_chunks_mut(VALUES_PER_TASK);
                values.par_chunks_mut(VALUES_PER_TASK).zip(gates).for_each(|(values, gates)| {
                    within(gates, values, lower, range);
                    round(values);
                });
            }
        }
    }
}

/// Gates that are open where a number lies within bounds.
fn within(gates: &mut [u8], values: &[f32], low: f32, high: f32) {
    wide!({
        for (gate, &value) in gates.iter_mut().zip(values) {
            let below = if value <= high { OPEN } else { CLOSED };
            *gate = if value >= low { below } else { CLOSED };
        }
    });
}

/// Sets a share of the numbers to 0 and multiplies the rest by 1 / (1 − share). Which ones depends on `key` (seed,
/// step, node) and on the image, `image` numbers each.
pub(crate) fn dropout(values: &mut [f32], gates: &mut [u8], share: f32, image: usize, key: (u64, u64, u64)) {
    let (seed, step, node) = key;
    let bound = 2.0 * share - 1.0;
    let factor = 1.0 / (1.0 - share);
    values.par_chunks_mut(image).zip(gates.par_chunks_mut(image)).enumerate().for_each(
        |(index, (values, gates))| {
            let mut rng = keyed(seed, Purpose::Dropout, step, node << 32 | index as u64);
            for (value, gate) in values.iter_mut().zip(gates) {
                let is_kept = symmetric(&mut rng) >= bound;
                *gate = if is_kept { OPEN } else { CLOSED };
                *value = if is_kept { *value * factor } else { 0.0 };
            }
        },
    );
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact by construction
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gates_of_a_clamp() {
        let mut values = [-1.0, -0.0, 0.0, 0.5, 6.0, 7.0];
        let mut gates = [9; 6];
        clamp(&mut values, &mut gates, 0.0, 6.0);
        assert_eq!(values, [0.0, 0.0, 0.0, 0.5, 6.0, 6.0]);
        let mut gradient = [1.0; 6];
        backward(&mut gradient, &gates, 0.25, 2.0);
        assert_eq!(gradient, [0.0, 0.25, 0.25, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn nan_passes_clamps_and_rounding() {
        let nan = || [1.0, f32::NAN, -1.0];
        let (mut values, mut alone, mut rounded) = (nan(), nan(), nan());
        clamp(&mut values, &mut [0; 3], 0.0, f32::INFINITY);
        clamp_only(&mut alone, 0.0, f32::INFINITY);
        Codes { bits: 8, signed: false }.round(&mut rounded, None, 1.0);
        for values in [values, alone, rounded] {
            assert!(values[0] == 1.0 && values[1].is_nan() && values[2] == 0.0, "{values:?}");
        }
    }

    #[test]
    fn the_range_follows_the_largest_magnitude() {
        let codes = Codes { bits: 8, signed: true };
        let mut range = 0.0;
        codes.observe(&mut range, &[0.5, -2.0]);
        assert_eq!(range, 2.0);
        codes.observe(&mut range, &[3.0, 1.0]);
        assert!((range - 2.01).abs() < 1e-6);
    }

    #[test]
    fn dropout_keeps_its_share_and_the_sum() {
        let (mut values, mut gates) = (vec![1.0; 40_000], vec![0; 40_000]);
        dropout(&mut values, &mut gates, 0.25, 1000, (1, 2, 3));
        let kept: usize = gates.iter().map(|&gate| usize::from(gate)).sum();
        assert!((29_500..30_500).contains(&kept), "{kept}");
        assert!(values.iter().zip(&gates).all(|(&value, &gate)| value == f32::from(gate) / 0.75));
        assert_ne!(gates[..1000], gates[1000..2000]);
    }

    proptest! {
        #[test]
        fn results_are_the_nearest_code(
            bits in 2_u32..=8, signed: bool, range in 0.1_f32..50.0, share in -1.3_f32..1.3,
        ) {
            let codes = Codes { bits, signed };
            let x = share * range;
            let (mut value, mut gate) = ([x], [9]);
            codes.round(&mut value, Some(&mut gate), range);
            let scale = range / codes.steps();
            let steps = value[0] / scale;
            let least = if signed { -codes.steps() } else { 0.0 };
            prop_assert!((steps - steps.round()).abs() < 1e-3);
            prop_assert!((least - 0.01..=codes.steps() + 0.01).contains(&steps));
            prop_assert!((value[0] - x.clamp(least * scale, range)).abs() <= scale * 0.5001);
            prop_assert_eq!(gate[0] == OPEN, x <= range && x >= if signed { -range } else { 0.0 });
            let mut alone = [x];
            codes.round(&mut alone, None, range);
            prop_assert_eq!(alone, value);
        }
    }
}
