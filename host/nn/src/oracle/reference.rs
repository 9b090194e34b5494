//! Any graph, each node by its definition.
//!
//! Forward follows the definition in plain loops. Backward knows one rule only: the gradient of a node's operand is its
//! Jacobian, transposed, times the gradient of its output; each node lists its Jacobian element by element.

use crate::engine::Settings;
use crate::graph::{Graph, Op, Shape, Source, Window};
use crate::model::{Model, Parameters};

/// A network with f64 numbers, in training: batch norms use the statistics of the batch (unless frozen), and dropout
/// drops what it is told to.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    graph: &'a Graph,
    /// Two lists per node: weights (or γ) and biases (or β).
    pub parameters: Vec<[Vec<f64>; 2]>,
    /// Running mean and variance of batch norms, and the range of quantisers in place of the mean.
    constants: Vec<[Vec<f64>; 2]>,
    settings: Settings,
    /// Of every dropout: which numbers of the batch it keeps, images × values. Others have no entry.
    pub kept: Vec<Option<Vec<bool>>>,
    /// Whether every value and every gradient between nodes is rounded to f32, as it is where they are stored so: what
    /// changes then is not the fault of an engine.
    pub rounds: bool,
}

/// All gradients of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceGradients {
    /// In the order of [`Reference::parameters`].
    pub parameters: Vec<[Vec<f64>; 2]>,
    /// With respect to the input.
    pub input: Vec<f64>,
}

/// What an element of a Jacobian is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    /// Input number `.0` of the node.
    Input(usize),
    /// Weights, or γ.
    Weight,
    /// Biases, or β.
    Bias,
}

impl<'a> Reference<'a> {
    /// The same network as a model.
    #[must_use]
    pub fn new(model: &'a Model, settings: Settings) -> Self {
        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        let mut parameters = Vec::new();
        let mut constants = Vec::new();
        for node in model.parameters() {
            let (own, fixed) = match node {
                Parameters::Weights { weight, bias } => {
                    ([wide(weight), wide(bias.as_deref().unwrap_or(&[]))], [vec![], vec![]])
                }
                Parameters::BatchNorm { gamma, beta, mean, var } => {
                    ([wide(gamma), wide(beta)], [wide(mean), wide(var)])
                }
                Parameters::Range(range) => ([vec![], vec![]], [vec![f64::from(*range)], vec![]]),
                Parameters::None => ([vec![], vec![]], [vec![], vec![]]),
            };
            parameters.push(own);
            constants.push(fixed);
        }
        let kept = vec![None; parameters.len()];
        Self { graph: model.graph(), parameters, constants, settings, kept, rounds: false }
    }

    /// Output of every node for a batch: images × values.
    ///
    /// # Panics
    /// With a dropout that was not told what it keeps of this batch.
    #[must_use]
    pub fn forward(&self, input: &[f64]) -> Vec<Vec<f64>> {
        let images = input.len() / self.graph.input().values();
        let mut values: Vec<Vec<f64>> = Vec::new();
        for node in 0..self.graph.nodes().len() {
            let mut y = self.node(node, input, &values, images);
            self.round(&mut y);
            values.push(y);
        }
        values
    }

    /// Mean softmax cross-entropy of the outputs, and its gradient with respect to them.
    #[must_use]
    pub fn cross_entropy(&self, outputs: &[f64], labels: &[u32]) -> (f64, Vec<f64>) {
        let classes = outputs.len() / labels.len();
        let (mut loss, mut gradient) = (0.0, Vec::new());
        for (row, &label) in outputs.chunks_exact(classes).zip(labels) {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = row.iter().map(|z| (z - largest).exp()).sum();
            loss += total.ln() + largest - row[label as usize];
            for (class, z) in row.iter().enumerate() {
                let target = if class == label as usize { 1.0 } else { 0.0 };
                gradient.push(((z - largest).exp() / total - target) / labels.len() as f64);
            }
        }
        (loss / labels.len() as f64, gradient)
    }

    /// Mean of (output − target)², and its gradient.
    #[must_use]
    pub fn squared_error(&self, outputs: &[f64], targets: &[f64]) -> (f64, Vec<f64>) {
        let count = outputs.len() as f64;
        let differences: Vec<f64> = outputs.iter().zip(targets).map(|(a, b)| a - b).collect();
        let loss = differences.iter().map(|d| d * d).sum::<f64>() / count;
        (loss, differences.iter().map(|d| 2.0 * d / count).collect())
    }

    /// All gradients, from that with respect to the outputs.
    #[must_use]
    pub fn backward(&self, input: &[f64], values: &[Vec<f64>], outputs: Vec<f64>) -> ReferenceGradients {
        let nodes = self.graph.nodes();
        let images = input.len() / self.graph.input().values();
        let mut deltas: Vec<Vec<f64>> = values.iter().map(|value| vec![0.0; value.len()]).collect();
        if let Some(last) = deltas.last_mut() {
            *last = outputs;
        }
        let zeros = |lists: &[Vec<f64>; 2]| lists.each_ref().map(|list| vec![0.0; list.len()]);
        let mut gradients = ReferenceGradients {
            parameters: self.parameters.iter().map(zeros).collect(),
            input: vec![0.0; input.len()],
        };
        for node in (0..nodes.len()).rev() {
            let mut delta = std::mem::take(&mut deltas[node]);
            self.round(&mut delta);
            self.jacobian(node, input, values, images, &mut |output, operand, index, derivative| {
                let change = derivative * delta[output];
                match operand {
                    Operand::Weight => gradients.parameters[node][0][index] += change,
                    Operand::Bias => gradients.parameters[node][1][index] += change,
                    Operand::Input(slot) => match nodes[node].inputs[slot] {
                        Source::Input => gradients.input[index] += change,
                        Source::Layer(before) => deltas[before][index] += change,
                    },
                }
            });
            deltas[node] = delta;
        }
        gradients
    }

    fn round(&self, values: &mut [f64]) {
        if self.rounds {
            for value in values {
                *value = f64::from(*value as f32);
            }
        }
    }

    /// The output of one node.
    fn node(&self, node: usize, input: &[f64], values: &[Vec<f64>], images: usize) -> Vec<f64> {
        let Self { graph, .. } = self;
        let inputs = &graph.nodes()[node].inputs;
        let x = value(inputs[0], input, values);
        let shape = graph.shapes()[node];
        let mut y = vec![0.0; images * shape.values()];
        match &graph.nodes()[node].op {
            Op::Linear { .. } | Op::Convolution { .. } => {
                let [weight, bias] = &self.parameters[node];
                self.each_product(node, images, &mut |xi, wi, yi| y[yi] += x[xi] * weight[wi]);
                if !bias.is_empty() {
                    y.iter_mut().enumerate().for_each(|(i, y)| *y += bias[i % bias.len()]);
                }
            }
            Op::BatchNorm { eps, .. } => {
                let [gamma, beta] = &self.parameters[node];
                let (mean, inverse) = self.statistics(node, x, f64::from(*eps));
                for (i, y) in y.iter_mut().enumerate() {
                    let c = i % gamma.len();
                    *y = gamma[c] * (x[i] - mean[c]) * inverse[c] + beta[c];
                }
            }
            Op::Clamp { low, high } => {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = x.max(f64::from(*low)).min(f64::from(*high)));
            }
            Op::Quantise { bits, signed } => {
                let (scale, least, most) = self.codes(node, *bits, *signed);
                let round = |x: f64| (x / scale).clamp(least, most).round_ties_even() * scale;
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = round(x));
            }
            Op::MaxPool { window } => {
                y.fill(f64::NEG_INFINITY);
                self.each_in_window(node, window, images, &mut |xi, yi| y[yi] = y[yi].max(x[xi]));
            }
            Op::AveragePool { .. } | Op::AdaptiveAveragePool { .. } => {
                // Summed first: a sum that is exactly 0 stays so.
                let mut shares = vec![0.0; y.len()];
                self.each_in_mean(node, images, &mut |xi, yi, share| {
                    y[yi] += x[xi];
                    shares[yi] = share;
                });
                y.iter_mut().zip(shares).for_each(|(y, share)| *y *= share);
            }
            Op::Dropout { probability } => {
                let factors = self.dropout_factors(node, *probability, x.len());
                y.iter_mut().zip(x).zip(factors).for_each(|((y, x), factor)| *y = x * factor);
            }
            Op::Add | Op::Concat | Op::Flatten | Op::Shortcut { .. } => {
                self.each_copy(node, images, &mut |slot, xi, yi| {
                    y[yi] += value(inputs[slot], input, values)[xi];
                });
            }
        }
        y
    }

    /// Calls `visit` with every element of a node's Jacobian that may not be 0: output, operand, its index, derivative.
    fn jacobian(
        &self,
        node: usize,
        input: &[f64],
        values: &[Vec<f64>],
        images: usize,
        visit: &mut dyn FnMut(usize, Operand, usize, f64),
    ) {
        let inputs = &self.graph.nodes()[node].inputs;
        let x = value(inputs[0], input, values);
        match &self.graph.nodes()[node].op {
            Op::Linear { .. } | Op::Convolution { .. } => {
                let [weight, bias] = &self.parameters[node];
                self.each_product(node, images, &mut |xi, wi, yi| {
                    visit(yi, Operand::Weight, wi, x[xi]);
                    visit(yi, Operand::Input(0), xi, weight[wi]);
                });
                if !bias.is_empty() {
                    (0..values[node].len()).for_each(|i| visit(i, Operand::Bias, i % bias.len(), 1.0));
                }
            }
            Op::BatchNorm { eps, .. } => {
                let gamma = &self.parameters[node][0];
                let channels = gamma.len();
                let (mean, inverse) = self.statistics(node, x, f64::from(*eps));
                let count = (x.len() / channels) as f64;
                for i in 0..x.len() {
                    let c = i % channels;
                    let unit = |j: usize| (x[j] - mean[c]) * inverse[c];
                    visit(i, Operand::Weight, c, unit(i));
                    visit(i, Operand::Bias, c, 1.0);
                    visit(i, Operand::Input(0), i, gamma[c] * inverse[c]);
                    if !self.settings.frozen_norms {
                        // Through mean and variance every value of the channel moves every other.
                        for j in (c..x.len()).step_by(channels) {
                            let through = -(1.0 + unit(i) * unit(j)) / count;
                            visit(i, Operand::Input(0), j, gamma[c] * inverse[c] * through);
                        }
                    }
                }
            }
            Op::Clamp { low, high } => {
                let (low, high) = (f64::from(*low), f64::from(*high));
                for (i, &x) in x.iter().enumerate() {
                    let inside = if x > low && x < high { 1.0 } else { 0.0 };
                    #[allow(clippy::float_cmp)] // exactly at the bound is the case in question
                    let slope = if x == low { f64::from(self.settings.relu_grad_at_zero) } else { inside };
                    visit(i, Operand::Input(0), i, slope);
                }
            }
            Op::Quantise { bits, signed } => {
                let (scale, least, most) = self.codes(node, *bits, *signed);
                for (i, &x) in x.iter().enumerate() {
                    let inside = x >= least * scale && x <= most * scale;
                    visit(i, Operand::Input(0), i, if inside { 1.0 } else { 0.0 });
                }
            }
            Op::MaxPool { window } => {
                let mut is_taken = vec![false; values[node].len()];
                self.each_in_window(node, window, images, &mut |xi, yi| {
                    // The first of equals.
                    #[allow(clippy::float_cmp)]
                    if !is_taken[yi] && x[xi] == values[node][yi] {
                        is_taken[yi] = true;
                        visit(yi, Operand::Input(0), xi, 1.0);
                    }
                });
            }
            Op::AveragePool { .. } | Op::AdaptiveAveragePool { .. } => {
                self.each_in_mean(node, images, &mut |xi, yi, share| visit(yi, Operand::Input(0), xi, share));
            }
            Op::Dropout { probability } => {
                let factors = self.dropout_factors(node, *probability, x.len());
                factors.enumerate().for_each(|(i, factor)| visit(i, Operand::Input(0), i, factor));
            }
            Op::Add | Op::Concat | Op::Flatten | Op::Shortcut { .. } => {
                self.each_copy(node, images, &mut |slot, xi, yi| visit(yi, Operand::Input(slot), xi, 1.0));
            }
        }
    }

    /// Mean and 1/√(var + ε) of each channel: of the batch, or the running ones.
    fn statistics(&self, node: usize, x: &[f64], eps: f64) -> (Vec<f64>, Vec<f64>) {
        let channels = self.parameters[node][0].len();
        let count = (x.len() / channels) as f64;
        let of = |c: usize| x[c..].iter().step_by(channels);
        let [running_mean, running_var] = &self.constants[node];
        (0..channels)
            .map(|c| {
                if self.settings.frozen_norms {
                    return (running_mean[c], 1.0 / (running_var[c] + eps).sqrt());
                }
                let mean = of(c).sum::<f64>() / count;
                let var = of(c).map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
                (mean, 1.0 / (var + eps).sqrt())
            })
            .unzip()
    }

    /// Scale, least and largest code of a quantiser.
    fn codes(&self, node: usize, bits: u32, signed: bool) -> (f64, f64, f64) {
        let most = if signed { f64::from((1 << (bits - 1)) - 1) } else { f64::from((1 << bits) - 1) };
        (self.constants[node][0][0] / most, if signed { -most } else { 0.0 }, most)
    }

    /// 0 where a dropout drops, 1/(1 − probability) elsewhere.
    fn dropout_factors(&self, node: usize, probability: f32, count: usize) -> impl Iterator<Item = f64> {
        let kept = self.kept[node].as_deref().unwrap_or(&[]);
        assert_eq!(kept.len(), count, "a dropout must be told what it keeps");
        let factor = 1.0 / (1.0 - f64::from(probability));
        kept.iter().map(move |&is_kept| if is_kept { factor } else { 0.0 })
    }

    /// Calls `visit` with the indices of x, w and y of every product of a linear layer or convolution.
    fn each_product(&self, node: usize, images: usize, visit: &mut dyn FnMut(usize, usize, usize)) {
        let op = &self.graph.nodes()[node].op;
        let (mut i, o) = (self.input_shape(node), self.graph.shapes()[node]);
        let Some(shape) = op.weight_shape() else { return };
        let window = if let Op::Convolution { window, .. } = op {
            *window
        } else {
            i = Shape::vector(i.values());
            Window::square(1, 1, 0)
        };
        let per_group = o.channels / shape.groups;
        each_tap(&window, i, o, images, &mut |tap, from, to| {
            for channel in 0..o.channels {
                for k in 0..shape.inputs {
                    let x = from * i.channels + (channel / per_group) * shape.inputs + k;
                    let w = (channel * window.area() + tap) * shape.inputs + k;
                    visit(x, w, to * o.channels + channel);
                }
            }
        });
    }

    fn each_in_window(
        &self,
        node: usize,
        window: &Window,
        images: usize,
        visit: &mut dyn FnMut(usize, usize),
    ) {
        let (i, o) = (self.input_shape(node), self.graph.shapes()[node]);
        each_tap(window, i, o, images, &mut |_, from, to| {
            (0..o.channels).for_each(|c| visit(from * o.channels + c, to * o.channels + c));
        });
    }

    /// Calls `visit` with the index of x and y and the share of x in the mean y.
    fn each_in_mean(&self, node: usize, images: usize, visit: &mut dyn FnMut(usize, usize, f64)) {
        let (i, o) = (self.input_shape(node), self.graph.shapes()[node]);
        if let Op::AveragePool { window, count_padding } = &self.graph.nodes()[node].op {
            let mut counts = vec![0_usize; images * o.positions()];
            each_tap(window, i, o, images, &mut |_, _, to| counts[to] += 1);
            each_tap(window, i, o, images, &mut |_, from, to| {
                let count = if *count_padding { window.area() } else { counts[to] };
                for c in 0..o.channels {
                    visit(from * o.channels + c, to * o.channels + c, 1.0 / count as f64);
                }
            });
            return;
        }
        let bounds =
            |at: usize, size: usize, parts: usize| (at * size / parts, ((at + 1) * size).div_ceil(parts));
        for (image, to) in (0..images).flat_map(|image| (0..o.positions()).map(move |to| (image, to))) {
            let (top, bottom) = bounds(to / o.width, i.height, o.height);
            let (left, right) = bounds(to % o.width, i.width, o.width);
            let share = 1.0 / ((bottom - top) * (right - left)) as f64;
            for (y, x) in (top..bottom).flat_map(|y| (left..right).map(move |x| (y, x))) {
                let from = image * i.positions() + y * i.width + x;
                for c in 0..o.channels {
                    visit(from * o.channels + c, (image * o.positions() + to) * o.channels + c, share);
                }
            }
        }
    }

    /// Calls `visit` with the input's number, the index of x and that of the y it is copied or added to.
    fn each_copy(&self, node: usize, images: usize, visit: &mut dyn FnMut(usize, usize, usize)) {
        let o = self.graph.shapes()[node];
        let mut first = 0;
        for (slot, &source) in self.graph.nodes()[node].inputs.iter().enumerate() {
            let i = self.graph.shape_of(source);
            for index in 0..images * i.values() {
                let (image, c) = (index / i.values(), index % i.channels);
                let position = index % i.values() / i.channels;
                match &self.graph.nodes()[node].op {
                    Op::Concat => {
                        visit(slot, index, (image * o.positions() + position) * o.channels + first + c);
                    }
                    Op::Shortcut { stride, before, .. } => {
                        let (y, x) = (position / i.width, position % i.width);
                        if y.is_multiple_of(*stride) && x.is_multiple_of(*stride) {
                            let to = (image * o.height + y / stride) * o.width + x / stride;
                            visit(slot, index, to * o.channels + before + c);
                        }
                    }
                    _ => visit(slot, index, index),
                }
            }
            first += i.channels;
        }
    }

    fn input_shape(&self, node: usize) -> Shape {
        self.graph.shape_of(self.graph.nodes()[node].inputs[0])
    }
}

fn value<'a>(source: Source, input: &'a [f64], values: &'a [Vec<f64>]) -> &'a [f64] {
    match source {
        Source::Input => input,
        Source::Layer(node) => &values[node],
    }
}

/// Calls `visit` with the kernel element, the position read and the position written of every pair inside the image.
fn each_tap(window: &Window, i: Shape, o: Shape, images: usize, visit: &mut dyn FnMut(usize, usize, usize)) {
    for image in 0..images {
        for to in 0..o.positions() {
            for tap in 0..window.area() {
                let row = window.at(0, to / o.width, tap / window.kernel[1], i.height);
                let column = window.at(1, to % o.width, tap % window.kernel[1], i.width);
                if let (Some(row), Some(column)) = (row, column) {
                    visit(tap, (image * i.height + row) * i.width + column, image * o.positions() + to);
                }
            }
        }
    }
}
