//! Neither a job costs an allocation, nor that its memory changes hands.
//! (How many cycles it costs: `cargo bench -p cbp-driver`.)
#![allow(unsafe_code)] // an allocator that counts

mod null;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use cbp_driver::Segment;

thread_local! {
    /// Of this thread: the one that runs the tests allocates beside the test.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
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

#[test]
fn jobs_do_not_allocate() {
    let (mut device, mut job) = null::device();
    null::round(&mut device, &job);
    let before = ALLOCATIONS.get();
    let mut odd = 0;
    for _ in 0..100 {
        odd += null::round(&mut device, &job);
        let segment = job.segments[0].take().unwrap();
        let mut memory = segment.memory.reclaim().unwrap();
        memory.write(0, &[1; 64]).unwrap();
        job.segments[0] = Some(Segment { memory: memory.lend(), ..segment });
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(odd, 3200, "every job completed");
    assert_ne!(before, 0, "the allocator counts");
}
