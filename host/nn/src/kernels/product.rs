//! y = W·x (+ b), and the input gradient dL/dx = Wᵀ·dL/dy, over the positions of all images of a batch.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::panel;
use super::reads::{Class, PADDING, Reads};
use super::scratch::with_scratch;
use super::split::SharedMatrix;
use super::tile;

/// Terms of a sum that are added in one go; between blocks the sums rest in the result.
pub(crate) const BLOCK: usize = 1024;
/// Positions that go through all blocks of terms together: what they read and write stays in the second-level cache.
const POSITIONS: usize = 192;
/// How many tasks there should at least be, unless they would get fewer than so many positions.
const TASKS: usize = 32;
const TASK_POSITIONS: usize = 384;
/// Kernel elements with fewer channels are copied side by side first: the innermost loop needs some length.
const SHORT: usize = 16;

/// The weights of a convolution, `[output][tap][input channel of the group]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel<'a> {
    pub(crate) weights: &'a [f32],
    pub(crate) outputs: usize,
    /// Of all groups.
    pub(crate) inputs: usize,
    pub(crate) groups: usize,
    pub(crate) taps: usize,
}

/// What a product adds to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start<'a> {
    /// Nothing.
    Zero,
    /// One number per column.
    Bias(&'a [f32]),
    /// What the result holds.
    Result,
}

/// Which of the two products is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    Forward,
    Backward,
}

impl Kernel<'_> {
    const fn group_inputs(&self) -> usize {
        self.inputs / self.groups
    }

    const fn group_outputs(&self) -> usize {
        self.outputs / self.groups
    }
}

/// y = W·x + start: x is images × `reads.image`, y is images × `reads.positions` × outputs.
pub(crate) fn forward(y: &mut [f32], kernel: Kernel<'_>, reads: &Reads, x: &[f32], start: Start<'_>) {
    assert_eq!(reads.channels, kernel.inputs, "an image of another depth");
    multiply(y, kernel.outputs, Direction::Forward, kernel, reads, x, start);
}

/// dL/dx = Wᵀ·dL/dy (+ dL/dx): `reads` are the backward ones, dy is images × `reads.image`.
pub(crate) fn backward(dx: &mut [f32], kernel: Kernel<'_>, reads: &Reads, dy: &[f32], start: Start<'_>) {
    assert_eq!(reads.channels, kernel.outputs, "an image of another depth");
    multiply(dx, kernel.inputs, Direction::Backward, kernel, reads, dy, start);
}

fn multiply(
    out: &mut [f32],
    columns: usize,
    direction: Direction,
    kernel: Kernel<'_>,
    reads: &Reads,
    input: &[f32],
    start: Start<'_>,
) {
    let images = input.len() / reads.image;
    assert_eq!(input.len(), images * reads.image, "a batch of ragged images");
    assert_eq!(out.len(), images * reads.positions * columns, "a result of another size");
    assert_eq!(kernel.weights.len(), kernel.outputs * kernel.taps * kernel.group_inputs());
    let arch = Arch::new();
    let width = arch.dispatch(Width);
    let group_columns = columns / kernel.groups;
    let panels = group_columns.div_ceil(width) * kernel.groups;
    let mut tasks = Vec::new();
    for class in &reads.classes {
        let positions = images * class.positions.len();
        let blocks = TASKS.div_ceil(panels).min(positions.div_ceil(TASK_POSITIONS));
        // A multiple of the rows of every register block.
        let block = positions.div_ceil(blocks).next_multiple_of(24);
        for group in 0..kernel.groups {
            for first in (0..group_columns).step_by(width) {
                let columns = first..(first + width).min(group_columns);
                for start in (0..positions).step_by(block) {
                    let positions = start..(start + block).min(positions);
                    tasks.push((class, group, columns.clone(), positions));
                }
            }
        }
    }
    let input_channels = reads.channels / kernel.groups;
    let zeros = vec![0.0; BLOCK];
    let out = SharedMatrix::new(out, columns);
    tasks.into_par_iter().for_each(|(class, group, columns, positions)| {
        let zeros = &zeros;
        let terms = class.taps.len() * input_channels;
        with_scratch(terms * width, |panel| {
            let task = Task {
                direction,
                kernel,
                reads,
                class,
                group,
                columns,
                positions,
                input,
                start,
                out,
                zeros,
            };
            arch.dispatch(OnPanel { task, panel });
        });
    });
}

/// Asks for the columns of a panel.
struct Width;

impl WithSimd for Width {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        tile::width::<S>()
    }
}

/// Some positions of a class times one panel of columns.
struct Task<'a> {
    direction: Direction,
    kernel: Kernel<'a>,
    reads: &'a Reads,
    class: &'a Class,
    group: usize,
    /// Within the group.
    columns: Range<usize>,
    /// Of the class, over all images.
    positions: Range<usize>,
    input: &'a [f32],
    start: Start<'a>,
    out: SharedMatrix<'a>,
    zeros: &'a [f32],
}

/// A task with memory for its panel.
struct OnPanel<'a> {
    task: Task<'a>,
    panel: &'a mut [f32],
}

impl WithSimd for OnPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.task.columns.len().div_ceil(S::F32_LANES) {
            4 if S::REGISTER_COUNT >= 32 => self.run::<S, 6, 4>(simd),
            3 if S::REGISTER_COUNT >= 32 => self.run::<S, 8, 3>(simd),
            2 if S::REGISTER_COUNT >= 32 => self.run::<S, 12, 2>(simd),
            2 => self.run::<S, 6, 2>(simd),
            _ if S::REGISTER_COUNT >= 32 => self.run::<S, 12, 1>(simd),
            _ => self.run::<S, 8, 1>(simd),
        }
    }
}

impl OnPanel<'_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize, const V: usize>(self, simd: S) {
        let width = V * S::F32_LANES;
        let panel = &mut self.panel[..self.task.terms() * width];
        self.task.pack(panel, width);
        self.task.blocks::<S, R, V>(simd, bytemuck::cast_slice::<_, S::f32s>(panel).as_chunks::<V>().0);
    }
}

impl Task<'_> {
    /// Channels that one kernel element reads within the group.
    const fn channels(&self) -> usize {
        match self.direction {
            Direction::Forward => self.kernel.group_inputs(),
            Direction::Backward => self.kernel.group_outputs(),
        }
    }

    const fn terms(&self) -> usize {
        self.class.taps.len() * self.channels()
    }

    fn pack(&self, panel: &mut [f32], width: usize) {
        let Kernel { weights, taps, .. } = self.kernel;
        let (inputs, outputs) = (self.kernel.group_inputs(), self.kernel.group_outputs());
        let row_length = taps * inputs;
        let first_output = self.group * outputs;
        match self.direction {
            Direction::Forward => {
                let rows = first_output + self.columns.start..first_output + self.columns.end;
                let rows = &weights[rows.start * row_length..rows.end * row_length];
                panel::turn(panel, width, rows, row_length);
            }
            Direction::Backward => {
                let mut rows = panel.chunks_exact_mut(width);
                for &tap in &self.class.taps {
                    let first = tap as usize * inputs + self.columns.start;
                    for (output, row) in (first_output..first_output + outputs).zip(&mut rows) {
                        panel::copy_row(row, &weights[output * row_length + first..][..self.columns.len()]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn blocks<S: Simd, const R: usize, const V: usize>(&self, simd: S, panel: &[[S::f32s; V]]) {
        let terms = panel.len();
        let Range { start, end } = self.positions;
        for first in (start..end).step_by(POSITIONS) {
            let positions = first..(first + POSITIONS).min(end);
            if terms == 0 {
                self.tiles::<S, R, V>(simd, positions, 0..0, panel);
                continue;
            }
            for block in (0..terms).step_by(BLOCK) {
                self.tiles::<S, R, V>(simd, positions.clone(), block..(block + BLOCK).min(terms), panel);
            }
        }
    }

    /// Adds a block of terms to the results of some positions.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        positions: Range<usize>,
        block: Range<usize>,
        panel: &[[S::f32s; V]],
    ) {
        let per_image = self.class.positions.len();
        let channels = self.channels();
        let first_channel = self.group * channels;
        let group_columns = self.out.columns() / self.kernel.groups;
        let first_column = self.group * group_columns + self.columns.start;
        let mut gathered = [[0.0; BLOCK]; R];
        for first in positions.clone().step_by(R) {
            let count = R.min(positions.end - first);
            // Rows behind the last position repeat it, and are not stored.
            let at: [(usize, usize); R] = std::array::from_fn(|r| {
                let position = first + r.min(count - 1);
                (position / per_image, position % per_image)
            });
            let images: [&[f32]; R] =
                at.map(|(image, _)| &self.input[image * self.reads.image + first_channel..]);
            let offsets: [&[u32]; R] = at.map(|(_, local)| self.class.offsets(local));
            let row = |r: usize| {
                let (image, local) = at[r];
                image * self.reads.positions + self.class.positions[local] as usize
            };

            // SAFETY: each (position, column) of the result belongs to one task, because classes partition the
            // positions; within the task one piece is held at a time.
            #[allow(unsafe_code)]
            let piece = |r: usize| unsafe { self.out.piece(row(r), first_column, self.columns.len()) };
            let sums: tile::Sums<S, R, V> = match self.start {
                Start::Bias(bias) if block.start == 0 => {
                    [tile::load(simd, &bias[first_column..][..self.columns.len()]); R]
                }
                Start::Zero if block.start == 0 => [[simd.splat_f32s(0.0); V]; R],
                _ => std::array::from_fn(|r| tile::load(simd, piece(r))),
            };
            if block.start == 0 {
                (0..count).for_each(|r| tile::prefetch_to_write(piece(r)));
            }
            let mut sums = sums;
            if channels < SHORT {
                let count = block.len();
                for r in 0..R {
                    let (out, depth) = (&mut gathered[r][..count], self.reads.channels);
                    panel::gather(simd, out, images[r], offsets[r], channels, depth, block.start);
                }
                let rows = gathered.each_ref().map(|row| &row[..count]);
                sums = tile::accumulate_rows(simd, sums, rows, &panel[block.clone()]);
            } else {
                let mut term = block.start;
                while term < block.end {
                    let (tap, channel) = (term / channels, term % channels);
                    let count = (channels - channel).min(block.end - term);
                    let rows = std::array::from_fn(|r| match offsets[r][tap] {
                        PADDING => &self.zeros[..count],
                        start => &images[r][start as usize + channel..][..count],
                    });
                    sums = tile::accumulate_rows(simd, sums, rows, &panel[term..term + count]);
                    term += count;
                }
            }
            for (r, sums) in sums.into_iter().enumerate().take(count) {
                tile::store(simd, piece(r), sums);
            }
        }
    }
}
