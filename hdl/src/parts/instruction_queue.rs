//! A queue of instructions that arrive beat by beat.

use crate::lang::arith::Concat;
use crate::lang::prelude::*;

/// Instructions that fit, beside the one at the head and the one that arrives.
const DEPTH: usize = 8;
/// Bits of a beat's place.
pub const PLACE_BITS: usize = 4;

/// Keeps instructions as they come, a beat a word of block RAM, and puts the oldest together in registers: no
/// multiplexer.
///
/// Beats are put into the place behind the last instruction, and count from `push` on; what is put and never pushed is
/// overwritten. An instruction stands at the head one cycle more after its push than it has beats, or in the cycle
/// after `pop` if it had the time.
#[derive(LogicBlock)]
pub struct InstructionQueue {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Empties the queue.
    pub reset: Signal<In, Bit>,
    /// A beat of the instruction to come.
    pub put: Signal<In, Bit>,
    /// Which of them.
    pub place: Wire<In>,
    /// The beat.
    pub beat: Wire<In>,
    /// The instruction is complete, and for this queue.
    pub push: Signal<In, Bit>,
    /// No room.
    pub full: Signal<Out, Bit>,
    /// No instruction.
    pub empty: Signal<Out, Bit>,
    /// There is an instruction at the head.
    pub valid: Signal<Out, Bit>,
    /// It.
    pub head: Wire<Out>,
    /// Remove it.
    pub pop: Signal<In, Bit>,
    memory: Ram,
    write: Reg,
    read: Reg,
    held: Wire<Local>,
    filled: Reg,
    came: Dff<Bit>,
    came_place: Reg,
    part: Vec<Reg>,
    word: Concat,
    head_q: Reg,
    have: Dff<Bit>,
    last: Signal<Local, Bit>,
    complete: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
    step: Signal<Local, Bit>,
    room: Const,
    early_parts: Const,
    parts_log2: Const,
    _address: usize,
}

impl InstructionQueue {
    /// Instructions of `width` bits, beats of `beat` bits.
    #[must_use]
    pub fn new(width: usize, beat: usize) -> Self {
        let parts = width / beat;
        let address = (DEPTH * parts).ilog2() as usize;
        let pointer = || Reg::with_reset(DEPTH.ilog2() as usize + 1, 0);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            put: Signal::default(),
            place: Wire::new(PLACE_BITS),
            beat: Wire::new(beat),
            push: Signal::default(),
            full: Signal::default(),
            empty: Signal::default(),
            valid: Signal::default(),
            head: Wire::new(width),
            pop: Signal::default(),
            memory: Ram::in_blocks(beat, DEPTH * parts),
            write: pointer(),
            read: pointer(),
            held: Wire::new(DEPTH.ilog2() as usize + 1),
            filled: Reg::with_reset(PLACE_BITS, 0),
            came: Dff::default(),
            came_place: Reg::plain(PLACE_BITS),
            part: Reg::many(parts - 1, beat),
            word: Concat::new(parts, beat),
            head_q: Reg::plain(width),
            have: Dff::default(),
            last: Signal::default(),
            complete: Signal::default(),
            moves: Signal::default(),
            step: Signal::default(),
            room: (DEPTH - 1).into(),
            early_parts: (parts - 1).into(),
            parts_log2: (parts.ilog2() as usize).into(),
            _address: address,
        }
    }
}

impl Logic for InstructionQueue {
    #[hdl_gen]
    fn update(&mut self) {
        self.held.next = self.write.q.val() - self.read.q.val();
        // One place is kept for the instruction that arrives.
        self.full.next = self.held.val() == self.room.val();
        self.empty.next = (self.held.val() == 0) && !self.came.q.val() && !self.have.q.val();
        self.memory.write_enable.next = self.put.val();
        self.memory.write_address.next = (bits_resize(self.write.q.val(), self._address)
            << self.parts_log2.val())
            | bits_resize(self.place.val(), self._address);
        self.memory.write_data.next = self.beat.val();
        self.memory.read_address.next = (bits_resize(self.read.q.val(), self._address)
            << self.parts_log2.val())
            | bits_resize(self.filled.q.val(), self._address);
        if self.push.val() {
            self.write.d.next = self.write.q.val() + 1;
        }
        // Beats are read ahead, all but the last, which goes to the head with them: it waits where it was read.
        self.complete.next = self.came.q.val() && (self.came_place.q.val() == self.early_parts.val());
        self.moves.next = self.complete.val() && (!self.have.q.val() || self.pop.val());
        self.step.next = (self.held.val() != 0) && (!self.complete.val() || self.moves.val());
        self.memory.read_enable.next = self.step.val();
        self.last.next = self.filled.q.val() == self.early_parts.val();
        if self.step.val() {
            self.came_place.d.next = self.filled.q.val();
            self.filled.d.next = self.filled.q.val() + 1;
            if self.last.val() {
                self.filled.d.next = 0.into();
                self.read.d.next = self.read.q.val() + 1;
            }
        }
        if !self.complete.val() || self.moves.val() {
            self.came.d.next = self.step.val();
        }
        for i in 0..self.early_parts.value {
            if self.came_place.q.val() == i {
                self.part[i].d.next = self.memory.read_data.val();
            }
            self.word.parts[i].next = self.part[i].q.val();
        }
        self.word.parts[self.early_parts.value].next = self.memory.read_data.val();
        if self.pop.val() {
            self.have.d.next = false;
        }
        if self.moves.val() {
            self.head_q.d.next = self.word.y.val();
            self.have.d.next = true;
        }
        self.valid.next = self.have.q.val();
        self.head.next = self.head_q.q.val();
    }
}
