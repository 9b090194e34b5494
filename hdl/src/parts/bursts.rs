//! Splits a run of beats into AXI bursts.

use cbp_isa::Config;

use super::fifo::Fifo;
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;

/// Bits of a beat count.
pub const RUN_BITS: usize = 24;

/// Bursts of at most `limit` beats that never cross 4 KiB: one a cycle of different runs, one every other cycle of the
/// same.
///
/// ```text
/// run ─▶ what is left ─▶ queue ─▶ burst
/// ```
#[derive(LogicBlock)]
pub struct Bursts {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// Take a new run, when `ready`.
    pub go: Signal<In, Bit>,
    /// Its first byte, a multiple of the beat.
    pub address: Wire<In>,
    /// Its beats, at least 1.
    pub beats: Wire<In>,
    /// Its first beat elsewhere.
    pub place: Wire<In>,
    /// What its bursts are to carry, at most 16 bits.
    pub tag: Wire<In>,
    /// A new run can be taken in this cycle.
    pub ready: Signal<Out, Bit>,
    /// Largest burst, beats.
    pub limit: Wire<In>,
    /// A run is not finished.
    pub busy: Signal<Out, Bit>,
    /// A burst is offered.
    pub burst_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// Its first beat elsewhere.
    pub burst_place: Wire<Out>,
    /// Its run's tag.
    pub burst_tag: Wire<Out>,
    /// It is taken.
    pub burst_ready: Signal<In, Bit>,
    /// It is the last of the run.
    pub burst_last: Signal<Out, Bit>,
    next: Reg,
    left: Reg,
    next_place: Reg,
    next_tag: Reg,
    some: Dff<Bit>,
    fits: Reg,
    most: Reg,
    measured: Dff<Bit>,
    offer: Signal<Local, Bit>,
    length: Wire<Local>,
    bytes: Wire<Local>,
    page: Wire<Local>,
    room: Wire<Local>,
    run_page: Wire<Local>,
    run_room: Wire<Local>,
    burst: Concat,
    waiting: Fifo,
    oldest: Split,
    log2_beat: Const,
    page_beats: Const,
    _tag: usize,
}

/// Bursts that wait.
const WAITING: usize = 4;
/// 16-bit parts of one: address, length, place, tag, last of its run.
const PARTS: usize = 8;

impl Bursts {
    /// The splitter of a configuration, for tags of `tag` bits.
    #[must_use]
    pub fn new(config: &Config, tag: usize) -> Self {
        let beat = config.beat_bytes();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            go: Signal::default(),
            address: Wire::new(64),
            beats: Wire::new(RUN_BITS),
            place: Wire::new(16),
            tag: Wire::new(tag),
            ready: Signal::default(),
            limit: Wire::new(9),
            busy: Signal::default(),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_place: Wire::new(16),
            burst_tag: Wire::new(tag),
            burst_ready: Signal::default(),
            burst_last: Signal::default(),
            next: Reg::plain(64),
            left: Reg::plain(RUN_BITS),
            next_place: Reg::plain(16),
            next_tag: Reg::plain(tag),
            some: Dff::default(),
            fits: Reg::plain(1),
            most: Reg::plain(9),
            measured: Dff::default(),
            offer: Signal::default(),
            length: Wire::new(9),
            bytes: Wire::new(64),
            page: Wire::new(12),
            room: Wire::new(12),
            run_page: Wire::new(12),
            run_room: Wire::new(12),
            burst: Concat::new(PARTS, 16),
            waiting: Fifo::new(16 * PARTS, WAITING),
            oldest: Split::new(PARTS, 16),
            log2_beat: (beat.ilog2() as usize).into(),
            page_beats: (4096 / beat).into(),
            _tag: tag,
        }
    }
}

impl Logic for Bursts {
    #[hdl_gen]
    fn update(&mut self) {
        // What is left goes out when it is one burst, or when the largest one in it is known.
        self.length.next = self.most.q.val();
        if self.fits.q.val().any() {
            self.length.next = bits_resize(self.left.q.val(), 9);
        }
        self.offer.next = self.some.q.val()
            && (self.fits.q.val().any() || self.measured.q.val())
            && !self.waiting.full.val();
        self.ready.next = !self.some.q.val() || (self.fits.q.val().any() && !self.waiting.full.val());
        self.busy.next = self.some.q.val() || !self.waiting.empty.val();
        // To the end of the page, and at most the limit.
        self.page.next = self.next.q.val().get_bits::<12>(0) >> self.log2_beat.val();
        self.room.next = bits_resize(self.page_beats.val(), 12) - self.page.val();
        if !self.fits.q.val().any() && !self.measured.q.val() {
            self.measured.d.next = true;
            self.most.d.next = bits_resize(self.room.val(), 9);
            if self.room.val() > unsigned_cast(self.limit.val()) {
                self.most.d.next = self.limit.val();
            }
            self.fits.d.next = ((self.left.q.val() <= unsigned_cast(self.room.val()))
                && (self.left.q.val() <= unsigned_cast(self.limit.val())))
            .into();
        }
        self.bytes.next = unsigned_cast(self.most.q.val());
        if self.offer.val() {
            self.measured.d.next = false;
            self.next.d.next = self.next.q.val() + (self.bytes.val() << self.log2_beat.val());
            self.next_place.d.next = self.next_place.q.val() + unsigned_cast(self.most.q.val());
            self.left.d.next = self.left.q.val() - unsigned_cast(self.most.q.val());
            if self.fits.q.val().any() {
                self.some.d.next = false;
            }
        }
        // A run that is one burst needs no measuring.
        self.run_page.next = self.address.val().get_bits::<12>(0) >> self.log2_beat.val();
        self.run_room.next = bits_resize(self.page_beats.val(), 12) - self.run_page.val();
        if self.go.val() && self.ready.val() {
            self.some.d.next = true;
            self.measured.d.next = false;
            self.fits.d.next = ((self.beats.val() <= unsigned_cast(self.run_room.val()))
                && (self.beats.val() <= unsigned_cast(self.limit.val())))
            .into();
            self.next.d.next = self.address.val();
            self.left.d.next = self.beats.val();
            self.next_place.d.next = self.place.val();
            self.next_tag.d.next = self.tag.val();
        }
        // The bursts wait until they are taken.
        for i in 0..4 {
            self.burst.parts[i].next = self.next.q.val().get_bits::<16>(16 * i);
        }
        self.burst.parts[4].next = unsigned_cast(self.length.val());
        self.burst.parts[5].next = self.next_place.q.val();
        self.burst.parts[6].next = unsigned_cast(self.next_tag.q.val());
        self.burst.parts[7].next = unsigned_cast(self.fits.q.val());
        self.waiting.push.next = self.offer.val();
        self.waiting.data.next = self.burst.y.val();
        self.waiting.pop.next = self.waiting.valid.val() && self.burst_ready.val();
        self.oldest.x.next = self.waiting.head.val();
        self.burst_valid.next = self.waiting.valid.val();
        self.burst_address.next = self.waiting.head.val().get_bits::<64>(0);
        self.burst_beats.next = self.oldest.parts[4].val().get_bits::<9>(0);
        self.burst_place.next = self.oldest.parts[5].val();
        self.burst_tag.next = bits_resize(self.oldest.parts[6].val(), self._tag);
        self.burst_last.next = self.oldest.parts[7].val().get_bit(0);
    }
}
