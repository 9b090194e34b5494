//! The loops of a COMPUTE: which step of which position is at hand.

use cbp_isa::instruction::compute;

use super::sequencer::INSTRUCTION_BITS;
use crate::lang::prelude::*;
use crate::parts::LoopCounter;
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
    /// It is the first of its pass.
    pub first_of_pass: Signal<Out, Bit>,
    /// It is the last of its pass.
    pub last_of_pass: Signal<Out, Bit>,
    /// It is the first of its position.
    pub first_step: Signal<Out, Bit>,
    /// It is the last of its position.
    pub last_step: Signal<Out, Bit>,
    /// Its position is the first of the instruction.
    pub begins: Signal<Out, Bit>,
    /// Its position is the last of the instruction.
    pub ends: Signal<Out, Bit>,
    fields: CountFields,
    i0: LoopCounter,
    i1: LoopCounter,
    i2: LoopCounter,
    passes: LoopCounter,
    i3: LoopCounter,
    i4: LoopCounter,
    first_of_pass_q: Reg,
    first_step_q: Reg,
    begins_q: Reg,
    last_of_pass_q: Reg,
    last_step_q: Reg,
    pass_will_end: Signal<Local, Bit>,
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
            first_of_pass: bit(),
            last_of_pass: bit(),
            first_step: bit(),
            last_step: bit(),
            begins: bit(),
            ends: bit(),
            fields: CountFields::default(),
            i0: LoopCounter::new(16),
            i1: LoopCounter::new(8),
            i2: LoopCounter::new(8),
            passes: LoopCounter::new(4),
            i3: LoopCounter::new(16),
            i4: LoopCounter::new(16),
            first_of_pass_q: Reg::plain(1),
            first_step_q: Reg::plain(1),
            begins_q: Reg::plain(1),
            last_of_pass_q: Reg::plain(1),
            last_step_q: Reg::plain(1),
            pass_will_end: Signal::default(),
        }
    }
}

impl Logic for Loops {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.i0.count.next = self.fields.count0.val();
        self.i1.count.next = self.fields.count1.val();
        self.i2.count.next = self.fields.count2.val();
        self.passes.count.next = self.fields.passes.val();
        self.i3.count.next = self.fields.count3.val();
        self.i4.count.next = self.fields.count4.val();
        self.i0.start.next = self.start.val();
        self.i1.start.next = self.start.val();
        self.i2.start.next = self.start.val();
        self.passes.start.next = self.start.val();
        self.i3.start.next = self.start.val();
        self.i4.start.next = self.start.val();
        // Where the step at hand stands.
        self.end0.next = self.i0.last.val();
        self.end1.next = self.i1.last.val();
        self.end2.next = self.i2.last.val();
        self.end3.next = self.i3.last.val();
        self.first_of_pass.next = self.first_of_pass_q.q.val().any();
        self.last_of_pass.next = self.last_of_pass_q.q.val().any();
        self.first_step.next = self.first_step_q.q.val().any();
        self.last_step.next = self.last_step_q.q.val().any();
        self.begins.next = self.begins_q.q.val().any();
        self.ends.next = self.i3.last.val() && self.i4.last.val();
        // The next one.
        self.i0.step.next = self.issue.val();
        self.i1.step.next = self.issue.val() && self.i0.last.val();
        self.i2.step.next = self.issue.val() && self.i0.last.val() && self.i1.last.val();
        self.passes.step.next = self.issue.val() && self.last_of_pass.val();
        self.i3.step.next = self.issue.val() && self.last_step.val();
        self.i4.step.next = self.issue.val() && self.last_step.val() && self.i3.last.val();
        // All else depends on whether a position may end: that is known beforehand.
        self.pass_will_end.next =
            self.i0.next_last.val() && self.i1.next_last.val() && self.i2.next_last.val();
        self.last_of_pass_q.d.next = self.pass_will_end.val().into();
        self.last_step_q.d.next = (self.pass_will_end.val() && self.passes.next_last.val()).into();
        if self.issue.val() {
            self.first_of_pass_q.d.next = self.last_of_pass.val().into();
            self.first_step_q.d.next = self.last_step.val().into();
            if self.last_step.val() {
                self.begins_q.d.next = 0.into();
            }
        }
        if self.start.val() {
            self.first_of_pass_q.d.next = 1.into();
            self.first_step_q.d.next = 1.into();
            self.begins_q.d.next = 1.into();
        }
    }
}
