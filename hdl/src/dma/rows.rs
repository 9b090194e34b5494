//! The rows of a LOAD or STORE: where each starts, and whether it lies inside its segment.

use cbp_isa::Config;

use crate::lang::prelude::*;
use crate::parts::bursts::RUN_BITS;

/// Walks `count1` × `count0` rows of an instruction and offers them one by one.
#[derive(LogicBlock)]
pub struct Rows {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget the walk.
    pub reset: Signal<In, Bit>,
    /// Start walking.
    pub go: Signal<In, Bit>,
    /// First row's offset in the segment, bytes.
    pub offset: Wire<In>,
    /// Beats of a row.
    pub length: Wire<In>,
    /// Rows, inner loop.
    pub count0: Wire<In>,
    /// Bytes between them.
    pub stride0: Wire<In>,
    /// Rows, outer loop.
    pub count1: Wire<In>,
    /// Bytes between those.
    pub stride1: Wire<In>,
    /// Segment's first byte.
    pub segment_base: Wire<In>,
    /// Segment's bytes.
    pub segment_length: Wire<In>,
    /// A row is offered.
    pub row_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub row_address: Wire<Out>,
    /// Its beats.
    pub row_beats: Wire<Out>,
    /// It is taken.
    pub row_ready: Signal<In, Bit>,
    /// It is the last one.
    pub row_last: Signal<Out, Bit>,
    /// The row offered leaves its segment.
    pub outside: Signal<Out, Bit>,
    /// The row offered does not start at a beat, or the instruction moves nothing.
    pub malformed: Signal<Out, Bit>,
    active: Dff<Bit>,
    i0: Reg,
    i1: Reg,
    inner: Reg,
    outer: Reg,
    end0: Signal<Local, Bit>,
    end1: Signal<Local, Bit>,
    next_outer: Wire<Local>,
    address: Wire<Local>,
    misaligned: Wire<Local>,
    bytes: Wire<Local>,
    row_end: Wire<Local>,
    log2_beat: Const,
    beat_mask: Const,
}

/// Bits of an offset while rows are walked: 40, and room for the strides.
const OFFSET_BITS: usize = 48;

impl Rows {
    /// The walker of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let beat = config.beat_bytes();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            go: Signal::default(),
            offset: Wire::new(40),
            length: Wire::new(16),
            count0: Wire::new(16),
            stride0: Wire::new(32),
            count1: Wire::new(16),
            stride1: Wire::new(32),
            segment_base: Wire::new(64),
            segment_length: Wire::new(32),
            row_valid: Signal::default(),
            row_address: Wire::new(64),
            row_beats: Wire::new(RUN_BITS),
            row_ready: Signal::default(),
            row_last: Signal::default(),
            outside: Signal::default(),
            malformed: Signal::default(),
            active: Dff::default(),
            i0: Reg::plain(16),
            i1: Reg::plain(16),
            inner: Reg::plain(OFFSET_BITS),
            outer: Reg::plain(OFFSET_BITS),
            end0: Signal::default(),
            end1: Signal::default(),
            next_outer: Wire::new(OFFSET_BITS),
            address: Wire::new(64),
            misaligned: Wire::new(64),
            bytes: Wire::new(OFFSET_BITS),
            row_end: Wire::new(OFFSET_BITS),
            log2_beat: (beat.ilog2() as usize).into(),
            beat_mask: (beat - 1).into(),
        }
    }
}

impl Logic for Rows {
    #[hdl_gen]
    fn update(&mut self) {
        self.end0.next = self.i0.q.val() == (self.count0.val() - 1);
        self.end1.next = self.i1.q.val() == (self.count1.val() - 1);
        self.next_outer.next = self.outer.q.val() + unsigned_cast(self.stride1.val());
        self.address.next = self.segment_base.val() + unsigned_cast(self.inner.q.val());
        self.misaligned.next = self.address.val() & self.beat_mask.val();
        self.bytes.next = bits_resize(self.length.val(), 48) << self.log2_beat.val();
        self.row_end.next = self.inner.q.val() + self.bytes.val();
        self.row_valid.next = self.active.q.val();
        self.row_address.next = self.address.val();
        self.row_beats.next = unsigned_cast(self.length.val());
        self.row_last.next = self.end0.val() && self.end1.val();
        self.outside.next = self.row_end.val() > unsigned_cast(self.segment_length.val());
        self.malformed.next = self.misaligned.val().any()
            || (self.length.val() == 0)
            || (self.count0.val() == 0)
            || (self.count1.val() == 0);
        if self.active.q.val() && self.row_ready.val() {
            self.i0.d.next = self.i0.q.val() + 1;
            self.inner.d.next = self.inner.q.val() + unsigned_cast(self.stride0.val());
            if self.end0.val() {
                self.i0.d.next = 0.into();
                self.i1.d.next = self.i1.q.val() + 1;
                self.inner.d.next = self.next_outer.val();
                self.outer.d.next = self.next_outer.val();
                if self.end1.val() {
                    self.active.d.next = false;
                }
            }
        }
        if self.go.val() {
            self.active.d.next = true;
            self.i0.d.next = 0.into();
            self.i1.d.next = 0.into();
            self.inner.d.next = unsigned_cast(self.offset.val());
            self.outer.d.next = unsigned_cast(self.offset.val());
        }
    }
}
