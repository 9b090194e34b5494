//! The compute engine, assembled.

use cbp_isa::Config;
use cbp_isa::parameters::PARAMETER_BYTES;

use super::output_buffer::OutputBuffer;
use super::post_processing::PostProcessing;
use super::sequencer::{INSTRUCTION_BITS, Sequencer};
use crate::array::{Array, sum_latency};
use crate::lang::arith::{Concat, Pick, Split};
use crate::lang::prelude::*;
use crate::parts::{Buffer, Delay};

/// A beat arriving from LOAD: which buffer, word and beat it goes to.
#[derive(LogicBlock)]
pub struct ComputeEngine {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything under way.
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
    /// Tokens given to LOAD in this cycle.
    pub give_load: Wire<Out>,
    /// Tokens given to STORE in this cycle.
    pub give_store: Wire<Out>,
    /// Write a beat of activations.
    pub write_activations: Signal<In, Bit>,
    /// Write a beat of weights.
    pub write_weights: Signal<In, Bit>,
    /// Write a beat of parameters.
    pub write_parameters: Signal<In, Bit>,
    /// Word to write to.
    pub write_word: Wire<In>,
    /// Beat of the word.
    pub write_beat: Wire<In>,
    /// The beat.
    pub write_data: Wire<In>,
    /// Read a beat of the output buffer.
    pub read_output: Signal<In, Bit>,
    /// Which one.
    pub read_beat: Wire<In>,
    /// The beat, one cycle later.
    pub output_beat: Wire<Out>,
    /// The next instruction cannot be run.
    pub malformed: Signal<Out, Bit>,
    /// A step is issued.
    pub step: Signal<Out, Bit>,
    /// Waiting for tokens from LOAD.
    pub waiting_load: Signal<Out, Bit>,
    /// Waiting for tokens from STORE.
    pub waiting_store: Signal<Out, Bit>,
    /// Waiting for the drain register.
    pub waiting_ppu: Signal<Out, Bit>,
    /// Nothing is under way behind the sequencer.
    pub idle: Signal<Out, Bit>,
    sequencer: Sequencer,
    activations: Buffer,
    weights: Buffer,
    parameters: Buffer,
    act_word: Concat,
    act_lanes: Split,
    masked: Vec<Reg>,
    mask_bits: Split,
    weight_read: Dff<Bit>,
    weight_word: Reg,
    planes: Vec<Split>,
    narrow: Vec<Pick>,
    array: Array,
    control: Concat,
    control_delay: Delay,
    control_split: Split,
    post: PostProcessing,
    records: Concat,
    record_split: Split,
    outputs: OutputBuffer,
    lanes: Const,
    columns: Const,
    ppu_lanes: Const,
    act_beats: Const,
    parameter_beats: Const,
    groups: Const,
    code_bits: Const,
    group_columns: Const,
}

impl ComputeEngine {
    /// The engine of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let code_bits = config.weight_set.code_bits() as usize;
        let group_columns = axi / config.lanes;
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
            give_load: Wire::new(4),
            give_store: Wire::new(4),
            write_activations: Signal::default(),
            write_weights: Signal::default(),
            write_parameters: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            read_output: Signal::default(),
            read_beat: Wire::new(16),
            output_beat: Wire::new(axi),
            malformed: Signal::default(),
            step: Signal::default(),
            waiting_load: Signal::default(),
            waiting_store: Signal::default(),
            waiting_ppu: Signal::default(),
            idle: Signal::default(),
            sequencer: Sequencer::new(config),
            activations: Buffer::new(config.activation_depth, config.activation_beats(), axi),
            weights: Buffer::new(config.weight_depth, config.weight_beats(), axi),
            parameters: Buffer::new(config.parameter_depth, config.parameter_beats(), axi),
            act_word: Concat::new(config.activation_beats(), axi),
            act_lanes: Split::new(config.lanes, 8),
            masked: Reg::many(config.lanes, 8),
            mask_bits: Split::new(config.lanes, 1),
            weight_read: Dff::default(),
            weight_word: Reg::plain(16),
            planes: (0..config.weight_beats()).map(|_| Split::new(group_columns, config.lanes)).collect(),
            narrow: (0..config.lanes).map(|_| Pick::new(8, 0, config.activation_bits)).collect(),
            array: Array::new(config),
            control: Concat::new(5, 1),
            control_delay: Delay::new(5, 2 + sum_latency(config), true),
            control_split: Split::new(5, 1),
            post: PostProcessing::new(config),
            records: Concat::new(config.parameter_beats(), axi),
            record_split: Split::new(config.ppu_lanes, 8 * PARAMETER_BYTES),
            outputs: OutputBuffer::new(config),
            lanes: config.lanes.into(),
            columns: config.columns.into(),
            ppu_lanes: config.ppu_lanes.into(),
            act_beats: config.activation_beats().into(),
            parameter_beats: config.parameter_beats().into(),
            groups: config.weight_groups().into(),
            code_bits: code_bits.into(),
            group_columns: group_columns.into(),
        }
    }
}

impl Logic for ComputeEngine {
    #[hdl_gen]
    fn update(&mut self) {
        self.sequencer.flush.next = self.flush.val();
        self.sequencer.instruction.next = self.instruction.val();
        self.sequencer.instruction_valid.next = self.instruction_valid.val();
        self.instruction_pop.next = self.sequencer.instruction_pop.val();
        self.want_load.next = self.sequencer.want_load.val();
        self.sequencer.load_ready.next = self.load_ready.val();
        self.want_store.next = self.sequencer.want_store.val();
        self.sequencer.store_ready.next = self.store_ready.val();
        self.take.next = self.sequencer.take.val();
        self.give_load.next = self.post.give_load.val();
        self.give_store.next = self.post.give_store.val();
        self.malformed.next = self.sequencer.malformed.val();
        self.step.next = self.sequencer.step.val();
        self.waiting_load.next = self.sequencer.waiting_load.val();
        self.waiting_store.next = self.sequencer.waiting_store.val();
        self.waiting_ppu.next = self.sequencer.waiting_ppu.val();
        self.idle.next = self.post.idle.val();
        // Writes from LOAD.
        self.activations.write_enable.next = self.write_activations.val();
        self.activations.write_word.next = self.write_word.val();
        self.activations.write_beat.next = self.write_beat.val();
        self.activations.write_data.next = self.write_data.val();
        self.weights.write_enable.next = self.write_weights.val();
        self.weights.write_word.next = self.write_word.val();
        self.weights.write_beat.next = self.write_beat.val();
        self.weights.write_data.next = self.write_data.val();
        self.parameters.write_enable.next = self.write_parameters.val();
        self.parameters.write_word.next = self.write_word.val();
        self.parameters.write_beat.next = self.write_beat.val();
        self.parameters.write_data.next = self.write_data.val();
        // Activations: read, mask, register. Weights are read one cycle later and meet them at the lanes.
        self.activations.read_enable.next = self.sequencer.step.val();
        self.activations.read_word.next = self.sequencer.act_word.val();
        for i in 0..self.act_beats.value {
            self.act_word.parts[i].next = self.activations.beat[i].val();
        }
        self.act_lanes.x.next = self.act_word.y.val();
        self.mask_bits.x.next = self.sequencer.lane_mask.val();
        for k in 0..self.lanes.value {
            self.masked[k].d.next = 0.into();
            if self.mask_bits.parts[k].val().any() {
                self.masked[k].d.next = self.act_lanes.parts[k].val();
            }
        }
        self.weight_read.d.next = self.sequencer.step.val();
        self.weight_word.d.next = self.sequencer.weight_word.val();
        self.weights.read_enable.next = self.weight_read.q.val();
        self.weights.read_word.next = self.weight_word.q.val();
        for g in 0..self.groups.value {
            for p in 0..self.code_bits.value {
                self.planes[g * self.code_bits.value + p].x.next =
                    self.weights.beat[g * self.code_bits.value + p].val();
                for j in 0..self.group_columns.value {
                    self.array.planes[(g * self.group_columns.value + j) * self.code_bits.value + p].next =
                        self.planes[g * self.code_bits.value + p].parts[j].val();
                }
            }
        }
        // Control meets the sums at the accumulators.
        self.control.parts[0].next = self.sequencer.step.val().into();
        self.control.parts[1].next = self.sequencer.first.val().into();
        self.control.parts[2].next = self.sequencer.last.val().into();
        self.control.parts[3].next = self.sequencer.shift.val().get_bits::<1>(0);
        self.control.parts[4].next = self.sequencer.shift.val().get_bits::<1>(1);
        self.control_delay.x.next = self.control.y.val();
        self.control_split.x.next = self.control_delay.y.val();
        for k in 0..self.lanes.value {
            self.narrow[k].x.next = self.masked[k].q.val();
            self.array.x[k].next = self.narrow[k].y.val();
        }
        self.array.valid.next = self.control_split.parts[0].val().any();
        self.array.first.next = self.control_split.parts[1].val().any();
        self.array.last.next = self.control_split.parts[2].val().any();
        self.array.shift.next = self.control_delay.y.val().get_bits::<2>(3);
        for n in 0..self.columns.value {
            self.post.results[n].next = self.array.out[n].val();
        }
        // Post-processing.
        self.post.push.next = self.sequencer.last.val();
        self.post.position.next = self.sequencer.position.val();
        self.post.drained.next = self.array.drained.val();
        self.parameters.read_enable.next = self.post.parameter_read.val();
        self.parameters.read_word.next = self.post.parameter_word.val();
        for i in 0..self.parameter_beats.value {
            self.records.parts[i].next = self.parameters.beat[i].val();
        }
        self.record_split.x.next = self.records.y.val();
        for p in 0..self.ppu_lanes.value {
            self.post.records[p].next = self.record_split.parts[p].val();
        }
        self.outputs.write.next = self.post.write.val();
        self.outputs.write_granule.next = self.post.write_granule.val();
        self.outputs.write_raw.next = self.post.write_raw.val();
        self.outputs.granule.next = self.post.granule.val();
        self.outputs.raw.next = self.post.raw.val();
        self.outputs.read.next = self.read_output.val();
        self.outputs.read_beat.next = self.read_beat.val();
        self.output_beat.next = self.outputs.beat.val();
    }
}
