//! Forward and backward of a batch, layer by layer.
//!
//! - [`Engine`]: memory of a batch and the steps over it
//! - [`grad_input`]: the gradient with respect to the input, in one call
//! - [`Settings`]: choices that the literature leaves open
//! - [`Gradients`]: the derivatives of the loss with respect to parameters
//! - `plan`: which values share memory; `node`: what each kind of node does

mod input_gradient;
mod node;
mod plan;
mod state;

pub use input_gradient::grad_input;
pub use plan::Purpose;

use serde::{Deserialize, Serialize};

use crate::aligned::Aligned;
use crate::graph::{Graph, Op, Source};
use crate::model::{Model, Parameters};
use node::{batch_norm, gate, join, loss};
use plan::{Flow, Plan};
use state::State;

/// Choices of the forward and the backward step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The derivative of a ReLU (of any clamp, at its lower bound) where its input is exactly at the bound: 0 in most
    /// frameworks. With integers such inputs are not rare (Bertoin et al., 2021, arXiv 2106.12915).
    pub relu_grad_at_zero: f32,
    /// Batch norms use their running statistics in training too, and leave them.
    pub frozen_norms: bool,
    /// Quantisers keep their ranges.
    pub frozen_ranges: bool,
    /// Weight of the batch in running statistics, instead of that of each batch norm.
    pub norm_momentum: Option<f32>,
}

/// dL/d(parameter) of one node; empty where it has no such parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// Of the weights, or of γ.
    pub weight: Vec<f32>,
    /// Of the bias, or of β.
    pub bias: Vec<f32>,
}

/// dL/d(parameter) of every node of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// One per node.
    pub nodes: Vec<Gradient>,
}

impl Gradients {
    /// Zeros for every parameter of a model.
    #[must_use]
    pub fn zeros(model: &Model) -> Self {
        let nodes = model.parameters().iter().map(|parameters| match parameters {
            Parameters::Weights { weight, bias } => Gradient {
                weight: vec![0.0; weight.len()],
                bias: vec![0.0; bias.as_ref().map_or(0, Vec::len)],
            },
            Parameters::BatchNorm { gamma, beta, .. } => {
                Gradient { weight: vec![0.0; gamma.len()], bias: vec![0.0; beta.len()] }
            }
            Parameters::None | Parameters::Range(_) => Gradient::default(),
        });
        Self { nodes: nodes.collect() }
    }
}

/// Which numbers are dropped in a training step: a function of these alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepKey {
    /// Seed of the run.
    pub seed: u64,
    /// Number of the step.
    pub step: u64,
}

/// Memory for batches of up to some number of images, and the steps over it.
///
/// Results do not depend on the number of threads of the rayon pool that the steps are called in.
#[derive(Debug)]
pub struct Engine {
    capacity: usize,
    /// Images of the batch at hand.
    images: usize,
    purpose: Purpose,
    settings: Settings,
    plan: Plan,
    states: Vec<State>,
    buffers: Vec<Aligned>,
    input: Aligned,
    input_gradient: Aligned,
}

impl Engine {
    /// Memory for batches of up to `capacity` images of a graph.
    #[must_use]
    pub fn new(graph: &Graph, capacity: usize, purpose: Purpose, settings: Settings) -> Self {
        let plan = Plan::new(graph, purpose);
        let buffers = plan.buffers.iter().map(|&size| Aligned::zeros(size * capacity)).collect();
        let states = (0..graph.nodes().len())
            .map(|node| State::new(graph, node, capacity, purpose, &plan.flows[node]))
            .collect();
        let input = graph.input().values() * capacity;
        let wants_input = purpose == Purpose::Training { input_gradient: true };
        Self {
            capacity,
            images: capacity,
            purpose,
            settings,
            plan,
            states,
            buffers,
            input: Aligned::zeros(input),
            input_gradient: if wants_input { Aligned::zeros(input) } else { Aligned::new() },
        }
    }

    /// The most images of a batch.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Changes the settings from the next step on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Bytes of values and gradients.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let numbers: usize = self.buffers.iter().map(|buffer| buffer.len()).sum();
        4 * (numbers + self.input.len() + self.input_gradient.len())
    }

    /// The place for a batch of `images`: images × rows × columns × channels.
    ///
    /// # Panics
    /// Without images, or with more than the capacity.
    pub fn input_mut(&mut self, images: usize) -> &mut [f32] {
        assert!(images > 0 && images <= self.capacity, "{images} images, room for {}", self.capacity);
        self.images = images;
        let len = self.input.len() / self.capacity * images;
        &mut self.input[..len]
    }

    /// Inference of the batch; gives the outputs, images × values. Batch norms use running statistics, nothing is
    /// dropped. `model` must have the graph that this was made for.
    pub fn infer(&mut self, model: &Model) -> &[f32] {
        for node in 0..self.states.len() {
            self.forward(model.graph(), node, &model.parameters()[node]);
        }
        self.output(model.graph())
    }

    /// Forward step of training; gives the outputs. Moves running statistics and ranges.
    ///
    /// # Panics
    /// If this engine is for inference.
    pub fn forward_train(&mut self, model: &mut Model, key: StepKey) -> &[f32] {
        assert!(self.purpose != Purpose::Inference, "an engine for inference cannot train");
        for node in 0..self.states.len() {
            self.forward_train_node(model, node, key);
        }
        self.output(model.graph())
    }

    /// Mean softmax cross-entropy of the outputs, in nats. [`Engine::backward`] then goes on from its gradient.
    ///
    /// # Panics
    /// Unless there is one label per image, less than the number of outputs.
    pub fn cross_entropy(&mut self, graph: &Graph, labels: &[u32]) -> f64 {
        assert_eq!(labels.len(), self.images, "one label per image");
        self.with_loss(graph, |outputs, gradient| loss::softmax_cross_entropy(outputs, labels, gradient))
    }

    /// Mean squared error of the outputs against `targets`, images × values. As [`Engine::cross_entropy`].
    ///
    /// # Panics
    /// Unless there is one target per output.
    pub fn squared_error(&mut self, graph: &Graph, targets: &[f32]) -> f64 {
        assert_eq!(targets.len(), graph.output().values() * self.images, "one target per output");
        self.with_loss(graph, |outputs, gradient| loss::mean_squared_error(outputs, targets, gradient))
    }

    fn with_loss(&mut self, graph: &Graph, loss: impl FnOnce(&[f32], &mut [f32]) -> f64) -> f64 {
        let last = self.states.len() - 1;
        let len = graph.output().values() * self.images;
        let Some(place) = self.plan.gradients[last] else {
            return loss(self.output(graph), &mut vec![0.0; len]);
        };
        let mut gradient = std::mem::take(&mut self.buffers[place]);
        let result = loss(self.output(graph), &mut gradient[..len]);
        self.buffers[place] = gradient;
        result
    }

    /// Backward step: all gradients of the last loss with respect to parameters, into `gradients`.
    pub fn backward(&mut self, model: &Model, gradients: &mut Gradients) {
        for node in (0..self.states.len()).rev() {
            if self.plan.gradients[node].is_some() {
                self.backward_node(model, node, &mut gradients.nodes[node]);
            }
        }
    }

    /// The gradient of the last loss with respect to the input, images × rows × columns × channels; empty unless the
    /// engine was made for it.
    #[must_use]
    pub fn input_gradient(&self) -> &[f32] {
        &self.input_gradient[..self.input_gradient.len() / self.capacity * self.images]
    }

    /// The outputs of the last forward step; a backward step may overwrite them.
    #[must_use]
    pub fn output(&self, graph: &Graph) -> &[f32] {
        let last = self.states.len() - 1;
        &self.buffers[self.plan.values[last]][..graph.output().values() * self.images]
    }

    /// Which numbers the last training step kept of a dropout's input, images × values; `None` for other nodes.
    #[must_use]
    pub fn kept(&self, graph: &Graph, node: usize) -> Option<Vec<bool>> {
        let values = graph.shapes()[node].values() * self.images;
        match (&graph.nodes()[node].op, &self.states[node]) {
            (Op::Dropout { .. }, State::Gates(gates)) => {
                Some(gates[..values].iter().map(|&gate| gate == gate::OPEN).collect())
            }
            _ => None,
        }
    }

    fn value(&self, graph: &Graph, source: Source) -> &[f32] {
        let len = graph.shape_of(source).values() * self.images;
        match source {
            Source::Input => &self.input[..len],
            Source::Layer(node) => &self.buffers[self.plan.values[node]][..len],
        }
    }

    /// Calls `work` with the buffer of a node's output, taken out so that others can be read beside it.
    fn with_output<T>(
        &mut self,
        graph: &Graph,
        node: usize,
        work: impl FnOnce(&Self, &mut State, &mut [f32]) -> T,
    ) -> T {
        let place = self.plan.values[node];
        let len = graph.shapes()[node].values() * self.images;
        let mut buffer = std::mem::take(&mut self.buffers[place]);
        let mut state = std::mem::take(&mut self.states[node]);
        let inputs = &graph.nodes()[node].inputs;
        if let (Op::Clamp { .. } | Op::Dropout { .. } | Op::Quantise { .. } | Op::Add, false) =
            (&graph.nodes()[node].op, self.plan.in_place[node])
        {
            join::copy_or_add(&mut buffer[..len], self.value(graph, inputs[0]), false);
        }
        let result = work(self, &mut state, &mut buffer[..len]);
        self.buffers[place] = buffer;
        self.states[node] = state;
        result
    }

    /// A node's output as inference has it.
    fn forward(&mut self, graph: &Graph, node: usize, parameters: &Parameters) {
        let in_place = self.plan.in_place[node];
        let (op, inputs) = (&graph.nodes()[node].op, &graph.nodes()[node].inputs);
        self.with_output(graph, node, |engine, state, y| {
            let x = || engine.value(graph, inputs[0]);
            match (op, parameters, state) {
                (_, Parameters::Weights { weight, bias }, State::Products(products)) => {
                    products.forward(x(), y, weight, bias.as_deref());
                }
                (Op::BatchNorm { eps, .. }, Parameters::BatchNorm { gamma, beta, mean, var }, _) => {
                    let statistics = batch_norm::constant(*eps, mean, var);
                    if in_place {
                        statistics.forward_in_place(y, gamma, beta);
                    } else {
                        statistics.forward(x(), y, gamma, beta);
                    }
                }
                (Op::Clamp { low, high }, ..) => gate::clamp_only(y, *low, *high),
                (Op::Quantise { bits, signed }, Parameters::Range(range), _) => {
                    gate::Codes { bits: *bits, signed: *signed }.round(y, None, *range);
                }
                (Op::MaxPool { .. }, _, State::Pool { pool, winners }) => {
                    pool.max(x(), y, &mut winners[..y.len()]);
                }
                (_, _, State::Pool { pool, .. }) => pool.mean(x(), y),
                (Op::Add, ..) => join::add(y, engine.value(graph, inputs[1])),
                (Op::Concat, ..) => {
                    let whole = graph.shapes()[node].channels;
                    let mut first = 0;
                    for &input in inputs {
                        let part = graph.shape_of(input).channels;
                        join::Slot { whole, first, part }.put(y, engine.value(graph, input));
                        first += part;
                    }
                }
                (_, _, State::Shortcut(shortcut)) => shortcut.forward(x(), y),
                (Op::Flatten, ..) if !in_place => join::copy_or_add(y, x(), false),
                _ => {}
            }
        });
    }

    /// Inference in which every quantiser follows the largest magnitude that reaches it, even where ranges are frozen.
    pub fn calibrate(&mut self, model: &mut Model) {
        for node in 0..self.states.len() {
            let (graph, parameters) = model.parts_mut();
            match (&graph.nodes()[node].op, &mut parameters[node]) {
                (&Op::Quantise { bits, signed }, Parameters::Range(range)) => {
                    let codes = gate::Codes { bits, signed };
                    self.with_output(graph, node, |_, _, y| {
                        codes.observe(range, y);
                        codes.round(y, None, *range);
                    });
                }
                (_, parameters) => self.forward(graph, node, parameters),
            }
        }
    }

    fn forward_train_node(&mut self, model: &mut Model, node: usize, key: StepKey) {
        let settings = self.settings;
        let (graph, parameters) = model.parts_mut();
        let parameters = &mut parameters[node];
        let (op, inputs) = (&graph.nodes()[node].op, &graph.nodes()[node].inputs);
        match (op, parameters) {
            (&Op::BatchNorm { eps, momentum, .. }, Parameters::BatchNorm { gamma, beta, mean, var }) => {
                self.with_output(graph, node, |engine, state, y| {
                    let x = engine.value(graph, inputs[0]);
                    let statistics = if settings.frozen_norms || momentum <= 0.0 {
                        batch_norm::constant(eps, mean, var)
                    } else {
                        let momentum = settings.norm_momentum.unwrap_or(momentum);
                        batch_norm::measure(x, eps, momentum, mean, var)
                    };
                    statistics.forward(x, y, gamma, beta);
                    *state = State::Norm(statistics);
                });
            }
            (&Op::Clamp { low, high }, _) => self.with_output(graph, node, |_, state, y| {
                gate::clamp(y, state.gates(y.len()), low, high);
            }),
            (&Op::Quantise { bits, signed }, Parameters::Range(range)) => {
                let codes = gate::Codes { bits, signed };
                self.with_output(graph, node, |_, state, y| {
                    if !settings.frozen_ranges {
                        codes.observe(range, y);
                    }
                    codes.round(y, Some(state.gates(y.len())), *range);
                });
            }
            (&Op::Dropout { probability }, _) => self.with_output(graph, node, |engine, state, y| {
                let image = y.len() / engine.images;
                let key = (key.seed, key.step, node as u64);
                gate::dropout(y, state.gates(y.len()), probability, image, key);
            }),
            (_, parameters) => self.forward(graph, node, parameters),
        }
    }

    fn backward_node(&mut self, model: &Model, node: usize, gradients: &mut Gradient) {
        let graph = model.graph();
        let Some(place) = self.plan.gradients[node] else { return };
        let len = graph.shapes()[node].values() * self.images;
        let mut buffer = std::mem::take(&mut self.buffers[place]);
        let mut state = std::mem::take(&mut self.states[node]);
        let dy = &mut buffer[..len];
        let (op, inputs) = (&graph.nodes()[node].op, &graph.nodes()[node].inputs);
        // What other inputs get must be read before the gradient is changed in its buffer.
        for (slot, &input) in inputs.iter().enumerate() {
            self.pass_on(model, node, slot, input, &state, dy);
        }
        match (op, &model.parameters()[node], &mut state) {
            (_, Parameters::Weights { .. }, State::Products(products)) => {
                let x = self.value(graph, inputs[0]);
                products.parameter_gradients(x, dy, &mut gradients.weight, &mut gradients.bias);
            }
            (_, Parameters::BatchNorm { gamma, .. }, State::Norm(statistics)) => {
                let x = self.value(graph, inputs[0]);
                statistics.backward(x, dy, gamma, &mut gradients.weight, &mut gradients.bias);
            }
            (_, _, State::Gates(gates)) => {
                let (at_bound, factor) = match *op {
                    Op::Dropout { probability } => (0.0, 1.0 / (1.0 - probability)),
                    _ => (self.settings.relu_grad_at_zero, 1.0),
                };
                gate::backward(dy, &gates[..len], at_bound, factor);
            }
            _ => {}
        }
        // Nodes that change the gradient number by number, for an input with other readers too.
        if matches!(state, State::Norm(_) | State::Gates(_)) {
            self.pass_changed(graph, node, inputs[0], dy);
        }
        self.buffers[place] = buffer;
        self.states[node] = state;
    }

    /// Writes or adds what input `slot` gets of the gradient of a node's output, where that is another buffer.
    fn pass_on(&mut self, model: &Model, node: usize, slot: usize, input: Source, state: &State, dy: &[f32]) {
        let graph = model.graph();
        let adds = match self.plan.flows[node][slot] {
            Flow::Nothing | Flow::Share => return,
            Flow::Write => false,
            Flow::Add => true,
        };
        if matches!(state, State::Norm(_) | State::Gates(_)) {
            return;
        }
        self.with_gradient(graph, input, |dx| match (&graph.nodes()[node].op, state) {
            (_, State::Products(products)) => {
                if let Parameters::Weights { weight, .. } = &model.parameters()[node] {
                    products.input_gradient(dy, dx, weight, adds);
                }
            }
            (Op::MaxPool { .. }, State::Pool { pool, winners }) => {
                pool.max_backward(dy, dx, &winners[..dy.len()], adds);
            }
            (_, State::Pool { pool, .. }) => pool.mean_backward(dy, dx, adds),
            (_, State::Shortcut(shortcut)) => shortcut.backward(dy, dx, adds),
            (Op::Concat, _) => {
                let inputs = &graph.nodes()[node].inputs;
                let channels = |input: &Source| graph.shape_of(*input).channels;
                let first = inputs[..slot].iter().map(channels).sum();
                let (whole, part) = (graph.shapes()[node].channels, channels(&input));
                join::Slot { whole, first, part }.take(dy, dx, adds);
            }
            _ => join::copy_or_add(dx, dy, adds),
        });
    }

    /// The same for a gradient that was changed in its buffer.
    fn pass_changed(&mut self, graph: &Graph, node: usize, input: Source, dx: &[f32]) {
        let adds = match self.plan.flows[node][0] {
            Flow::Nothing | Flow::Share => return,
            Flow::Write => false,
            Flow::Add => true,
        };
        self.with_gradient(graph, input, |to| join::copy_or_add(to, dx, adds));
    }

    /// Calls `work` with the buffer of the gradient with respect to `source`.
    fn with_gradient(&mut self, graph: &Graph, source: Source, work: impl FnOnce(&mut [f32])) {
        let len = graph.shape_of(source).values() * self.images;
        match source {
            Source::Input => work(&mut self.input_gradient[..len]),
            Source::Layer(node) => {
                if let Some(place) = self.plan.gradients[node] {
                    work(&mut self.buffers[place][..len]);
                }
            }
        }
    }
}
