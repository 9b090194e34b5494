//! The two rings, with no device in sight: indices, phase, who owns which entry.

use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES, ErrorCode, SEGMENTS};

use crate::buffer::DeviceBuffer;
use crate::entry::{self, COMPLETION_WORDS};
use crate::error::Error;
use crate::job::{Completion, Job, Ticket};
use crate::transport::{DmaMemory, OutOfRange};

/// What the host knows about a ring entry.
struct Slot<M> {
    state: SlotState,
    /// Of a running job: nobody can reclaim it.
    memory: [Option<DeviceBuffer<M>>; SEGMENTS],
    /// Of a job that is done.
    done: Completion,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SlotState {
    Free,
    /// The device owns the entry and the job's memory.
    Running,
    /// The completion is there, and was not asked for.
    Done,
}

impl<M> Slot<M> {
    const fn free() -> Self {
        Self { state: SlotState::Free, memory: [const { None }; SEGMENTS], done: Completion::NONE }
    }
}

/// What the completion ring holds next.
pub(crate) enum Next {
    /// Nothing new.
    Empty,
    /// The completion of the oldest running job, with this status.
    Completed(ErrorCode),
    /// An entry that the device should not have written, and why.
    Bad(&'static str),
}

/// A command ring and a completion ring of the same size, so that completions always have room. Host and device share them
/// all the time and access them word by word, so they are plain memory, which is nobody's.
pub(crate) struct Queue<M> {
    pub(crate) commands: M,
    pub(crate) completions: M,
    log2: u32,
    generation: u32,
    slots: Vec<Slot<M>>,
    /// Free-running: jobs submitted.
    submitted: u32,
    /// How many of them the device was told of.
    heard: u32,
    /// Free-running: completions taken from the ring.
    completed: u32,
}

/// Bytes of the two rings.
pub(crate) const fn ring_bytes(log2: u32) -> (usize, usize) {
    (COMMAND_BYTES << log2, COMPLETION_BYTES << log2)
}

impl<M: DmaMemory> Queue<M> {
    /// Rings in memory of at least [`ring_bytes`].
    pub(crate) fn new(commands: M, completions: M, log2: u32, generation: u32) -> Result<Self, Error> {
        let mut queue = Self {
            commands,
            completions,
            log2,
            generation,
            slots: Vec::new(),
            submitted: 0,
            heard: 0,
            completed: 0,
        };
        queue.restart(generation)?;
        Ok(queue)
    }

    /// Forgets every job; only for a device that has confirmed a reset.
    pub(crate) fn restart(&mut self, generation: u32) -> Result<(), Error> {
        let (_, bytes) = ring_bytes(self.log2);
        self.completions.write(0, &vec![0; bytes])?; // phase 0: nothing completed in the first round
        self.generation = generation;
        self.slots = (0..self.entries()).map(|_| Slot::free()).collect();
        (self.submitted, self.heard, self.completed) = (0, 0, 0);
        Ok(())
    }

    pub(crate) const fn log2(&self) -> u32 {
        self.log2
    }

    pub(crate) const fn entries(&self) -> u32 {
        1 << self.log2
    }

    /// Jobs submitted and completions taken, both free-running.
    pub(crate) const fn indices(&self) -> (u32, u32) {
        (self.submitted, self.completed)
    }

    /// The index to tell the device, if there are jobs that it has not heard of; they then count as heard of.
    pub(crate) fn unheard(&mut self) -> Option<u32> {
        let is_new = self.heard != self.submitted;
        self.heard = self.submitted;
        is_new.then_some(self.submitted)
    }

    const fn slot(&self, index: u32) -> usize {
        (index & (self.entries() - 1)) as usize
    }

    /// Writes a command entry; the device sees it when the doorbell gets the new index.
    #[inline]
    pub(crate) fn push(&mut self, job: &Job<M>) -> Result<Ticket, Error> {
        let at = self.slot(self.submitted);
        let slot = &mut self.slots[at];
        if slot.state != SlotState::Free {
            return Err(Error::RingFull(self.entries()));
        }
        let ticket = Ticket { generation: self.generation, index: self.submitted };
        self.commands.write_words(at * COMMAND_BYTES, &entry::command(job, ticket))?;
        for (kept, segment) in slot.memory.iter_mut().zip(&job.segments) {
            if let Some(segment) = segment {
                *kept = Some(segment.memory.clone());
            }
        }
        slot.state = SlotState::Running;
        self.submitted = self.submitted.wrapping_add(1);
        Ok(ticket)
    }

    /// Whether the device has written the next completion entry. The last dword holds the phase and is written last: it
    /// decides whether the rest may be read.
    #[inline]
    pub(crate) fn has_next(&self) -> Result<bool, OutOfRange> {
        let at = (self.slot(self.completed) + 1) * COMPLETION_BYTES - 4;
        Ok(self.completions.read_u32(at)? >> 31 != self.round())
    }

    /// The phase that the next completion entry has before the device writes it.
    const fn round(&self) -> u32 {
        self.completed >> self.log2 & 1
    }

    /// Looks at the next completion entry; its job's memory is the host's again if it is there.
    #[inline]
    pub(crate) fn pop(&mut self) -> Result<Next, OutOfRange> {
        if !self.has_next()? {
            return Ok(Next::Empty);
        }
        let entry = self.next_entry()?;
        let at = self.slot(self.completed);
        let round = self.round();
        let slot = &mut self.slots[at];
        if slot.state != SlotState::Running {
            return Ok(Next::Bad("no job is running"));
        }
        if entry::phase(entry) == u64::from(round) {
            return Ok(Next::Bad("the phase went back"));
        }
        let ticket = Ticket { generation: self.generation, index: self.completed };
        Ok(match entry::completion(entry, ticket) {
            Ok(done) => {
                slot.done = done;
                slot.memory = [const { None }; SEGMENTS];
                slot.state = SlotState::Done;
                self.completed = self.completed.wrapping_add(1);
                Next::Completed(done.status)
            }
            Err(reason) => Next::Bad(reason),
        })
    }

    /// The next completion entry, whatever is in it.
    #[inline]
    pub(crate) fn next_entry(&self) -> Result<[u64; COMPLETION_WORDS], OutOfRange> {
        self.completions.read_words(self.slot(self.completed) * COMPLETION_BYTES)
    }

    /// Adds what the registers say to the completion taken last.
    pub(crate) fn set_error_address(&mut self, address: u64) {
        let slot = self.slot(self.completed.wrapping_sub(1));
        self.slots[slot].done.error_address = address;
    }

    /// The completion of a ticket if it is there; the entry is then free.
    #[inline]
    pub(crate) fn take(&mut self, ticket: Ticket) -> Result<Option<Completion>, Error> {
        // Distances modulo 2^32: the ticket must be one of the last `entries` submitted.
        let age = self.submitted.wrapping_sub(ticket.index);
        if ticket.generation != self.generation || age == 0 || age > self.entries() {
            return Err(Error::StaleTicket);
        }
        let at = self.slot(ticket.index);
        let slot = &mut self.slots[at];
        match slot.state {
            SlotState::Free => Err(Error::StaleTicket),
            SlotState::Running => Ok(None),
            SlotState::Done => {
                slot.state = SlotState::Free;
                Ok(Some(slot.done))
            }
        }
    }
}

#[cfg(test)]
mod ordering;
