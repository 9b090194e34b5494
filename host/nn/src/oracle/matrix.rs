//! Dense f64 matrices, without any care for speed.

use std::ops::{Add, Index, IndexMut, Mul, Sub};

/// Rows × columns numbers, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Row after row.
    pub values: Vec<f64>,
}

impl Matrix {
    /// `f(row, column)` in every place.
    pub fn from_fn(rows: usize, columns: usize, mut f: impl FnMut(usize, usize) -> f64) -> Self {
        let mut values = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                values.push(f(row, column));
            }
        }
        Self { rows, columns, values }
    }

    /// A column.
    #[must_use]
    pub fn column(values: &[f64]) -> Self {
        Self { rows: values.len(), columns: 1, values: values.to_vec() }
    }

    /// Ones on the diagonal.
    #[must_use]
    pub fn identity(size: usize) -> Self {
        Self::from_fn(size, size, |row, column| if row == column { 1.0 } else { 0.0 })
    }

    /// Given numbers on the diagonal.
    #[must_use]
    pub fn diagonal(values: &[f64]) -> Self {
        let size = values.len();
        Self::from_fn(size, size, |row, column| if row == column { values[row] } else { 0.0 })
    }

    /// Rows and columns swapped.
    #[must_use]
    pub fn transposed(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |row, column| self[(column, row)])
    }

    /// Without the last column: of weights, the biases.
    #[must_use]
    pub fn without_last_column(&self) -> Self {
        Self::from_fn(self.rows, self.columns - 1, |row, column| self[(row, column)])
    }

    /// A row of ones below: activations, augmented so that biases are weights.
    #[must_use]
    pub fn augmented(&self) -> Self {
        let below = |row, column| if row < self.rows { self[(row, column)] } else { 1.0 };
        Self::from_fn(self.rows + 1, self.columns, below)
    }

    /// A ⊗ B: B times each element of A.
    #[must_use]
    pub fn kronecker(&self, b: &Self) -> Self {
        Self::from_fn(self.rows * b.rows, self.columns * b.columns, |row, column| {
            self[(row / b.rows, column / b.columns)] * b[(row % b.rows, column % b.columns)]
        })
    }

    /// Column after column: the "vec" of matrix calculus.
    #[must_use]
    pub fn stacked(&self) -> Self {
        Self::column(&self.transposed().values)
    }

    /// The matrix of `rows` whose columns were stacked.
    #[must_use]
    pub fn unstacked(&self, rows: usize) -> Self {
        Self::from_fn(rows, self.values.len() / rows, |row, column| self.values[column * rows + row])
    }

    /// Every element multiplied.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self::from_fn(self.rows, self.columns, |row, column| factor * self[(row, column)])
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        &self.values[row * self.columns + column]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut f64 {
        &mut self.values[row * self.columns + column]
    }
}

impl Mul for &Matrix {
    type Output = Matrix;

    /// The matrix product. Panics if the inner sizes differ.
    fn mul(self, other: &Matrix) -> Matrix {
        assert_eq!(self.columns, other.rows, "inner sizes differ");
        Matrix::from_fn(self.rows, other.columns, |row, column| {
            (0..self.columns).map(|k| self[(row, k)] * other[(k, column)]).sum()
        })
    }
}

impl Add for &Matrix {
    type Output = Matrix;

    fn add(self, other: &Matrix) -> Matrix {
        assert_eq!((self.rows, self.columns), (other.rows, other.columns), "sizes differ");
        Matrix::from_fn(self.rows, self.columns, |row, column| self[(row, column)] + other[(row, column)])
    }
}

impl Sub for &Matrix {
    type Output = Matrix;

    fn sub(self, other: &Matrix) -> Matrix {
        self + &other.scaled(-1.0)
    }
}
