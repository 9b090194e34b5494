//! A first-in first-out queue; the oldest entry stands in its memory's output register.

use crate::lang::prelude::*;

/// Entries from which on a queue is worth block RAM.
const DEEP: usize = 64;

/// A queue of a power of two of entries.
///
/// `head` is meaningful while `valid`; `pop` removes it. `push` while `full` is ignored by nobody: the user
/// must not do it. An entry stands at the head two cycles after its push at the earliest.
///
/// ```text
/// data ─▶ memory ─▶ head
/// ```
///
/// Nothing goes around the memory: that would take a multiplexer as wide as the entries.
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
    /// An entry stands at the head.
    pub valid: Signal<Out, Bit>,
    /// There is no entry, not even on its way to the head.
    pub empty: Signal<Out, Bit>,
    /// The oldest entry.
    pub head: Wire<Out>,
    /// No room.
    pub full: Signal<Out, Bit>,
    /// Entries held.
    pub count: Wire<Out>,
    memory: Ram,
    write: Reg,
    read: Reg,
    held: Reg,
    valid_q: Dff<Bit>,
    behind: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
    depth: Const,
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
            empty: Signal::default(),
            head: Wire::new(width),
            full: Signal::default(),
            count: Wire::new(address + 1),
            memory: if depth >= DEEP { Ram::in_blocks(width, depth) } else { Ram::in_tables(width, depth) },
            write: Reg::with_reset(address, 0),
            read: Reg::with_reset(address, 0),
            held: Reg::with_reset(address + 1, 0),
            valid_q: Dff::default(),
            behind: Signal::default(),
            moves: Signal::default(),
            depth: depth.into(),
        }
    }
}

impl Logic for Fifo {
    #[hdl_gen]
    fn update(&mut self) {
        self.valid.next = self.valid_q.q.val();
        self.head.next = self.memory.read_data.val();
        self.full.next = self.held.q.val() == self.depth.val();
        self.empty.next = self.held.q.val() == 0;
        self.count.next = self.held.q.val();
        if self.push.val() && !self.pop.val() {
            self.held.d.next = self.held.q.val() + 1;
        }
        if !self.push.val() && self.pop.val() {
            self.held.d.next = self.held.q.val() - 1;
        }
        // The head moves on to the entry behind it, which was written before this cycle.
        self.behind.next = self.write.q.val() != self.read.q.val();
        self.moves.next = self.pop.val() || !self.valid_q.q.val();
        if self.moves.val() {
            self.valid_q.d.next = self.behind.val();
        }
        self.memory.write_enable.next = self.push.val();
        self.memory.write_address.next = self.write.q.val();
        self.memory.write_data.next = self.data.val();
        self.memory.read_enable.next = self.moves.val();
        self.memory.read_address.next = self.read.q.val();
        if self.push.val() {
            self.write.d.next = self.write.q.val() + 1;
        }
        if self.moves.val() && self.behind.val() {
            self.read.d.next = self.read.q.val() + 1;
        }
    }
}
