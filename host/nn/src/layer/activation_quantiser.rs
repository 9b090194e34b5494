//! Activation quantisation: our extension to CBP, which leaves activations in float.
//!
//! The device keeps activations in 8 bits. After ReLU they are s·(q + 128) with q in −128..=127, so all 256 codes
//! serve the range [0, 255·s]. Training rounds to the same values in the forward step and passes the gradient
//! through unchanged, except where the value was clipped (straight-through estimator).

use rayon::prelude::*;

use super::FEATURES_PER_TASK;
use crate::lanes;
use crate::wide::wide;

/// Weight of the newest batch in the observed range: an average over about a hundred batches.
const RANGE_RATE: f32 = 0.01;
/// Steps between the smallest and the largest code.
const STEPS: f32 = 255.0;
/// Adding and subtracting 2^23 rounds a number in [0, 2^22] to an integer, ties to even, without a library call.
const ROUNDER: f32 = 8_388_608.0;

/// Rounds non-negative activations to 256 levels in [0, range].
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationQuantiser {
    /// Largest value that a code can stand for; 0 until a batch was observed.
    pub range: f32,
    /// Whether the range is final.
    pub frozen: bool,
}

impl ActivationQuantiser {
    pub(crate) fn new() -> Self {
        Self { range: 0.0, frozen: false }
    }

    /// The real value s of one step.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.range / STEPS
    }

    /// Follows the largest activation of the batches, unless frozen.
    pub(crate) fn observe(&mut self, x: &[f32], batch: usize) {
        if self.frozen {
            return;
        }
        let block = FEATURES_PER_TASK * batch;
        let largest = x.par_chunks(block).map(|x| lanes::max_by(x, |x| x)).reduce(|| 0.0, f32::max);
        if self.range > 0.0 {
            self.range += RANGE_RATE * (largest - self.range);
        } else {
            self.range = largest;
        }
    }

    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32], batch: usize) {
        let scale = self.scale();
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let block = FEATURES_PER_TASK * batch;
        y.par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(y, x)| {
            wide!({
                for (y, &x) in y.iter_mut().zip(x) {
                    let steps = x * inverse;
                    let steps = if steps < STEPS { steps } else { STEPS };
                    *y = ((steps + ROUNDER) - ROUNDER) * scale;
                }
            });
        });
    }

    pub(crate) fn backward(&self, x: &[f32], dy: &[f32], batch: usize, dx: &mut [f32]) {
        let block = FEATURES_PER_TASK * batch;
        dx.par_chunks_mut(block).zip(x.par_chunks(block)).zip(dy.par_chunks(block)).for_each(
            |((dx, x), dy)| {
                wide!({
                    for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
                        *dx = if x <= self.range { dy } else { 0.0 };
                    }
                });
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_range_follows_the_largest_activation_until_frozen() {
        let mut quantiser = ActivationQuantiser::new();
        quantiser.observe(&[0.5, 2.0], 1);
        assert!((quantiser.range - 2.0).abs() < 1e-6);
        quantiser.observe(&[3.0, 1.0], 1);
        assert!((quantiser.range - 2.01).abs() < 1e-6);
        quantiser.frozen = true;
        quantiser.observe(&[9.0, 9.0], 1);
        assert!((quantiser.range - 2.01).abs() < 1e-6);
    }

    #[test]
    fn gradients_stop_where_the_value_was_clipped() {
        let quantiser = ActivationQuantiser { range: 1.0, frozen: true };
        let mut dx = [0.0; 3];
        quantiser.backward(&[0.0, 1.0, 1.5], &[7.0; 3], 1, &mut dx);
        assert_eq!(dx.map(f32::to_bits), [7.0, 7.0, 0.0].map(f32::to_bits));
    }

    proptest! {
        #[test]
        fn results_are_the_nearest_of_256_levels(range in 0.1_f32..50.0, share in 0.0_f32..1.3) {
            let quantiser = ActivationQuantiser { range, frozen: true };
            let x = share * range;
            let mut y = [0.0];
            quantiser.forward(&[x], &mut y, 1);
            let steps = y[0] / quantiser.scale();
            prop_assert!((steps - steps.round()).abs() < 1e-3 && (0.0..=255.01).contains(&steps));
            prop_assert!((y[0] - x.min(range)).abs() <= quantiser.scale() * 0.5001);
        }
    }
}
