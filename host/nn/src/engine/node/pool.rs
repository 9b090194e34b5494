//! Pools: the largest value or the mean of windows.

use rayon::prelude::*;

use crate::graph::{Op, Shape, Window};
use crate::wide::wide;

/// Which values each output position of a pool reads.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// For each position, where its list begins; one more at the end.
    starts: Vec<u32>,
    /// First values of the positions that are read, list after list.
    offsets: Vec<u32>,
    /// Factor of each output position's sum, for means.
    factors: Vec<f32>,
    channels: usize,
    /// Values of one input image.
    input: usize,
    /// Values of one output image.
    output: usize,
}

impl Pool {
    /// For a node that is a pool; nothing for others.
    pub(crate) fn new(op: &Op, input: Shape, output: Shape) -> Option<Self> {
        let mut pool = Self {
            starts: vec![0],
            offsets: Vec::new(),
            factors: Vec::new(),
            channels: input.channels,
            input: input.values(),
            output: output.values(),
        };
        for y in 0..output.height {
            for x in 0..output.width {
                let (rows, columns, count) = match op {
                    Op::MaxPool { window } => {
                        (covered(window, 0, y, input.height), covered(window, 1, x, input.width), 1)
                    }
                    Op::AveragePool { window, count_padding } => {
                        let rows = covered(window, 0, y, input.height);
                        let columns = covered(window, 1, x, input.width);
                        let count = if *count_padding { window.area() } else { rows.len() * columns.len() };
                        (rows, columns, count)
                    }
                    Op::AdaptiveAveragePool { height, width } => {
                        let part = |at: usize, size: usize, parts: usize| {
                            (at * size / parts..((at + 1) * size).div_ceil(parts)).collect::<Vec<_>>()
                        };
                        let (rows, columns) = (part(y, input.height, *height), part(x, input.width, *width));
                        let count = rows.len() * columns.len();
                        (rows, columns, count)
                    }
                    _ => return None,
                };
                for &row in &rows {
                    let of_row = |column| ((row * input.width + column) * input.channels) as u32;
                    pool.offsets.extend(columns.iter().copied().map(of_row));
                }
                pool.factors.push(1.0 / count as f32);
                pool.starts.push(pool.offsets.len() as u32);
            }
        }
        Some(pool)
    }

    /// Offsets that an output position reads.
    fn list(&self, position: usize) -> &[u32] {
        &self.offsets[self.starts[position] as usize..self.starts[position + 1] as usize]
    }

    /// The largest values, and which entry of its list each one is: the first of equals.
    pub(crate) fn max(&self, x: &[f32], y: &mut [f32], winners: &mut [u16]) {
        let images = x.par_chunks(self.input).zip(winners.par_chunks_mut(self.output));
        y.par_chunks_mut(self.output).zip(images).for_each(|(y, (x, winners))| {
            let rows = y.chunks_exact_mut(self.channels).zip(winners.chunks_exact_mut(self.channels));
            for (position, (y, winners)) in rows.enumerate() {
                let mut list = self.list(position).iter();
                if let Some(&first) = list.next() {
                    y.copy_from_slice(&x[first as usize..][..self.channels]);
                }
                winners.fill(0);
                for (index, &offset) in list.enumerate() {
                    let (x, index) = (&x[offset as usize..][..self.channels], index as u16 + 1);
                    let (y, winners) = (&mut *y, &mut *winners);
                    wide!({
                        for ((y, winner), &x) in y.iter_mut().zip(winners).zip(x) {
                            // NaN wins and stays.
                            let wins = x > *y || x.is_nan();
                            *winner = if wins { index } else { *winner };
                            *y = if wins { x } else { *y };
                        }
                    });
                }
            }
        });
    }

    /// Adds dL/dy to the gradients of the winners; what is there is first set to 0 unless `adds`.
    pub(crate) fn max_backward(&self, dy: &[f32], dx: &mut [f32], winners: &[u16], adds: bool) {
        let images = dy.par_chunks(self.output).zip(winners.par_chunks(self.output));
        dx.par_chunks_mut(self.input).zip(images).for_each(|(dx, (dy, winners))| {
            if !adds {
                dx.fill(0.0);
            }
            let rows = dy.chunks_exact(self.channels).zip(winners.chunks_exact(self.channels));
            for (position, (dy, winners)) in rows.enumerate() {
                for (index, &offset) in self.list(position).iter().enumerate() {
                    let (dx, index) = (&mut dx[offset as usize..][..self.channels], index as u16);
                    wide!({
                        for ((dx, &dy), &winner) in dx.iter_mut().zip(dy).zip(winners) {
                            *dx += if winner == index { dy } else { 0.0 };
                        }
                    });
                }
            }
        });
    }

    /// The means.
    pub(crate) fn mean(&self, x: &[f32], y: &mut [f32]) {
        y.par_chunks_mut(self.output).zip(x.par_chunks(self.input)).for_each(|(y, x)| {
            for (position, y) in y.chunks_exact_mut(self.channels).enumerate() {
                y.fill(0.0);
                for &offset in self.list(position) {
                    add(y, &x[offset as usize..][..self.channels], 1.0);
                }
                let factor = self.factors[position];
                for y in y {
                    *y *= factor;
                }
            }
        });
    }

    /// Spreads dL/dy over what was read; what is there is first set to 0 unless `adds`.
    pub(crate) fn mean_backward(&self, dy: &[f32], dx: &mut [f32], adds: bool) {
        dx.par_chunks_mut(self.input).zip(dy.par_chunks(self.output)).for_each(|(dx, dy)| {
            if !adds {
                dx.fill(0.0);
            }
            for (position, dy) in dy.chunks_exact(self.channels).enumerate() {
                for &offset in self.list(position) {
                    add(&mut dx[offset as usize..][..self.channels], dy, self.factors[position]);
                }
            }
        });
    }
}

/// Rows (d = 0) or columns (d = 1) inside the image that window `at` covers.
fn covered(window: &Window, d: usize, at: usize, size: usize) -> Vec<usize> {
    (0..window.kernel[d]).filter_map(|k| window.at(d, at, k, size)).collect()
}

fn add(sums: &mut [f32], values: &[f32], factor: f32) {
    wide!({
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += value * factor;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_a_window_is_nan_if_there_is_one() {
        let pool =
            |window| Pool::new(&Op::MaxPool { window }, Shape::new(1, 4, 1), Shape::new(1, 2, 1)).unwrap();
        let window = Window { kernel: [1, 2], stride: [1, 2], ..Window::square(2, 2, 0) };
        for (x, index) in [([1.0, f32::NAN, 3.0, 2.0], 1), ([f32::NAN, 1.0, 3.0, 2.0], 0)] {
            let (mut y, mut winners) = ([0.0; 2], [9; 2]);
            pool(window).max(&x, &mut y, &mut winners);
            assert!(y[0].is_nan() && (y[1] - 3.0).abs() < f32::EPSILON, "{y:?}");
            assert_eq!(winners, [index, 0]);
        }
    }
}
