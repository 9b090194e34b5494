//! Runs COMPUTE instructions: one K×N step a cycle while operands, room and the drain register are there.

use cbp_isa::Config;
use cbp_isa::instruction::compute;

use super::position::{POSITION_BITS, PositionPack};
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::decode::decoder;

/// Bits of an encoded instruction.
pub const INSTRUCTION_BITS: usize = 8 * cbp_isa::instruction::INSTRUCTION_BYTES;

decoder!(
    /// The fields of COMPUTE that the sequencer uses.
    ComputeFields, compute::FIELDS, INSTRUCTION_BITS,
    wait_load, wait_store, signal_load, signal_store, mode, mask, passes, digit_shifts, lane_first, lane_count,
    groups, act_base, weight_base, parameter_base, count0, count1, act_step1, count2, act_step2, count3,
    act_step3, count4, act_step4, out_base, out_step3, out_step4, mask_base, lo, hi, z_out,
);

/// The sequencer: address generator of the array, and the positions it hands to post-processing.
///
/// The running instruction stays at the head of its queue until its last step, so its fields need no
/// registers here.
#[derive(LogicBlock)]
pub struct Sequencer {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget the running instruction.
    pub reset: Signal<In, Bit>,
    /// Start nothing new.
    pub flush: Signal<In, Bit>,
    /// Head of the instruction queue.
    pub instruction: Wire<In>,
    /// The queue has an instruction.
    pub instruction_valid: Signal<In, Bit>,
    /// Remove it.
    pub instruction_pop: Signal<Out, Bit>,
    /// Tokens wanted from LOAD.
    pub want_load: Wire<Out>,
    /// They are there.
    pub load_ready: Signal<In, Bit>,
    /// Tokens wanted from STORE.
    pub want_store: Wire<Out>,
    /// They are there.
    pub store_ready: Signal<In, Bit>,
    /// Take both.
    pub take: Signal<Out, Bit>,
    /// A step is issued: read these words.
    pub step: Signal<Out, Bit>,
    /// Activation word of the step.
    pub act_word: Wire<Out>,
    /// Weight word of the step.
    pub weight_word: Wire<Out>,
    /// Lanes that count, one cycle after the step.
    pub lane_mask: Wire<Out>,
    /// First step of a position.
    pub first: Signal<Out, Bit>,
    /// Accumulator shift before the step.
    pub shift: Wire<Out>,
    /// Last step of a position.
    pub last: Signal<Out, Bit>,
    /// The position that `last` ends, for post-processing.
    pub position: Wire<Out>,
    /// The next instruction has an empty loop, or passes or groups that the array does not have.
    pub malformed: Signal<Out, Bit>,
    /// Waiting for tokens from LOAD.
    pub waiting_load: Signal<Out, Bit>,
    /// Waiting for tokens from STORE.
    pub waiting_store: Signal<Out, Bit>,
    /// Waiting for the drain register.
    pub waiting_ppu: Signal<Out, Bit>,
    fields: ComputeFields,
    running: Dff<Bit>,
    i0: Reg,
    i1: Reg,
    i2: Reg,
    i3: Reg,
    i4: Reg,
    pass: Reg,
    act: Reg,
    base1: Reg,
    base2: Reg,
    base3: Reg,
    base4: Reg,
    weight: Reg,
    out3: Reg,
    out4: Reg,
    drain: Reg,
    shifts: Split,
    pack: PositionPack,
    end0: Signal<Local, Bit>,
    end1: Signal<Local, Bit>,
    end2: Signal<Local, Bit>,
    end3: Signal<Local, Bit>,
    end4: Signal<Local, Bit>,
    end_pass: Signal<Local, Bit>,
    first_of_pass: Signal<Local, Bit>,
    last_step: Signal<Local, Bit>,
    blocked: Signal<Local, Bit>,
    issue: Signal<Local, Bit>,
    done: Signal<Local, Bit>,
    start: Signal<Local, Bit>,
    next1: Wire<Local>,
    next2: Wire<Local>,
    next3: Wire<Local>,
    next4: Wire<Local>,
    empty: Signal<Local, Bit>,
    bad: Signal<Local, Bit>,
    lane_end: Wire<Local>,
    masks: Concat,
    lane_mask_q: Reg,
    lanes: Const,
    ppu_groups: Const,
}

impl Sequencer {
    /// The sequencer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let bit = Signal::default;
        let word = || Reg::plain(16);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            flush: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            instruction_valid: Signal::default(),
            instruction_pop: Signal::default(),
            want_load: Wire::new(4),
            load_ready: Signal::default(),
            want_store: Wire::new(4),
            store_ready: Signal::default(),
            take: Signal::default(),
            step: Signal::default(),
            act_word: Wire::new(16),
            weight_word: Wire::new(16),
            lane_mask: Wire::new(config.lanes),
            first: Signal::default(),
            shift: Wire::new(2),
            last: Signal::default(),
            position: Wire::new(POSITION_BITS),
            malformed: Signal::default(),
            waiting_load: Signal::default(),
            waiting_store: Signal::default(),
            waiting_ppu: Signal::default(),
            fields: ComputeFields::default(),
            running: Dff::default(),
            i0: word(),
            i1: Reg::plain(8),
            i2: Reg::plain(8),
            i3: word(),
            i4: word(),
            pass: Reg::plain(4),
            act: word(),
            base1: word(),
            base2: word(),
            base3: word(),
            base4: word(),
            weight: word(),
            out3: word(),
            out4: word(),
            drain: Reg::with_reset(8, 0),
            shifts: Split::new(9, 2),
            pack: PositionPack::default(),
            end0: bit(),
            end1: bit(),
            end2: bit(),
            end3: bit(),
            end4: bit(),
            end_pass: bit(),
            first_of_pass: bit(),
            last_step: bit(),
            blocked: bit(),
            issue: bit(),
            done: bit(),
            start: bit(),
            next1: Wire::new(16),
            next2: Wire::new(16),
            next3: Wire::new(16),
            next4: Wire::new(16),
            empty: bit(),
            bad: bit(),
            lane_end: Wire::new(9),
            masks: Concat::new(config.lanes, 1),
            lane_mask_q: Reg::plain(config.lanes),
            lanes: config.lanes.into(),
            ppu_groups: config.ppu_groups().into(),
        }
    }
}

impl Logic for Sequencer {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        // What would never end, or read columns that are not there, is refused.
        self.empty.next = (self.fields.count0.val() == 0)
            || (self.fields.count1.val() == 0)
            || (self.fields.count2.val() == 0)
            || (self.fields.count3.val() == 0)
            || (self.fields.count4.val() == 0);
        self.bad.next = self.empty.val()
            || (self.fields.passes.val() == 0)
            || (self.fields.passes.val() > 9)
            || (self.fields.groups.val() == 0)
            || (self.fields.groups.val() > self.ppu_groups.val())
            || (self.fields.mode.val() > 1);
        // Start: tokens first.
        self.want_load.next = self.fields.wait_load.val();
        self.want_store.next = self.fields.wait_store.val();
        self.start.next = self.instruction_valid.val()
            && !self.running.q.val()
            && !self.flush.val()
            && self.load_ready.val()
            && self.store_ready.val()
            && !self.bad.val();
        self.take.next = self.start.val();
        self.malformed.next = self.instruction_valid.val() && !self.running.q.val() && self.bad.val();
        self.waiting_load.next =
            self.instruction_valid.val() && !self.running.q.val() && !self.load_ready.val();
        self.waiting_store.next = self.instruction_valid.val()
            && !self.running.q.val()
            && self.load_ready.val()
            && !self.store_ready.val();
        // Where in the loops this step is.
        self.end0.next = self.i0.q.val() == self.fields.count0.val() - 1;
        self.end1.next = self.i1.q.val() == self.fields.count1.val() - 1;
        self.end2.next = self.i2.q.val() == self.fields.count2.val() - 1;
        self.end3.next = self.i3.q.val() == self.fields.count3.val() - 1;
        self.end4.next = self.i4.q.val() == self.fields.count4.val() - 1;
        self.end_pass.next = self.pass.q.val() == self.fields.passes.val() - 1;
        self.first_of_pass.next = (self.i0.q.val() == 0) && (self.i1.q.val() == 0) && (self.i2.q.val() == 0);
        self.last_step.next = self.end0.val() && self.end1.val() && self.end2.val() && self.end_pass.val();
        // A position may end only when the one before has left the drain register.
        self.blocked.next = self.last_step.val() && (self.drain.q.val() != 0);
        self.issue.next = self.running.q.val() && !self.blocked.val();
        self.waiting_ppu.next = self.running.q.val() && self.blocked.val();
        self.done.next = self.issue.val() && self.last_step.val() && self.end3.val() && self.end4.val();
        self.instruction_pop.next = self.done.val();
        // The step itself.
        self.step.next = self.issue.val();
        self.act_word.next = self.act.q.val();
        self.weight_word.next = self.weight.q.val();
        self.first.next = self.first_of_pass.val() && (self.pass.q.val() == 0);
        self.last.next = self.issue.val() && self.last_step.val();
        self.shifts.x.next = self.fields.digit_shifts.val();
        self.shift.next = 0.into();
        if self.first_of_pass.val() {
            for p in 0..9 {
                if self.pass.q.val() == p {
                    self.shift.next = self.shifts.parts[p].val();
                }
            }
        }
        // Lanes without a channel read 0; only the last word of a run can have such lanes.
        self.lane_end.next =
            unsigned_cast(self.fields.lane_first.val()) + unsigned_cast(self.fields.lane_count.val());
        for k in 0..self.lanes.value {
            self.masks.parts[k].next = (!self.end0.val()
                || ((self.fields.lane_first.val() <= k) && (self.lane_end.val() > k)))
                .into();
        }
        self.lane_mask_q.d.next = self.masks.y.val();
        self.lane_mask.next = self.lane_mask_q.q.val();
        // What post-processing needs to know of the position.
        self.pack.raw.next = (self.fields.mode.val() == 1).into();
        self.pack.mask.next = self.fields.mask.val();
        self.pack.out.next = self.out3.q.val();
        self.pack.parameter_word.next = self.fields.parameter_base.val();
        self.pack.groups.next = self.fields.groups.val();
        self.pack.lo.next = self.fields.lo.val();
        self.pack.hi.next = self.fields.hi.val();
        self.pack.z_out.next = self.fields.z_out.val();
        self.pack.mask_base.next = self.fields.mask_base.val();
        self.pack.begins.next = ((self.i3.q.val() == 0) && (self.i4.q.val() == 0)).into();
        self.pack.ends.next = (self.end3.val() && self.end4.val()).into();
        self.pack.signal_load.next = self.fields.signal_load.val();
        self.pack.signal_store.next = self.fields.signal_store.val();
        self.position.next = self.pack.word.val();
        // The drain register is busy for one cycle per group, and one for the mask granule.
        if self.drain.q.val() != 0 {
            self.drain.d.next = self.drain.q.val() - 1;
        }
        if self.last.val() {
            self.drain.d.next = self.fields.groups.val() - 1;
            if self.fields.mask.val().any() {
                self.drain.d.next = self.fields.groups.val();
            }
        }
        // Advance.
        self.next1.next = self.base1.q.val() + self.fields.act_step1.val();
        self.next2.next = self.base2.q.val() + self.fields.act_step2.val();
        self.next3.next = self.base3.q.val() + self.fields.act_step3.val();
        self.next4.next = self.base4.q.val() + self.fields.act_step4.val();
        if self.issue.val() {
            self.i0.d.next = self.i0.q.val() + 1;
            self.act.d.next = self.act.q.val() + 1;
            self.weight.d.next = self.weight.q.val() + 1;
            if self.end0.val() {
                self.i0.d.next = 0.into();
                self.i1.d.next = self.i1.q.val() + 1;
                self.base1.d.next = self.next1.val();
                self.act.d.next = self.next1.val();
                if self.end1.val() {
                    self.i1.d.next = 0.into();
                    self.i2.d.next = self.i2.q.val() + 1;
                    self.base2.d.next = self.next2.val();
                    self.base1.d.next = self.next2.val();
                    self.act.d.next = self.next2.val();
                    if self.end2.val() {
                        self.i2.d.next = 0.into();
                        self.pass.d.next = self.pass.q.val() + 1;
                        self.base2.d.next = self.base3.q.val();
                        self.base1.d.next = self.base3.q.val();
                        self.act.d.next = self.base3.q.val();
                    }
                }
            }
            if self.last_step.val() {
                self.pass.d.next = 0.into();
                self.weight.d.next = self.fields.weight_base.val();
                self.i3.d.next = self.i3.q.val() + 1;
                self.out3.d.next = self.out3.q.val() + self.fields.out_step3.val();
                self.base3.d.next = self.next3.val();
                self.base2.d.next = self.next3.val();
                self.base1.d.next = self.next3.val();
                self.act.d.next = self.next3.val();
                if self.end3.val() {
                    self.i3.d.next = 0.into();
                    self.i4.d.next = self.i4.q.val() + 1;
                    self.out4.d.next = self.out4.q.val() + self.fields.out_step4.val();
                    self.out3.d.next = self.out4.q.val() + self.fields.out_step4.val();
                    self.base4.d.next = self.next4.val();
                    self.base3.d.next = self.next4.val();
                    self.base2.d.next = self.next4.val();
                    self.base1.d.next = self.next4.val();
                    self.act.d.next = self.next4.val();
                }
            }
        }
        if self.done.val() {
            self.running.d.next = false;
        }
        if self.start.val() {
            self.running.d.next = true;
            self.i0.d.next = 0.into();
            self.i1.d.next = 0.into();
            self.i2.d.next = 0.into();
            self.i3.d.next = 0.into();
            self.i4.d.next = 0.into();
            self.pass.d.next = 0.into();
            self.act.d.next = self.fields.act_base.val();
            self.base1.d.next = self.fields.act_base.val();
            self.base2.d.next = self.fields.act_base.val();
            self.base3.d.next = self.fields.act_base.val();
            self.base4.d.next = self.fields.act_base.val();
            self.weight.d.next = self.fields.weight_base.val();
            self.out3.d.next = self.fields.out_base.val();
            self.out4.d.next = self.fields.out_base.val();
        }
    }
}
