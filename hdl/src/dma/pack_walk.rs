//! The address side of PACK: which beats of which lines, one a cycle.

use cbp_isa::Config;
use cbp_isa::instruction::pack;

use super::line_steps::LineSteps;
use crate::lang::prelude::*;
use crate::parts::LoopCounter;
use crate::parts::decode::decoder;

/// Bits of an encoded PACK.
pub const PACK_BITS: usize = 220;

decoder!(
    /// The fields of PACK.
    PackFields, pack::FIELDS, PACK_BITS,
    fill, piece, pieces, piece_step, count0, count1, column, column_step, line_bytes, line, line_step, lines, line_base,
    line_pitch, base,
);

/// Walks the pieces of all positions and offers their beats.
///
/// Of a beat, `taken` bytes from byte `low` on count, and go to byte `offset` of the packed beat and the bytes behind
/// it; bytes from `inside` on are padding.
#[derive(LogicBlock)]
pub struct PackWalk {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// A PACK is waiting.
    pub waiting: Signal<In, Bit>,
    /// It.
    pub instruction: Wire<In>,
    /// It may run.
    pub enable: Signal<In, Bit>,
    /// It has been run.
    pub done: Signal<In, Bit>,
    /// A beat is offered: read this one of the line buffer.
    pub valid: Signal<Out, Bit>,
    /// Which one.
    pub beat: Wire<Out>,
    /// It is taken.
    pub ready: Signal<In, Bit>,
    /// First byte that counts.
    pub low: Wire<Out>,
    /// Bytes that count.
    pub taken: Wire<Out>,
    /// Byte of the packed beat that they go to.
    pub offset: Wire<Out>,
    /// Bytes of the beat that belong to the line.
    pub inside: Wire<Out>,
    /// They are the last of their position.
    pub position_ends: Signal<Out, Bit>,
    /// And of the instruction.
    pub ends: Signal<Out, Bit>,
    fields: PackFields,
    steps: LineSteps,
    running: Dff<Bit>,
    walked: Dff<Bit>,
    start: Signal<Local, Bit>,
    x: LoopCounter,
    y: LoopCounter,
    r: LoopCounter,
    reach: Reg,
    reach_here: Wire<Local>,
    reach_next: Wire<Local>,
    reach_first: Wire<Local>,
    column: Reg,
    line_y: Reg,
    line_r: Reg,
    address_y: Reg,
    address_r: Reg,
    at: Reg,
    left: Reg,
    offset_q: Reg,
    room: Wire<Local>,
    piece_ends: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    first_column: Wire<Local>,
    first_line: Wire<Local>,
    next_column: Wire<Local>,
    next_line: Wire<Local>,
    next_address: Wire<Local>,
    wide: Wire<Local>,
    index: Wire<Local>,
    rest: Wire<Local>,
    rest_beats: Wire<Local>,
    line_outside: Signal<Local, Bit>,
    beat_bytes: Const,
    beat_mask: Const,
    log2_beat: Const,
}

/// Bits of a byte's place in its line, and of a line's number, signed.
const PLACE_BITS: usize = 20;

impl PackWalk {
    /// The walk of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let beat = config.beat_bytes();
        let (bit, word) = (Signal::default, || Reg::plain(16));
        let place = || Wire::new(PLACE_BITS);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            waiting: Signal::default(),
            instruction: Wire::new(PACK_BITS),
            enable: Signal::default(),
            done: Signal::default(),
            valid: Signal::default(),
            beat: Wire::new(16),
            ready: Signal::default(),
            low: Wire::new(8),
            taken: Wire::new(8),
            offset: Wire::new(8),
            inside: Wire::new(8),
            position_ends: Signal::default(),
            ends: Signal::default(),
            fields: PackFields::default(),
            steps: LineSteps::default(),
            running: Dff::default(),
            walked: Dff::default(),
            start: bit(),
            x: LoopCounter::new(16),
            y: LoopCounter::new(16),
            r: LoopCounter::new(8),
            reach: Reg::plain(13),
            reach_here: Wire::new(13),
            reach_next: Wire::new(13),
            reach_first: Wire::new(13),
            column: Reg::plain(PLACE_BITS),
            line_y: Reg::plain(PLACE_BITS),
            line_r: Reg::plain(PLACE_BITS),
            address_y: word(),
            address_r: word(),
            at: Reg::plain(PLACE_BITS),
            left: Reg::plain(12),
            offset_q: Reg::plain(8),
            room: Wire::new(8),
            piece_ends: bit(),
            advance: bit(),
            first_column: place(),
            first_line: place(),
            next_column: place(),
            next_line: place(),
            next_address: Wire::new(16),
            wide: Wire::new(24),
            index: Wire::new(24),
            rest: Wire::new(24),
            rest_beats: Wire::new(24),
            line_outside: bit(),
            beat_bytes: beat.into(),
            beat_mask: (beat - 1).into(),
            log2_beat: (beat.ilog2() as usize).into(),
        }
    }
}

impl Logic for PackWalk {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.steps.waiting.next = self.waiting.val();
        self.steps.pitch.next = self.fields.line_pitch.val();
        self.steps.base.next = self.fields.line_base.val();
        self.steps.line.next = self.fields.line.val();
        self.steps.line_step.next = self.fields.line_step.val();
        self.steps.piece_step.next = self.fields.piece_step.val();
        self.steps.done.next = self.done.val();
        self.start.next =
            self.enable.val() && self.steps.ready.val() && !self.running.q.val() && !self.walked.q.val();
        // What this beat contributes.
        self.valid.next = self.running.q.val();
        self.low.next = bits_resize(self.at.q.val(), 8) & self.beat_mask.val();
        self.room.next = self.beat_bytes.val() - self.low.val();
        self.piece_ends.next = self.reach.q.val() <= self.beat_bytes.val();
        self.taken.next = self.room.val();
        if self.piece_ends.val() {
            self.taken.next = bits_resize(self.left.q.val(), 8);
        }
        self.offset.next = self.offset_q.q.val();
        self.wide.next = signed_cast(self.at.q.val());
        self.index.next = self.wide.val() >> self.log2_beat.val();
        self.beat.next = self.address_r.q.val() + bits_resize(self.index.val(), 16);
        // How much of it belongs to the line: a line begins with a beat.
        self.rest.next =
            unsigned_cast(self.fields.line_bytes.val()) - (self.index.val() << self.log2_beat.val());
        self.rest_beats.next = self.rest.val() >> self.log2_beat.val();
        self.line_outside.next = self.line_r.q.val().get_bit(19)
            || (self.line_r.q.val() >= unsigned_cast(self.fields.lines.val()));
        self.inside.next = self.beat_bytes.val();
        if self.rest_beats.val() == 0 {
            self.inside.next = bits_resize(self.rest.val(), 8);
        }
        if self.rest.val().get_bit(23) || self.at.q.val().get_bit(19) || self.line_outside.val() {
            self.inside.next = 0.into();
        }
        // Where in the loops it is.
        self.r.count.next = self.fields.pieces.val();
        self.x.count.next = self.fields.count0.val();
        self.y.count.next = self.fields.count1.val();
        self.position_ends.next = self.piece_ends.val() && self.r.last.val();
        self.ends.next = self.position_ends.val() && self.x.last.val() && self.y.last.val();
        self.advance.next = self.running.q.val() && self.ready.val();
        self.r.start.next = self.start.val();
        self.x.start.next = self.start.val();
        self.y.start.next = self.start.val();
        self.r.step.next = self.advance.val() && self.piece_ends.val();
        self.x.step.next = self.advance.val() && self.position_ends.val();
        self.y.step.next = self.advance.val() && self.position_ends.val() && self.x.last.val();
        // Advance.
        self.first_column.next = signed_cast(self.fields.column.val());
        self.first_line.next = signed_cast(self.fields.line.val());
        self.next_column.next = self.column.q.val() + unsigned_cast(self.fields.column_step.val());
        self.next_line.next = self.line_y.q.val() + unsigned_cast(self.fields.line_step.val());
        self.next_address.next = self.address_y.q.val() + self.steps.row_step.val();
        // How far the piece reaches from the begin of the beat at hand.
        self.reach_here.next = unsigned_cast(self.fields.piece.val())
            + unsigned_cast(bits_resize(self.column.q.val(), 8) & self.beat_mask.val());
        self.reach_next.next = unsigned_cast(self.fields.piece.val())
            + unsigned_cast(bits_resize(self.next_column.val(), 8) & self.beat_mask.val());
        self.reach_first.next = unsigned_cast(self.fields.piece.val())
            + unsigned_cast(bits_resize(self.first_column.val(), 8) & self.beat_mask.val());
        if self.advance.val() {
            self.reach.d.next = self.reach.q.val() - self.beat_bytes.val();
            self.at.d.next = self.at.q.val() + unsigned_cast(self.room.val());
            self.left.d.next = self.left.q.val() - unsigned_cast(self.room.val());
            self.offset_q.d.next = (self.offset_q.q.val() + self.taken.val()) & self.beat_mask.val();
            if self.piece_ends.val() {
                self.at.d.next = self.column.q.val();
                self.reach.d.next = self.reach_here.val();
                self.left.d.next = self.fields.piece.val();
                self.line_r.d.next = self.line_r.q.val() + unsigned_cast(self.fields.piece_step.val());
                self.address_r.d.next = self.address_r.q.val() + self.steps.piece_pitch.val();
                if self.r.last.val() {
                    self.offset_q.d.next = 0.into();
                    self.column.d.next = self.next_column.val();
                    self.at.d.next = self.next_column.val();
                    self.reach.d.next = self.reach_next.val();
                    self.line_r.d.next = self.line_y.q.val();
                    self.address_r.d.next = self.address_y.q.val();
                    if self.x.last.val() {
                        self.column.d.next = self.first_column.val();
                        self.at.d.next = self.first_column.val();
                        self.reach.d.next = self.reach_first.val();
                        self.line_y.d.next = self.next_line.val();
                        self.line_r.d.next = self.next_line.val();
                        self.address_y.d.next = self.next_address.val();
                        self.address_r.d.next = self.next_address.val();
                    }
                }
            }
            if self.ends.val() {
                self.running.d.next = false;
                self.walked.d.next = true;
            }
        }
        if self.done.val() {
            self.walked.d.next = false;
        }
        if self.start.val() {
            self.running.d.next = true;
            self.column.d.next = self.first_column.val();
            self.at.d.next = self.first_column.val();
            self.reach.d.next = self.reach_first.val();
            self.line_y.d.next = self.first_line.val();
            self.line_r.d.next = self.first_line.val();
            self.address_y.d.next = self.steps.first_address.val();
            self.address_r.d.next = self.steps.first_address.val();
            self.left.d.next = self.fields.piece.val();
            self.offset_q.d.next = 0.into();
        }
    }
}
