//! A write of LOAD to the buffers, a cycle after it arrives.

use cbp_isa::Config;

use crate::lang::prelude::*;

/// Registers between LOAD and the buffers. Tokens take longer than this from LOAD to the first read.
#[derive(LogicBlock)]
pub struct ArrivedWrite {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget it.
    pub reset: Signal<In, Bit>,
    /// To the activation buffer.
    pub write_activations: Signal<In, Bit>,
    /// To the weight buffer.
    pub write_weights: Signal<In, Bit>,
    /// To the parameter buffer.
    pub write_parameters: Signal<In, Bit>,
    /// To the residual buffer.
    pub write_residuals: Signal<In, Bit>,
    /// A group of codes, to the weight buffer.
    pub write_group: Signal<In, Bit>,
    /// To this word.
    pub write_word: Wire<In>,
    /// To this beat of it.
    pub write_beat: Wire<In>,
    /// The beat.
    pub write_data: Wire<In>,
    /// The beats of the group; the beat, on the plane it is of.
    pub plane_data: Vec<Wire<In>>,
    /// To the activation buffer.
    pub activations: Signal<Out, Bit>,
    /// To the weight buffer.
    pub weights: Signal<Out, Bit>,
    /// To the parameter buffer.
    pub parameters: Signal<Out, Bit>,
    /// To the residual buffer.
    pub residuals: Signal<Out, Bit>,
    /// A group of codes, to the weight buffer.
    pub group: Signal<Out, Bit>,
    /// To this word.
    pub word: Wire<Out>,
    /// To this beat of it.
    pub beat: Wire<Out>,
    /// The beat.
    pub data: Wire<Out>,
    /// The group's beats.
    pub planes: Vec<Wire<Out>>,
    activations_q: Dff<Bit>,
    weights_q: Dff<Bit>,
    parameters_q: Dff<Bit>,
    residuals_q: Dff<Bit>,
    group_q: Dff<Bit>,
    word_q: Reg,
    beat_q: Reg,
    data_q: Reg,
    planes_q: Vec<Reg>,
    code_bits: Const,
}

impl ArrivedWrite {
    /// The registers of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let code_bits = config.weight_set.code_bits() as usize;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            write_activations: Signal::default(),
            write_weights: Signal::default(),
            write_parameters: Signal::default(),
            write_residuals: Signal::default(),
            write_group: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            plane_data: Wire::many(code_bits, axi),
            activations: Signal::default(),
            weights: Signal::default(),
            parameters: Signal::default(),
            residuals: Signal::default(),
            group: Signal::default(),
            word: Wire::new(16),
            beat: Wire::new(8),
            data: Wire::new(axi),
            planes: Wire::many(code_bits, axi),
            activations_q: Dff::default(),
            weights_q: Dff::default(),
            parameters_q: Dff::default(),
            residuals_q: Dff::default(),
            group_q: Dff::default(),
            word_q: Reg::plain(16),
            beat_q: Reg::plain(8),
            data_q: Reg::plain(axi),
            planes_q: Reg::many(code_bits, axi),
            code_bits: code_bits.into(),
        }
    }
}

impl Logic for ArrivedWrite {
    #[hdl_gen]
    fn update(&mut self) {
        self.activations_q.d.next = self.write_activations.val();
        self.weights_q.d.next = self.write_weights.val();
        self.parameters_q.d.next = self.write_parameters.val();
        self.residuals_q.d.next = self.write_residuals.val();
        self.group_q.d.next = self.write_group.val();
        self.word_q.d.next = self.write_word.val();
        self.beat_q.d.next = self.write_beat.val();
        self.data_q.d.next = self.write_data.val();
        self.activations.next = self.activations_q.q.val();
        self.weights.next = self.weights_q.q.val();
        self.parameters.next = self.parameters_q.q.val();
        self.residuals.next = self.residuals_q.q.val();
        self.group.next = self.group_q.q.val();
        self.word.next = self.word_q.q.val();
        self.beat.next = self.beat_q.q.val();
        self.data.next = self.data_q.q.val();
        for p in 0..self.code_bits.value {
            self.planes_q[p].d.next = self.plane_data[p].val();
            self.planes[p].next = self.planes_q[p].q.val();
        }
    }
}
