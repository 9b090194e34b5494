//! Counts for tests of leaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is allocated now, for tests of leaks; it outlives the pool.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    buffers: AtomicUsize,
    bytes: AtomicUsize,
}

impl Meter {
    pub(crate) fn take(&self) {
        self.0.buffers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self) {
        self.0.buffers.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn map(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn unmap(&self, bytes: usize) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Buffers that are not dropped.
    #[must_use]
    pub fn live_buffers(&self) -> usize {
        self.0.buffers.load(Ordering::Relaxed)
    }

    /// Bytes of the regions that are mapped.
    #[must_use]
    pub fn mapped_bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }
}
