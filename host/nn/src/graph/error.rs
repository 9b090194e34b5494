use cbp_numerics::Shape;

/// What is wrong with a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// No nodes.
    #[error("network {graph} has no nodes; add at least one")]
    Empty {
        /// Its name.
        graph: String,
    },
    /// Two nodes of one name.
    #[error("node {node}: another node has this name; rename one of them")]
    Name {
        /// The name.
        node: String,
    },
    /// A node reads what is not before it.
    #[error("node {node}: reads node {index}, which is not before it; put nodes in the order of computation")]
    Source {
        /// The node.
        node: String,
        /// What it reads.
        index: usize,
    },
    /// Wrong number of inputs.
    #[error("node {node}: {op} takes {expected}, not {found} inputs")]
    Inputs {
        /// The node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it has.
        found: usize,
    },
    /// Sizes do not fit.
    #[error("node {node}: {op} cannot read {shape}: {why}")]
    Shape {
        /// The node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// What it reads.
        shape: Shape,
        /// The reason.
        why: String,
    },
    /// A setting makes no sense.
    #[error("node {node}: {op}: {why}")]
    Setting {
        /// The node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// The reason and the remedy.
        why: String,
    },
}
