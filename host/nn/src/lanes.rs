//! Maxima that the compiler can vectorise: sixteen are kept side by side, one per position modulo 16.

use crate::wide::wide;

const LANES: usize = 16;

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
    fn every_element_counts() {
        for len in [0, 1, 15, 16, 17, 100] {
            for largest in 0..len {
                let xs: Vec<f32> = (0..len).map(|i| if i == largest { -7.0 } else { 1.0 }).collect();
                assert!((max_by(&xs, f32::abs) - 7.0).abs() < f32::EPSILON);
            }
            assert!(max_by(&vec![-1.0; len], |x| x).abs() < f32::EPSILON);
        }
    }
}
