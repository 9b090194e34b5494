//! What COMPUTE refuses.

use cbp_isa::Config;
use cbp_isa::instruction::compute;

use super::sequencer::INSTRUCTION_BITS;
use crate::lang::prelude::*;
use crate::parts::decode::decoder;

decoder!(
    /// The fields of COMPUTE that are checked.
    CheckedFields, compute::FIELDS, INSTRUCTION_BITS,
    mode, mask, maximum, target, passes, groups, count0, count1, count2, count3, count4,
);

/// Whether a COMPUTE can be run.
#[derive(LogicBlock)]
pub struct Refusal {
    /// The instruction.
    pub instruction: Wire<In>,
    /// It would never end, write nowhere, keep what is no activation, or read columns that are not there.
    pub bad: Signal<Out, Bit>,
    fields: CheckedFields,
    empty: Signal<Local, Bit>,
    beyond: Signal<Local, Bit>,
    ppu_groups: Const,
    lane_groups: Const,
}

impl Refusal {
    /// The checks of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            instruction: Wire::new(INSTRUCTION_BITS),
            bad: Signal::default(),
            fields: CheckedFields::default(),
            empty: Signal::default(),
            beyond: Signal::default(),
            ppu_groups: config.ppu_groups().into(),
            lane_groups: config.activation_granules().into(),
        }
    }
}

impl Logic for Refusal {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.empty.next = (self.fields.count0.val() == 0)
            || (self.fields.count1.val() == 0)
            || (self.fields.count2.val() == 0)
            || (self.fields.count3.val() == 0)
            || (self.fields.count4.val() == 0);
        self.beyond.next = self.fields.groups.val() > self.ppu_groups.val();
        if self.fields.maximum.val().any() {
            // Sign masks have room for the columns, not for the lanes.
            self.beyond.next =
                (self.fields.groups.val() > self.lane_groups.val()) || self.fields.mask.val().any();
        }
        self.bad.next = self.empty.val()
            || self.beyond.val()
            || (self.fields.passes.val() == 0)
            || (self.fields.passes.val() > 9)
            || (self.fields.groups.val() == 0)
            || (self.fields.target.val() == 0)
            || (self.fields.mode.val().any() && self.fields.target.val().get_bit(1));
    }
}
