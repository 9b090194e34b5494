//! Where each value and each gradient of a batch lives.
//!
//! A network's values are needed from the node that makes them to the last one that reads them, in the backward step
//! too if a gradient follows from them. Values whose times do not overlap share a buffer. Nodes that change each
//! number on its own work in the buffer they read, where nobody else needs what was there.

use crate::graph::{Graph, Op, Source};

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Forward only.
    Inference,
    /// Forward and backward.
    Training {
        /// Whether the gradient with respect to the input is wanted.
        input_gradient: bool,
    },
}

/// Buffers of values and gradients: several have the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Values per image of each buffer.
    pub(super) buffers: Vec<usize>,
    /// Buffer of each node's output.
    pub(super) values: Vec<usize>,
    /// Buffer of the gradient with respect to each node's output; none where it is not needed.
    pub(super) gradients: Vec<Option<usize>>,
    /// Whether a node writes to the buffer that it reads.
    pub(super) in_place: Vec<bool>,
    /// What the backward step of a node does with the gradient of each input.
    pub(super) flows: Vec<Vec<Flow>>,
}

/// What becomes of the gradient of one input of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Not needed.
    Nothing,
    /// It is the first to reach its buffer.
    Write,
    /// It is added to what came from nodes behind.
    Add,
    /// It is worked out in the buffer of the output's gradient.
    Share,
}

/// A buffer's tenant: how many values, from when to when.
#[derive(Clone, Copy, Debug)]
struct Tenant {
    size: usize,
    from: usize,
    to: usize,
}

impl Plan {
    pub(super) fn new(graph: &Graph, purpose: Purpose) -> Self {
        let mut planner = Planner::new(graph, purpose);
        let values = planner.values();
        let (gradients, flows) = planner.gradients();
        let (buffers, rooms) = assign(&planner.tenants);
        Self {
            buffers,
            values: values.iter().map(|&tenant| rooms[tenant]).collect(),
            gradients: gradients.iter().map(|tenant| tenant.map(|tenant| rooms[tenant])).collect(),
            in_place: planner.in_place,
            flows,
        }
    }
}

struct Planner<'a> {
    graph: &'a Graph,
    purpose: Purpose,
    /// Nodes that read each node's output.
    readers: Vec<Vec<usize>>,
    tenants: Vec<Tenant>,
    in_place: Vec<bool>,
}

impl<'a> Planner<'a> {
    fn new(graph: &'a Graph, purpose: Purpose) -> Self {
        let count = graph.nodes().len();
        let mut readers = vec![Vec::new(); count];
        for (index, node) in graph.nodes().iter().enumerate() {
            for input in &node.inputs {
                if let Source::Layer(input) = *input {
                    readers[input].push(index);
                }
            }
        }
        Self { graph, purpose, readers, tenants: Vec::new(), in_place: vec![false; count] }
    }

    fn trains(&self) -> bool {
        self.purpose != Purpose::Inference
    }

    /// When the backward step of a node happens: forward steps are 0 .. n, then come the backward ones.
    fn backward_time(&self, node: usize) -> usize {
        2 * self.graph.nodes().len() - node
    }

    /// Whether a node's backward step reads what the node read.
    fn keeps_input(&self, node: usize) -> bool {
        let op = &self.graph.nodes()[node].op;
        self.trains() && (op.weight_shape().is_some() || matches!(op, Op::BatchNorm { .. }))
    }

    /// The input whose buffer a node may write to: nobody else reads it, now or later.
    fn writable_input(&self, node: usize) -> Option<usize> {
        let Self { graph, readers, .. } = self;
        let by_number = match graph.nodes()[node].op {
            Op::Clamp { .. } | Op::Dropout { .. } | Op::Quantise { .. } | Op::Add => true,
            Op::BatchNorm { .. } => !self.trains(),
            _ => false,
        };
        let Source::Layer(input) = graph.nodes()[node].inputs[0] else { return None };
        let mut seen = input;
        // A flattened image is the image itself.
        while by_number && readers[seen].len() == 1 {
            match (&graph.nodes()[seen].op, graph.nodes()[seen].inputs[0]) {
                (Op::Flatten, Source::Layer(before)) => seen = before,
                (Op::Flatten, Source::Input) => return None,
                _ => return Some(input),
            }
        }
        None
    }

    /// The tenant of each node's output.
    fn values(&mut self) -> Vec<usize> {
        let count = self.graph.nodes().len();
        let mut tenants: Vec<usize> = Vec::with_capacity(count);
        for node in 0..count {
            let same = match (&self.graph.nodes()[node].op, self.graph.nodes()[node].inputs[0]) {
                (Op::Flatten, Source::Layer(input)) => Some(input),
                _ => self.writable_input(node),
            };
            self.in_place[node] = same.is_some();
            let tenant = same.map_or_else(
                || {
                    let size = self.graph.shapes()[node].values();
                    self.tenants.push(Tenant { size, from: node, to: node });
                    self.tenants.len() - 1
                },
                |input| tenants[input],
            );
            tenants.push(tenant);
            let mut last = self.readers[node].iter().copied().max().unwrap_or(count);
            for &reader in &self.readers[node] {
                if self.keeps_input(reader) {
                    last = last.max(self.backward_time(reader));
                }
            }
            let to = &mut self.tenants[tenant].to;
            *to = (*to).max(last);
        }
        tenants
    }

    /// The tenant of each gradient, and the flows of each node.
    fn gradients(&mut self) -> (Vec<Option<usize>>, Vec<Vec<Flow>>) {
        let nodes = self.graph.nodes();
        let count = nodes.len();
        let mut gradients = vec![None; count];
        let mut flows: Vec<Vec<Flow>> =
            nodes.iter().map(|node| vec![Flow::Nothing; node.inputs.len()]).collect();
        let Purpose::Training { input_gradient } = self.purpose else { return (gradients, flows) };
        // A gradient is needed where anything before has parameters.
        let mut needed = Vec::with_capacity(count);
        for node in nodes {
            let reaches = node.inputs.iter().any(|&input| match input {
                Source::Input => input_gradient,
                Source::Layer(input) => needed[input],
            });
            needed
                .push(reaches || node.op.weight_shape().is_some() || matches!(node.op, Op::BatchNorm { .. }));
        }
        let mut input_is_written = false;
        for node in (0..count).rev() {
            let time = self.backward_time(node);
            if node + 1 == count {
                self.tenants.push(Tenant { size: self.graph.shapes()[node].values(), from: count, to: time });
                gradients[node] = Some(self.tenants.len() - 1);
            }
            // Without a gradient the output does not depend on this node, or nothing before it has parameters.
            let Some(own) = gradients[node] else { continue };
            self.tenants[own].to = self.tenants[own].to.max(time);
            let mut shares = matches!(
                nodes[node].op,
                Op::Clamp { .. }
                    | Op::Dropout { .. }
                    | Op::Quantise { .. }
                    | Op::Flatten
                    | Op::BatchNorm { .. }
                    | Op::Add
            );
            for (slot, &input) in nodes[node].inputs.iter().enumerate() {
                let flow = &mut flows[node][slot];
                match input {
                    Source::Input if !input_gradient => {}
                    Source::Input => {
                        *flow = if input_is_written { Flow::Add } else { Flow::Write };
                        input_is_written = true;
                    }
                    Source::Layer(input) if !needed[input] => {}
                    Source::Layer(input) => {
                        if gradients[input].is_some() {
                            *flow = Flow::Add;
                        } else if shares && self.readers[input].len() == 1 {
                            *flow = Flow::Share;
                            shares = false;
                            gradients[input] = Some(own);
                        } else {
                            *flow = Flow::Write;
                            let size = self.graph.shapes()[input].values();
                            self.tenants.push(Tenant { size, from: time, to: time });
                            gradients[input] = Some(self.tenants.len() - 1);
                        }
                    }
                }
            }
        }
        (gradients, flows)
    }
}

/// Gives each tenant a buffer that is free in its time: the smallest that is large enough, or else the largest, which
/// then grows.
fn assign(tenants: &[Tenant]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..tenants.len()).collect();
    order.sort_by_key(|&tenant| (tenants[tenant].from, tenant));
    // Size and the time until which it is taken.
    let mut buffers: Vec<(usize, usize)> = Vec::new();
    let mut rooms = vec![0; tenants.len()];
    for tenant in order {
        let Tenant { size, from, to } = tenants[tenant];
        let free = |&index: &usize| buffers[index].1 < from;
        let fitting = (0..buffers.len()).filter(free).filter(|&index| buffers[index].0 >= size);
        let fitting = fitting.min_by_key(|&index| buffers[index].0);
        let room = fitting.or_else(|| (0..buffers.len()).filter(free).max_by_key(|&index| buffers[index].0));
        let room = room.unwrap_or_else(|| {
            buffers.push((0, 0));
            buffers.len() - 1
        });
        buffers[room] = (buffers[room].0.max(size), to);
        rooms[tenant] = room;
    }
    (buffers.into_iter().map(|(size, _)| size).collect(), rooms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architectures;

    /// Megabytes of all buffers for one image.
    fn megabytes(name: &str, purpose: Purpose) -> f64 {
        let graph = architectures::build(name, architectures::usual_input(name), 10).unwrap().unwrap();
        let plan = Plan::new(&graph, purpose);
        plan.buffers.iter().sum::<usize>() as f64 * 4e-6
    }

    #[test]
    fn inference_needs_little_and_training_about_two_copies() {
        let training = Purpose::Training { input_gradient: false };
        for (name, most, most_training) in [
            ("vgg7", 1.1, 6.0),
            ("resnet18", 8.1, 34.0),
            ("resnet50", 11.5, 115.0),
            ("googlenet", 10.0, 70.0),
        ] {
            let (inference, training) = (megabytes(name, Purpose::Inference), megabytes(name, training));
            println!("{name}: inference {inference:.1} MB, training {training:.1} MB per image");
            assert!(inference <= most, "{name}: inference {inference} MB");
            assert!(training <= most_training, "{name}: training {training} MB");
        }
    }
}
