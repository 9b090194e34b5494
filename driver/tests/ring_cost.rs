//! A job costs no allocation. (How many cycles it costs: `cargo bench -p cbp-driver`.)
#![allow(unsafe_code)] // an allocator that counts

mod null;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The only test of this program, so that no other thread allocates.
#[test]
fn jobs_do_not_allocate() {
    let (mut device, job) = null::device();
    null::round(&mut device, &job);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let odd: u64 = (0..100).map(|_| null::round(&mut device, &job)).sum();
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    assert_eq!(odd, 3200, "every job completed");
    assert_ne!(before, 0, "the allocator counts");
}
