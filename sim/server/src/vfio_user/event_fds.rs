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

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};
    use std::os::fd::OwnedFd;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use rustix::event::{EventfdFlags, eventfd};

    use super::*;
    use crate::endpoint::Options;

    /// A pipe that nobody reads, and a counter that is full: neither stops whoever delivers, nor the next vector.
    #[test]
    fn files_that_take_nothing() {
        let (_reader, mut full) = pipe().unwrap();
        rustix::io::ioctl_fionbio(&full, true).unwrap();
        while full.write(&[0; 4096]).is_ok() {}
        rustix::io::ioctl_fionbio(&full, false).unwrap();
        let counter = || File::from(eventfd(0, EventfdFlags::empty()).unwrap());
        let (mut at_most, last) = (counter(), counter());
        at_most.write_all(&(u64::MAX - 1).to_ne_bytes()).unwrap();
        let events = EventFds::default();
        events.set(1, vec![File::from(OwnedFd::from(full)), at_most, last.try_clone().unwrap()]);
        let (delivered, delivery) = mpsc::channel();
        thread::spawn(move || {
            events.deliver(&Mutex::new(Endpoint::new(Options::default()).unwrap()), 0b1110);
            delivered.send(())
        });
        delivery.recv_timeout(Duration::from_secs(5)).expect("a write did not end");
        let mut count = [0; 8];
        (&last).read_exact(&mut count).unwrap();
        assert_eq!(u64::from_ne_bytes(count), 1);
    }
}
