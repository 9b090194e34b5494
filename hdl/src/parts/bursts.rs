//! Splits a run of beats into AXI bursts.

use cbp_isa::Config;

use crate::lang::prelude::*;

/// Bits of a beat count.
pub const RUN_BITS: usize = 24;

/// Bursts of at most `limit` beats that never cross 4 KiB, one a cycle.
#[derive(LogicBlock)]
pub struct Bursts {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget the run.
    pub reset: Signal<In, Bit>,
    /// Take a new run.
    pub go: Signal<In, Bit>,
    /// Its first byte, a multiple of the beat.
    pub address: Wire<In>,
    /// Its beats.
    pub beats: Wire<In>,
    /// A new run can be taken in this cycle.
    pub ready: Signal<Out, Bit>,
    /// Largest burst, beats.
    pub limit: Wire<In>,
    /// A burst is offered.
    pub burst_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// It is taken.
    pub burst_ready: Signal<In, Bit>,
    /// It is the last of the run.
    pub burst_last: Signal<Out, Bit>,
    next: Reg,
    left: Reg,
    page: Wire<Local>,
    in_page: Wire<Local>,
    room: Wire<Local>,
    length: Wire<Local>,
    bytes: Wire<Local>,
    log2_beat: Const,
    page_beats: Const,
    _page_bits: usize,
}

impl Bursts {
    /// The splitter of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let beat = config.beat_bytes();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            go: Signal::default(),
            address: Wire::new(64),
            beats: Wire::new(RUN_BITS),
            ready: Signal::default(),
            limit: Wire::new(9),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_ready: Signal::default(),
            burst_last: Signal::default(),
            next: Reg::plain(64),
            left: Reg::with_reset(RUN_BITS, 0),
            page: Wire::new(12),
            in_page: Wire::new(12),
            room: Wire::new(RUN_BITS),
            length: Wire::new(RUN_BITS),
            bytes: Wire::new(64),
            log2_beat: (beat.ilog2() as usize).into(),
            page_beats: (4096 / beat).into(),
            _page_bits: 12,
        }
    }
}

impl Logic for Bursts {
    #[hdl_gen]
    fn update(&mut self) {
        self.page.next = self.next.q.val().get_bits::<12>(0);
        self.in_page.next = self.page.val() >> self.log2_beat.val();
        self.room.next = bits_resize(self.page_beats.val(), 24) - unsigned_cast(self.in_page.val());
        self.length.next = self.left.q.val();
        if self.left.q.val() > self.room.val() {
            self.length.next = self.room.val();
        }
        if self.length.val() > unsigned_cast(self.limit.val()) {
            self.length.next = unsigned_cast(self.limit.val());
        }
        self.burst_valid.next = self.left.q.val() != 0;
        self.burst_address.next = self.next.q.val();
        self.burst_beats.next = bits_resize(self.length.val(), 9);
        self.burst_last.next = self.left.q.val() == self.length.val();
        self.ready.next = !self.burst_valid.val() || (self.burst_ready.val() && self.burst_last.val());
        self.bytes.next = unsigned_cast(self.length.val());
        if self.burst_valid.val() && self.burst_ready.val() {
            self.next.d.next = self.next.q.val() + (self.bytes.val() << self.log2_beat.val());
            self.left.d.next = self.left.q.val() - self.length.val();
        }
        if self.go.val() {
            self.next.d.next = self.address.val();
            self.left.d.next = self.beats.val();
        }
    }
}
