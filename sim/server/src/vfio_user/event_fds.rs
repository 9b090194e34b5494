//! The way of interrupts to a client: an eventfd for each vector.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::card::{Interrupts, lock};
use crate::endpoint::Endpoint;

/// Eventfds of the vectors.
#[derive(Default)]
pub(super) struct EventFds(Mutex<Vec<Option<File>>>);

impl EventFds {
    /// These vectors, from `start` on, signal these files.
    pub(super) fn set(&self, start: usize, files: Vec<File>) {
        let mut all = lock(&self.0);
        for (vector, file) in (start..).zip(files) {
            if all.len() <= vector {
                all.resize_with(vector + 1, || None);
            }
            all[vector] = Some(file);
        }
    }

    /// No vector signals anything.
    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }
}

impl Interrupts for EventFds {
    fn deliver(&self, endpoint: &Mutex<Endpoint>, risen: u8) {
        let vectors = lock(endpoint).vectors(risen);
        for (vector, file) in lock(&self.0).iter().enumerate() {
            if let (1, Some(mut file)) = (vectors >> vector & 1, file.as_ref())
                && takes(file)
            {
                // Whoever closed the other end needs no interrupt.
                let _ = file.write(&1_u64.to_ne_bytes());
            }
        }
    }
}

/// Whether a write ends at once. A full counter is an interrupt too, and what is no eventfd must not stop the clock.
fn takes(file: &File) -> bool {
    poll(&mut [PollFd::new(file, PollFlags::OUT)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(1)
}
