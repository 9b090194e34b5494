//! The LOAD engine: address side, write side, and the packer behind the line buffer.

use cbp_isa::Config;

use super::load_address::LoadAddress;
use super::load_write::LoadWrite;
use super::packer::Packer;
use crate::compute::sequencer::INSTRUCTION_BITS;
use crate::lang::prelude::*;

/// Runs LOAD and PACK in order; requests of later LOADs are under way meanwhile.
#[derive(LogicBlock)]
pub struct LoadEngine {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// Request nothing new and throw arriving beats away.
    pub flush: Signal<In, Bit>,
    /// Head of the instruction queue.
    pub instruction: Wire<In>,
    /// The queue has an instruction.
    pub instruction_valid: Signal<In, Bit>,
    /// Remove it.
    pub instruction_pop: Signal<Out, Bit>,
    /// Tokens wanted from COMPUTE.
    pub want_compute: Wire<Out>,
    /// They are there.
    pub compute_ready: Signal<In, Bit>,
    /// Tokens wanted from STORE.
    pub want_store: Wire<Out>,
    /// They are there.
    pub store_ready: Signal<In, Bit>,
    /// Take both.
    pub take: Signal<Out, Bit>,
    /// Tokens given to COMPUTE in this cycle.
    pub give_compute: Wire<Out>,
    /// Segment of the running instruction.
    pub segment: Wire<Out>,
    /// Its first byte.
    pub segment_base: Wire<In>,
    /// Its bytes.
    pub segment_length: Wire<In>,
    /// Largest burst, beats.
    pub limit: Wire<In>,
    /// A burst is requested.
    pub burst_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// The read port takes it.
    pub burst_ready: Signal<In, Bit>,
    /// A beat is here.
    pub beat_valid: Signal<In, Bit>,
    /// The beat.
    pub beat: Wire<In>,
    /// It is taken.
    pub beat_ready: Signal<Out, Bit>,
    /// No activations can be written in this cycle.
    pub activations_busy: Signal<In, Bit>,
    /// Write to the activation buffer.
    pub write_activations: Signal<Out, Bit>,
    /// Write to the weight buffer.
    pub write_weights: Signal<Out, Bit>,
    /// Write to the parameter buffer.
    pub write_parameters: Signal<Out, Bit>,
    /// Write to the residual buffer.
    pub write_residuals: Signal<Out, Bit>,
    /// Word to write to.
    pub write_word: Wire<Out>,
    /// Beat of the word.
    pub write_beat: Wire<Out>,
    /// The beat.
    pub write_data: Wire<Out>,
    /// Write a group of weight codes, of which `write_beat` is the first beat.
    pub write_group: Signal<Out, Bit>,
    /// The beats of the group; the beat, on the plane it is of.
    pub plane_data: Vec<Wire<Out>>,
    /// An access outside its segment.
    pub outside: Signal<Out, Bit>,
    /// An instruction that cannot be run.
    pub malformed: Signal<Out, Bit>,
    /// Address of the row at fault.
    pub fault_address: Wire<Out>,
    /// Every instruction taken is done.
    pub idle: Signal<Out, Bit>,
    address_side: LoadAddress,
    write_side: LoadWrite,
    packer: Packer,
    code_bits: Const,
}

impl LoadEngine {
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
            want_compute: Wire::new(4),
            compute_ready: Signal::default(),
            want_store: Wire::new(4),
            store_ready: Signal::default(),
            take: Signal::default(),
            give_compute: Wire::new(4),
            segment: Wire::new(4),
            segment_base: Wire::new(64),
            segment_length: Wire::new(32),
            limit: Wire::new(9),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_ready: Signal::default(),
            beat_valid: Signal::default(),
            beat: Wire::new(axi),
            beat_ready: Signal::default(),
            activations_busy: Signal::default(),
            write_activations: Signal::default(),
            write_weights: Signal::default(),
            write_parameters: Signal::default(),
            write_residuals: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            write_group: Signal::default(),
            plane_data: Wire::many(code_bits, axi),
            outside: Signal::default(),
            malformed: Signal::default(),
            fault_address: Wire::new(64),
            idle: Signal::default(),
            address_side: LoadAddress::new(config),
            write_side: LoadWrite::new(config),
            packer: Packer::new(config),
            code_bits: code_bits.into(),
        }
    }
}

impl Logic for LoadEngine {
    #[hdl_gen]
    fn update(&mut self) {
        self.address_side.flush.next = self.flush.val();
        self.address_side.instruction.next = self.instruction.val();
        self.address_side.instruction_valid.next = self.instruction_valid.val();
        self.instruction_pop.next = self.address_side.instruction_pop.val();
        self.want_compute.next = self.address_side.want_compute.val();
        self.address_side.compute_ready.next = self.compute_ready.val();
        self.want_store.next = self.address_side.want_store.val();
        self.address_side.store_ready.next = self.store_ready.val();
        self.take.next = self.address_side.take.val();
        self.segment.next = self.address_side.segment.val();
        self.address_side.segment_base.next = self.segment_base.val();
        self.address_side.segment_length.next = self.segment_length.val();
        self.address_side.limit.next = self.limit.val();
        self.burst_valid.next = self.address_side.burst_valid.val();
        self.burst_address.next = self.address_side.burst_address.val();
        self.burst_beats.next = self.address_side.burst_beats.val();
        self.address_side.burst_ready.next = self.burst_ready.val();
        self.outside.next = self.address_side.outside.val();
        self.malformed.next = self.address_side.malformed.val();
        self.fault_address.next = self.address_side.fault_address.val();
        self.idle.next = self.address_side.idle.val();
        // The write side, one instruction after the other.
        self.write_side.flush.next = self.flush.val();
        self.write_side.descriptor_valid.next = self.address_side.descriptor_valid.val();
        self.write_side.descriptor.next = self.address_side.descriptor.val();
        self.address_side.descriptor_pop.next = self.write_side.descriptor_pop.val();
        self.write_side.beat_valid.next = self.beat_valid.val();
        self.write_side.beat.next = self.beat.val();
        self.beat_ready.next = self.write_side.beat_ready.val();
        self.write_side.stall.next = self.activations_busy.val();
        self.give_compute.next = self.write_side.give_compute.val();
        // The packer, when it is its turn.
        self.address_side.pack_full.next = self.packer.full.val();
        self.packer.push.next = self.address_side.pack_push.val();
        self.packer.instruction.next = self.address_side.pack.val();
        self.packer.enable.next = self.write_side.packing.val();
        self.write_side.packed.next = self.packer.done.val();
        self.packer.line_write.next = self.write_side.write_lines.val();
        self.packer.line_word.next = self.write_side.write_word.val();
        self.packer.line_data.next = self.beat.val();
        self.packer.stall.next = self.activations_busy.val();
        // Both write activations, never in the same cycle.
        self.write_activations.next = self.write_side.write_activations.val() || self.packer.write.val();
        self.write_weights.next = self.write_side.write_weights.val();
        self.write_parameters.next = self.write_side.write_parameters.val();
        self.write_residuals.next = self.write_side.write_residuals.val();
        self.write_word.next = self.write_side.write_word.val();
        self.write_beat.next = self.write_side.write_beat.val();
        self.write_data.next = self.write_side.write_data.val();
        self.write_group.next = self.write_side.write_group.val();
        for p in 0..self.code_bits.value {
            self.plane_data[p].next = self.write_side.plane_data[p].val();
        }
        if self.write_side.packing.val() {
            self.write_word.next = self.packer.write_word.val();
            self.write_beat.next = self.packer.write_beat.val();
            self.write_data.next = self.packer.write_data.val();
        }
    }
}
