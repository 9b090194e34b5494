//! Which lanes count in a step, and what they read outside their tensor.

use cbp_isa::Config;
use cbp_isa::instruction::compute;

use super::lane_input::INPUT_LATENCY;
use super::sequencer::INSTRUCTION_BITS;
use crate::lang::arith::Concat;
use crate::lang::prelude::*;
use crate::parts::Delay;
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
    /// For nothing: all of it is data.
    pub reset: Signal<In, Bit>,
    /// The running instruction.
    pub instruction: Wire<In>,
    /// The step at hand is the last of loop i0.
    pub end0: Signal<In, Bit>,
    /// It lies outside its tensor.
    pub outside: Signal<In, Bit>,
    /// It lies outside, one cycle after the step.
    pub late_outside: Wire<Out>,
    /// If so what is read there, else 0; two cycles after the step.
    pub fill: Wire<Out>,
    /// Lanes that do not count, three cycles after the step.
    pub idle_lanes: Wire<Out>,
    fields: MaskFields,
    lane_end: Wire<Local>,
    masks: Concat,
    mask_q: Reg,
    mask_delay: Delay,
    outside_q: Reg,
    fill_q: Reg,
    late_fill: Reg,
    lanes: Const,
}

impl LaneMask {
    /// The masks of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            end0: Signal::default(),
            outside: Signal::default(),
            idle_lanes: Wire::new(config.lanes),
            late_outside: Wire::new(1),
            fill: Wire::new(8),
            fields: MaskFields::default(),
            lane_end: Wire::new(9),
            masks: Concat::new(config.lanes, 1),
            mask_q: Reg::plain(config.lanes),
            mask_delay: Delay::new(config.lanes, INPUT_LATENCY - 1, false),
            outside_q: Reg::plain(1),
            fill_q: Reg::plain(8),
            late_fill: Reg::plain(8),
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
                ((self.fields.lane_first.val() > k) || (self.lane_end.val() <= k)).into();
        }
        self.mask_q.d.next = self.masks.y.val();
        // None by the registers' resets.
        if !self.end0.val() || self.fields.maximum.val().any() {
            self.mask_q.d.next = 0.into();
        }
        self.outside_q.d.next = self.outside.val().into();
        self.fill_q.d.next = self.fields.fill.val();
        self.late_fill.d.next = self.fill_q.q.val();
        if !self.outside_q.q.val().any() {
            self.late_fill.d.next = 0.into();
        }
        self.mask_delay.x.next = self.mask_q.q.val();
        self.idle_lanes.next = self.mask_delay.y.val();
        self.late_outside.next = self.outside_q.q.val();
        self.fill.next = self.late_fill.q.val();
    }
}
