//! Memory of a thread that panels are packed into, kept from task to task.

use std::cell::RefCell;

use bytemuck::{Pod, Zeroable};

/// One cache line: a vector that crosses two of them takes twice as long to load.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `len` numbers that begin at a cache line and hold anything. Not to be nested.
pub(super) fn with_scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    LINES.with_borrow_mut(|lines| {
        let needed = len.div_ceil(16);
        if lines.len() < needed {
            lines.resize(needed, Line([0.0; 16]));
        }
        work(&mut bytemuck::cast_slice_mut(lines)[..len])
    })
}
