//! The write side of LOAD: puts arriving beats into the buffers, recoding 8-bit weights on the way.

use cbp_isa::Config;
use cbp_isa::instruction::Destination;

use super::int8_group::Int8Group;
use super::load_address::{DESCRIPTOR_PIECES, PACK_KIND};
use crate::lang::arith::Split;
use crate::lang::prelude::*;

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
    /// Its beats.
    pub group_data: Vec<Wire<Out>>,
    /// Tokens given to COMPUTE in this cycle.
    pub give_compute: Wire<Out>,
    pieces: Split,
    kind: Wire<Local>,
    loaded: Dff<Bit>,
    i0: Reg,
    i1: Reg,
    left: Reg,
    word: Reg,
    place: Reg,
    inner: Reg,
    outer: Reg,
    beats: Wire<Local>,
    step_word: Wire<Local>,
    step_place: Wire<Local>,
    end_row: Signal<Local, Bit>,
    end0: Signal<Local, Bit>,
    end1: Signal<Local, Bit>,
    int8: Signal<Local, Bit>,
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
            group_data: Wire::many(code_bits, axi),
            give_compute: Wire::new(4),
            pieces: Split::new(DESCRIPTOR_PIECES, 16),
            kind: Wire::new(4),
            loaded: Dff::default(),
            i0: word(),
            i1: word(),
            left: word(),
            word: word(),
            place: Reg::plain(8),
            inner: word(),
            outer: word(),
            beats: Wire::new(8),
            step_word: Wire::new(16),
            step_place: Wire::new(8),
            end_row: bit(),
            end0: bit(),
            end1: bit(),
            int8: bit(),
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
        self.int8.next = self.kind.val() == self.weights_int8.val();
        // Beats of a word of this buffer.
        self.beats.next = self.act_beats.val();
        if self.int8.val() || (self.kind.val() == self.weights_packed.val()) {
            self.beats.next = self.weight_beats.val();
        }
        if self.kind.val() == self.parameters.val() {
            self.beats.next = self.parameter_beats.val();
        }
        if self.kind.val() == self.residuals.val() {
            self.beats.next = self.residual_beats.val();
        }
        if self.kind.val() == self.lines.val() {
            self.beats.next = 1.into();
        }
        // Arriving beats.
        self.packing.next = self.loaded.q.val() && (self.kind.val() == self.pack.val());
        self.open.next = self.loaded.q.val()
            && !self.ending.q.val()
            && (!self.int8.val() || self.group.ready.val())
            && !self.packing.val()
            && (!self.stall.val() || (self.kind.val() != self.activations.val()));
        self.beat_ready.next = self.flush.val() || self.open.val();
        self.take.next = self.beat_valid.val() && self.open.val() && !self.flush.val();
        self.group.put.next = self.take.val() && self.int8.val();
        self.group.beat.next = self.beat.val();
        self.group.word.next = self.word.q.val();
        self.group.place.next = self.place.q.val();
        self.group.digit_step.next = self.pieces.parts[6].val();
        // Writes.
        self.write_activations.next = self.take.val() && (self.kind.val() == self.activations.val());
        self.write_parameters.next = self.take.val() && (self.kind.val() == self.parameters.val());
        self.write_residuals.next = self.take.val() && (self.kind.val() == self.residuals.val());
        self.write_lines.next = self.take.val() && (self.kind.val() == self.lines.val());
        self.write_weights.next = self.take.val() && (self.kind.val() == self.weights_packed.val());
        self.write_group.next = self.group.write.val();
        self.write_word.next = self.word.q.val();
        self.write_beat.next = self.place.q.val();
        self.write_data.next = self.beat.val();
        if self.group.write.val() {
            self.write_word.next = self.group.write_word.val();
            self.write_beat.next = self.group.write_place.val();
        }
        for p in 0..self.code_bits.value {
            self.group_data[p].next = self.group.plane[p].val();
        }
        // Where the next beat, or group, goes.
        self.step_place.next = self.place.q.val() + 1;
        if self.int8.val() {
            self.step_place.next = self.place.q.val() + self.code_bits.val();
        }
        self.step_word.next = self.word.q.val();
        if self.step_place.val() == self.beats.val() {
            self.step_word.next = self.word.q.val() + 1;
        }
        self.advance.next = self.take.val() && (!self.int8.val() || self.group.completes.val());
        self.end_row.next = self.left.q.val() == 1;
        self.row_done.next = self.advance.val() && self.end_row.val();
        self.end0.next = self.i0.q.val() == (self.pieces.parts[1].val() - 1);
        self.end1.next = self.i1.q.val() == (self.pieces.parts[2].val() - 1);
        // The last group of int8 weights is still to be written when its last beat is here.
        self.walked.next = self.row_done.val() && self.end0.val() && self.end1.val();
        if self.walked.val() && self.int8.val() {
            self.ending.d.next = true;
        }
        self.last_step.next = (self.walked.val() && !self.int8.val())
            || (self.ending.q.val() && self.group.done.val())
            || self.packed.val();
        if self.take.val() {
            self.left.d.next = self.left.q.val() - 1;
        }
        if self.advance.val() {
            self.place.d.next = self.step_place.val();
            if self.step_place.val() == self.beats.val() {
                self.place.d.next = 0.into();
            }
            self.word.d.next = self.step_word.val();
        }
        if self.row_done.val() {
            self.left.d.next = self.pieces.parts[0].val();
            self.place.d.next = 0.into();
            self.i0.d.next = self.i0.q.val() + 1;
            self.inner.d.next = self.inner.q.val() + self.pieces.parts[4].val();
            self.word.d.next = self.inner.q.val() + self.pieces.parts[4].val();
            if self.end0.val() {
                self.i0.d.next = 0.into();
                self.i1.d.next = self.i1.q.val() + 1;
                self.outer.d.next = self.outer.q.val() + self.pieces.parts[5].val();
                self.inner.d.next = self.outer.q.val() + self.pieces.parts[5].val();
                self.word.d.next = self.outer.q.val() + self.pieces.parts[5].val();
            }
        }
        // One LOAD after the other.
        self.descriptor_pop.next = self.last_step.val();
        self.give_compute.next = 0.into();
        if self.last_step.val() {
            self.loaded.d.next = false;
            self.ending.d.next = false;
            self.give_compute.next = self.pieces.parts[7].val().get_bits::<4>(4);
        }
        self.group.restart.next = self.descriptor_valid.val() && !self.loaded.q.val();
        if self.descriptor_valid.val() && !self.loaded.q.val() {
            self.loaded.d.next = true;
            self.left.d.next = self.pieces.parts[0].val();
            self.place.d.next = 0.into();
            self.word.d.next = self.pieces.parts[3].val();
            self.inner.d.next = self.pieces.parts[3].val();
            self.outer.d.next = self.pieces.parts[3].val();
            self.i0.d.next = 0.into();
            self.i1.d.next = 0.into();
        }
    }
}
