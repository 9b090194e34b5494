//! The write side of LOAD: puts arriving beats into the buffers, recoding 8-bit weights on the way.

use cbp_isa::Config;
use cbp_isa::instruction::Destination;

use super::int8_group::Int8Group;
use super::load_address::{DESCRIPTOR_PIECES, PACK_KIND};
use crate::lang::arith::Split;
use crate::lang::prelude::*;
use crate::parts::LoopCounter;

/// Receives the beats of one LOAD after the other, in the order in which they were requested.
///
/// Int8 weights are collected in groups of `axi_bits` and leave digit by digit.
#[derive(LogicBlock)]
pub struct LoadWrite {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// Throw arriving beats away.
    pub flush: Signal<In, Bit>,
    /// A LOAD to receive.
    pub descriptor_valid: Signal<In, Bit>,
    /// It, in 16-bit pieces.
    pub descriptor: Wire<In>,
    /// It has been received.
    pub descriptor_pop: Signal<Out, Bit>,
    /// A beat is here.
    pub beat_valid: Signal<In, Bit>,
    /// The beat.
    pub beat: Wire<In>,
    /// It is taken.
    pub beat_ready: Signal<Out, Bit>,
    /// Write to the activation buffer.
    pub write_activations: Signal<Out, Bit>,
    /// Write to the weight buffer.
    pub write_weights: Signal<Out, Bit>,
    /// Write to the parameter buffer.
    pub write_parameters: Signal<Out, Bit>,
    /// Write to the residual buffer.
    pub write_residuals: Signal<Out, Bit>,
    /// Write to the line buffer.
    pub write_lines: Signal<Out, Bit>,
    /// No activations can be written in this cycle.
    pub stall: Signal<In, Bit>,
    /// It is the turn of a PACK.
    pub packing: Signal<Out, Bit>,
    /// That PACK is done.
    pub packed: Signal<In, Bit>,
    /// Word to write to.
    pub write_word: Wire<Out>,
    /// Beat of the word.
    pub write_beat: Wire<Out>,
    /// The beat.
    pub write_data: Wire<Out>,
    /// Write a whole group of weight codes, of which `write_beat` is the first beat.
    pub write_group: Signal<Out, Bit>,
    /// The beats of the group; the beat, on the plane it is of.
    pub plane_data: Vec<Wire<Out>>,
    /// Tokens given to COMPUTE in this cycle.
    pub give_compute: Wire<Out>,
    pieces: Split,
    kind: Wire<Local>,
    loads: Signal<Local, Bit>,
    loaded: Dff<Bit>,
    to_activations: Dff<Bit>,
    to_parameters: Dff<Bit>,
    to_residuals: Dff<Bit>,
    to_lines: Dff<Bit>,
    to_weights: Dff<Bit>,
    int8: Dff<Bit>,
    packs: Dff<Bit>,
    taking: Dff<Bit>,
    i0: LoopCounter,
    i1: LoopCounter,
    row: LoopCounter,
    places: LoopCounter,
    word: Reg,
    place: Reg,
    inner: Reg,
    outer: Reg,
    rounds: Wire<Local>,
    step: Wire<Local>,
    open: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    row_done: Signal<Local, Bit>,
    group: Int8Group,
    walked: Signal<Local, Bit>,
    ending: Dff<Bit>,
    last_step: Signal<Local, Bit>,
    act_beats: Const,
    weight_beats: Const,
    weight_groups: Const,
    parameter_beats: Const,
    residual_beats: Const,
    code_bits: Const,
    weights_int8: Const,
    weights_packed: Const,
    parameters: Const,
    activations: Const,
    residuals: Const,
    lines: Const,
    pack: Const,
}

impl LoadWrite {
    /// The write side of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let bit = Signal::default;
        let word = || Reg::plain(16);
        let code_bits = config.weight_set.code_bits() as usize;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            flush: Signal::default(),
            descriptor_valid: Signal::default(),
            descriptor: Wire::new(16 * DESCRIPTOR_PIECES),
            descriptor_pop: Signal::default(),
            beat_valid: Signal::default(),
            beat: Wire::new(axi),
            beat_ready: Signal::default(),
            write_activations: Signal::default(),
            write_weights: Signal::default(),
            write_parameters: Signal::default(),
            write_residuals: Signal::default(),
            write_lines: Signal::default(),
            stall: Signal::default(),
            packing: Signal::default(),
            packed: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            write_group: Signal::default(),
            plane_data: Wire::many(code_bits, axi),
            give_compute: Wire::new(4),
            pieces: Split::new(DESCRIPTOR_PIECES, 16),
            kind: Wire::new(4),
            loads: bit(),
            loaded: Dff::default(),
            to_activations: Dff::default(),
            to_parameters: Dff::default(),
            to_residuals: Dff::default(),
            to_lines: Dff::default(),
            to_weights: Dff::default(),
            int8: Dff::default(),
            packs: Dff::default(),
            taking: Dff::default(),
            i0: LoopCounter::new(16),
            i1: LoopCounter::new(16),
            row: LoopCounter::new(16),
            places: LoopCounter::new(8),
            word: word(),
            place: Reg::plain(8),
            inner: word(),
            outer: word(),
            rounds: Wire::new(8),
            step: Wire::new(8),
            open: bit(),
            take: bit(),
            advance: bit(),
            row_done: bit(),
            group: Int8Group::new(config),
            walked: bit(),
            ending: Dff::default(),
            last_step: bit(),
            act_beats: config.activation_beats().into(),
            weight_beats: config.weight_beats().into(),
            weight_groups: config.weight_groups().into(),
            parameter_beats: config.parameter_beats().into(),
            residual_beats: (config.residual_word_bytes() / config.beat_bytes()).into(),
            code_bits: code_bits.into(),
            weights_int8: (Destination::WeightsInt8 as usize).into(),
            weights_packed: (Destination::Weights as usize).into(),
            parameters: (Destination::Parameters as usize).into(),
            activations: (Destination::Activations as usize).into(),
            residuals: (Destination::Residuals as usize).into(),
            lines: (Destination::Lines as usize).into(),
            pack: PACK_KIND.into(),
        }
    }
}

impl Logic for LoadWrite {
    #[hdl_gen]
    fn update(&mut self) {
        self.pieces.x.next = self.descriptor.val();
        self.kind.next = self.pieces.parts[7].val().get_bits::<4>(0);
        // One LOAD after the other; what it is for is known beforehand.
        self.loads.next = self.descriptor_valid.val() && !self.loaded.q.val();
        self.to_activations.d.next = self.kind.val() == self.activations.val();
        self.to_parameters.d.next = self.kind.val() == self.parameters.val();
        self.to_residuals.d.next = self.kind.val() == self.residuals.val();
        self.to_lines.d.next = self.kind.val() == self.lines.val();
        self.to_weights.d.next = self.kind.val() == self.weights_packed.val();
        self.int8.d.next = self.kind.val() == self.weights_int8.val();
        self.packs.d.next = self.kind.val() == self.pack.val();
        // Beats, or groups, of a word of this buffer.
        self.rounds.next = self.act_beats.val();
        if self.kind.val() == self.weights_int8.val() {
            self.rounds.next = self.weight_groups.val();
        }
        if self.kind.val() == self.weights_packed.val() {
            self.rounds.next = self.weight_beats.val();
        }
        if self.kind.val() == self.parameters.val() {
            self.rounds.next = self.parameter_beats.val();
        }
        if self.kind.val() == self.residuals.val() {
            self.rounds.next = self.residual_beats.val();
        }
        if self.kind.val() == self.lines.val() {
            self.rounds.next = 1.into();
        }
        // Arriving beats.
        self.packing.next = self.loaded.q.val() && self.packs.q.val();
        self.open.next = self.taking.q.val()
            && (!self.int8.q.val() || self.group.ready.val())
            && (!self.stall.val() || !self.to_activations.q.val());
        self.beat_ready.next = self.flush.val() || self.open.val();
        self.take.next = self.beat_valid.val() && self.open.val() && !self.flush.val();
        self.group.restart.next = self.loads.val();
        // Without a look at the stall, which comes from far and is not for weights.
        self.group.put.next = self.beat_valid.val()
            && self.taking.q.val()
            && self.int8.q.val()
            && self.group.ready.val()
            && !self.flush.val();
        self.group.beat.next = self.beat.val();
        self.group.word.next = self.word.q.val();
        self.group.place.next = self.place.q.val();
        self.group.digit_step.next = self.pieces.parts[6].val();
        // Writes.
        self.write_activations.next = self.take.val() && self.to_activations.q.val();
        self.write_parameters.next = self.take.val() && self.to_parameters.q.val();
        self.write_residuals.next = self.take.val() && self.to_residuals.q.val();
        self.write_lines.next = self.take.val() && self.to_lines.q.val();
        self.write_weights.next = self.take.val() && self.to_weights.q.val();
        self.write_group.next = self.group.write.val();
        self.write_word.next = self.word.q.val();
        self.write_beat.next = self.place.q.val();
        self.write_data.next = self.beat.val();
        if self.group.write.val() {
            self.write_word.next = self.group.write_word.val();
            self.write_beat.next = self.group.write_place.val();
        }
        for p in 0..self.code_bits.value {
            // A choice that shares a look-up table with what makes the group.
            self.plane_data[p].next = self.beat.val();
            if self.group.write.val() {
                self.plane_data[p].next = self.group.plane[p].val();
            }
        }
        // Where the next beat, or group, goes.
        self.advance.next = self.take.val() && (!self.int8.q.val() || self.group.completes.val());
        self.row.count.next = self.pieces.parts[0].val();
        self.row.start.next = self.loads.val();
        self.row.step.next = self.take.val();
        self.row_done.next = self.advance.val() && self.row.last.val();
        self.places.count.next = self.rounds.val();
        self.places.start.next = self.loads.val() || self.row_done.val();
        self.places.step.next = self.advance.val();
        self.i0.count.next = self.pieces.parts[1].val();
        self.i0.start.next = self.loads.val();
        self.i0.step.next = self.row_done.val();
        self.i1.count.next = self.pieces.parts[2].val();
        self.i1.start.next = self.loads.val();
        self.i1.step.next = self.row_done.val() && self.i0.last.val();
        // The last group of int8 weights is still to be written when its last beat is here.
        self.walked.next = self.row_done.val() && self.i0.last.val() && self.i1.last.val();
        if self.walked.val() {
            self.taking.d.next = false;
        }
        if self.walked.val() && self.int8.q.val() {
            self.ending.d.next = true;
        }
        self.last_step.next = (self.walked.val() && !self.int8.q.val())
            || (self.ending.q.val() && self.group.done.val())
            || self.packed.val();
        self.step.next = 1.into();
        if self.int8.q.val() {
            self.step.next = self.code_bits.val();
        }
        if self.advance.val() {
            self.place.d.next = self.place.q.val() + self.step.val();
            if self.places.last.val() {
                self.place.d.next = 0.into();
                self.word.d.next = self.word.q.val() + 1;
            }
        }
        if self.row_done.val() {
            self.place.d.next = 0.into();
            self.inner.d.next = self.inner.q.val() + self.pieces.parts[4].val();
            self.word.d.next = self.inner.q.val() + self.pieces.parts[4].val();
            if self.i0.last.val() {
                self.outer.d.next = self.outer.q.val() + self.pieces.parts[5].val();
                self.inner.d.next = self.outer.q.val() + self.pieces.parts[5].val();
                self.word.d.next = self.outer.q.val() + self.pieces.parts[5].val();
            }
        }
        self.descriptor_pop.next = self.last_step.val();
        self.give_compute.next = 0.into();
        if self.last_step.val() {
            self.loaded.d.next = false;
            self.ending.d.next = false;
            self.give_compute.next = self.pieces.parts[7].val().get_bits::<4>(4);
        }
        if self.loads.val() {
            self.loaded.d.next = true;
            self.taking.d.next = self.kind.val() != self.pack.val();
            self.place.d.next = 0.into();
            self.word.d.next = self.pieces.parts[3].val();
            self.inner.d.next = self.pieces.parts[3].val();
            self.outer.d.next = self.pieces.parts[3].val();
        }
    }
}
