//! The tensors of a network: names, shapes, and how PyTorch's layout relates to the own one.

use cbp_nn::graph::{Graph, Node, Op, WeightShape};

use crate::layout;
use crate::order::{self, Order};

/// How a tensor is laid out.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// OIHW here, OHWI there.
    Kernel(WeightShape),
    /// Rows or one row of values in this order.
    Ordered(Order),
}

/// A tensor.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    pub shape: Vec<usize>,
    pub layout: Layout,
    /// Name in messages.
    pub parameter: &'static str,
}

impl Entry {
    /// From PyTorch's layout. The number of values must fit.
    pub(super) fn to_own(&self, values: &[f32]) -> Vec<f32> {
        match &self.layout {
            Layout::Kernel(shape) => layout::to_ohwi(values, *shape),
            Layout::Ordered(Some(order)) => layout::to_own(values, order),
            Layout::Ordered(None) => values.to_vec(),
        }
    }

    /// To PyTorch's layout.
    pub(super) fn to_foreign(&self, values: &[f32]) -> Vec<f32> {
        match &self.layout {
            Layout::Kernel(shape) => layout::to_oihw(values, *shape),
            Layout::Ordered(Some(order)) => layout::to_foreign(values, order),
            Layout::Ordered(None) => values.to_vec(),
        }
    }
}

/// The tensors of each node, in the order of its parameters.
pub(super) fn of_graph(graph: &Graph) -> Vec<Vec<Entry>> {
    let orders = order::of_outputs(graph);
    graph.nodes().iter().map(|node| of_node(graph, &orders, node)).collect()
}

fn of_node(graph: &Graph, orders: &[Order], node: &Node) -> Vec<Entry> {
    let entry = |part: &str, parameter, shape: Vec<usize>, layout| Entry {
        name: format!("{}.{part}", node.name),
        shape,
        layout,
        parameter,
    };
    let plain = || Layout::Ordered(None);
    match node.op {
        Op::Linear { inputs, outputs, bias } => {
            let order = order::of_vector(graph, orders, node.inputs[0]);
            let weight = entry("weight", "weight", vec![outputs, inputs], Layout::Ordered(order));
            let bias = bias.then(|| entry("bias", "bias", vec![outputs], plain()));
            std::iter::once(weight).chain(bias).collect()
        }
        Op::Convolution { inputs, outputs, groups, window, bias } => {
            let [rows, columns] = window.kernel;
            let inputs = inputs / groups;
            let shape = WeightShape { outputs, kernel: window.kernel, inputs, groups, bias };
            let weight =
                entry("weight", "weight", vec![outputs, inputs, rows, columns], Layout::Kernel(shape));
            let bias = bias.then(|| entry("bias", "bias", vec![outputs], plain()));
            std::iter::once(weight).chain(bias).collect()
        }
        Op::BatchNorm { channels, .. } => {
            let order = match node.inputs[0] {
                cbp_nn::graph::Source::Input => None,
                cbp_nn::graph::Source::Layer(index) => orders[index].clone(),
            };
            let parts = [
                ("weight", "weight"),
                ("bias", "bias"),
                ("running_mean", "running mean"),
                ("running_var", "running variance"),
            ];
            let layout = Layout::Ordered(order);
            parts.map(|(part, name)| entry(part, name, vec![channels], layout.clone())).into()
        }
        Op::Quantise { .. } => vec![entry("range", "range", vec![1], plain())],
        _ => Vec::new(),
    }
}
