//! The AXI master's write side: STORE, and the completion entries.

use cbp_isa::Config;

use super::burst_log::BurstLog;
use crate::lang::prelude::*;

/// Writes under way.
pub const UNDER_WAY: usize = 32;

/// Registers the address channel, passes beats on, counts responses.
///
/// Two clients: STORE, and the completion writer, which runs only while STORE has no burst open.
#[derive(LogicBlock)]
pub struct WritePort {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Only when nothing is under way.
    pub reset: Signal<In, Bit>,
    /// The completion writer has the port.
    pub completing: Signal<In, Bit>,
    /// STORE offers a burst.
    pub store_burst: Signal<In, Bit>,
    /// Its first byte.
    pub store_address: Wire<In>,
    /// Its beats.
    pub store_beats: Wire<In>,
    /// STORE's burst is taken.
    pub store_burst_ready: Signal<Out, Bit>,
    /// STORE offers a beat.
    pub store_valid: Signal<In, Bit>,
    /// The beat.
    pub store_data: Wire<In>,
    /// Last of its burst.
    pub store_last: Signal<In, Bit>,
    /// STORE's beat is taken.
    pub store_ready: Signal<Out, Bit>,
    /// The completion writer offers its burst.
    pub completion_burst: Signal<In, Bit>,
    /// Its first byte.
    pub completion_address: Wire<In>,
    /// Its beats.
    pub completion_beats: Wire<In>,
    /// It is taken.
    pub completion_burst_ready: Signal<Out, Bit>,
    /// The completion writer offers a beat.
    pub completion_valid: Signal<In, Bit>,
    /// The beat.
    pub completion_data: Wire<In>,
    /// Last of its burst.
    pub completion_last: Signal<In, Bit>,
    /// It is taken.
    pub completion_ready: Signal<Out, Bit>,
    /// AXI: request.
    pub awvalid: Signal<Out, Bit>,
    /// AXI: accepted.
    pub awready: Signal<In, Bit>,
    /// AXI: first byte.
    pub awaddr: Wire<Out>,
    /// AXI: beats − 1.
    pub awlen: Wire<Out>,
    /// AXI: a beat is offered.
    pub wvalid: Signal<Out, Bit>,
    /// AXI: accepted.
    pub wready: Signal<In, Bit>,
    /// AXI: the beat.
    pub wdata: Wire<Out>,
    /// AXI: last of its burst.
    pub wlast: Signal<Out, Bit>,
    /// AXI: a response is here.
    pub bvalid: Signal<In, Bit>,
    /// AXI: response.
    pub bresp: Wire<In>,
    /// Writes without a response.
    pub busy: Signal<Out, Bit>,
    /// A burst of STORE is answered.
    pub store_answered: Signal<Out, Bit>,
    /// A write was answered with an error.
    pub error: Signal<Out, Bit>,
    /// First byte of that burst, two cycles later.
    pub error_address: Wire<Out>,
    /// Something moved in this cycle.
    pub progress: Signal<Out, Bit>,
    valid: Dff<Bit>,
    addr: Reg,
    len: Reg,
    offered: Signal<Local, Bit>,
    address: Wire<Local>,
    beats: Wire<Local>,
    length: Wire<Local>,
    room: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    begun: BurstLog,
    under_way: Reg,
    answered: Signal<Local, Bit>,
    most: Const,
}

impl WritePort {
    /// The write side of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            completing: Signal::default(),
            store_burst: Signal::default(),
            store_address: Wire::new(64),
            store_beats: Wire::new(9),
            store_burst_ready: Signal::default(),
            store_valid: Signal::default(),
            store_data: Wire::new(axi),
            store_last: Signal::default(),
            store_ready: Signal::default(),
            completion_burst: Signal::default(),
            completion_address: Wire::new(64),
            completion_beats: Wire::new(9),
            completion_burst_ready: Signal::default(),
            completion_valid: Signal::default(),
            completion_data: Wire::new(axi),
            completion_last: Signal::default(),
            completion_ready: Signal::default(),
            awvalid: Signal::default(),
            awready: Signal::default(),
            awaddr: Wire::new(64),
            awlen: Wire::new(8),
            wvalid: Signal::default(),
            wready: Signal::default(),
            wdata: Wire::new(axi),
            wlast: Signal::default(),
            bvalid: Signal::default(),
            bresp: Wire::new(2),
            busy: Signal::default(),
            store_answered: Signal::default(),
            error: Signal::default(),
            error_address: Wire::new(64),
            progress: Signal::default(),
            valid: Dff::default(),
            addr: Reg::plain(64),
            len: Reg::plain(8),
            offered: Signal::default(),
            address: Wire::new(64),
            beats: Wire::new(9),
            length: Wire::new(9),
            room: Signal::default(),
            take: Signal::default(),
            begun: BurstLog::new(1, UNDER_WAY),
            under_way: Reg::with_reset(UNDER_WAY.ilog2() as usize + 1, 0),
            answered: Signal::default(),
            most: UNDER_WAY.into(),
        }
    }
}

impl Logic for WritePort {
    #[hdl_gen]
    fn update(&mut self) {
        self.offered.next = self.store_burst.val();
        self.address.next = self.store_address.val();
        self.beats.next = self.store_beats.val();
        self.wvalid.next = self.store_valid.val();
        self.wdata.next = self.store_data.val();
        self.wlast.next = self.store_last.val();
        if self.completing.val() {
            self.offered.next = self.completion_burst.val();
            self.address.next = self.completion_address.val();
            self.beats.next = self.completion_beats.val();
            self.wvalid.next = self.completion_valid.val();
            self.wdata.next = self.completion_data.val();
            self.wlast.next = self.completion_last.val();
        }
        self.room.next =
            (!self.valid.q.val() || self.awready.val()) && (self.under_way.q.val() != self.most.val());
        self.take.next = self.offered.val() && self.room.val();
        self.store_burst_ready.next = self.room.val() && !self.completing.val();
        self.completion_burst_ready.next = self.room.val() && self.completing.val();
        self.store_ready.next = self.wready.val() && !self.completing.val();
        self.completion_ready.next = self.wready.val() && self.completing.val();
        self.length.next = self.beats.val() - 1;
        if self.awready.val() {
            self.valid.d.next = false;
        }
        if self.take.val() {
            self.valid.d.next = true;
            self.addr.d.next = self.address.val();
            self.len.d.next = bits_resize(self.length.val(), 8);
        }
        self.awvalid.next = self.valid.q.val();
        self.awaddr.next = self.addr.q.val();
        self.awlen.next = self.len.q.val();
        // All writes have one AXI ID, so responses come in order.
        self.busy.next = self.under_way.q.val() != 0;
        self.answered.next = self.bvalid.val() && self.busy.val();
        if self.take.val() && !self.answered.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.take.val() && self.answered.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        self.begun.push.next = self.take.val();
        self.begun.push_queue.next = 0.into();
        self.begun.address.next = self.address.val();
        self.begun.pop.next = self.answered.val();
        self.begun.queue.next = 0.into();
        self.store_answered.next = self.answered.val() && !self.completing.val();
        self.error.next = self.bvalid.val() && self.bresp.val().get_bit(1);
        self.error_address.next = self.begun.oldest.val();
        self.progress.next = self.bvalid.val()
            || (self.wvalid.val() && self.wready.val())
            || (self.valid.q.val() && self.awready.val());
    }
}
