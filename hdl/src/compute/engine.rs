//! The compute engine, assembled.

use cbp_isa::Config;
use cbp_isa::parameters::PARAMETER_BYTES;

use super::arrived_write::ArrivedWrite;
use super::lane_input::INPUT_LATENCY;
use super::maxima::Maxima;
use super::operands::Operands;
use super::output_buffer::OutputBuffer;
use super::post_processing::PostProcessing;
use super::residual_buffer::ResidualBuffer;
use super::sequencer::{INSTRUCTION_BITS, Sequencer};
use crate::array::{Array, sum_latency};
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::{Buffer, Delay};

/// Sequencer, operands, columns and maxima, post-processing and its buffers.
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
    /// Write a beat of residual operands.
    pub write_residuals: Signal<In, Bit>,
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
    /// No activations can be written by what arrives in this cycle.
    pub activations_busy: Signal<Out, Bit>,
    /// Read a beat of the output buffer.
    pub read_output: Signal<In, Bit>,
    /// Which one.
    pub read_beat: Wire<In>,
    /// The beat, one cycle later.
    pub output_beat: Wire<Out>,
    /// The next instruction cannot be run.
    pub malformed: Signal<Out, Bit>,
    /// A step of the array is issued.
    pub step: Signal<Out, Bit>,
    /// Waiting for tokens from LOAD.
    pub waiting_load: Signal<Out, Bit>,
    /// Waiting for tokens from STORE.
    pub waiting_store: Signal<Out, Bit>,
    /// Waiting for post-processing.
    pub waiting_ppu: Signal<Out, Bit>,
    /// Nothing is under way behind the sequencer.
    pub idle: Signal<Out, Bit>,
    sequencer: Sequencer,
    arrived: ArrivedWrite,
    operands: Operands,
    parameters: Buffer,
    residuals: ResidualBuffer,
    array: Array,
    maxima: Maxima,
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
    parameter_beats: Const,
    code_bits: Const,
}

impl ComputeEngine {
    /// The engine of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let code_bits = config.weight_set.code_bits() as usize;
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
            write_residuals: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            write_group: Signal::default(),
            plane_data: Wire::many(code_bits, axi),
            activations_busy: Signal::default(),
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
            arrived: ArrivedWrite::new(config),
            operands: Operands::new(config),
            parameters: Buffer::new(config.parameter_depth, config.parameter_beats(), axi),
            residuals: ResidualBuffer::new(config),
            array: Array::new(config),
            maxima: Maxima::new(config),
            control: Concat::new(5, 1),
            control_delay: Delay::new(5, INPUT_LATENCY + 1 + sum_latency(config), true),
            control_split: Split::new(5, 1),
            post: PostProcessing::new(config),
            records: Concat::new(config.parameter_beats(), axi),
            record_split: Split::new(config.ppu_lanes, 8 * PARAMETER_BYTES),
            outputs: OutputBuffer::new(config),
            lanes: config.lanes.into(),
            columns: config.columns.into(),
            ppu_lanes: config.ppu_lanes.into(),
            parameter_beats: config.parameter_beats().into(),
            code_bits: code_bits.into(),
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
        self.step.next = self.sequencer.multiplies.val();
        self.waiting_load.next = self.sequencer.waiting_load.val();
        self.waiting_store.next = self.sequencer.waiting_store.val();
        self.waiting_ppu.next = self.sequencer.waiting_ppu.val();
        self.idle.next = self.post.idle.val();
        self.sequencer.written.next = self.post.idle.val();
        // Writes pass a register: they come from far.
        self.arrived.write_activations.next = self.write_activations.val();
        self.arrived.write_weights.next = self.write_weights.val();
        self.arrived.write_parameters.next = self.write_parameters.val();
        self.arrived.write_residuals.next = self.write_residuals.val();
        self.arrived.write_group.next = self.write_group.val();
        self.arrived.write_word.next = self.write_word.val();
        self.arrived.write_beat.next = self.write_beat.val();
        self.arrived.write_data.next = self.write_data.val();
        self.operands.write_activations.next = self.arrived.activations.val();
        self.operands.write_weights.next = self.arrived.weights.val();
        self.operands.write_word.next = self.arrived.word.val();
        self.operands.write_beat.next = self.arrived.beat.val();
        self.operands.write_data.next = self.arrived.data.val();
        self.operands.write_group.next = self.arrived.group.val();
        for p in 0..self.code_bits.value {
            self.arrived.plane_data[p].next = self.plane_data[p].val();
            self.operands.plane_data[p].next = self.arrived.planes[p].val();
        }
        self.operands.keep.next = self.post.keep.val();
        self.operands.keep_granule.next = self.post.keep_granule.val();
        self.operands.keep_data.next = self.post.keep_data.val();
        self.activations_busy.next = self.post.keeps_next.val();
        self.parameters.write_enable.next = self.arrived.parameters.val();
        self.parameters.write_word.next = self.arrived.word.val();
        self.parameters.write_beat.next = self.arrived.beat.val();
        self.parameters.write_data.next = self.arrived.data.val();
        self.residuals.write_enable.next = self.arrived.residuals.val();
        self.residuals.write_word.next = self.arrived.word.val();
        self.residuals.write_beat.next = self.arrived.beat.val();
        self.residuals.write_data.next = self.arrived.data.val();
        // A step reads its operands.
        self.operands.step.next = self.sequencer.step.val();
        self.operands.multiplies.next = self.sequencer.multiplies.val();
        self.operands.act_word.next = self.sequencer.act_word.val();
        self.operands.weight_word.next = self.sequencer.weight_word.val();
        self.operands.idle_lanes.next = self.sequencer.idle_lanes.val();
        self.operands.outside.next = self.sequencer.outside.val();
        self.operands.fill.next = self.sequencer.fill.val();
        // Control meets the sums at the accumulators, and the activations that wait for the maxima.
        self.control.parts[0].next = self.sequencer.step.val().into();
        self.control.parts[1].next = self.sequencer.first.val().into();
        self.control.parts[2].next = self.sequencer.last.val().into();
        self.control.parts[3].next = self.sequencer.shift.val().get_bits::<1>(0);
        self.control.parts[4].next = self.sequencer.shift.val().get_bits::<1>(1);
        self.control_delay.x.next = self.control.y.val();
        self.control_split.x.next = self.control_delay.y.val();
        self.array.valid.next = self.control_split.parts[0].val().any();
        self.array.first.next = self.control_split.parts[1].val().any();
        self.array.last.next = self.control_split.parts[2].val().any();
        self.array.shift.next = self.control_delay.y.val().get_bits::<2>(3);
        for k in 0..self.lanes.value {
            self.array.x[k].next = self.operands.x[k].val();
        }
        for n in 0..self.columns.value {
            for p in 0..self.code_bits.value {
                self.array.planes[n * self.code_bits.value + p].next =
                    self.operands.planes[n * self.code_bits.value + p].val();
            }
            self.post.results[n].next = self.array.out[n].val();
        }
        self.maxima.valid.next = self.control_split.parts[0].val().any();
        self.maxima.first.next = self.control_split.parts[1].val().any();
        self.maxima.last.next = self.control_split.parts[2].val().any();
        for k in 0..self.lanes.value {
            self.maxima.x[k].next = self.operands.byte[k].val();
            self.post.maxima[k].next = self.maxima.out[k].val();
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
        self.residuals.read_enable.next = self.post.residual_read.val();
        self.residuals.read_granule.next = self.post.residual_granule.val();
        self.post.residual.next = self.residuals.granule.val();
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
