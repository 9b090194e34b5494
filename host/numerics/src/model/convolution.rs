use super::{LayerResult, Tensor, dot, finish};
use crate::{Convolution, Shape};

/// Gathers what each output of a row sees (`[kernel row][kernel column][channel]`, as weights lie), then multiplies:
/// the row of gathered windows stays in the cache while all weights pass over it.
pub fn run(c: &Convolution, input: Tensor<'_>, residual: Option<Tensor<'_>>, output: Shape) -> LayerResult {
    let mut accumulators = vec![0; output.values()];
    let length = c.row_length();
    let mut windows = Vec::with_capacity(output.width * length);
    let outputs_per_group = c.outputs / c.groups;
    for (y, row) in accumulators.chunks_exact_mut(output.width * c.outputs).enumerate() {
        for group in 0..c.groups {
            windows.clear();
            for x in 0..output.width {
                gather(c, input, group, [y, x], &mut windows);
            }
            for channel in group * outputs_per_group..(group + 1) * outputs_per_group {
                let weights = c.row(channel);
                for (x, window) in windows.chunks_exact(length).enumerate() {
                    row[x * c.outputs + channel] = dot(weights, window);
                }
            }
        }
    }
    let operand = |position: usize, channel: usize| match (residual, c.residual) {
        (Some(tensor), Some(at)) => {
            let (y, x) = (position / output.width, position % output.width);
            let channel = channel.checked_sub(at.first);
            let value = channel.and_then(|c| tensor.at(y * at.stride, x * at.stride).get(c));
            value.copied().unwrap_or(0)
        }
        _ => 0,
    };
    finish(accumulators, &c.output, operand)
}

/// Appends what the outputs of a group at `place` see.
fn gather(c: &Convolution, input: Tensor<'_>, group: usize, place: [usize; 2], windows: &mut Vec<i8>) {
    let channels = c.inputs / c.groups;
    for row in 0..c.window.kernel[0] {
        let y = c.window.at(0, place[0], row, input.shape.height);
        for column in 0..c.window.kernel[1] {
            let x = c.window.at(1, place[1], column, input.shape.width);
            if let (Some(y), Some(x)) = (y, x) {
                windows.extend_from_slice(&input.at(y, x)[group * channels..(group + 1) * channels]);
            } else {
                windows.extend(core::iter::repeat_n(c.zero_point, channels));
            }
        }
    }
}
