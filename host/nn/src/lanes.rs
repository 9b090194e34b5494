//! Sums in a fixed order that the compiler can vectorise.
//!
//! Sixteen partial sums are kept, one per position modulo 16, and added at the end: a result depends on the data only.

use crate::wide::wide;

const LANES: usize = 16;

/// Σ f(x_i, y_i); panics in debug builds if the lengths differ.
pub(crate) fn sum2(xs: &[f32], ys: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    debug_assert_eq!(xs.len(), ys.len());
    wide!(sum2_in_lanes(xs, ys, f))
}

#[inline(always)]
fn sum2_in_lanes(xs: &[f32], ys: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut partial = [0.0_f32; LANES];
    let (x_blocks, x_rest) = xs.as_chunks::<LANES>();
    let (y_blocks, y_rest) = ys.as_chunks::<LANES>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for lane in 0..LANES {
            partial[lane] += f(x[lane], y[lane]);
        }
    }
    for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
        partial[lane] += f(x, y);
    }
    partial.iter().sum()
}

/// The largest f(x_i), but at least 0.
pub(crate) fn max_by(xs: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    wide!({
        let mut partial = [0.0_f32; LANES];
        let (blocks, rest) = xs.as_chunks::<LANES>();
        for block in blocks {
            for lane in 0..LANES {
                partial[lane] = larger(partial[lane], f(block[lane]));
            }
        }
        for (partial, &x) in partial.iter_mut().zip(rest) {
            *partial = larger(*partial, f(x));
        }
        partial.into_iter().fold(0.0, larger)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_counts_once() {
        for len in [0, 1, 15, 16, 17, 100] {
            let xs: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let expected = (len * (len.max(1) - 1) / 2) as f32;
            assert!((max_by(&xs, |x| x) - (len as f32 - 1.0).max(0.0)).abs() < f32::EPSILON);
            assert!((sum2(&xs, &xs, |x, y| 2.0 * x - y) - expected).abs() < f32::EPSILON);
        }
    }
}
