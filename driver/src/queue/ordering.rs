//! Every order in which host and device can see each other's writes, by loom: the ring's memory is made of loom's
//! atomics, and what a job reads and writes is a cell that loom watches for races.

use std::sync::Arc;

use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use loom::thread;

use super::{Next, Queue};
use crate::buffer::{DeviceId, HostBuffer};
use crate::job::{Job, Segment};
use crate::transport::{DmaMemory, OutOfRange};

/// A ring's memory: of each entry only what decides anything, the first word and the last dword.
struct Ring {
    entry_bytes: usize,
    first: Vec<AtomicU64>,
    last: Vec<AtomicU32>,
}

impl Ring {
    fn new(entries: usize, entry_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            entry_bytes,
            first: (0..entries).map(|_| AtomicU64::new(0)).collect(),
            last: (0..entries).map(|_| AtomicU32::new(0)).collect(),
        })
    }
}

#[derive(Clone)]
struct Shared(Arc<Ring>);

impl DmaMemory for Shared {
    fn bus_address(&self) -> u64 {
        4096
    }

    fn size(&self) -> usize {
        self.0.entry_bytes * self.0.first.len()
    }

    fn read(&self, _: usize, _: &mut [u8]) -> Result<(), OutOfRange> {
        Ok(())
    }

    /// The queue clears its rings with it before the device runs: they are zero already.
    fn write(&self, _: usize, _: &[u8]) -> Result<(), OutOfRange> {
        Ok(())
    }

    fn read_words<const N: usize>(&self, offset: usize) -> Result<[u64; N], OutOfRange> {
        let entry = offset / self.0.entry_bytes;
        let mut words = [0; N];
        words[0] = self.0.first[entry].load(Ordering::Relaxed);
        // The sequence number is the low half of the cookie here, as it is in truth.
        words[1] = words[0] << 32;
        words[N - 1] |= u64::from(self.0.last[entry].load(Ordering::Relaxed)) << 32;
        Ok(words)
    }

    fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        self.0.first[offset / self.0.entry_bytes].store(words[0], Ordering::Relaxed);
        Ok(())
    }

    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        Ok(self.0.last[offset / self.0.entry_bytes].load(Ordering::Acquire))
    }
}

/// What the device has besides the rings.
struct Device {
    commands: Arc<Ring>,
    completions: Arc<Ring>,
    producer: AtomicU32,
    /// What jobs work on: one number each, which the device increments.
    data: Vec<UnsafeCell<u32>>,
    /// How the device publishes a completion.
    publish: Ordering,
    log2: u32,
}

impl Device {
    fn run(&self, jobs: u32) {
        for index in 0..jobs {
            while self.producer.load(Ordering::Acquire) == index {
                thread::yield_now();
            }
            let slot = (index & ((1 << self.log2) - 1)) as usize;
            let cookie = self.commands.first[slot].load(Ordering::Relaxed);
            // SAFETY: loom checks that nobody else accesses the cell meanwhile; that is what is tested.
            #[allow(unsafe_code)]
            self.data[cookie as u32 as usize].with_mut(|number| unsafe { *number += 1 });
            self.completions.first[slot].store(cookie, Ordering::Relaxed);
            let phase = u32::from(index >> self.log2 & 1 == 0) << 31;
            self.completions.last[slot].store(phase, self.publish);
        }
    }
}

/// `jobs` jobs through rings of 2^`log2` entries; the host takes each completion and then reads the job's number.
fn explore(log2: u32, jobs: u32, publish: Ordering) {
    loom::model(move || {
        let entries = 1 << log2;
        #[allow(clippy::arc_with_non_send_sync)] // loom runs its threads one at a time
        let device = Arc::new(Device {
            commands: Ring::new(entries, COMMAND_BYTES),
            completions: Ring::new(entries, COMPLETION_BYTES),
            producer: AtomicU32::new(0),
            data: (0..jobs).map(|_| UnsafeCell::new(0)).collect(),
            publish,
            log2,
        });
        let commands = Shared(Arc::clone(&device.commands));
        let completions = Shared(Arc::clone(&device.completions));
        let mut queue = Queue::new(commands.clone(), completions, log2, 0).unwrap();
        let job = Job::new(Segment::all(HostBuffer::new(commands, DeviceId::next()).lend()), 1);
        let other = Arc::clone(&device);
        let thread = thread::spawn(move || other.run(jobs));
        let mut waiting = std::collections::VecDeque::new();
        for index in 0..jobs {
            if waiting.len() == entries {
                finish(&mut queue, &device, waiting.pop_front().unwrap());
            }
            // SAFETY: loom checks that the device does not access the cell before it is told.
            #[allow(unsafe_code)]
            device.data[index as usize].with_mut(|number| unsafe { *number = 10 * index });
            waiting.push_back((queue.push(&job).unwrap(), index));
            device.producer.store(queue.unheard().unwrap(), Ordering::Release);
        }
        for ticket in waiting {
            finish(&mut queue, &device, ticket);
        }
        thread.join().unwrap();
    });
}

fn finish(queue: &mut Queue<Shared>, device: &Device, (ticket, index): (crate::job::Ticket, u32)) {
    let done = loop {
        if let Some(done) = queue.take(ticket).unwrap() {
            break done;
        }
        match queue.pop().unwrap() {
            Next::Empty => thread::yield_now(),
            Next::Completed(_) => {}
            Next::Bad(reason) => panic!("{reason}"),
        }
    };
    assert_eq!(done.cookie as u32, index);
    // SAFETY: loom checks that the device is done with the cell.
    #[allow(unsafe_code)]
    device.data[index as usize].with(|number| assert_eq!(unsafe { *number }, 10 * index + 1));
}

#[test]
fn every_order_at_depth_1_and_2() {
    for (log2, jobs) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)] {
        explore(log2, jobs, Ordering::Release);
    }
}

#[test]
#[ignore = "takes a minute; ./test --full runs it"]
fn every_order_at_depth_4() {
    explore(2, 4, Ordering::Release);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_phase_that_overtakes_the_data_is_found() {
    explore(1, 2, Ordering::Relaxed);
}
