//! dL/dW = Σ dL/dy·xᵀ over the positions of all images of a batch.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::panel;
use super::product::{self, Kernel};
use super::reads::{Class, PADDING, Reads};
use super::scratch::with_scratch;
use super::split::SharedMatrix;
use super::tile;

/// Positions that are added in one go; between blocks the sums rest in the result.
pub(crate) const BLOCK: usize = 256;
/// The fewest outputs of a task that is split for the sake of other threads.
const TASK_OUTPUTS: usize = 48;
/// Results of a task, in panels · outputs, that stay in the second-level cache beside a block of both factors.
const TASK_RESULTS: usize = 512;

/// Writes dL/dW in the order of the weights: `reads` are the forward ones, x is images × `reads.image`, dy is images ×
/// `reads.positions` × outputs. Of `kernel` only the sizes count.
pub(crate) fn weight_gradient(dw: &mut [f32], kernel: Kernel<'_>, reads: &Reads, x: &[f32], dy: &[f32]) {
    let images = x.len() / reads.image;
    assert_eq!(reads.channels, kernel.inputs, "an image of another depth");
    assert_eq!(x.len(), images * reads.image, "a batch of ragged images");
    assert_eq!(dy.len(), images * reads.positions * kernel.outputs, "a gradient of another size");
    let [class] = reads.classes.as_slice() else { unreachable!("forward reads have one class") };
    let (inputs, outputs) = (kernel.inputs / kernel.groups, kernel.outputs / kernel.groups);
    let terms = kernel.taps * inputs;
    assert_eq!(dw.len(), kernel.outputs * terms, "weights of another size");
    let arch = Arch::new();
    let width = arch.dispatch(Width);
    let panels = terms.div_ceil(width) * kernel.groups;
    // How work is split changes no result, so it may depend on the threads.
    let tasks = product::tasks();
    let block = (outputs * panels / tasks).max(TASK_OUTPUTS).next_multiple_of(12);
    // Panels that share a task share its block of dy.
    let together = (panels * outputs.div_ceil(block) / tasks).min(TASK_RESULTS / block.min(outputs)).max(1);
    let mut tasks = Vec::new();
    for group in 0..kernel.groups {
        for first in (0..terms).step_by(width * together) {
            for start in (0..outputs).step_by(block) {
                let outputs = group * outputs + start..group * outputs + (start + block).min(outputs);
                tasks.push((group, first..(first + width * together).min(terms), outputs));
            }
        }
    }
    let dw = SharedMatrix::new(dw, terms);
    tasks.into_par_iter().for_each(|(group, terms, outputs)| {
        with_scratch(BLOCK * width, |panel| {
            let task = Task {
                reads,
                class,
                images,
                channels: inputs,
                first_channel: group * inputs,
                terms,
                outputs,
                all_outputs: kernel.outputs,
                x,
                dy,
                dw,
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

/// Some outputs times some panels of terms.
struct Task<'a> {
    reads: &'a Reads,
    class: &'a Class,
    images: usize,
    /// Of the group.
    channels: usize,
    first_channel: usize,
    terms: Range<usize>,
    outputs: Range<usize>,
    all_outputs: usize,
    x: &'a [f32],
    dy: &'a [f32],
    dw: SharedMatrix<'a>,
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
        let Self { task, panel } = self;
        let positions = task.images * task.reads.positions;
        for first in (0..positions).step_by(BLOCK) {
            let block = first..(first + BLOCK).min(positions);
            for start in task.terms.clone().step_by(tile::width::<S>()) {
                let terms = start..(start + tile::width::<S>()).min(task.terms.end);
                let (block, panel) = (block.clone(), &mut *panel);
                match terms.len().div_ceil(S::F32_LANES) {
                    4 if S::REGISTER_COUNT >= 32 => task.panel::<S, 6, 4>(simd, block, terms, panel),
                    3 if S::REGISTER_COUNT >= 32 => task.panel::<S, 8, 3>(simd, block, terms, panel),
                    2 if S::REGISTER_COUNT >= 32 => task.panel::<S, 12, 2>(simd, block, terms, panel),
                    2 => task.panel::<S, 6, 2>(simd, block, terms, panel),
                    _ if S::REGISTER_COUNT >= 32 => task.panel::<S, 12, 1>(simd, block, terms, panel),
                    _ => task.panel::<S, 8, 1>(simd, block, terms, panel),
                }
            }
        }
    }
}

impl Task<'_> {
    /// Adds a block of positions to the results of one panel of terms.
    #[inline(always)]
    fn panel<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        block: Range<usize>,
        terms: Range<usize>,
        panel: &mut [f32],
    ) {
        let width = V * S::F32_LANES;
        let panel = &mut panel[..block.len() * width];
        self.pack(simd, panel, width, block.clone(), terms.clone());
        let panel = bytemuck::cast_slice::<_, S::f32s>(panel).as_chunks::<V>().0;
        self.outputs::<S, R, V>(simd, &block, &terms, panel);
    }

    /// All outputs, as many at a time as the registers hold, and the rest by fours, twos and one.
    #[inline(always)]
    fn outputs<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        block: &Range<usize>,
        terms: &Range<usize>,
        panel: &[[S::f32s; V]],
    ) {
        let mut output = self.outputs.start;
        while output + R <= self.outputs.end {
            self.tile::<S, R, V>(simd, output, block, terms, panel);
            output += R;
        }
        while output + 4 <= self.outputs.end {
            self.tile::<S, 4, V>(simd, output, block, terms, panel);
            output += 4;
        }
        while output + 2 <= self.outputs.end {
            self.tile::<S, 2, V>(simd, output, block, terms, panel);
            output += 2;
        }
        if output < self.outputs.end {
            self.tile::<S, 1, V>(simd, output, block, terms, panel);
        }
    }

    /// One row of the panel per position: what the terms read there.
    #[inline(always)]
    fn pack<S: Simd>(
        &self,
        simd: S,
        panel: &mut [f32],
        width: usize,
        block: Range<usize>,
        terms: Range<usize>,
    ) {
        let (count, channels, depth) = (terms.len(), self.channels, self.reads.channels);
        let (tap, channel) = (terms.start / channels, terms.start % channels);
        let mut rows = panel.chunks_exact_mut(width);
        let mut first = block.start;
        while first < block.end {
            let (image, local) = (first / self.reads.positions, first % self.reads.positions);
            let end = block.end.min(first - local + self.reads.positions);
            let image = &self.x[image * self.reads.image..][..self.reads.image];
            for (local, row) in (local..local + (end - first)).zip(&mut rows) {
                let offsets = self.class.offsets(local);
                if channel + width <= channels && count == width {
                    // The usual case: one kernel element, as many channels as the panel has columns.
                    match offsets[tap] {
                        PADDING => row.fill(0.0),
                        start => row.copy_from_slice(
                            &image[start as usize + self.first_channel + channel..][..width],
                        ),
                    }
                } else {
                    let (row, rest) = row.split_at_mut(count);
                    let image = &image[self.first_channel..];
                    panel::gather(simd, row, image, offsets, channels, depth, terms.start);
                    rest.fill(0.0);
                }
            }
            first = end;
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        output: usize,
        block: &Range<usize>,
        terms: &Range<usize>,
        panel: &[[S::f32s; V]],
    ) {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        if block.start > 0 {
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: each (output, term) belongs to one task; within it one piece is held at a time.
                #[allow(unsafe_code)]
                let piece = unsafe { self.dw.piece(output + r, terms.start, terms.len()) };
                *sums = tile::load(simd, piece);
            }
        }
        let columns = &self.dy[block.start * self.all_outputs + output..];
        sums = tile::accumulate_columns(simd, sums, columns, self.all_outputs, panel);
        for (r, sums) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            #[allow(unsafe_code)]
            let piece = unsafe { self.dw.piece(output + r, terms.start, terms.len()) };
            tile::store(simd, piece, sums);
        }
    }
}
