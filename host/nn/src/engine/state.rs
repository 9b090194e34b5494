use super::node::batch_norm::Statistics;
use super::node::join::Shortcut;
use super::node::pool::Pool;
use super::node::products::Products;
use super::plan::{Flow, Purpose};
use crate::graph::{Graph, Op};

/// What a node prepares once, and what its forward step leaves for its backward step.
#[derive(Debug, Default)]
pub(super) enum State {
    /// Nothing.
    #[default]
    None,
    /// Which values its products read.
    Products(Products),
    /// Which values it reads, and which entry of its list each maximum came from.
    Pool {
        pool: Pool,
        winners: Vec<u16>,
    },
    /// Statistics of the last batch.
    Norm(Statistics),
    /// Whether the gradient of each number passes.
    Gates(Vec<u8>),
    Shortcut(Shortcut),
}

impl State {
    pub(super) fn new(graph: &Graph, node: usize, capacity: usize, purpose: Purpose, flows: &[Flow]) -> Self {
        let op = &graph.nodes()[node].op;
        let output = graph.shapes()[node];
        let Some(&source) = graph.nodes()[node].inputs.first() else { return Self::None };
        let input = graph.shape_of(source);
        if let Some(shape) = op.weight_shape() {
            return Self::Products(Products::new(op, shape, input, output, flows[0] != Flow::Nothing));
        }
        if let Some(pool) = Pool::new(op, input, output) {
            let winners = if matches!(op, Op::MaxPool { .. }) { output.values() * capacity } else { 0 };
            return Self::Pool { pool, winners: vec![0; winners] };
        }
        match *op {
            Op::Shortcut { stride, before, .. } => Self::Shortcut(Shortcut { input, output, stride, before }),
            Op::Clamp { .. } | Op::Dropout { .. } | Op::Quantise { .. } if purpose != Purpose::Inference => {
                Self::Gates(vec![0; output.values() * capacity])
            }
            _ => Self::None,
        }
    }

    /// The gates of the first `len` numbers; none if this node has no gates.
    pub(super) fn gates(&mut self, len: usize) -> &mut [u8] {
        match self {
            Self::Gates(gates) => &mut gates[..len],
            _ => &mut [],
        }
    }
}
