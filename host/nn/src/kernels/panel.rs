//! Operands in the order that the innermost loop reads them: term after term, each a row of one panel width.

use pulp::Simd;

use super::reads::PADDING;

/// Rows and terms of a block that is turned in registers.
const TURN: usize = 16;

/// `panel[k][c]` = `weights[c · terms + k]`: rows of a matrix become columns of the panel. Columns that have no row are
/// zero.
#[inline(always)]
pub(super) fn turn(panel: &mut [f32], width: usize, weights: &[f32], terms: usize) {
    let rows = weights.len() / terms;
    for (block, panel) in panel.chunks_mut(TURN * width).enumerate() {
        let first = block * TURN;
        let count = panel.len() / width;
        for column in (0..width).step_by(TURN) {
            if count == TURN && column + TURN <= rows {
                let row = |r: usize| &weights[(column + r) * terms + first..][..TURN];
                turn_block(&mut panel[column..], width, row);
                continue;
            }
            for (k, row) in panel.chunks_exact_mut(width).enumerate() {
                for (c, out) in row.iter_mut().enumerate().skip(column).take(TURN) {
                    *out = if c < rows { weights[c * terms + first + k] } else { 0.0 };
                }
            }
        }
    }
}

/// Turns 16 rows of 16 numbers: neighbouring rows are interleaved, then pairs of rows, and so on. Unlike a loop over
/// single numbers, that is all vector instructions.
#[inline(always)]
fn turn_block<'a>(panel: &mut [f32], width: usize, row: impl Fn(usize) -> &'a [f32]) {
    let mut pairs = [[0.0; 2 * TURN]; 8];
    for (r, out) in pairs.iter_mut().enumerate() {
        interleave::<1>(out, row(2 * r), row(2 * r + 1));
    }
    let mut fours = [[0.0; 4 * TURN]; 4];
    for (r, out) in fours.iter_mut().enumerate() {
        interleave::<2>(out, &pairs[2 * r], &pairs[2 * r + 1]);
    }
    let mut eights = [[0.0; 8 * TURN]; 2];
    for (r, out) in eights.iter_mut().enumerate() {
        interleave::<4>(out, &fours[2 * r], &fours[2 * r + 1]);
    }
    let halves = eights.each_ref().map(|half| half.as_chunks::<8>().0);
    for (k, row) in panel.chunks_mut(width).take(TURN).enumerate() {
        let (left, right) = row[..TURN].split_at_mut(8);
        left.copy_from_slice(&halves[0][k]);
        right.copy_from_slice(&halves[1][k]);
    }
}

/// `out` = groups of G numbers of `a` and `b` in turn.
#[inline(always)]
fn interleave<const G: usize>(out: &mut [f32], a: &[f32], b: &[f32]) {
    let (a, b) = (a.as_chunks::<G>().0, b.as_chunks::<G>().0);
    for ((out, a), b) in out.as_chunks_mut::<G>().0.as_chunks_mut::<2>().0.iter_mut().zip(a).zip(b) {
        *out = [*a, *b];
    }
}

/// Writes `from` at the start of a panel's row and zeros behind.
pub(super) fn copy_row(row: &mut [f32], from: &[f32]) {
    let (front, rest) = row.split_at_mut(from.len());
    front.copy_from_slice(from);
    rest.fill(0.0);
}

/// Fills `out` with terms first .. first + out.len() of a position: term `tap · channels + channel` is the value at
/// `offsets[tap] + channel` of the image. `depth` is the number of channels of the image, more than `channels` where it
/// is shared by groups.
#[inline(always)]
pub(super) fn gather<S: Simd>(
    simd: S,
    mut out: &mut [f32],
    image: &[f32],
    offsets: &[u32],
    channels: usize,
    depth: usize,
    first: usize,
) {
    let (mut tap, mut channel) = (first / channels, first % channels);
    while !out.is_empty() {
        let start = offsets[tap];
        let mut count = channels - channel;
        if start != PADDING && channels == depth {
            // Elements that follow each other in the image are copied together.
            while count < out.len() && offsets.get(tap + 1) == Some(&(offsets[tap] + channels as u32)) {
                tap += 1;
                count += channels;
            }
        }
        let (part, rest) = out.split_at_mut(count.min(out.len()));
        if start == PADDING {
            part.fill(0.0);
        } else {
            copy(simd, part, &image[start as usize + channel..][..part.len()]);
        }
        (out, tap, channel) = (rest, tap + 1, 0);
    }
}

/// A copy without a library call, which would cost more than a few numbers do.
#[inline(always)]
fn copy<S: Simd>(simd: S, to: &mut [f32], from: &[f32]) {
    for (to, from) in to.chunks_mut(S::F32_LANES).zip(from.chunks(S::F32_LANES)) {
        if to.len() == S::F32_LANES {
            let vector: S::f32s = bytemuck::pod_read_unaligned(bytemuck::cast_slice(from));
            to.copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(&vector)));
        } else {
            simd.partial_store_f32s(to, simd.partial_load_f32s(from));
        }
    }
}
