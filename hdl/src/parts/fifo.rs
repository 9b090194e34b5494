//! A first-in first-out queue in distributed memory; the oldest entry stands at the output.

use crate::lang::prelude::*;

/// A queue of a power of two of entries.
///
/// `head` is meaningful while `valid`; `pop` removes it. `push` while `full` is ignored by nobody: the user
/// must not do it.
#[derive(LogicBlock)]
pub struct Fifo {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Empties the queue.
    pub reset: Signal<In, Bit>,
    /// Append `data`.
    pub push: Signal<In, Bit>,
    /// The entry to append.
    pub data: Wire<In>,
    /// Remove the oldest entry.
    pub pop: Signal<In, Bit>,
    /// There is an entry.
    pub valid: Signal<Out, Bit>,
    /// The oldest entry.
    pub head: Wire<Out>,
    /// No room.
    pub full: Signal<Out, Bit>,
    /// Entries held.
    pub count: Wire<Out>,
    memory: LookupRam,
    write: Reg,
    read: Reg,
    held: Wire<Local>,
    depth: Const,
    _address: usize,
}

impl Fifo {
    /// `depth` (a power of two, at least 2) entries of `width` bits.
    #[must_use]
    pub fn new(width: usize, depth: usize) -> Self {
        let address = depth.ilog2() as usize;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            push: Signal::default(),
            data: Wire::new(width),
            pop: Signal::default(),
            valid: Signal::default(),
            head: Wire::new(width),
            full: Signal::default(),
            count: Wire::new(address + 1),
            memory: LookupRam::new(width, depth),
            write: Reg::with_reset(address + 1, 0),
            read: Reg::with_reset(address + 1, 0),
            held: Wire::new(address + 1),
            depth: depth.into(),
            _address: address,
        }
    }
}

impl Logic for Fifo {
    #[hdl_gen]
    fn update(&mut self) {
        // Pointers carry one bit more than the address, so that full and empty differ.
        self.held.next = self.write.q.val() - self.read.q.val();
        self.valid.next = self.held.val() != 0;
        self.full.next = self.held.val() == self.depth.val();
        self.count.next = self.held.val();
        self.memory.write_enable.next = self.push.val();
        self.memory.write_address.next = bits_resize(self.write.q.val(), self._address);
        self.memory.write_data.next = self.data.val();
        self.memory.read_address.next = bits_resize(self.read.q.val(), self._address);
        self.head.next = self.memory.read_data.val();
        if self.push.val() {
            self.write.d.next = self.write.q.val() + 1;
        }
        if self.pop.val() {
            self.read.d.next = self.read.q.val() + 1;
        }
    }
}
