//! Which nodes of a network are rounded.

use crate::config::ActivationConfig;
use crate::graph::{Graph, GraphError, Node, Op, Source};
use crate::model::{Model, Parameters};

/// The network with activations rounded after every clamp: those are what the device stores. The input is left as it
/// is, and so is the output.
pub(super) fn with_quantised_activations(
    model: &Model,
    activations: ActivationConfig,
) -> Result<Model, GraphError> {
    let (graph, parameters) = model.clone().into_parts();
    let mut nodes = Vec::new();
    let mut numbers = Vec::new();
    // Where the output of each old node now comes from.
    let mut moved: Vec<Source> = Vec::new();
    for (node, parameters) in graph.nodes().iter().zip(parameters) {
        let inputs = node.inputs.iter().map(|&input| match input {
            Source::Input => Source::Input,
            Source::Layer(index) => moved[index],
        });
        nodes.push(Node { name: node.name.clone(), op: node.op.clone(), inputs: inputs.collect() });
        numbers.push(parameters);
        moved.push(Source::Layer(nodes.len() - 1));
        let is_last = moved.len() == graph.nodes().len();
        if let (Op::Clamp { low, .. }, false) = (&node.op, is_last) {
            let op = Op::Quantise { bits: activations.bits, signed: *low < 0.0 };
            nodes.push(Node {
                name: format!("{}.quantise", node.name),
                op,
                inputs: vec![Source::Layer(nodes.len() - 1)],
            });
            numbers.push(Parameters::Range(0.0));
            if let Some(last) = moved.last_mut() {
                *last = Source::Layer(nodes.len() - 1);
            }
        }
    }
    let graph = Graph::new(graph.name(), graph.input(), nodes)?;
    Ok(Model::from_checked_parts(graph, numbers))
}
