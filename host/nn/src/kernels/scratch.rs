//! Memory of a thread that panels are packed into, kept from task to task.

use std::cell::RefCell;

use crate::aligned::Aligned;

thread_local! {
    static NUMBERS: RefCell<Aligned> = const { RefCell::new(Aligned::new()) };
}

/// Calls `work` with `len` numbers that begin at a cache line and hold anything. Not to be nested.
pub(super) fn with_scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    NUMBERS.with_borrow_mut(|numbers| {
        numbers.reserve_len(len);
        work(&mut numbers[..len])
    })
}
