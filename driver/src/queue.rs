//! The two rings, with no device in sight: indices, phase, who owns which entry.

use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES, completion};

use crate::entry;
use crate::error::Error;
use crate::job::{Completion, Job, Ticket};
use crate::transport::DmaMemory;

/// What the host knows about a ring entry.
enum Slot<M> {
    Free,
    /// The device owns the entry and the job's memory.
    Running(#[expect(dead_code, reason = "it keeps the memory allocated")] Job<M>),
    Done(Completion),
}

/// What the completion ring holds next.
pub(crate) enum Next {
    /// Nothing new.
    Empty,
    /// The completion of the oldest running job.
    Completed(Completion),
    /// An entry that the device should not have written.
    Bad(&'static str, [u8; COMPLETION_BYTES]),
}

/// A command ring and a completion ring of the same size, so that completions always have room.
pub(crate) struct Queue<M> {
    pub(crate) commands: M,
    pub(crate) completions: M,
    log2: u32,
    generation: u32,
    slots: Vec<Slot<M>>,
    /// Free-running: jobs submitted.
    submitted: u32,
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
        let mut queue =
            Self { commands, completions, log2, generation, slots: Vec::new(), submitted: 0, completed: 0 };
        queue.restart(generation)?;
        Ok(queue)
    }

    /// Forgets every job; only for a device that has confirmed a reset.
    pub(crate) fn restart(&mut self, generation: u32) -> Result<(), Error> {
        let (_, bytes) = ring_bytes(self.log2);
        self.completions.write(0, &vec![0; bytes])?; // phase 0: nothing completed in the first round
        self.generation = generation;
        self.slots = (0..self.entries()).map(|_| Slot::Free).collect();
        (self.submitted, self.completed) = (0, 0);
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

    const fn slot(&self, index: u32) -> usize {
        (index & (self.entries() - 1)) as usize
    }

    /// Writes a command entry; the device sees it when the doorbell gets the new index.
    pub(crate) fn push(&mut self, job: Job<M>) -> Result<Ticket, Error> {
        let slot = self.slot(self.submitted);
        if !matches!(self.slots[slot], Slot::Free) {
            return Err(Error::RingFull(self.entries()));
        }
        let ticket = Ticket { generation: self.generation, index: self.submitted };
        self.commands.write(slot * COMMAND_BYTES, &entry::command(&job, ticket))?;
        self.slots[slot] = Slot::Running(job);
        self.submitted = self.submitted.wrapping_add(1);
        Ok(ticket)
    }

    /// Looks at the next completion entry; its job's memory is the host's again if it is there.
    pub(crate) fn pop(&mut self) -> Result<Next, Error> {
        let index = self.completed;
        let slot = self.slot(index);
        let at = slot * COMPLETION_BYTES;
        // The last dword holds the phase and is written last: it decides whether the rest may be read.
        let phase = self.completions.read_u32(at + COMPLETION_BYTES - 4)? >> 31;
        let round = index >> self.log2 & 1;
        if phase == round {
            return Ok(Next::Empty);
        }
        let mut bytes = [0; COMPLETION_BYTES];
        self.completions.read(at, &mut bytes)?;
        if !matches!(self.slots[slot], Slot::Running(_)) {
            return Ok(Next::Bad("no job is running", bytes));
        }
        if entry::get(&bytes, completion::PHASE) == u64::from(round) {
            return Ok(Next::Bad("the phase went back", bytes));
        }
        let ticket = Ticket { generation: self.generation, index };
        Ok(match entry::completion(&bytes, ticket) {
            Ok(done) => {
                self.slots[slot] = Slot::Done(done);
                self.completed = index.wrapping_add(1);
                Next::Completed(done)
            }
            Err(reason) => Next::Bad(reason, bytes),
        })
    }

    /// Adds what the registers say to the completion taken last.
    pub(crate) fn set_error_address(&mut self, address: u64) {
        let slot = self.slot(self.completed.wrapping_sub(1));
        if let Slot::Done(done) = &mut self.slots[slot] {
            done.error_address = address;
        }
    }

    /// The completion of a ticket if it is there; the entry is then free.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Result<Option<Completion>, Error> {
        // Distances modulo 2^32: the ticket must be one of the last `entries` submitted.
        let age = self.submitted.wrapping_sub(ticket.index);
        if ticket.generation != self.generation || age == 0 || age > self.entries() {
            return Err(Error::StaleTicket);
        }
        let slot = self.slot(ticket.index);
        match self.slots[slot] {
            Slot::Free => Err(Error::StaleTicket),
            Slot::Running(_) => Ok(None),
            Slot::Done(done) => {
                self.slots[slot] = Slot::Free;
                Ok(Some(done))
            }
        }
    }
}
