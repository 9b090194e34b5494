//! Which input values each output position of a convolution reads.

use cbp_numerics::{Shape, Window};

/// In place of an offset: the kernel element lies in the padding, and reads zeros.
pub(crate) const PADDING: u32 = u32::MAX;

/// For every position of one image: where each kernel element finds its channels in the image that is read.
///
/// Positions that use the same kernel elements form a class. The forward step has one class; the input gradient of a
/// strided convolution has one per residue of the position, because each position was read by some elements only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reads {
    pub(crate) classes: Vec<Class>,
    /// Positions of one image that is written.
    pub(crate) positions: usize,
    /// Values of one image that is read.
    pub(crate) image: usize,
    /// Channels of the image that is read.
    pub(crate) channels: usize,
}

/// Positions that use the same kernel elements.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Class {
    /// The positions, rising.
    pub(crate) positions: Vec<u32>,
    /// The kernel elements (row · kernel columns + column), rising.
    pub(crate) taps: Vec<u32>,
    /// First value of what is read, or [`PADDING`], `[position][tap]`.
    pub(crate) offsets: Vec<u32>,
}

impl Class {
    /// Offsets of one position of the class, one per tap.
    pub(crate) fn offsets(&self, index: usize) -> &[u32] {
        &self.offsets[index * self.taps.len()..][..self.taps.len()]
    }
}

impl Reads {
    /// What each position of `output` reads of an image of shape `input`.
    pub(crate) fn forward(input: Shape, window: &Window, output: Shape) -> Self {
        let [height, width] = [output.height, output.width];
        let mut offsets = Vec::with_capacity(height * width * window.area());
        for (y, x) in grid([height, width]) {
            for (r, c) in grid(window.kernel) {
                let row = window.at(0, y, r, input.height);
                let column = window.at(1, x, c, input.width);
                offsets.push(offset(input, row.zip(column)));
            }
        }
        let taps = (0..window.area() as u32).collect();
        let positions = (0..(height * width) as u32).collect();
        Self {
            classes: vec![Class { positions, taps, offsets }],
            positions: height * width,
            image: input.values(),
            channels: input.channels,
        }
    }

    /// The other way round: for each position of the image, the outputs that read it. `output` is the shape of the
    /// convolution's output.
    pub(crate) fn backward(input: Shape, window: &Window, output: Shape) -> Self {
        // Row y was read by kernel row r from output row (y + before − r·dilation) / stride, if that is whole.
        let source = |d: usize, at: usize, k: usize, size: usize| {
            let from = (at + window.before[d]).checked_sub(k * window.dilation[d])?;
            (from.is_multiple_of(window.stride[d])).then_some(from / window.stride[d]).filter(|&at| at < size)
        };
        let mut classes = Vec::new();
        for (phase_y, phase_x) in grid(window.stride) {
            // Whether the division is whole depends on the residue of the position only.
            let uses = |d: usize, phase: usize, k: usize| {
                (phase + window.before[d] + k * (window.stride[d] - 1) * window.dilation[d])
                    .is_multiple_of(window.stride[d])
            };
            let taps: Vec<u32> = grid(window.kernel)
                .filter(|&(r, c)| uses(0, phase_y, r) && uses(1, phase_x, c))
                .map(|(r, c)| (r * window.kernel[1] + c) as u32)
                .collect();
            let (mut positions, mut offsets) = (Vec::new(), Vec::new());
            for y in (phase_y..input.height).step_by(window.stride[0]) {
                for x in (phase_x..input.width).step_by(window.stride[1]) {
                    positions.push((y * input.width + x) as u32);
                    for &tap in &taps {
                        let (r, c) = (tap as usize / window.kernel[1], tap as usize % window.kernel[1]);
                        let row = source(0, y, r, output.height);
                        let column = source(1, x, c, output.width);
                        offsets.push(offset(output, row.zip(column)));
                    }
                }
            }
            if !positions.is_empty() {
                classes.push(Class { positions, taps, offsets });
            }
        }
        Self {
            classes,
            positions: input.positions(),
            image: output.values(),
            channels: output.channels,
        }
    }
}

fn offset(shape: Shape, at: Option<(usize, usize)>) -> u32 {
    at.map_or(PADDING, |(y, x)| ((y * shape.width + x) * shape.channels) as u32)
}

/// All (row, column), row by row.
fn grid([rows, columns]: [usize; 2]) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}
