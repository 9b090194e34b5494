//! The operand buffers and what lanes and columns read of them.

use cbp_isa::Config;

use super::activation_buffer::ActivationBuffer;
use super::lane_input::{INPUT_LATENCY, LaneInput};
use crate::lang::arith::Split;
use crate::lang::prelude::*;
use crate::parts::{Delay, WeightBuffer};

/// Activations: read, pad and mask, register. Weights are read one cycle later and meet them at the lanes.
#[derive(LogicBlock)]
pub struct Operands {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Nothing is read.
    pub reset: Signal<In, Bit>,
    /// LOAD writes a beat of activations.
    pub write_activations: Signal<In, Bit>,
    /// LOAD writes a beat of weights.
    pub write_weights: Signal<In, Bit>,
    /// Word to write to.
    pub write_word: Wire<In>,
    /// Beat of the word.
    pub write_beat: Wire<In>,
    /// The beat.
    pub write_data: Wire<In>,
    /// Write a group of weight codes, of which `write_beat` is the first beat.
    pub write_group: Signal<In, Bit>,
    /// The beats of the group; the beat, on the plane it is of.
    pub plane_data: Vec<Wire<In>>,
    /// Post-processing writes a granule of activations.
    pub keep: Signal<In, Bit>,
    /// Which one.
    pub keep_granule: Wire<In>,
    /// The granule.
    pub keep_data: Wire<In>,
    /// A step is issued.
    pub step: Signal<In, Bit>,
    /// It multiplies.
    pub multiplies: Signal<In, Bit>,
    /// Activation word of the step.
    pub act_word: Wire<In>,
    /// Weight word of the step.
    pub weight_word: Wire<In>,
    /// The step lies outside its tensor, one cycle after it.
    pub outside: Signal<In, Bit>,
    /// If so what is read there, else 0; two cycles after it.
    pub fill: Wire<In>,
    /// Lanes that do not count, three cycles after it.
    pub idle_lanes: Wire<In>,
    /// Bytes of the lanes, [`INPUT_LATENCY`] + 1 cycles after the step.
    pub byte: Vec<Wire<Out>>,
    /// Activations in them.
    pub x: Vec<Wire<Out>>,
    /// Weight codes with them: bit k of plane p of column n (at n · code bits + p) belongs to lane k.
    pub planes: Vec<Wire<Out>>,
    activations: ActivationBuffer,
    weights: WeightBuffer,
    act_lanes: Split,
    idle_bits: Split,
    lane: Vec<LaneInput>,
    weight_read: Delay,
    late_weight_word: Delay,
    plane_split: Vec<Split>,
    lanes: Const,
    groups: Const,
    code_bits: Const,
    group_columns: Const,
}

impl Operands {
    /// The operands of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let code_bits = config.weight_set.code_bits() as usize;
        let group_columns = axi / config.lanes;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            write_activations: Signal::default(),
            write_weights: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            write_group: Signal::default(),
            plane_data: Wire::many(code_bits, axi),
            keep: Signal::default(),
            keep_granule: Wire::new(16),
            keep_data: Wire::new(8 * config.ppu_lanes),
            step: Signal::default(),
            multiplies: Signal::default(),
            act_word: Wire::new(16),
            weight_word: Wire::new(16),
            idle_lanes: Wire::new(config.lanes),
            outside: Signal::default(),
            fill: Wire::new(8),
            byte: Wire::many(config.lanes, 8),
            x: Wire::many(config.lanes, config.activation_bits),
            planes: Wire::many(config.columns * code_bits, config.lanes),
            activations: ActivationBuffer::new(config),
            weights: WeightBuffer::new(config.weight_depth, config.weight_groups(), code_bits, axi),
            act_lanes: Split::new(config.lanes, 8),
            idle_bits: Split::new(config.lanes, 1),
            lane: (0..config.lanes).map(|_| LaneInput::new(config)).collect(),
            weight_read: Delay::new(1, INPUT_LATENCY, true),
            late_weight_word: Delay::new(16, INPUT_LATENCY, false),
            plane_split: (0..config.weight_beats())
                .map(|_| Split::new(group_columns, config.lanes))
                .collect(),
            lanes: config.lanes.into(),
            groups: config.weight_groups().into(),
            code_bits: code_bits.into(),
            group_columns: group_columns.into(),
        }
    }
}

impl Logic for Operands {
    #[hdl_gen]
    fn update(&mut self) {
        self.activations.write_enable.next = self.write_activations.val();
        self.activations.write_word.next = self.write_word.val();
        self.activations.write_beat.next = self.write_beat.val();
        self.activations.write_data.next = self.write_data.val();
        self.activations.keep.next = self.keep.val();
        self.activations.keep_granule.next = self.keep_granule.val();
        self.activations.keep_data.next = self.keep_data.val();
        self.weights.write_enable.next = self.write_weights.val();
        self.weights.write_word.next = self.write_word.val();
        self.weights.write_beat.next = self.write_beat.val();
        self.weights.write_group.next = self.write_group.val();
        for p in 0..self.code_bits.value {
            self.weights.plane_data[p].next = self.plane_data[p].val();
        }
        self.activations.read_enable.next = self.step.val();
        self.activations.read_word.next = self.act_word.val();
        self.act_lanes.x.next = self.activations.word.val();
        self.idle_bits.x.next = self.idle_lanes.val();
        for k in 0..self.lanes.value {
            self.lane[k].data.next = self.act_lanes.parts[k].val();
            self.lane[k].idle.next = self.idle_bits.parts[k].val().any();
            self.lane[k].outside.next = self.outside.val();
            self.lane[k].fill.next = self.fill.val();
            self.byte[k].next = self.lane[k].byte.val();
            self.x[k].next = self.lane[k].x.val();
        }
        self.weight_read.x.next = self.multiplies.val().into();
        self.late_weight_word.x.next = self.weight_word.val();
        self.weights.read_enable.next = self.weight_read.y.val().any();
        self.weights.read_word.next = self.late_weight_word.y.val();
        for g in 0..self.groups.value {
            for p in 0..self.code_bits.value {
                self.plane_split[g * self.code_bits.value + p].x.next =
                    self.weights.beat[g * self.code_bits.value + p].val();
                for j in 0..self.group_columns.value {
                    self.planes[(g * self.group_columns.value + j) * self.code_bits.value + p].next =
                        self.plane_split[g * self.code_bits.value + p].parts[j].val();
                }
            }
        }
    }
}
