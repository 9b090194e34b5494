//! The AXI master's read side: three clients share the address channel.
//!
//! Each client has one AXI ID, so its beats arrive in the order of its requests and need no reorder buffer;
//! beats of different clients may interleave.

use cbp_isa::Config;

use super::burst_log::BurstLog;
use crate::lang::prelude::*;

/// Clients, by AXI ID and falling priority: 0 command ring entries, 1 instructions, 2 operands.
pub const CLIENTS: usize = 3;

/// Arbiter, request register, and the count of reads under way.
#[derive(LogicBlock)]
pub struct ReadPort {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Only when nothing is under way.
    pub reset: Signal<In, Bit>,
    /// Requests: a burst is wanted.
    pub request: Vec<Signal<In, Bit>>,
    /// Their first bytes.
    pub address: Vec<Wire<In>>,
    /// Their beats.
    pub beats: Vec<Wire<In>>,
    /// Taken in this cycle.
    pub granted: Vec<Signal<Out, Bit>>,
    /// A beat for this client is here.
    pub beat_valid: Vec<Signal<Out, Bit>>,
    /// The operand client takes its beat; the others always do.
    pub operand_ready: Signal<In, Bit>,
    /// AXI: request.
    pub arvalid: Signal<Out, Bit>,
    /// AXI: accepted.
    pub arready: Signal<In, Bit>,
    /// AXI: first byte.
    pub araddr: Wire<Out>,
    /// AXI: beats − 1.
    pub arlen: Wire<Out>,
    /// AXI: client.
    pub arid: Wire<Out>,
    /// AXI: a beat is here.
    pub rvalid: Signal<In, Bit>,
    /// AXI: taken.
    pub rready: Signal<Out, Bit>,
    /// AXI: client.
    pub rid: Wire<In>,
    /// AXI: response.
    pub rresp: Wire<In>,
    /// AXI: last beat of its burst.
    pub rlast: Signal<In, Bit>,
    /// Reads are under way.
    pub busy: Signal<Out, Bit>,
    /// A beat came with an error.
    pub error: Signal<Out, Bit>,
    /// First byte of the burst at fault, two cycles later.
    pub error_address: Wire<Out>,
    /// Something moved in this cycle.
    pub progress: Signal<Out, Bit>,
    valid: Dff<Bit>,
    addr: Reg,
    len: Reg,
    id: Reg,
    choice: Wire<Local>,
    chosen: Signal<Local, Bit>,
    room: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    length: Wire<Local>,
    last_beat: Wire<Local>,
    chosen_address: Wire<Local>,
    beat: Signal<Local, Bit>,
    finish: Signal<Local, Bit>,
    under_way: Reg,
    begun: BurstLog,
    clients: Const,
    tags: Const,
}

impl ReadPort {
    /// The read side of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let bits = |n: usize| (0..n).map(|_| Signal::default()).collect();
        let count = config.read_tags.ilog2() as usize + 1;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            request: (0..CLIENTS).map(|_| Signal::default()).collect(),
            address: Wire::many(CLIENTS, 64),
            beats: Wire::many(CLIENTS, 9),
            granted: bits(CLIENTS),
            beat_valid: bits(CLIENTS),
            operand_ready: Signal::default(),
            arvalid: Signal::default(),
            arready: Signal::default(),
            araddr: Wire::new(64),
            arlen: Wire::new(8),
            arid: Wire::new(8),
            rvalid: Signal::default(),
            rready: Signal::default(),
            rid: Wire::new(8),
            rresp: Wire::new(2),
            rlast: Signal::default(),
            busy: Signal::default(),
            error: Signal::default(),
            error_address: Wire::new(64),
            progress: Signal::default(),
            valid: Dff::default(),
            addr: Reg::plain(64),
            len: Reg::plain(8),
            id: Reg::plain(8),
            choice: Wire::new(8),
            chosen: Signal::default(),
            room: Signal::default(),
            take: Signal::default(),
            length: Wire::new(9),
            last_beat: Wire::new(9),
            chosen_address: Wire::new(64),
            beat: Signal::default(),
            finish: Signal::default(),
            under_way: Reg::with_reset(count, 0),
            begun: BurstLog::new(CLIENTS, config.read_tags),
            clients: CLIENTS.into(),
            tags: config.read_tags.into(),
        }
    }
}

impl Logic for ReadPort {
    #[hdl_gen]
    fn update(&mut self) {
        self.rready.next = (self.rid.val() != 2) || self.operand_ready.val();
        self.beat.next = self.rvalid.val() && self.rready.val();
        self.finish.next = self.beat.val() && self.rlast.val();
        self.choice.next = 2.into();
        self.chosen.next = self.request[2].val();
        if self.request[1].val() {
            self.choice.next = 1.into();
            self.chosen.next = true;
        }
        if self.request[0].val() {
            self.choice.next = 0.into();
            self.chosen.next = true;
        }
        // The request register is free, and fewer reads than tags are under way.
        self.room.next =
            (!self.valid.q.val() || self.arready.val()) && (self.under_way.q.val() < self.tags.val());
        self.take.next = self.chosen.val() && self.room.val();
        if self.arready.val() {
            self.valid.d.next = false;
        }
        self.length.next = 0.into();
        self.chosen_address.next = self.address[0].val();
        for i in 0..self.clients.value {
            self.granted[i].next = self.take.val() && (self.choice.val() == i);
            if self.choice.val() == i {
                self.length.next = self.beats[i].val();
            }
            if self.choice.val() == i {
                self.chosen_address.next = self.address[i].val();
            }
            self.beat_valid[i].next = self.rvalid.val() && (self.rid.val() == i);
        }
        self.last_beat.next = self.length.val() - 1;
        if self.take.val() {
            self.valid.d.next = true;
            self.addr.d.next = self.chosen_address.val();
            self.len.d.next = bits_resize(self.last_beat.val(), 8);
            self.id.d.next = self.choice.val();
        }
        self.arvalid.next = self.valid.q.val();
        self.araddr.next = self.addr.q.val();
        self.arlen.next = self.len.q.val();
        self.arid.next = self.id.q.val();
        if self.take.val() && !self.finish.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.take.val() && self.finish.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        self.busy.next = self.under_way.q.val() != 0;
        self.error.next = self.beat.val() && self.rresp.val().get_bit(1);
        self.begun.push.next = self.take.val();
        self.begun.push_queue.next = self.choice.val();
        self.begun.address.next = self.chosen_address.val();
        self.begun.pop.next = self.finish.val();
        self.begun.queue.next = self.rid.val();
        self.error_address.next = self.begun.oldest.val();
        self.progress.next = self.beat.val() || (self.valid.q.val() && self.arready.val());
    }
}
