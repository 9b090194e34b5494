//! Memory that a device may still write, because it never confirmed a reset: kept until the process ends.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

static KEPT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

/// Keeps something for ever. (Forgetting it would do as well, but then nobody could tell it from a leak.)
pub(crate) fn keep(memory: impl Any + Send) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(memory));
}

/// How many devices were closed without having confirmed a reset: the rings of each, and what their jobs may reach, stay
/// allocated until the process ends.
#[must_use]
pub fn quarantined() -> usize {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).len()
}
