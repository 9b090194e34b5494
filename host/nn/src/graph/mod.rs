//! The network as a graph: what each node computes and what it reads, without any numbers.
//!
//! - [`Graph`], [`Node`]: nodes in topological order, each with a name
//! - [`Op`]: what a node computes; [`WeightShape`] for the two that have weights
//! - [`GraphError`]: what is wrong with a graph, by node
//!
//! Numbers are in [`crate::Model`]; the networks of the literature in [`crate::architectures`].

mod error;
mod op;
mod shape;

pub use cbp_numerics::{Shape, Source, Window};
pub use error::GraphError;
pub use op::{Op, WeightShape};

use serde::{Deserialize, Serialize};

/// A named operation and what it reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Unique name; parameters are stored under it, as PyTorch does (`layer1.0.conv1`).
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// What it reads, in order.
    #[serde(with = "shape::sources")]
    pub inputs: Vec<Source>,
}

/// Nodes in topological order: each reads the input and nodes before it. The last node is the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    name: String,
    input: Shape,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
}

impl Graph {
    /// Checks every node and that they fit each other.
    ///
    /// # Errors
    /// The first fault, by node.
    pub fn new(name: impl Into<String>, input: Shape, nodes: Vec<Node>) -> Result<Self, GraphError> {
        let mut graph = Self::empty(name, input);
        for node in nodes {
            graph.push(node.name, node.op, &node.inputs)?;
        }
        if graph.nodes.is_empty() { Err(GraphError::Empty { graph: graph.name }) } else { Ok(graph) }
    }

    /// A graph without nodes, to [`Graph::push`] to.
    #[must_use]
    pub fn empty(name: impl Into<String>, input: Shape) -> Self {
        Self { name: name.into(), input, nodes: Vec::new(), shapes: Vec::new() }
    }

    /// Adds a node; gives the place of its output.
    ///
    /// # Errors
    /// The name is taken, an input does not exist, or shapes do not fit.
    pub fn push(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: &[Source],
    ) -> Result<Source, GraphError> {
        let name = name.into();
        if self.nodes.iter().any(|node| node.name == name) {
            return Err(GraphError::Name { node: name });
        }
        let mut shapes = Vec::with_capacity(inputs.len());
        for &input in inputs {
            match input {
                Source::Layer(index) if index >= self.nodes.len() => {
                    return Err(GraphError::Source { node: name, index });
                }
                _ => shapes.push(self.shape_of(input)),
            }
        }
        let shape = op.output(&name, &shapes)?;
        self.nodes.push(Node { name, op, inputs: inputs.to_vec() });
        self.shapes.push(shape);
        Ok(Source::Layer(self.nodes.len() - 1))
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape of one input image.
    #[must_use]
    pub const fn input(&self) -> Shape {
        self.input
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Shape of every node's output.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// Shape of the last node's output; of the input if there is no node.
    #[must_use]
    pub fn output(&self) -> Shape {
        self.shapes.last().copied().unwrap_or(self.input)
    }

    /// Shape of what `source` stands for; without values if there is no such node.
    #[must_use]
    pub fn shape_of(&self, source: Source) -> Shape {
        match source {
            Source::Input => self.input,
            Source::Layer(index) => self.shapes.get(index).copied().unwrap_or(Shape::new(0, 0, 0)),
        }
    }

    /// Indices of the nodes with weights, in order.
    pub fn weighted(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|&index| self.weight_shape(index).is_some())
    }

    /// The weights of node `index`, if it has any.
    #[must_use]
    pub fn weight_shape(&self, index: usize) -> Option<WeightShape> {
        self.nodes.get(index)?.op.weight_shape()
    }

    /// Multiplications of weights with activations for one image.
    #[must_use]
    pub fn macs(&self) -> u64 {
        let of_node = |index: usize| {
            let positions = self.shapes[index].positions();
            self.weight_shape(index).map_or(0, |shape| shape.len() as u64 * positions as u64)
        };
        (0..self.nodes.len()).map(of_node).sum()
    }
}
