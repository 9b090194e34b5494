//! Sums, concatenations and shortcuts of images.

use rayon::prelude::*;

use super::VALUES_PER_TASK;
use crate::graph::Shape;
use crate::wide::wide;

/// sums += values.
pub(crate) fn add(sums: &mut [f32], values: &[f32]) {
    sums.par_chunks_mut(VALUES_PER_TASK).zip(values.par_chunks(VALUES_PER_TASK)).for_each(
        |(sums, values)| {
            wide!({
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            });
        },
    );
}

/// `to` = `from`, or += if `adds`.
pub(crate) fn copy_or_add(to: &mut [f32], from: &[f32], adds: bool) {
    if adds {
        add(to, from);
    } else {
        to.par_chunks_mut(VALUES_PER_TASK)
            .zip(from.par_chunks(VALUES_PER_TASK))
            .for_each(|(to, from)| to.copy_from_slice(from));
    }
}

/// Positions of `part` channels within positions of `whole` channels, from channel `first`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) whole: usize,
    pub(crate) first: usize,
    pub(crate) part: usize,
}

impl Slot {
    /// Writes a part into the whole.
    pub(crate) fn put(self, whole: &mut [f32], part: &[f32]) {
        let Self { whole: depth, first, part: count } = self;
        whole
            .par_chunks_exact_mut(depth)
            .with_min_len(64)
            .zip(part.par_chunks_exact(count))
            .for_each(|(whole, part)| whole[first..first + count].copy_from_slice(part));
    }

    /// Takes a part out of the whole, or adds it to what is there.
    pub(crate) fn take(self, whole: &[f32], part: &mut [f32], adds: bool) {
        let Self { whole: depth, first, part: count } = self;
        part.par_chunks_exact_mut(count).with_min_len(64).zip(whole.par_chunks_exact(depth)).for_each(
            |(part, whole)| {
                let whole = &whole[first..first + count];
                if adds {
                    part.iter_mut().zip(whole).for_each(|(part, whole)| *part += whole);
                } else {
                    part.copy_from_slice(whole);
                }
            },
        );
    }
}

/// Every `stride`-th row and column, with zeros before and behind the channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shortcut {
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    pub(crate) stride: usize,
    pub(crate) before: usize,
}

impl Shortcut {
    pub(crate) fn forward(self, x: &[f32], y: &mut [f32]) {
        let channels = self.input.channels;
        y.par_chunks_mut(self.output.values()).zip(x.par_chunks(self.input.values())).for_each(|(y, x)| {
            y.fill(0.0);
            self.positions(|from, to| y[to..to + channels].copy_from_slice(&x[from..from + channels]));
        });
    }

    pub(crate) fn backward(self, dy: &[f32], dx: &mut [f32], adds: bool) {
        let channels = self.input.channels;
        dx.par_chunks_mut(self.input.values()).zip(dy.par_chunks(self.output.values())).for_each(
            |(dx, dy)| {
                if !adds {
                    dx.fill(0.0);
                }
                self.positions(|from, to| {
                    let dy = &dy[to..to + channels];
                    dx[from..from + channels].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy);
                });
            },
        );
    }

    /// First values of the channels of each output position, in the input and in the output.
    fn positions(self, mut visit: impl FnMut(usize, usize)) {
        for y in 0..self.output.height {
            for x in 0..self.output.width {
                let from = (y * self.stride * self.input.width + x * self.stride) * self.input.channels;
                let to = (y * self.output.width + x) * self.output.channels + self.before;
                visit(from, to);
            }
        }
    }
}
