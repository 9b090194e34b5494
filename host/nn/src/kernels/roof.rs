//! The most f32 operations per second that one core can do.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pulp::{Arch, Simd, WithSimd};

/// Independent chains of fused multiply-adds: enough to hide the latency of one.
const CHAINS: usize = 12;
/// Steps per piece: some 100 µs.
const STEPS: usize = 20_000;

/// GFLOP/s of fused multiply-adds on registers alone, two operations each, of the calling thread: the best of many short
/// pieces within `time`.
#[must_use]
pub fn fma_roof(time: Duration) -> f64 {
    let start = Instant::now();
    let mut best = 0.0_f64;
    while start.elapsed() < time {
        let piece = Instant::now();
        let lanes = Arch::new().dispatch(Piece);
        let operations = 2 * CHAINS * STEPS * lanes;
        best = best.max(operations as f64 / piece.elapsed().as_secs_f64() * 1e-9);
    }
    best
}

/// One piece; gives the lanes of a vector.
struct Piece;

impl WithSimd for Piece {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let factor = simd.splat_f32s(black_box(0.5));
        let term = simd.splat_f32s(black_box(0.25));
        let mut sums = [simd.splat_f32s(black_box(1.0)); CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, term);
            }
        }
        black_box(sums);
        S::F32_LANES
    }
}
