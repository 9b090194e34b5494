//! Which results of a network are rounded: those that the accelerator stores.
//!
//! The accelerator takes a layer's products and what follows them (batch norm, the addition of a shortcut, a clamp) in
//! one step, and stores codes only at its end. Here such a step is a group of nodes, and a [`Op::Quantise`] follows its
//! last one. The logits are not rounded; the input is rounded by whoever runs the integers.

use crate::config::ActivationConfig;
use crate::graph::{Graph, GraphError, Node, Op, Source};
use crate::model::{Model, Parameters};

/// The network without rounding nodes: all results are float.
///
/// # Errors
/// Nothing else is in the graph.
pub fn with_float_activations(model: &Model) -> Result<Model, GraphError> {
    let (graph, parameters) = model.clone().into_parts();
    let mut nodes = Vec::new();
    let mut numbers = Vec::new();
    // Where the output of each old node now comes from.
    let mut moved: Vec<Source> = Vec::new();
    for (node, parameters) in graph.nodes().iter().zip(parameters) {
        let inputs: Vec<Source> = node.inputs.iter().map(|&input| through(&moved, input)).collect();
        if matches!(node.op, Op::Quantise { .. }) {
            moved.push(inputs[0]);
            continue;
        }
        nodes.push(Node { name: node.name.clone(), op: node.op.clone(), inputs });
        numbers.push(parameters);
        moved.push(Source::Layer(nodes.len() - 1));
    }
    let graph = Graph::new(graph.name(), graph.input(), nodes)?;
    Ok(Model::from_checked_parts(graph, numbers))
}

fn through(moved: &[Source], input: Source) -> Source {
    match input {
        Source::Input => Source::Input,
        Source::Layer(index) => moved[index],
    }
}

/// The network with a rounding node behind every group, in place of those that it has.
pub(super) fn with_quantised_activations(
    model: &Model,
    activations: ActivationConfig,
) -> Result<Model, GraphError> {
    let model = with_float_activations(model)?;
    let is_stored = stored(model.graph());
    let is_signed = signed(model.graph());
    let (graph, parameters) = model.into_parts();
    let mut nodes = Vec::new();
    let mut numbers = Vec::new();
    // Where the output of each old node now comes from.
    let mut moved: Vec<Source> = Vec::new();
    for (index, (node, parameters)) in graph.nodes().iter().zip(parameters).enumerate() {
        let inputs = node.inputs.iter().map(|&input| through(&moved, input)).collect();
        nodes.push(Node { name: node.name.clone(), op: node.op.clone(), inputs });
        numbers.push(parameters);
        if is_stored[index] {
            nodes.push(Node {
                name: format!("{}.quantise", node.name),
                op: Op::Quantise { bits: activations.bits, signed: is_signed[index] },
                inputs: vec![Source::Layer(nodes.len() - 1)],
            });
            numbers.push(Parameters::Range(0.0));
        }
        moved.push(Source::Layer(nodes.len() - 1));
    }
    let graph = Graph::new(graph.name(), graph.input(), nodes)?;
    Ok(Model::from_checked_parts(graph, numbers))
}

/// How far a group has come at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Products of a linear layer, with or without what batch norm makes of them.
    Linear,
    /// The same of a convolution or of a batch norm alone, to which a shortcut can be added.
    Convolution,
    /// A sum or a mean: a clamp can follow.
    Sum,
    /// After a clamp, or of tensors side by side.
    Closed,
}

/// Nodes that a group ends at.
fn stored(graph: &Graph) -> Vec<bool> {
    let nodes = graph.nodes();
    let mut readers = vec![0; nodes.len()];
    for node in nodes {
        for &input in &node.inputs {
            if let Source::Layer(index) = input {
                readers[index] += 1;
            }
        }
    }
    // The stage of a node that is not stored as yet: its reader may be of the same group.
    let mut open: Vec<Option<Stage>> = vec![None; nodes.len()];
    let mut is_stored = vec![false; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        // What goes on with the group of the node that it reads, if it is the only reader.
        let before = |source: Source| match source {
            Source::Layer(index) if readers[index] == 1 => open[index].map(|stage| (index, stage)),
            _ => None,
        };
        let mut joined = Vec::new();
        let first = node.inputs.first().and_then(|&source| before(source));
        let stage = match &node.op {
            Op::Linear { .. } => Some(Stage::Linear),
            Op::Convolution { .. } => Some(Stage::Convolution),
            Op::BatchNorm { .. } => match first {
                Some((from, stage @ (Stage::Linear | Stage::Convolution))) => {
                    joined.push(from);
                    Some(stage)
                }
                _ => Some(Stage::Convolution),
            },
            Op::Add => {
                // The branch computed last takes in the other one, which is then stored.
                let branches = node.inputs.iter().filter_map(|&source| before(source));
                let last = branches.filter(|(_, stage)| *stage == Stage::Convolution).max_by_key(|b| b.0);
                joined.extend(last.map(|(from, _)| from));
                Some(Stage::Sum)
            }
            Op::AveragePool { .. } | Op::AdaptiveAveragePool { .. } => Some(Stage::Sum),
            Op::Clamp { .. } => {
                joined.extend(first.filter(|(_, stage)| *stage != Stage::Closed).map(|(from, _)| from));
                Some(Stage::Closed)
            }
            // One scale for all inputs, so they are rounded together.
            Op::Concat => {
                joined.extend(node.inputs.iter().filter_map(|&source| before(source)).map(|(from, _)| from));
                Some(Stage::Closed)
            }
            Op::MaxPool { .. }
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Shortcut { .. }
            | Op::Quantise { .. } => None,
        };
        for &input in &node.inputs {
            if let Source::Layer(from) = input {
                is_stored[from] |= open[from].is_some() && !joined.contains(&from);
            }
        }
        open[index] = stage;
    }
    if let (Some(last), Some(stage)) = (is_stored.last_mut(), open.last()) {
        // Products are logits as they are.
        *last = matches!(stage, Some(Stage::Sum | Stage::Closed));
    }
    is_stored
}

/// Whether results can be negative.
fn signed(graph: &Graph) -> Vec<bool> {
    let mut signed: Vec<bool> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let any_input = node.inputs.iter().any(|&input| match input {
            Source::Input => true,
            Source::Layer(index) => signed[index],
        });
        signed.push(match node.op {
            Op::Linear { .. } | Op::Convolution { .. } | Op::BatchNorm { .. } => true,
            Op::Clamp { low, .. } => low < 0.0,
            _ => any_input,
        });
    }
    signed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architectures;
    use crate::graph::{Shape, Window};

    fn rounded(graph: Graph) -> Vec<(String, bool)> {
        let activations = ActivationConfig { bits: 8, frozen_epochs: 0 };
        let model = with_quantised_activations(&Model::new(graph, 1), activations).unwrap();
        let names = model.graph().nodes().iter().filter_map(|node| match node.op {
            Op::Quantise { signed, .. } => Some((node.name.replace(".quantise", ""), signed)),
            _ => None,
        });
        names.collect()
    }

    #[test]
    fn rounding_nodes_replace_those_of_before() {
        let graph = architectures::build("resnet20", Shape::new(32, 32, 3), 10).unwrap().unwrap();
        let float = Model::new(graph, 1);
        let with = |model: &Model, bits| {
            with_quantised_activations(model, ActivationConfig { bits, frozen_epochs: 0 }).unwrap()
        };
        let eight = with(&float, 8);
        assert_ne!(eight, float);
        assert_eq!(with(&eight, 2), with(&float, 2));
        assert_eq!(with_float_activations(&eight).unwrap(), float);
    }

    #[test]
    fn a_residual_network_stores_blocks_and_projections() {
        let graph = architectures::build("resnet18", Shape::new(64, 64, 3), 10).unwrap().unwrap();
        let stored = rounded(graph);
        let is = |name: &str| stored.iter().find(|(stored, _)| stored == name).map(|(_, signed)| *signed);
        // The stem, 2 results of each of 8 blocks, one more where there is a projection, the mean.
        assert_eq!(stored.len(), 1 + 16 + 3 + 1);
        // The projection comes last, so it takes in the main branch.
        assert_eq!((is("layer2.0.bn2"), is("layer2.0.downsample.1")), (Some(true), None));
        assert_eq!(stored.iter().filter(|(_, signed)| *signed).count(), 3);
        assert_eq!(is("avgpool"), Some(false));
    }

    #[test]
    fn branches_are_rounded_together_and_dropout_after_rounding() {
        let mut graph = Graph::empty("branches", Shape::new(4, 4, 2));
        let conv = |outputs| Op::Convolution {
            inputs: 2,
            outputs,
            groups: 1,
            window: Window::square(1, 1, 0),
            bias: false,
        };
        let input = Source::Input;
        let a = graph.push("a", conv(3), &[input]).unwrap();
        let a = graph.push("relu", Op::RELU, &[a]).unwrap();
        let b = graph.push("b", conv(2), &[input]).unwrap();
        let both = graph.push("both", Op::Concat, &[a, b]).unwrap();
        let kept = graph.push("dropout", Op::Dropout { probability: 0.5 }, &[both]).unwrap();
        let flat = graph.push("flatten", Op::Flatten, &[kept]).unwrap();
        graph.push("fc", Op::Linear { inputs: 80, outputs: 2, bias: true }, &[flat]).unwrap();
        assert_eq!(rounded(graph), [("both".to_owned(), true)]);
    }

    #[test]
    fn a_result_with_two_readers_is_stored() {
        let mut graph = Graph::empty("twice", Shape::vector(4));
        let linear = || Op::Linear { inputs: 4, outputs: 4, bias: false };
        let a = graph.push("a", linear(), &[Source::Input]).unwrap();
        let relu = graph.push("relu", Op::RELU, &[a]).unwrap();
        let b = graph.push("b", linear(), &[relu]).unwrap();
        graph.push("sum", Op::Add, &[b, a]).unwrap();
        let expected = [("a", true), ("relu", false), ("b", true), ("sum", true)];
        assert_eq!(rounded(graph), expected.map(|(name, signed)| (name.to_owned(), signed)));
    }
}
