//! Runs COMPUTE instructions: one K×N step a cycle while operands, room and the drain register are there.

use cbp_isa::Config;
use cbp_isa::instruction::compute;

use super::addresses::Addresses;
use super::coordinates::Coordinates;
use super::lane_mask::LaneMask;
use super::loops::Loops;
use super::position::{POSITION_BITS, PositionPack};
use super::refusal::Refusal;
use crate::lang::prelude::*;
use crate::parts::decode::decoder;

/// Bits of an encoded instruction.
pub const INSTRUCTION_BITS: usize = 8 * cbp_isa::instruction::INSTRUCTION_BYTES;

decoder!(
    /// The fields of COMPUTE that the sequencer uses.
    ComputeFields, compute::FIELDS, INSTRUCTION_BITS,
    wait_load, wait_store, signal_load, signal_store, mode, mask, residual, maximum, target, digit_shifts,
    groups, parameter_base, mask_base, lo, hi, z_out,
);

/// The sequencer: the loops of a COMPUTE, and the positions it hands to post-processing.
///
/// The running instruction stays at the head of its queue, a register, until its last step, so its fields need no
/// registers here. While none runs, the counters follow the instruction at the head.
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
    /// Everything that was started has been written.
    pub written: Signal<In, Bit>,
    /// A step is issued: read these words.
    pub step: Signal<Out, Bit>,
    /// It is a step of the array: not of a maximum.
    pub multiplies: Signal<Out, Bit>,
    /// Activation word of the step.
    pub act_word: Wire<Out>,
    /// Weight word of the step.
    pub weight_word: Wire<Out>,
    /// The step lies outside its tensor, one cycle after it.
    pub outside: Signal<Out, Bit>,
    /// If so what is read there, else 0; two cycles after it.
    pub fill: Wire<Out>,
    /// Lanes that do not count, three cycles after it.
    pub idle_lanes: Wire<Out>,
    /// First step of a position.
    pub first: Signal<Out, Bit>,
    /// Accumulator shift before the step.
    pub shift: Wire<Out>,
    /// Last step of a position.
    pub last: Signal<Out, Bit>,
    /// The position that `last` ends, for post-processing.
    pub position: Wire<Out>,
    /// The next instruction cannot be run.
    pub malformed: Signal<Out, Bit>,
    /// Waiting for tokens from LOAD.
    pub waiting_load: Signal<Out, Bit>,
    /// Waiting for tokens from STORE.
    pub waiting_store: Signal<Out, Bit>,
    /// Waiting for post-processing: the drain register, or results that are kept.
    pub waiting_ppu: Signal<Out, Bit>,
    fields: ComputeFields,
    running: Dff<Bit>,
    loops: Loops,
    kept: Dff<Bit>,
    drain: Reg,
    draining: Dff<Bit>,
    refusal: Refusal,
    addresses: Addresses,
    coordinates: Coordinates,
    shifts: Reg,
    pack: PositionPack,
    blocked: Signal<Local, Bit>,
    issue: Signal<Local, Bit>,
    done: Signal<Local, Bit>,
    start: Signal<Local, Bit>,
    prepare: Signal<Local, Bit>,
    next: Signal<Local, Bit>,
    unwritten: Signal<Local, Bit>,
    mask: LaneMask,
}

impl Sequencer {
    /// The sequencer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let bit = Signal::default;
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
            written: Signal::default(),
            step: Signal::default(),
            multiplies: Signal::default(),
            act_word: Wire::new(16),
            weight_word: Wire::new(16),
            idle_lanes: Wire::new(config.lanes),
            outside: Signal::default(),
            fill: Wire::new(8),
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
            loops: Loops::default(),
            kept: Dff::default(),
            drain: Reg::with_reset(8, 0),
            draining: Dff::default(),
            refusal: Refusal::new(config),
            addresses: Addresses::default(),
            coordinates: Coordinates::default(),
            shifts: Reg::plain(18),
            pack: PositionPack::default(),
            blocked: bit(),
            issue: bit(),
            done: bit(),
            start: bit(),
            prepare: bit(),
            next: bit(),
            unwritten: bit(),
            mask: LaneMask::new(config),
        }
    }
}

impl Logic for Sequencer {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.refusal.instruction.next = self.instruction.val();
        // Start: tokens first, and what the instruction before keeps must be there for this one to read.
        self.want_load.next = self.fields.wait_load.val();
        self.want_store.next = self.fields.wait_store.val();
        self.next.next = self.instruction_valid.val() && !self.running.q.val();
        self.unwritten.next = self.kept.q.val() && !self.written.val();
        self.start.next = self.next.val()
            && !self.flush.val()
            && self.load_ready.val()
            && self.store_ready.val()
            && !self.unwritten.val()
            && !self.refusal.bad.val();
        self.take.next = self.start.val();
        self.malformed.next = self.next.val() && self.refusal.bad.val();
        self.waiting_load.next = self.next.val() && !self.load_ready.val();
        self.waiting_store.next = self.next.val() && self.load_ready.val() && !self.store_ready.val();
        self.loops.instruction.next = self.instruction.val();
        // A position may end only when the one before has left the drain register.
        self.blocked.next = self.loops.last_step.val() && self.draining.q.val();
        self.issue.next = self.running.q.val() && !self.blocked.val();
        self.waiting_ppu.next = (self.running.q.val() && self.blocked.val())
            || (self.next.val() && self.load_ready.val() && self.store_ready.val() && self.unwritten.val());
        self.done.next = self.issue.val() && self.loops.last_step.val() && self.loops.ends.val();
        self.instruction_pop.next = self.done.val();
        // The step itself.
        self.prepare.next = !self.running.q.val();
        self.loops.start.next = self.prepare.val();
        self.loops.issue.next = self.issue.val();
        self.addresses.instruction.next = self.instruction.val();
        self.addresses.start.next = self.prepare.val();
        self.addresses.issue.next = self.issue.val();
        self.addresses.end0.next = self.loops.end0.val();
        self.addresses.end1.next = self.loops.end1.val();
        self.addresses.end2.next = self.loops.end2.val();
        self.addresses.last_step.next = self.loops.last_step.val();
        self.addresses.end3.next = self.loops.end3.val();
        self.coordinates.instruction.next = self.instruction.val();
        self.coordinates.start.next = self.prepare.val();
        self.coordinates.issue.next = self.issue.val();
        self.coordinates.end0.next = self.loops.end0.val();
        self.coordinates.end1.next = self.loops.end1.val();
        self.coordinates.end2.next = self.loops.end2.val();
        self.coordinates.last_step.next = self.loops.last_step.val();
        self.coordinates.end3.next = self.loops.end3.val();
        self.step.next = self.issue.val();
        self.multiplies.next = self.issue.val() && !self.fields.maximum.val().any();
        self.act_word.next = self.addresses.act_word.val();
        self.weight_word.next = self.addresses.weight_word.val();
        self.mask.instruction.next = self.instruction.val();
        self.mask.end0.next = self.loops.end0.val();
        self.mask.outside.next = self.coordinates.outside.val();
        self.idle_lanes.next = self.mask.idle_lanes.val();
        self.outside.next = self.mask.late_outside.val().any();
        self.fill.next = self.mask.fill.val();
        self.first.next = self.loops.first_step.val();
        self.last.next = self.issue.val() && self.loops.last_step.val();
        self.shift.next = 0.into();
        if self.loops.first_of_pass.val() {
            self.shift.next = self.shifts.q.val().get_bits::<2>(0);
        }
        if self.issue.val() && self.loops.last_of_pass.val() {
            self.shifts.d.next = self.shifts.q.val() >> 2;
        }
        if self.prepare.val() || self.last.val() {
            self.shifts.d.next = self.fields.digit_shifts.val();
        }
        // What post-processing needs to know of the position.
        self.pack.raw.next = self.fields.mode.val();
        self.pack.mask.next = self.fields.mask.val();
        self.pack.target.next = self.fields.target.val();
        self.pack.maximum.next = self.fields.maximum.val();
        self.pack.with_residual.next = self.fields.residual.val();
        self.pack.out.next = self.addresses.out.val();
        self.pack.keep.next = self.addresses.keep.val();
        self.pack.residual.next = self.addresses.residual.val();
        self.pack.parameter_word.next = self.fields.parameter_base.val();
        self.pack.last_group.next = self.fields.groups.val() - 1;
        self.pack.lo.next = self.fields.lo.val();
        self.pack.hi.next = self.fields.hi.val();
        self.pack.z_out.next = self.fields.z_out.val();
        self.pack.mask_base.next = self.fields.mask_base.val();
        self.pack.begins.next = self.loops.begins.val().into();
        self.pack.ends.next = self.loops.ends.val().into();
        self.pack.signal_load.next = self.fields.signal_load.val();
        self.pack.signal_store.next = self.fields.signal_store.val();
        self.position.next = self.pack.word.val();
        // The drain register is busy for one cycle per group, and one for the mask granule.
        if self.draining.q.val() {
            self.drain.d.next = self.drain.q.val() - 1;
            self.draining.d.next = self.drain.q.val() != 1;
        }
        if self.last.val() {
            self.drain.d.next = self.fields.groups.val() - 1;
            self.draining.d.next = self.fields.groups.val() != 1;
            if self.fields.mask.val().any() {
                self.drain.d.next = self.fields.groups.val();
                self.draining.d.next = true;
            }
        }
        if self.done.val() {
            self.running.d.next = false;
        }
        if self.start.val() {
            self.running.d.next = true;
            self.kept.d.next = self.fields.target.val().get_bit(1);
        }
    }
}
