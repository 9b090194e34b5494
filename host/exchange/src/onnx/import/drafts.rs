//! The network while it is being read.

use std::collections::HashSet;
use std::rc::Rc;

use cbp_nn::graph::{Graph, Node, Op, Shape, Source};
use cbp_nn::{Model, Parameters};

use crate::error::ImportCause;
use crate::onnx::tensor::Quantised;

/// Largest number of values of an activation of one image.
const LARGEST_ACTIVATION: u128 = 1 << 28;

/// The grids of weights by node.
pub(in crate::onnx) type Grids = Vec<Option<Rc<Quantised>>>;

/// Nodes with their parameters.
pub(super) struct Drafts {
    /// The same nodes, for their shapes.
    shapes: Graph,
    nodes: Vec<Node>,
    parameters: Vec<Parameters>,
    non_negative: Vec<bool>,
    quantised: Grids,
    names: HashSet<String>,
}

impl Drafts {
    pub(super) fn new(name: &str, input: Shape) -> Self {
        Self {
            shapes: Graph::empty(name, input),
            nodes: Vec::new(),
            parameters: Vec::new(),
            non_negative: Vec::new(),
            quantised: Vec::new(),
            names: HashSet::new(),
        }
    }

    /// The first of these names that is free, else the last one with a number.
    pub(super) fn free_name(&self, names: &[String]) -> String {
        if let Some(name) = names.iter().find(|name| !name.is_empty() && !self.names.contains(*name)) {
            return name.clone();
        }
        let base = names.last().filter(|name| !name.is_empty()).map_or("node", String::as_str);
        let numbered = (1..).map(|number| format!("{base}_{number}"));
        numbered.into_iter().find(|name| !self.names.contains(name)).unwrap_or_default()
    }

    /// Adds a node; its name must be free.
    pub(super) fn push(
        &mut self,
        name: &str,
        op: Op,
        inputs: &[Source],
        parameters: Parameters,
    ) -> Result<(Source, Shape), ImportCause> {
        let source = self.shapes.push(name, op.clone(), inputs)?;
        let shape = self.shapes.shape_of(source);
        let values = [shape.height, shape.width, shape.channels].map(|size| size as u128);
        if values.iter().product::<u128>() > LARGEST_ACTIVATION {
            let what = format!("node {name} gives {shape}, more than {LARGEST_ACTIVATION} values per image");
            return Err(ImportCause::Model { what, remedy: "import a smaller network" });
        }
        self.non_negative.push(self.gives_no_negative(&op, inputs));
        self.nodes.push(Node { name: name.to_owned(), op, inputs: inputs.to_vec() });
        self.parameters.push(parameters);
        self.quantised.push(None);
        self.names.insert(name.to_owned());
        Ok((source, shape))
    }

    fn gives_no_negative(&self, op: &Op, inputs: &[Source]) -> bool {
        match op {
            Op::Clamp { low, .. } => *low >= 0.0,
            Op::Quantise { signed: false, .. } => true,
            Op::MaxPool { .. }
            | Op::AveragePool { .. }
            | Op::AdaptiveAveragePool { .. }
            | Op::Add
            | Op::Concat
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Shortcut { .. }
            | Op::Quantise { .. } => inputs.iter().all(|&input| self.is_non_negative(input)),
            _ => false,
        }
    }

    /// Shape of a node's output.
    pub(super) fn shape_of(&self, source: Source) -> Shape {
        self.shapes.shape_of(source)
    }

    /// Whether no value of `source` can be negative.
    pub(super) fn is_non_negative(&self, source: Source) -> bool {
        match source {
            Source::Input => false,
            Source::Layer(index) => self.non_negative.get(index).copied().unwrap_or(false),
        }
    }

    /// Says on which grid the weights of the newest node were.
    pub(super) fn set_quantised(&mut self, quantised: Option<Rc<Quantised>>) {
        if let Some(last) = self.quantised.last_mut() {
            *last = quantised;
        }
    }

    /// Adds a bias to node `source` if it is a linear layer or a convolution without one, and gives its name.
    pub(super) fn add_bias(&mut self, source: Source, values: &[f32]) -> Option<&str> {
        let Source::Layer(index) = source else { return None };
        let node = self.nodes.get_mut(index)?;
        let (Op::Linear { bias, outputs, .. } | Op::Convolution { bias, outputs, .. }) = &mut node.op else {
            return None;
        };
        let Parameters::Weights { bias: none, .. } = &mut self.parameters[index] else { return None };
        if *bias || *outputs != values.len() {
            return None;
        }
        *bias = true;
        *none = Some(values.to_vec());
        Some(&node.name)
    }

    /// Gives node `source` another name, if that is free.
    pub(super) fn rename(&mut self, source: Source, name: &str) {
        if let Source::Layer(index) = source
            && let Some(node) = self.nodes.get_mut(index)
            && self.names.insert(name.to_owned())
        {
            // The old name stays taken: the graph for shapes still has it.
            name.clone_into(&mut node.name);
        }
    }

    /// The name of node `source`.
    pub(super) fn name(&self, source: Source) -> &str {
        match source {
            Source::Input => "the input",
            Source::Layer(index) => self.nodes.get(index).map_or("", |node| &node.name),
        }
    }

    /// The newest node.
    pub(super) fn last(&self) -> Option<Source> {
        self.nodes.len().checked_sub(1).map(Source::Layer)
    }

    /// The nodes.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The network, and the grids of its weights by node.
    pub(super) fn finish(self) -> Result<(Model, Grids), ImportCause> {
        let graph = Graph::new(self.shapes.name(), self.shapes.input(), self.nodes)?;
        Ok((Model::with_parameters(graph, self.parameters)?, self.quantised))
    }
}
