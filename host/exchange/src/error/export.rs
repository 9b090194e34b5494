//! What can go wrong when a network is written.

use std::path::PathBuf;

/// A network that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The operating system reports an error.
    #[error("{path}: cannot be written ({source}); check the path and the free space", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An operation that the format has no form for.
    #[error("node {node}: {op}: {reason}; {remedy}")]
    Unsupported {
        /// The node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// Why.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A parameter is NaN or infinite.
    #[error("node {node}: {parameter}[{index}] is {value}; train again with a lower learning rate")]
    NotFinite {
        /// The node.
        node: String,
        /// Which of its parameters.
        parameter: &'static str,
        /// Position, row-major.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A running variance has no root.
    #[error("node {node}: its running variance[{index}] is {value}; train again with a lower learning rate")]
    Variance {
        /// The node.
        node: String,
        /// Channel.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The tensors cannot be laid out.
    #[error("the weights cannot be written ({what}); write fewer at a time")]
    Layout {
        /// The cause.
        what: String,
    },
}
