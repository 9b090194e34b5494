//! A first-in first-out queue in distributed memory; the oldest entry stands in a register at the output.

use crate::lang::prelude::*;

/// A queue of a power of two of entries.
///
/// `head` is meaningful while `valid`; `pop` removes it. `push` while `full` is ignored by nobody: the user
/// must not do it.
///
/// ```text
/// data ─┬─▶ memory ─▶ mux ─▶ head
///       └─────────────▶┘
/// ```
///
/// What is made of `head` starts at a register, not behind a memory's look-up; an entry that finds nothing ahead of
/// it goes there at once. All entries are written to the memory, so that a push does not depend on a pop.
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
    held: Reg,
    head_q: Reg,
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
            head: Wire::new(width),
            full: Signal::default(),
            count: Wire::new(address + 1),
            memory: LookupRam::new(width, depth),
            write: Reg::with_reset(address, 0),
            read: Reg::with_reset(address, 0),
            held: Reg::with_reset(address + 1, 0),
            head_q: Reg::plain(width),
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
        self.head.next = self.head_q.q.val();
        self.full.next = self.held.q.val() == self.depth.val();
        self.count.next = self.held.q.val();
        if self.push.val() && !self.pop.val() {
            self.held.d.next = self.held.q.val() + 1;
        }
        if !self.push.val() && self.pop.val() {
            self.held.d.next = self.held.q.val() - 1;
        }
        // The head moves on to the entry behind it, or to the one that arrives.
        self.behind.next = self.held.q.val() > 1;
        self.moves.next = self.pop.val() || !self.valid_q.q.val();
        if self.moves.val() {
            self.valid_q.d.next = self.behind.val() || self.push.val();
            self.head_q.d.next = self.data.val();
            if self.behind.val() {
                self.head_q.d.next = self.memory.read_data.val();
            }
        }
        self.memory.write_enable.next = self.push.val();
        self.memory.write_address.next = self.write.q.val();
        self.memory.write_data.next = self.data.val();
        self.memory.read_address.next = self.read.q.val();
        if self.push.val() {
            self.write.d.next = self.write.q.val() + 1;
        }
        if self.moves.val() && (self.behind.val() || self.push.val()) {
            self.read.d.next = self.read.q.val() + 1;
        }
    }
}
