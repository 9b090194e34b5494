//! A graph with its numbers.

use crate::graph::{Graph, Op};
use cbp_data::rng::{Purpose, keyed, symmetric};

/// A network that computes: a graph, and the parameters of each of its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    graph: Graph,
    parameters: Vec<Parameters>,
}

/// The numbers of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// It has none.
    None,
    /// Of a linear layer or a convolution.
    Weights {
        /// `[output][row][column][input / groups]`. In constrained training these are the deployed (quantised) values.
        weight: Vec<f32>,
        /// One per output.
        bias: Option<Vec<f32>>,
    },
    /// Of a batch norm, one of each per channel.
    BatchNorm {
        /// γ.
        gamma: Vec<f32>,
        /// β.
        beta: Vec<f32>,
        /// Running mean of the batches.
        mean: Vec<f32>,
        /// Running variance of the batches, unbiased (n − 1).
        var: Vec<f32>,
    },
    /// Of a quantiser: the largest magnitude that a code can stand for; 0 until a batch was observed.
    Range(f32),
}

/// Parameters that do not fit a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node}: its {parameter} has {found} values, expected {expected}; use the file of this network")]
pub struct ParameterError {
    /// The node.
    pub node: String,
    /// `weight`, `bias`, `gamma`, …
    pub parameter: &'static str,
    /// Values found.
    pub found: usize,
    /// Values needed.
    pub expected: usize,
}

impl Model {
    /// Random weights by He's rule: uniform in ±√(6 / fan-in), which has the variance 2 / fan-in that ReLU needs.
    /// Biases are 0; batch norms are the identity.
    #[must_use]
    pub fn new(graph: Graph, seed: u64) -> Self {
        let mut index = 0;
        let parameters = graph.nodes().iter().map(|node| match &node.op {
            Op::BatchNorm { channels, .. } => Parameters::BatchNorm {
                gamma: vec![1.0; *channels],
                beta: vec![0.0; *channels],
                mean: vec![0.0; *channels],
                var: vec![1.0; *channels],
            },
            Op::Quantise { .. } => Parameters::Range(0.0),
            op => op.weight_shape().map_or(Parameters::None, |shape| {
                let bound = (6.0 / shape.row_length() as f32).sqrt();
                let mut rng = keyed(seed, Purpose::Weights, 0, index);
                index += 1;
                Parameters::Weights {
                    weight: (0..shape.len()).map(|_| bound * symmetric(&mut rng)).collect(),
                    bias: shape.bias.then(|| vec![0.0; shape.outputs]),
                }
            }),
        });
        let parameters = parameters.collect();
        Self { graph, parameters }
    }

    /// A graph with given parameters, one entry per node.
    ///
    /// # Errors
    /// The first parameter that has another size than its node needs, or another kind.
    pub fn with_parameters(graph: Graph, parameters: Vec<Parameters>) -> Result<Self, ParameterError> {
        for (index, node) in graph.nodes().iter().enumerate() {
            let check = |parameter, found: usize, expected: usize| {
                let error = || ParameterError { node: node.name.clone(), parameter, found, expected };
                if found == expected { Ok(()) } else { Err(error()) }
            };
            let found = parameters.get(index).unwrap_or(&Parameters::None);
            match (&node.op, node.op.weight_shape(), found) {
                (_, Some(shape), Parameters::Weights { weight, bias }) => {
                    check("weight", weight.len(), shape.len())?;
                    let expected = if shape.bias { shape.outputs } else { 0 };
                    check("bias", bias.as_ref().map_or(0, Vec::len), expected)?;
                }
                (Op::BatchNorm { channels, .. }, _, Parameters::BatchNorm { gamma, beta, mean, var }) => {
                    check("gamma", gamma.len(), *channels)?;
                    check("beta", beta.len(), *channels)?;
                    check("running mean", mean.len(), *channels)?;
                    check("running variance", var.len(), *channels)?;
                }
                (_, Some(shape), _) => check("weight", 0, shape.len())?,
                (Op::BatchNorm { channels, .. }, ..) => check("gamma", 0, *channels)?,
                (Op::Quantise { .. }, _, Parameters::Range(_)) => {}
                (Op::Quantise { .. }, ..) => check("range", 0, 1)?,
                (_, None, Parameters::None) => {}
                (_, None, _) => check("parameters", 1, 0)?,
            }
        }
        check_count(&graph, parameters.len())?;
        Ok(Self { graph, parameters })
    }

    /// Parameters that are known to fit.
    pub(crate) fn from_checked_parts(graph: Graph, parameters: Vec<Parameters>) -> Self {
        Self { graph, parameters }
    }

    /// What the network computes.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The numbers of each node.
    #[must_use]
    pub fn parameters(&self) -> &[Parameters] {
        &self.parameters
    }

    /// The graph, and the numbers to change.
    pub(crate) fn parts_mut(&mut self) -> (&Graph, &mut [Parameters]) {
        (&self.graph, &mut self.parameters)
    }

    /// Graph and parameters.
    #[must_use]
    pub fn into_parts(self) -> (Graph, Vec<Parameters>) {
        (self.graph, self.parameters)
    }

    /// Trainable numbers: weights, biases, γ and β.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let count = |parameters: &Parameters| match parameters {
            Parameters::Weights { weight, bias } => weight.len() + bias.as_ref().map_or(0, Vec::len),
            Parameters::BatchNorm { gamma, beta, .. } => gamma.len() + beta.len(),
            Parameters::None | Parameters::Range(_) => 0,
        };
        self.parameters.iter().map(count).sum()
    }
}

/// As many entries as nodes.
fn check_count(graph: &Graph, found: usize) -> Result<(), ParameterError> {
    let expected = graph.nodes().len();
    let node = graph.nodes().last().map_or_else(String::new, |node| node.name.clone());
    let error = ParameterError { node, parameter: "parameters", found, expected };
    if found == expected { Ok(()) } else { Err(error) }
}
