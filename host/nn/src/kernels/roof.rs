//! The most f32 operations per second that one core can do.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pulp::{Arch, Simd, WithSimd};

/// Independent chains of fused multiply-adds: enough to hide the latency of one.
const CHAINS: usize = 12;
/// Steps per piece: some 100 µs.
const STEPS: usize = 20_000;

/// GFLOP/s of fused multiply-adds on registers alone, two operations each, of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Roof {
    /// Of the best of many short pieces: what the core can do.
    pub best: f64,
    /// Of all of them: what it does on average, at the clock it holds and beside whatever else shares it (the other
    /// hardware thread of the core, too, which no load average shows).
    pub sustained: f64,
}

/// Measures the calling thread for about `time`.
#[must_use]
pub fn fma_roof(time: Duration) -> Roof {
    let start = Instant::now();
    let (mut best, mut operations) = (0.0_f64, 0.0);
    loop {
        let piece = Instant::now();
        let lanes = Arch::new().dispatch(Piece);
        let of_piece = 2e-9 * (CHAINS * STEPS * lanes) as f64;
        best = best.max(of_piece / piece.elapsed().as_secs_f64());
        operations += of_piece;
        let elapsed = start.elapsed();
        if elapsed >= time {
            return Roof { best, sustained: operations / elapsed.as_secs_f64() };
        }
    }
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
