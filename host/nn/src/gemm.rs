//! Matrix products with a result that does not depend on the number of threads.
//!
//! The rows of the result are cut into blocks of a fixed size, and each block is one single-threaded call of
//! crate `gemm`. Threads only choose which block to do next; no sum is ever split between them.
#![allow(unsafe_code)]

use gemm::Parallelism;
use rayon::prelude::*;

/// Rows of the result per task: small enough for two tasks in a 256-wide layer, large enough that packing the
/// right-hand matrix once per task stays cheap.
const ROW_BLOCK: usize = 64;

/// A borrowed matrix with strides, in elements.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` × `cols`, row after row; panics if `data` has another length.
    pub(crate) fn row_major(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "matrix of {rows}×{cols} over a slice of another length");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// All elements in memory order.
    pub(crate) fn data(self) -> &'a [f32] {
        self.data
    }

    /// The same numbers, rows and columns swapped.
    pub(crate) fn transposed(self) -> Self {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Self { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }

    /// Rows start .. start + count.
    fn row_block(self, start: usize, count: usize) -> Self {
        assert!(start + count <= self.rows);
        Self { data: &self.data[start * self.row_stride..], rows: count, ..self }
    }

    /// Whether every element lies inside the slice.
    fn is_in_bounds(&self) -> bool {
        self.rows == 0
            || self.cols == 0
            || (self.rows - 1) * self.row_stride + (self.cols - 1) * self.col_stride < self.data.len()
    }
}

/// out = lhs · rhs, `out` row-major with lhs.rows × rhs.cols elements.
pub(crate) fn multiply(out: &mut [f32], lhs: Matrix<'_>, rhs: Matrix<'_>) {
    assert_eq!(out.len(), lhs.rows * rhs.cols, "result of another size");
    assert_eq!(lhs.cols, rhs.rows, "inner sizes differ");
    if out.is_empty() {
        return;
    }
    out.par_chunks_mut(ROW_BLOCK * rhs.cols).enumerate().for_each(|(block, out)| {
        let lhs = lhs.row_block(block * ROW_BLOCK, out.len() / rhs.cols);
        multiply_block(out, lhs, rhs);
    });
}

fn multiply_block(out: &mut [f32], lhs: Matrix<'_>, rhs: Matrix<'_>) {
    let (m, n, k) = (lhs.rows, rhs.cols, lhs.cols);
    assert!(out.len() == m * n && rhs.rows == k && lhs.is_in_bounds() && rhs.is_in_bounds());
    // SAFETY: `gemm` writes out[i·n + j] for i < m, j < n, and out.len() = m·n. It reads lhs at i·rs + l·cs and rhs
    // at l·rs + j·cs for i < m, l < k, j < n: the largest such index of each was just checked against its slice.
    // `out` is an exclusive borrow, so it overlaps neither input. Strides fit isize as the slices do.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            lhs.data.as_ptr(),
            lhs.col_stride as isize,
            lhs.row_stride as isize,
            rhs.data.as_ptr(),
            rhs.col_stride as isize,
            rhs.row_stride as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Small integers: every product and sum is exact in f32, so results compare exactly.
    fn integers(len: usize) -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec((-8_i8..=8).prop_map(f32::from), len)
    }

    fn problem() -> impl Strategy<Value = (usize, usize, usize, Vec<f32>, Vec<f32>)> {
        (1_usize..150, 1_usize..40, 1_usize..40)
            .prop_flat_map(|(m, n, k)| (Just(m), Just(n), Just(k), integers(m * k), integers(k * n)))
    }

    proptest! {
        #[test]
        fn equals_the_triple_loop_in_every_layout((m, n, k, a, b) in problem()) {
            let mut expected = vec![0.0; m * n];
            for i in 0..m {
                for j in 0..n {
                    expected[i * n + j] = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
                }
            }
            let mut out = vec![f32::NAN; m * n];
            multiply(&mut out, Matrix::row_major(&a, m, k), Matrix::row_major(&b, k, n));
            prop_assert_eq!(&out, &expected);

            let a_t: Vec<f32> = (0..k * m).map(|i| a[(i % m) * k + i / m]).collect();
            let b_t: Vec<f32> = (0..k * n).map(|i| b[(i % k) * n + i / k]).collect();
            out.fill(f32::NAN);
            multiply(
                &mut out,
                Matrix::row_major(&a_t, k, m).transposed(),
                Matrix::row_major(&b_t, n, k).transposed(),
            );
            prop_assert_eq!(&out, &expected);
        }
    }

    #[test]
    #[should_panic(expected = "inner sizes differ")]
    fn refuses_matrices_that_do_not_fit() {
        multiply(&mut [0.0; 4], Matrix::row_major(&[0.0; 6], 2, 3), Matrix::row_major(&[0.0; 4], 2, 2));
    }
}
