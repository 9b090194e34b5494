//! What can go wrong between a Verilog text and a running model.

use std::io;
use std::path::PathBuf;

/// Why a model cannot be built, loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tool is not installed.
    #[error("{tool} is not installed (apt-get install verilator g++)")]
    ToolMissing {
        /// Name of the program.
        tool: &'static str,
    },
    /// A tool refused its input.
    #[error("{tool} failed:\n{output}")]
    ToolFailed {
        /// Name of the program.
        tool: &'static str,
        /// What it printed.
        output: String,
    },
    /// The cache or a temporary directory cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No place for the cache.
    #[error("no place to keep built models: set CBP_CACHE to a directory")]
    NoCacheDirectory,
    /// The built library cannot be loaded.
    #[error("{}: {source}", path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
    },
    /// A port cannot be used.
    #[error("port `{name}`: {reason}")]
    Port {
        /// The port.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The model stopped: `$fatal`, `$finish`, or logic that does not settle.
    #[error("the simulated design stopped: {0}")]
    Stopped(String),
    /// The model was built without tracing.
    #[error("this model was built without tracing")]
    NoTrace,
    /// A trace cannot be written.
    #[error("cannot write the trace {}", .0.display())]
    Trace(PathBuf),
    /// The model was built without coverage.
    #[error("this model was built without coverage")]
    NoCoverage,
    /// Counts cannot be written.
    #[error("cannot write the coverage {}", .0.display())]
    Coverage(PathBuf),
}

impl Error {
    /// Adds the path to a system error.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
