//! Why there is no verdict.

use std::path::PathBuf;

use cbp_hdl::EmitError;
use cbp_yosys::{NotFound, RunError};

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module's description is at fault.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The emitted module does not look as expected.
    #[error("{property}: {reason}")]
    Property {
        /// Which property.
        property: String,
        /// What is missing.
        reason: String,
    },
    /// There is no Yosys.
    #[error(transparent)]
    NoYosys(#[from] NotFound),
    /// Yosys gave up.
    #[error("{property}: {source}")]
    Yosys {
        /// Which property.
        property: String,
        /// What it said.
        source: RunError,
    },
    /// A file could not be written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
