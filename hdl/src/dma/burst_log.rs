//! Where the bursts under way began, for error reports.

use crate::lang::prelude::*;

/// Queues of addresses, in one block RAM.
///
/// A queue must not be pushed to while it holds as many addresses as it may, nor popped while it holds none.
#[derive(LogicBlock)]
pub struct BurstLog {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Empties all queues.
    pub reset: Signal<In, Bit>,
    /// A burst begins.
    pub push: Signal<In, Bit>,
    /// Of this queue.
    pub push_queue: Wire<In>,
    /// At this address.
    pub address: Wire<In>,
    /// The oldest burst ends.
    pub pop: Signal<In, Bit>,
    /// Of this queue.
    pub queue: Wire<In>,
    /// Where the oldest burst of `queue` began, two cycles later.
    pub oldest: Wire<Out>,
    newest: Vec<Reg>,
    next: Vec<Reg>,
    write_place: Wire<Local>,
    read_place: Wire<Local>,
    memory: Ram,
    oldest_q: Reg,
    queues: Const,
    depth_log2: Const,
    _address: usize,
}

/// Bits of a queue's number.
pub const QUEUE_BITS: usize = 8;

impl BurstLog {
    /// `queues` queues of `depth` (a power of two) addresses.
    #[must_use]
    pub fn new(queues: usize, depth: usize) -> Self {
        let pointers = || (0..queues).map(|_| Reg::with_reset(depth.ilog2() as usize, 0)).collect();
        let places = (queues * depth).next_power_of_two();
        let address = places.ilog2() as usize;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            push: Signal::default(),
            push_queue: Wire::new(QUEUE_BITS),
            address: Wire::new(64),
            pop: Signal::default(),
            queue: Wire::new(QUEUE_BITS),
            oldest: Wire::new(64),
            newest: pointers(),
            next: pointers(),
            write_place: Wire::new(address),
            read_place: Wire::new(address),
            memory: Ram::in_blocks(64, places),
            oldest_q: Reg::plain(64),
            queues: queues.into(),
            depth_log2: (depth.ilog2() as usize).into(),
            _address: address,
        }
    }
}

impl Logic for BurstLog {
    #[hdl_gen]
    fn update(&mut self) {
        self.write_place.next = 0.into();
        self.read_place.next = 0.into();
        for i in 0..self.queues.value {
            if self.push_queue.val() == i {
                self.write_place.next = unsigned_cast(self.newest[i].q.val());
                if self.push.val() {
                    self.newest[i].d.next = self.newest[i].q.val() + 1;
                }
            }
            if self.queue.val() == i {
                self.read_place.next = unsigned_cast(self.next[i].q.val());
                if self.pop.val() {
                    self.next[i].d.next = self.next[i].q.val() + 1;
                }
            }
        }
        self.memory.write_enable.next = self.push.val();
        self.memory.write_address.next = self.write_place.val()
            | (bits_resize(self.push_queue.val(), self._address) << self.depth_log2.val());
        self.memory.write_data.next = self.address.val();
        self.memory.read_enable.next = true;
        self.memory.read_address.next =
            self.read_place.val() | (bits_resize(self.queue.val(), self._address) << self.depth_log2.val());
        self.oldest_q.d.next = self.memory.read_data.val();
        self.oldest.next = self.oldest_q.q.val();
    }
}
