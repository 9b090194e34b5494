//! Operands in the order that the innermost loop reads them: term after term, each a row of one panel width.

use pulp::Simd;

use super::reads::PADDING;

/// Terms handled together when a matrix is turned: their rows of the panel stay in the first-level cache.
const TURN: usize = 16;

/// `panel[k][c]` = `weights[c · terms + k]`: rows of a matrix become columns of the panel. Columns that have no row are
/// zero.
pub(super) fn turn(panel: &mut [f32], width: usize, weights: &[f32], terms: usize) {
    for (block, panel) in panel.chunks_mut(TURN * width).enumerate() {
        let first = block * TURN;
        let count = panel.len() / width;
        let rows = weights.chunks_exact(terms);
        let used = rows.len();
        for (c, row) in rows.enumerate() {
            for (k, &w) in row[first..first + count].iter().enumerate() {
                panel[k * width + c] = w;
            }
        }
        if used < width {
            panel.chunks_exact_mut(width).for_each(|row| row[used..].fill(0.0));
        }
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
