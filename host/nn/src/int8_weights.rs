//! Int8 weights of layers that CBP leaves unconstrained: symmetric, one scale per output, codes −127..=127.

use crate::lanes;
use crate::wide::wide;

/// The largest code; −128 stays unused, so that a weight and its negative are equally exact.
const LARGEST: f32 = 127.0;
/// Adding and subtracting 1.5·2^23 rounds |x| ≤ 2^21 to an integer, ties to even, without a library call.
const ROUNDER: f32 = 12_582_912.0;

/// The scale of one output's weights: its largest magnitude is code ±127. A row of zeros has scale 1.
#[inline]
pub(crate) fn row_scale(row: &[f32]) -> f32 {
    let largest = lanes::max_by(row, f32::abs);
    if largest > 0.0 { largest / LARGEST } else { 1.0 }
}

/// The code of a weight, as a whole number.
#[inline]
pub(crate) fn code(w: f32, scale: f32) -> f32 {
    let steps = (w / scale).clamp(-LARGEST, LARGEST);
    (steps + ROUNDER) - ROUNDER
}

/// Rounds one output's weights to scale · code.
pub(crate) fn quantise_row(out: &mut [f32], row: &[f32]) {
    wide!({
        let scale = row_scale(row);
        for (out, &w) in out.iter_mut().zip(row) {
            *out = code(w, scale) * scale;
        }
    });
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // levels are exact
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_weight_is_within_half_a_step(row in prop::collection::vec(-3.0_f32..3.0, 1..50)) {
            let mut out = vec![0.0; row.len()];
            quantise_row(&mut out, &row);
            let scale = row_scale(&row);
            for (&w, &q) in row.iter().zip(&out) {
                prop_assert!((w - q).abs() <= 0.5001 * scale);
                prop_assert!(code(w, scale).abs() <= 127.0);
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let mut out = [1.0; 3];
        quantise_row(&mut out, &[0.0; 3]);
        assert_eq!(out, [0.0; 3]);
    }
}
