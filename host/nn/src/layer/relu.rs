//! Rectifier.

use rayon::prelude::*;

use super::FEATURES_PER_TASK;
use crate::wide::wide;

pub(super) fn forward(x: &[f32], y: &mut [f32], batch: usize) {
    y.par_chunks_mut(FEATURES_PER_TASK * batch).zip(x.par_chunks(FEATURES_PER_TASK * batch)).for_each(
        |(y, x)| {
            wide!({
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = if x > 0.0 { x } else { 0.0 };
                }
            });
        },
    );
}

/// The derivative at 0 is 0, which is the sign mask of the device ("pre-activation > 0").
pub(super) fn backward(x: &[f32], dy: &[f32], batch: usize, dx: &mut [f32]) {
    let block = FEATURES_PER_TASK * batch;
    dx.par_chunks_mut(block).zip(x.par_chunks(block)).zip(dy.par_chunks(block)).for_each(|((dx, x), dy)| {
        wide!({
            for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
                *dx = if x > 0.0 { dy } else { 0.0 };
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_positives_only_and_not_zero() {
        let x = [-1.0, -0.0, 0.0, 0.5];
        let mut y = [9.0; 4];
        forward(&x, &mut y, 2);
        assert_eq!(y.map(f32::to_bits), [0.0, 0.0, 0.0, 0.5].map(f32::to_bits));
        backward(&x, &[1.0; 4], 2, &mut y);
        assert_eq!(y.map(f32::to_bits), [0.0, 0.0, 0.0, 1.0].map(f32::to_bits));
    }
}
