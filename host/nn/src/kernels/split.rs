//! A matrix handed out in disjoint pieces of rows to threads.
#![allow(unsafe_code)]

use std::marker::PhantomData;

/// A matrix of `columns` columns that several threads write, each to elements of its own.
#[derive(Clone, Copy)]
pub(super) struct SharedMatrix<'a> {
    data: *mut f32,
    rows: usize,
    columns: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer stands for an exclusive borrow; all access goes through `piece`, whose callers promise that no
// element is in two pieces at a time.
unsafe impl Send for SharedMatrix<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedMatrix<'_> {}

impl<'a> SharedMatrix<'a> {
    /// Panics if `data` is not a whole number of rows.
    pub(super) fn new(data: &'a mut [f32], columns: usize) -> Self {
        assert!(columns > 0 && data.len().is_multiple_of(columns), "a matrix of ragged rows");
        let rows = data.len() / columns;
        Self { data: data.as_mut_ptr(), rows, columns, borrow: PhantomData }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Columns first .. first + count of a row; panics if they lie outside.
    ///
    /// # Safety
    /// While the piece is in use, no other piece may hold any of its elements.
    #[allow(clippy::mut_from_ref)] // exclusive by the caller's promise
    #[inline(always)]
    pub(super) unsafe fn piece(&self, row: usize, first: usize, count: usize) -> &mut [f32] {
        assert!(row < self.rows && first + count <= self.columns, "a piece outside the matrix");
        // SAFETY: the piece lies inside the borrowed slice, by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(row * self.columns + first), count) }
    }
}
