//! PACK: kernel windows out of the line buffer, packed densely into activation words.

use cbp_isa::Config;

use super::pack_walk::{PACK_BITS, PackFields, PackWalk};
use crate::lang::arith::{Concat, RotateDown, Split};
use crate::lang::prelude::*;
use crate::parts::{Buffer, Fifo};

/// PACKs waiting.
const PACKS: usize = 2;

/// One source beat a cycle: read, pad, rotate to its place, merge; a packed beat is written when it is full or its
/// position ends.
///
/// ```text
/// walk ─▶ line buffer ─▶ padding ─▶ rotate ─▶ merge ─▶ activation buffer
///                                               ▲  │
///                                               └──┘ what does not fill a beat yet
/// ```
#[derive(LogicBlock)]
pub struct Packer {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// Take a PACK.
    pub push: Signal<In, Bit>,
    /// It.
    pub instruction: Wire<In>,
    /// No further PACK can be taken.
    pub full: Signal<Out, Bit>,
    /// The oldest PACK may run.
    pub enable: Signal<In, Bit>,
    /// Its last beat is written in this cycle.
    pub done: Signal<Out, Bit>,
    /// LOAD writes a beat of the line buffer.
    pub line_write: Signal<In, Bit>,
    /// Which one.
    pub line_word: Wire<In>,
    /// The beat.
    pub line_data: Wire<In>,
    /// No activations can be written in this cycle.
    pub stall: Signal<In, Bit>,
    /// Write a beat of activations.
    pub write: Signal<Out, Bit>,
    /// Word to write to.
    pub write_word: Wire<Out>,
    /// Beat of the word.
    pub write_beat: Wire<Out>,
    /// The beat.
    pub write_data: Wire<Out>,
    queue: Fifo,
    fields: PackFields,
    walk: PackWalk,
    lines: Buffer,
    go: Signal<Local, Bit>,
    read_valid: Dff<Bit>,
    read_turn: Reg,
    read_offset: Reg,
    read_end: Reg,
    read_inside: Reg,
    read_ends: Dff<Bit>,
    read_last: Dff<Bit>,
    line_bytes: Split,
    padded: Concat,
    rotate: RotateDown,
    merge_valid: Dff<Bit>,
    merge_data: Reg,
    merge_offset: Reg,
    merge_fills: Reg,
    merge_spills: Reg,
    merge_ends: Dff<Bit>,
    merge_last: Dff<Bit>,
    kept: Vec<Reg>,
    new_bytes: Split,
    merged: Concat,
    fills: Signal<Local, Bit>,
    spills: Signal<Local, Bit>,
    spilling: Dff<Bit>,
    spilling_last: Dff<Bit>,
    wants: Signal<Local, Bit>,
    position_done: Signal<Local, Bit>,
    place: Reg,
    word: Reg,
    begun: Dff<Bit>,
    place_now: Wire<Local>,
    word_now: Wire<Local>,
    _amount: usize,
    beat_bytes: Const,
    act_beats: Const,
}

impl Packer {
    /// The packer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (axi, beat) = (config.axi_bits, config.beat_bytes());
        let (bit, byte) = (Signal::default, || Reg::plain(8));
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            push: Signal::default(),
            instruction: Wire::new(PACK_BITS),
            full: Signal::default(),
            enable: Signal::default(),
            done: Signal::default(),
            line_write: Signal::default(),
            line_word: Wire::new(16),
            line_data: Wire::new(axi),
            stall: Signal::default(),
            write: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            queue: Fifo::new(PACK_BITS, PACKS),
            fields: PackFields::default(),
            walk: PackWalk::new(config),
            lines: Buffer::new(config.line_depth, 1, axi),
            go: bit(),
            read_valid: Dff::default(),
            read_turn: byte(),
            read_offset: byte(),
            read_end: byte(),
            read_inside: byte(),
            read_ends: Dff::default(),
            read_last: Dff::default(),
            line_bytes: Split::new(beat, 8),
            padded: Concat::new(beat, 8),
            rotate: RotateDown::new(beat, 8),
            merge_valid: Dff::default(),
            merge_data: Reg::plain(axi),
            merge_offset: byte(),
            merge_fills: Reg::plain(1),
            merge_spills: Reg::plain(1),
            merge_ends: Dff::default(),
            merge_last: Dff::default(),
            kept: Reg::many(beat, 8),
            new_bytes: Split::new(beat, 8),
            merged: Concat::new(beat, 8),
            fills: bit(),
            spills: bit(),
            spilling: Dff::default(),
            spilling_last: Dff::default(),
            wants: bit(),
            position_done: bit(),
            place: byte(),
            word: Reg::plain(16),
            begun: Dff::default(),
            place_now: Wire::new(8),
            word_now: Wire::new(16),
            _amount: beat.ilog2() as usize,
            beat_bytes: beat.into(),
            act_beats: config.activation_beats().into(),
        }
    }
}

impl Logic for Packer {
    #[hdl_gen]
    fn update(&mut self) {
        self.queue.push.next = self.push.val();
        self.queue.data.next = self.instruction.val();
        self.full.next = self.queue.full.val();
        self.fields.word.next = self.queue.head.val();
        // What the last stage does decides whether all move on.
        self.fills.next = self.merge_fills.q.val().any();
        self.spills.next = self.merge_spills.q.val().any();
        self.wants.next = self.spilling.q.val()
            || (self.merge_valid.q.val() && (self.fills.val() || self.merge_ends.q.val()));
        self.write.next = self.wants.val() && !self.stall.val();
        // A position's last bytes that do not fit its last full beat take a cycle of their own.
        self.go.next = !self.spilling.q.val() && (!self.wants.val() || !self.stall.val());
        self.position_done.next =
            self.write.val() && (self.spilling.q.val() || (self.merge_ends.q.val() && !self.spills.val()));
        self.done.next = self.position_done.val()
            && ((self.spilling.q.val() && self.spilling_last.q.val())
                || (!self.spilling.q.val() && self.merge_last.q.val()));
        self.walk.waiting.next = self.queue.valid.val();
        self.walk.instruction.next = self.queue.head.val();
        self.walk.enable.next = self.enable.val() && self.queue.valid.val();
        self.walk.done.next = self.done.val();
        self.queue.pop.next = self.done.val();
        // 1: read a beat of the line buffer.
        self.walk.ready.next = self.go.val();
        self.lines.write_enable.next = self.line_write.val();
        self.lines.write_word.next = self.line_word.val();
        self.lines.write_beat.next = 0.into();
        self.lines.write_data.next = self.line_data.val();
        self.lines.read_enable.next = self.go.val() && self.walk.valid.val();
        self.lines.read_word.next = self.walk.beat.val();
        if self.go.val() {
            self.read_valid.d.next = self.walk.valid.val();
            self.read_turn.d.next = self.walk.low.val() - self.walk.offset.val();
            self.read_offset.d.next = self.walk.offset.val();
            self.read_end.d.next = self.walk.offset.val() + self.walk.taken.val();
            self.read_inside.d.next = self.walk.inside.val();
            self.read_ends.d.next = self.walk.position_ends.val();
            self.read_last.d.next = self.walk.ends.val();
        }
        // 2: padding, and its bytes to their place; those beyond the packed beat come round to its begin.
        self.line_bytes.x.next = self.lines.beat[0].val();
        for i in 0..self.beat_bytes.value {
            self.padded.parts[i].next = self.fields.fill.val();
            if self.read_inside.q.val() > i {
                self.padded.parts[i].next = self.line_bytes.parts[i].val();
            }
        }
        self.rotate.x.next = self.padded.y.val();
        self.rotate.amount.next = bits_resize(self.read_turn.q.val(), self._amount);
        if self.go.val() {
            self.merge_valid.d.next = self.read_valid.q.val();
            self.merge_data.d.next = self.rotate.y.val();
            self.merge_offset.d.next = self.read_offset.q.val();
            self.merge_fills.d.next = (self.read_end.q.val() >= self.beat_bytes.val()).into();
            self.merge_spills.d.next =
                (self.read_ends.q.val() && (self.read_end.q.val() > self.beat_bytes.val())).into();
            self.merge_ends.d.next = self.read_ends.q.val();
            self.merge_last.d.next = self.read_last.q.val();
        }
        // 3: merge with what is kept; write.
        self.new_bytes.x.next = self.merge_data.q.val();
        for i in 0..self.beat_bytes.value {
            self.merged.parts[i].next = self.new_bytes.parts[i].val();
            if self.spilling.q.val() || (self.merge_offset.q.val() > i) {
                self.merged.parts[i].next = self.kept[i].q.val();
            }
            // A byte that is not new stays: each has an enable of its own instead of a multiplexer.
            if self.go.val()
                && self.merge_valid.q.val()
                && (self.fills.val() || (self.merge_offset.q.val() <= i))
            {
                self.kept[i].d.next = self.new_bytes.parts[i].val();
            }
        }
        if self.go.val() && self.merge_valid.q.val() {
            self.spilling.d.next = self.spills.val();
            self.spilling_last.d.next = self.merge_last.q.val();
        }
        if self.spilling.q.val() && !self.stall.val() {
            self.spilling.d.next = false;
        }
        self.write_data.next = self.merged.y.val();
        // The next beat, or a position's fresh word.
        self.place_now.next = self.place.q.val();
        self.word_now.next = self.word.q.val();
        if !self.begun.q.val() {
            self.place_now.next = 0.into();
            self.word_now.next = self.fields.base.val();
        }
        self.write_word.next = self.word_now.val();
        self.write_beat.next = self.place_now.val();
        if self.write.val() {
            self.begun.d.next = true;
            self.place.d.next = self.place_now.val() + 1;
            self.word.d.next = self.word_now.val();
            if self.position_done.val() || (self.place_now.val() == (self.act_beats.val() - 1)) {
                self.place.d.next = 0.into();
                self.word.d.next = self.word_now.val() + 1;
            }
        }
        if self.done.val() {
            self.begun.d.next = false;
        }
    }
}
