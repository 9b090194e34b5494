//! Which words a step reads, and which granules its position goes to.

use cbp_isa::instruction::compute;

use super::sequencer::INSTRUCTION_BITS;
use crate::lang::prelude::*;
use crate::parts::decode::decoder;

decoder!(
    /// The fields of COMPUTE that are addresses and strides.
    AddressFields, compute::FIELDS, INSTRUCTION_BITS,
    act_base, weight_base, act_step1, act_step2, act_step3, act_step4, out_base, out_step3, out_step4, keep_base,
    keep_step, residual_base, residual_step,
);

/// Addresses of the step at hand: sums of strides, kept up to date by adding; buffers wrap at their depth.
#[derive(LogicBlock)]
pub struct Addresses {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The running instruction.
    pub instruction: Wire<In>,
    /// It starts.
    pub start: Signal<In, Bit>,
    /// A step is issued.
    pub issue: Signal<In, Bit>,
    /// It is the last of loop i0.
    pub end0: Signal<In, Bit>,
    /// It is in the last round of i1.
    pub end1: Signal<In, Bit>,
    /// It is in the last round of i2.
    pub end2: Signal<In, Bit>,
    /// It is the last of its position.
    pub last_step: Signal<In, Bit>,
    /// Its position is the last of i3.
    pub end3: Signal<In, Bit>,
    /// Activation word of the step.
    pub act_word: Wire<Out>,
    /// Weight word of the step.
    pub weight_word: Wire<Out>,
    /// First granule of the position in the output buffer.
    pub out: Wire<Out>,
    /// In the activation buffer.
    pub keep: Wire<Out>,
    /// Of its residual operand.
    pub residual: Wire<Out>,
    fields: AddressFields,
    act: Reg,
    base1: Reg,
    base2: Reg,
    base3: Reg,
    base4: Reg,
    weight: Reg,
    out3: Reg,
    out4: Reg,
    keep_q: Reg,
    residual_q: Reg,
    next1: Wire<Local>,
    next2: Wire<Local>,
    next3: Wire<Local>,
    next4: Wire<Local>,
    next_out4: Wire<Local>,
}

impl Default for Addresses {
    fn default() -> Self {
        let (bit, word, wire) = (Signal::default, || Reg::plain(16), || Wire::new(16));
        Self {
            clock: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            start: Signal::default(),
            issue: bit(),
            end0: bit(),
            end1: bit(),
            end2: bit(),
            last_step: bit(),
            end3: bit(),
            act_word: Wire::new(16),
            weight_word: Wire::new(16),
            out: Wire::new(16),
            keep: Wire::new(16),
            residual: Wire::new(16),
            fields: AddressFields::default(),
            act: word(),
            base1: word(),
            base2: word(),
            base3: word(),
            base4: word(),
            weight: word(),
            out3: word(),
            out4: word(),
            keep_q: word(),
            residual_q: word(),
            next1: wire(),
            next2: wire(),
            next3: wire(),
            next4: wire(),
            next_out4: wire(),
        }
    }
}

impl Logic for Addresses {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.act_word.next = self.act.q.val();
        self.weight_word.next = self.weight.q.val();
        self.out.next = self.out3.q.val();
        self.keep.next = self.keep_q.q.val();
        self.residual.next = self.residual_q.q.val();
        self.next1.next = self.base1.q.val() + self.fields.act_step1.val();
        self.next2.next = self.base2.q.val() + self.fields.act_step2.val();
        self.next3.next = self.base3.q.val() + self.fields.act_step3.val();
        self.next4.next = self.base4.q.val() + self.fields.act_step4.val();
        self.next_out4.next = self.out4.q.val() + self.fields.out_step4.val();
        if self.issue.val() {
            self.act.d.next = self.act.q.val() + 1;
            self.weight.d.next = self.weight.q.val() + 1;
            if self.end0.val() {
                self.base1.d.next = self.next1.val();
                self.act.d.next = self.next1.val();
                if self.end1.val() {
                    self.base2.d.next = self.next2.val();
                    self.base1.d.next = self.next2.val();
                    self.act.d.next = self.next2.val();
                    if self.end2.val() {
                        // The next pass reads the same activations again.
                        self.base2.d.next = self.base3.q.val();
                        self.base1.d.next = self.base3.q.val();
                        self.act.d.next = self.base3.q.val();
                    }
                }
            }
            if self.last_step.val() {
                self.weight.d.next = self.fields.weight_base.val();
                self.out3.d.next = self.out3.q.val() + self.fields.out_step3.val();
                self.keep_q.d.next = self.keep_q.q.val() + unsigned_cast(self.fields.keep_step.val());
                self.residual_q.d.next =
                    self.residual_q.q.val() + unsigned_cast(self.fields.residual_step.val());
                self.base3.d.next = self.next3.val();
                self.base2.d.next = self.next3.val();
                self.base1.d.next = self.next3.val();
                self.act.d.next = self.next3.val();
                if self.end3.val() {
                    self.out4.d.next = self.next_out4.val();
                    self.out3.d.next = self.next_out4.val();
                    self.base4.d.next = self.next4.val();
                    self.base3.d.next = self.next4.val();
                    self.base2.d.next = self.next4.val();
                    self.base1.d.next = self.next4.val();
                    self.act.d.next = self.next4.val();
                }
            }
        }
        if self.start.val() {
            self.act.d.next = self.fields.act_base.val();
            self.base1.d.next = self.fields.act_base.val();
            self.base2.d.next = self.fields.act_base.val();
            self.base3.d.next = self.fields.act_base.val();
            self.base4.d.next = self.fields.act_base.val();
            self.weight.d.next = self.fields.weight_base.val();
            self.out3.d.next = self.fields.out_base.val();
            self.out4.d.next = self.fields.out_base.val();
            self.keep_q.d.next = self.fields.keep_base.val();
            self.residual_q.d.next = self.fields.residual_base.val();
        }
    }
}
