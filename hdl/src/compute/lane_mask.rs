//! Which lanes count in a step, and what they read outside their tensor.

use cbp_isa::Config;
use cbp_isa::instruction::compute;

use super::sequencer::INSTRUCTION_BITS;
use crate::lang::arith::Concat;
use crate::lang::prelude::*;
use crate::parts::decode::decoder;

decoder!(
    /// The fields of COMPUTE that mask lanes.
    MaskFields, compute::FIELDS, INSTRUCTION_BITS, maximum, lane_first, lane_count, fill,
);

/// Lanes without a channel read 0; only the last word of a run of i0 can have such lanes, and no maximum.
#[derive(LogicBlock)]
pub struct LaneMask {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The running instruction.
    pub instruction: Wire<In>,
    /// The step at hand is the last of loop i0.
    pub end0: Signal<In, Bit>,
    /// It lies outside its tensor.
    pub outside: Signal<In, Bit>,
    /// Lanes that count, one cycle after the step.
    pub lane_mask: Wire<Out>,
    /// It lies outside, with the mask.
    pub late_outside: Wire<Out>,
    /// What is read there.
    pub fill: Wire<Out>,
    fields: MaskFields,
    lane_end: Wire<Local>,
    masks: Concat,
    one: Wire<Local>,
    mask_q: Reg,
    outside_q: Reg,
    fill_q: Reg,
    lanes: Const,
}

impl LaneMask {
    /// The masks of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            clock: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            end0: Signal::default(),
            outside: Signal::default(),
            lane_mask: Wire::new(config.lanes),
            late_outside: Wire::new(1),
            fill: Wire::new(8),
            fields: MaskFields::default(),
            lane_end: Wire::new(9),
            masks: Concat::new(config.lanes, 1),
            one: Wire::new(1),
            mask_q: Reg::plain(config.lanes),
            outside_q: Reg::plain(1),
            fill_q: Reg::plain(8),
            lanes: config.lanes.into(),
        }
    }
}

impl Logic for LaneMask {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.lane_end.next =
            unsigned_cast(self.fields.lane_first.val()) + unsigned_cast(self.fields.lane_count.val());
        for k in 0..self.lanes.value {
            self.masks.parts[k].next =
                ((self.fields.lane_first.val() <= k) && (self.lane_end.val() > k)).into();
        }
        self.mask_q.d.next = self.masks.y.val();
        // All of them by the registers' set inputs.
        self.one.next = 1.into();
        if !self.end0.val() || self.fields.maximum.val().any() {
            self.mask_q.d.next = signed_cast(self.one.val());
        }
        self.outside_q.d.next = self.outside.val().into();
        self.fill_q.d.next = self.fields.fill.val();
        self.lane_mask.next = self.mask_q.q.val();
        self.late_outside.next = self.outside_q.q.val();
        self.fill.next = self.fill_q.q.val();
    }
}
