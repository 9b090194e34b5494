//! What can go wrong when a network is read.

use std::path::PathBuf;

use cbp_nn::ParameterError;
use cbp_nn::graph::GraphError;

/// A file that cannot be imported.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}", path = .path.display())]
pub struct ImportError {
    /// The file.
    pub path: PathBuf,
    /// Why; part of the message, so no source of its own.
    pub cause: ImportCause,
}

/// A tensor of another shape than its node needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    /// Name.
    pub tensor: String,
    /// Its shape.
    pub found: Vec<usize>,
    /// The shape needed.
    pub expected: Vec<usize>,
}

/// Why a network cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportCause {
    /// The operating system reports an error.
    #[error("cannot be read ({0}); check the path and its permissions")]
    Io(#[from] std::io::Error),
    /// Another kind of file.
    #[error("is {found}; {remedy}")]
    Kind {
        /// What it seems to be.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The content cannot be parsed.
    #[error("{what}; the file is damaged, copy or export it again")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// A fault of the model as a whole.
    #[error("{what}; {remedy}")]
    Model {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Numbers in another file.
    #[error(
        "tensor {tensor}: its values are in another file; save the model as one file (onnx.save_model with save_as_external_data=False)"
    )]
    External {
        /// The tensor.
        tensor: String,
    },
    /// A tensor's values do not fit its description.
    #[error("tensor {tensor}: {what}; export the model again, with float or integer tensors")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// What is wrong.
        what: String,
    },
    /// An operation that has no counterpart.
    #[error("node {node}: {operator}: {reason}; {nearest}")]
    Unsupported {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// Why it has none.
        reason: String,
        /// The nearest form that has one.
        nearest: String,
    },
    /// A parameter is NaN or infinite.
    #[error("node {node}: {parameter}[{index}] is {value}; train the model again or repair this value")]
    NotFinite {
        /// The node.
        node: String,
        /// Which of its parameters.
        parameter: &'static str,
        /// Position in the file's own order, row-major.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A batch norm divides by the root of a number that is not positive.
    #[error(
        "node {node}: running variance[{index}] is {value}, and with ε not above 0; train the model again or repair this value"
    )]
    Variance {
        /// The node.
        node: String,
        /// Channel.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The operations do not fit each other.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The parameters do not fit the graph.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// Weights without a network.
    #[error("holds weights without a network; name the network too, for example its ONNX file")]
    NeedsGraph,
    /// The tensors of a file are not those of the network.
    #[error("{}; use the file of this network", tensors(.missing, .unexpected, .misshapen))]
    Tensors {
        /// Names that the network needs and the file lacks.
        missing: Vec<String>,
        /// Names that the file has and the network lacks.
        unexpected: Vec<String>,
        /// Tensors of other shapes.
        misshapen: Vec<Misshapen>,
    },
}

/// The three lists in one line.
fn tensors(missing: &[String], unexpected: &[String], misshapen: &[Misshapen]) -> String {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("missing: {}", missing.join(", ")));
    }
    if !unexpected.is_empty() {
        parts.push(format!("unexpected: {}", unexpected.join(", ")));
    }
    if !misshapen.is_empty() {
        let one = |m: &Misshapen| format!("{} {:?}, expected {:?}", m.tensor, m.found, m.expected);
        parts.push(format!("of another shape: {}", misshapen.iter().map(one).collect::<Vec<_>>().join(", ")));
    }
    parts.join("; ")
}
