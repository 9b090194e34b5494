//! Random networks for the oracle.

use cbp_nn::data::rng::{Purpose, below, keyed, symmetric};
use cbp_nn::graph::{Graph, Op, Shape, Source, Window};
use cbp_nn::{Model, Parameters};

/// Random choices of a case, all from one seed.
pub struct Random(rand_chacha::ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(keyed(seed, Purpose::Subset, 0, 0))
    }

    /// low ..= high.
    pub fn within(&mut self, low: usize, high: usize) -> usize {
        low + below(&mut self.0, (high - low + 1) as u32) as usize
    }

    pub fn coin(&mut self) -> bool {
        self.within(0, 1) == 1
    }

    /// −1 to 1.
    pub fn number(&mut self) -> f32 {
        symmetric(&mut self.0)
    }

    fn window(&mut self, largest: usize) -> Window {
        let mut pair = |low, high| [self.within(low, high), self.within(low, high)];
        Window {
            kernel: pair(1, largest),
            stride: pair(1, 2),
            dilation: pair(1, 2),
            before: pair(0, 1),
            behind: pair(0, 1),
        }
    }

    /// An operation on a tensor of `shape`; it may turn out not to fit.
    fn op(&mut self, shape: Shape, smooth: bool) -> Op {
        let channels = shape.channels;
        match self.within(0, if smooth { 6 } else { 9 }) {
            0 | 1 => {
                let groups = if channels.is_multiple_of(2) && self.coin() { 2 } else { 1 };
                let outputs = groups * self.within(1, 4);
                Op::Convolution {
                    inputs: channels,
                    outputs,
                    groups,
                    window: self.window(3),
                    bias: self.coin(),
                }
            }
            2 => Op::batch_norm(channels),
            3 => Op::AveragePool { window: self.window(3), count_padding: self.coin() },
            4 => Op::AdaptiveAveragePool { height: self.within(1, 3), width: self.within(1, 3) },
            5 => Op::Shortcut {
                stride: self.within(1, 2),
                before: self.within(0, 1),
                behind: self.within(0, 1),
            },
            6 => Op::Dropout { probability: [0.0, 0.25, 0.6][self.within(0, 2)] },
            7 => Op::MaxPool { window: self.window(3) },
            8 => Op::Quantise { bits: self.within(2, 8) as u32, signed: self.coin() },
            _ if self.coin() => Op::RELU,
            _ => Op::Clamp { low: -0.5, high: 0.75 },
        }
    }

    /// A graph of up to nine random nodes with branches, and a linear layer at the end. Smooth: without clamps, maxima
    /// and rounding.
    pub fn graph(&mut self, smooth: bool) -> Graph {
        let input = Shape::new(self.within(2, 6), self.within(2, 6), self.within(1, 3));
        let mut graph = Graph::empty("random", input);
        let mut sources = vec![Source::Input];
        for index in 0..self.within(3, 9) {
            let name = format!("node{index}");
            // Mostly a chain, with jumps back.
            let back = if self.within(0, 3) == 0 { self.within(0, sources.len() - 1) } else { 0 };
            let source = sources[sources.len() - 1 - back];
            let shape = graph.shape_of(source);
            let same = |other: &&Source, channels: bool| {
                let other = graph.shape_of(**other);
                [other.height, other.width] == [shape.height, shape.width]
                    && (!channels || other.channels == shape.channels)
            };
            let pushed = match self.within(0, 5) {
                0 => {
                    let partner = sources.iter().find(|other| same(other, true)).copied().unwrap_or(source);
                    graph.push(name, Op::Add, &[source, partner])
                }
                1 => {
                    let partner = sources.iter().find(|other| same(other, false)).copied().unwrap_or(source);
                    graph.push(name, Op::Concat, &[partner, source])
                }
                _ => {
                    let op = self.op(shape, smooth);
                    graph.push(name, op, &[source])
                }
            };
            sources.extend(pushed);
        }
        let mut last = sources[sources.len() - 1];
        if self.coin() {
            last = graph.push("flatten", Op::Flatten, &[last]).unwrap();
            if !smooth {
                last = graph.push("relu", Op::RELU, &[last]).unwrap();
            }
        }
        let inputs = graph.shape_of(last).values();
        graph.push("linear", Op::Linear { inputs, outputs: self.within(2, 4), bias: true }, &[last]).unwrap();
        graph
    }

    /// A model with random numbers everywhere.
    pub fn model(&mut self, graph: Graph) -> Model {
        let (graph, mut parameters) = Model::new(graph, 7).into_parts();
        let mut fill = |list: &mut [f32], middle: f32, spread: f32| {
            for number in list {
                *number = middle + spread * self.number();
            }
        };
        for parameters in &mut parameters {
            match parameters {
                Parameters::Weights { bias: Some(bias), .. } => fill(bias, 0.0, 1.0),
                Parameters::BatchNorm { gamma, beta, mean, var } => {
                    fill(gamma, 1.0, 0.5);
                    fill(beta, 0.0, 0.5);
                    fill(mean, 0.0, 0.3);
                    fill(var, 1.0, 0.5);
                }
                Parameters::Range(range) => fill(std::slice::from_mut(range), 1.0, 0.5),
                _ => {}
            }
        }
        Model::with_parameters(graph, parameters).unwrap()
    }
}
