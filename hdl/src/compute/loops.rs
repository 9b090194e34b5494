//! The loops of a COMPUTE: which step of which position is at hand.

use cbp_isa::instruction::compute;

use super::sequencer::INSTRUCTION_BITS;
use crate::lang::prelude::*;
use crate::parts::decode::decoder;

decoder!(
    /// The fields of COMPUTE that count.
    CountFields, compute::FIELDS, INSTRUCTION_BITS, passes, count0, count1, count2, count3, count4,
);

/// Loops i0 (innermost) to i4; the passes are between i2 and i3.
#[derive(LogicBlock)]
pub struct Loops {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The running instruction.
    pub instruction: Wire<In>,
    /// It starts.
    pub start: Signal<In, Bit>,
    /// The step at hand is issued.
    pub issue: Signal<In, Bit>,
    /// The step is the last of i0.
    pub end0: Signal<Out, Bit>,
    /// It is in the last round of i1.
    pub end1: Signal<Out, Bit>,
    /// It is in the last round of i2.
    pub end2: Signal<Out, Bit>,
    /// Its position is the last of i3.
    pub end3: Signal<Out, Bit>,
    /// Its pass.
    pub pass: Wire<Out>,
    /// It is the first of its pass.
    pub first_of_pass: Signal<Out, Bit>,
    /// It is the last of its position.
    pub last_step: Signal<Out, Bit>,
    /// Its position is the first of the instruction.
    pub begins: Signal<Out, Bit>,
    /// Its position is the last of the instruction.
    pub ends: Signal<Out, Bit>,
    fields: CountFields,
    i0: Reg,
    i1: Reg,
    i2: Reg,
    i3: Reg,
    i4: Reg,
    pass_q: Reg,
    next0: Wire<Local>,
    next1: Wire<Local>,
    next2: Wire<Local>,
    next3: Wire<Local>,
    next4: Wire<Local>,
    next_pass: Wire<Local>,
}

impl Default for Loops {
    fn default() -> Self {
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            start: Signal::default(),
            issue: Signal::default(),
            end0: bit(),
            end1: bit(),
            end2: bit(),
            end3: bit(),
            pass: Wire::new(4),
            first_of_pass: bit(),
            last_step: bit(),
            begins: bit(),
            ends: bit(),
            fields: CountFields::default(),
            i0: Reg::plain(16),
            i1: Reg::plain(8),
            i2: Reg::plain(8),
            i3: Reg::plain(16),
            i4: Reg::plain(16),
            pass_q: Reg::plain(4),
            next0: Wire::new(16),
            next1: Wire::new(8),
            next2: Wire::new(8),
            next3: Wire::new(16),
            next4: Wire::new(16),
            next_pass: Wire::new(4),
        }
    }
}

impl Logic for Loops {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        // The last round is the one whose successor is the count: no second adder for count − 1.
        self.next0.next = self.i0.q.val() + 1;
        self.next1.next = self.i1.q.val() + 1;
        self.next2.next = self.i2.q.val() + 1;
        self.next3.next = self.i3.q.val() + 1;
        self.next4.next = self.i4.q.val() + 1;
        self.next_pass.next = self.pass_q.q.val() + 1;
        self.end0.next = self.next0.val() == self.fields.count0.val();
        self.end1.next = self.next1.val() == self.fields.count1.val();
        self.end2.next = self.next2.val() == self.fields.count2.val();
        self.end3.next = self.next3.val() == self.fields.count3.val();
        self.pass.next = self.pass_q.q.val();
        self.first_of_pass.next = (self.i0.q.val() == 0) && (self.i1.q.val() == 0) && (self.i2.q.val() == 0);
        self.last_step.next = self.end0.val()
            && self.end1.val()
            && self.end2.val()
            && (self.next_pass.val() == self.fields.passes.val());
        self.begins.next = (self.i3.q.val() == 0) && (self.i4.q.val() == 0);
        self.ends.next = self.end3.val() && (self.next4.val() == self.fields.count4.val());
        if self.issue.val() {
            self.i0.d.next = self.next0.val();
            if self.end0.val() {
                self.i0.d.next = 0.into();
                self.i1.d.next = self.next1.val();
                if self.end1.val() {
                    self.i1.d.next = 0.into();
                    self.i2.d.next = self.next2.val();
                    if self.end2.val() {
                        self.i2.d.next = 0.into();
                        self.pass_q.d.next = self.next_pass.val();
                    }
                }
            }
            if self.last_step.val() {
                self.pass_q.d.next = 0.into();
                self.i3.d.next = self.next3.val();
                if self.end3.val() {
                    self.i3.d.next = 0.into();
                    self.i4.d.next = self.next4.val();
                }
            }
        }
        if self.start.val() {
            self.i0.d.next = 0.into();
            self.i1.d.next = 0.into();
            self.i2.d.next = 0.into();
            self.i3.d.next = 0.into();
            self.i4.d.next = 0.into();
            self.pass_q.d.next = 0.into();
        }
    }
}
