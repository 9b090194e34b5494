//! The rows of a LOAD or STORE: where each starts, and whether it lies inside its segment.

use cbp_isa::Config;
use cbp_isa::ring::SEGMENTS;

use crate::lang::adder::CarryAdder;
use crate::lang::prelude::*;
use crate::parts::LoopCounter;
use crate::parts::bursts::RUN_BITS;

/// Walks `count1` × `count0` rows of an instruction and offers them one by one, two cycles behind `go`.
///
/// ```text
/// go ─▶ offset of a row ─▶ its address, checked ─▶ row
/// ```
///
/// A cycle without `go` lies between a reset, or a walk's last row, and the next walk. The instruction's fields hold
/// still from the cycle of `go` until the last row is taken; the segment may arrive with `go`.
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
    /// Which segment.
    pub segment: Wire<In>,
    /// Its first byte; any if there is no such segment.
    pub segment_base: Wire<In>,
    /// Its bytes; any if there is no such segment.
    pub segment_length: Wire<In>,
    /// The instruction cannot be run, a cycle after `go`.
    pub refused: Signal<In, Bit>,
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
    /// The row offered does not start at a beat, or the instruction moves nothing or is refused.
    pub malformed: Signal<Out, Bit>,
    /// The row offered can be moved.
    pub sound: Signal<Out, Bit>,
    active: Dff<Bit>,
    i0: LoopCounter,
    i1: LoopCounter,
    inner: Reg,
    outer: Reg,
    base: Reg,
    room: Reg,
    empty: Dff<Bit>,
    valid: Dff<Bit>,
    address_q: Reg,
    last_q: Dff<Bit>,
    outside_q: Dff<Bit>,
    malformed_q: Dff<Bit>,
    sound_q: Dff<Bit>,
    leaves: Signal<Local, Bit>,
    bad: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    outer_adder: CarryAdder,
    address: Wire<Local>,
    misaligned: Wire<Local>,
    bytes: Wire<Local>,
    one: Wire<Local>,
    segments: Const,
    log2_beat: Const,
    beat_mask: Const,
}

/// Bits of an offset in a segment that strides may have moved.
const OFFSET_BITS: usize = 48;
/// Bits of what a row leaves of a segment, signed.
const ROOM_BITS: usize = 33;

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
            segment: Wire::new(4),
            segment_base: Wire::new(64),
            segment_length: Wire::new(32),
            refused: Signal::default(),
            row_valid: Signal::default(),
            row_address: Wire::new(64),
            row_beats: Wire::new(RUN_BITS),
            row_ready: Signal::default(),
            row_last: Signal::default(),
            outside: Signal::default(),
            malformed: Signal::default(),
            sound: Signal::default(),
            active: Dff::default(),
            i0: LoopCounter::new(16),
            i1: LoopCounter::new(16),
            inner: Reg::plain(OFFSET_BITS),
            outer: Reg::plain(OFFSET_BITS),
            base: Reg::plain(64),
            room: Reg::plain(ROOM_BITS),
            empty: Dff::default(),
            valid: Dff::default(),
            address_q: Reg::plain(64),
            last_q: Dff::default(),
            outside_q: Dff::default(),
            malformed_q: Dff::default(),
            sound_q: Dff::default(),
            leaves: Signal::default(),
            bad: Signal::default(),
            advance: Signal::default(),
            outer_adder: CarryAdder::new(OFFSET_BITS, OFFSET_BITS),
            address: Wire::new(64),
            misaligned: Wire::new(64),
            bytes: Wire::new(ROOM_BITS),
            one: Wire::new(1),
            segments: SEGMENTS.into(),
            log2_beat: (beat.ilog2() as usize).into(),
            beat_mask: (beat - 1).into(),
        }
    }
}

impl Logic for Rows {
    #[hdl_gen]
    fn update(&mut self) {
        // What all rows share.
        self.base.d.next = self.segment_base.val();
        self.bytes.next = bits_resize(self.length.val(), 33) << self.log2_beat.val();
        self.room.d.next = unsigned_cast(self.segment_length.val()) - self.bytes.val();
        // Nothing fits a segment that is not there.
        self.one.next = 1.into();
        if self.segment.val() >= self.segments.val() {
            self.room.d.next = signed_cast(self.one.val());
        }
        self.empty.d.next = (self.length.val() == 0) || (self.count0.val() == 0) || (self.count1.val() == 0);
        // The row offered.
        self.advance.next = self.active.q.val() && (!self.valid.q.val() || self.row_ready.val());
        self.address.next = self.base.q.val() + unsigned_cast(self.inner.q.val());
        self.misaligned.next = self.address.val() & self.beat_mask.val();
        self.leaves.next = self.room.q.val().get_bit(32)
            || (self.inner.q.val() > unsigned_cast(self.room.q.val().get_bits::<32>(0)));
        self.bad.next = self.misaligned.val().any() || self.empty.q.val() || self.refused.val();
        if self.row_ready.val() {
            self.valid.d.next = false;
        }
        if self.advance.val() {
            self.valid.d.next = true;
            self.address_q.d.next = self.address.val();
            self.last_q.d.next = self.i0.last.val() && self.i1.last.val();
            self.outside_q.d.next = self.leaves.val();
            self.malformed_q.d.next = self.bad.val();
            self.sound_q.d.next = !self.leaves.val() && !self.bad.val();
        }
        self.row_valid.next = self.valid.q.val();
        self.row_address.next = self.address_q.q.val();
        self.row_beats.next = unsigned_cast(self.length.val());
        self.row_last.next = self.last_q.q.val();
        self.outside.next = self.outside_q.q.val();
        self.malformed.next = self.malformed_q.q.val();
        self.sound.next = self.sound_q.q.val();
        // The one behind it.
        self.i0.count.next = self.count0.val();
        self.i0.start.next = self.go.val();
        self.i0.step.next = self.advance.val();
        self.i1.count.next = self.count1.val();
        self.i1.start.next = self.go.val();
        self.i1.step.next = self.advance.val() && self.i0.last.val();
        // Between walks the outer offset is 0: a walk begins, and goes on, by one adder and no multiplexer.
        self.outer_adder.sum.next = self.outer.q.val();
        self.outer_adder.carry.next = false;
        self.outer_adder.start.next = unsigned_cast(self.stride1.val());
        if self.go.val() {
            self.outer_adder.start.next = unsigned_cast(self.offset.val());
        }
        if self.go.val() || (self.advance.val() && self.i0.last.val()) {
            self.outer.d.next = self.outer_adder.y.val();
            self.inner.d.next = self.outer_adder.y.val();
        } else if self.advance.val() {
            self.inner.d.next = self.inner.q.val() + unsigned_cast(self.stride0.val());
        }
        if !self.active.q.val() && !self.go.val() {
            self.outer.d.next = 0.into();
        }
        if self.advance.val() && self.i0.last.val() && self.i1.last.val() {
            self.active.d.next = false;
        }
        if self.go.val() {
            self.active.d.next = true;
        }
    }
}
