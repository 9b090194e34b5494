//! The innermost loop: a block of results in registers.
#![allow(unsafe_code)]

use pulp::Simd;

/// Vectors per row of the widest block: 32 registers hold 6 rows of 4 sums, 4 vectors of the panel and one operand;
/// 16 hold 6 rows of 2, 2 and one.
pub(super) const fn vectors<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
}

/// Columns of the widest block: the width of a panel.
pub(super) const fn width<S: Simd>() -> usize {
    vectors::<S>() * S::F32_LANES
}

/// Sums of a block: R rows of V vectors.
pub(super) type Sums<S, const R: usize, const V: usize> = [[<S as Simd>::f32s; V]; R];

/// `sums[r][v]` += Σ_k `rows[r][k]` · `panel[k][v]`, one fused multiply-add after the other.
///
/// Every row must have as many elements as the panel has vectors of V.
#[inline(always)]
pub(super) fn accumulate_rows<S: Simd, const R: usize, const V: usize>(
    simd: S,
    mut sums: Sums<S, R, V>,
    rows: [&[f32]; R],
    panel: &[[S::f32s; V]],
) -> Sums<S, R, V> {
    for row in rows {
        assert_eq!(row.len(), panel.len());
    }
    for (k, panel) in panel.iter().enumerate() {
        for r in 0..R {
            // SAFETY: k < panel.len(), which is the length of every row. (The compiler would check each row at each
            // step.)
            let x = simd.splat_f32s(unsafe { *rows[r].get_unchecked(k) });
            for v in 0..V {
                sums[r][v] = simd.mul_add_f32s(x, panel[v], sums[r][v]);
            }
        }
    }
    sums
}

/// `sums[r][v]` += Σ_k `columns[k·stride + r]` · `panel[k][v]`: as [`accumulate_rows`] with the R factors of a term
/// side by side.
#[inline(always)]
pub(super) fn accumulate_columns<S: Simd, const R: usize, const V: usize>(
    simd: S,
    mut sums: Sums<S, R, V>,
    columns: &[f32],
    stride: usize,
    panel: &[[S::f32s; V]],
) -> Sums<S, R, V> {
    for (k, panel) in panel.iter().enumerate() {
        let factors = &columns[k * stride..][..R];
        for r in 0..R {
            let x = simd.splat_f32s(factors[r]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_f32s(x, panel[v], sums[r][v]);
            }
        }
    }
    sums
}

/// The sums that a block starts with: what `out` holds, up to V vectors.
#[inline(always)]
pub(super) fn load<S: Simd, const V: usize>(simd: S, out: &[f32]) -> [S::f32s; V] {
    let whole: &[S::f32s] = bytemuck::cast_slice(&out[..out.len() / S::F32_LANES * S::F32_LANES]);
    // The usual case without a loop of unknown length.
    if let Ok(vectors) = whole.try_into() {
        return vectors;
    }
    let mut vectors = [simd.splat_f32s(0.0); V];
    vectors[..whole.len()].copy_from_slice(whole);
    vectors[whole.len()] = simd.partial_load_f32s(&out[whole.len() * S::F32_LANES..]);
    vectors
}

/// Writes as many numbers as `out` holds.
#[inline(always)]
pub(super) fn store<S: Simd, const V: usize>(simd: S, out: &mut [f32], sums: [S::f32s; V]) {
    let (front, rest) = out.split_at_mut(out.len() / S::F32_LANES * S::F32_LANES);
    let whole: &mut [S::f32s] = bytemuck::cast_slice_mut(front);
    if let Ok(whole) = <&mut [S::f32s; V]>::try_from(&mut *whole) {
        *whole = sums;
    } else {
        whole.copy_from_slice(&sums[..whole.len()]);
        simd.partial_store_f32s(rest, sums[whole.len()]);
    }
}

/// Asks for the cache lines of a result while its sums are still being added: otherwise each store would wait for its
/// line, one after the other.
#[inline(always)]
pub(super) fn prefetch_to_write(out: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in out.chunks(16) {
        use core::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        // SAFETY: prefetching has no effect but on time.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = out;
}
