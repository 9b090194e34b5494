//! Why there is no verdict.

use std::path::PathBuf;

use cbp_hdl::EmitError;

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
    /// Python or pyosys is not there.
    #[error("pyosys is missing: run ./test once, or install it: pip install pyosys==0.70 ({0})")]
    NoYosys(String),
    /// Yosys gave up.
    #[error("{property}: Yosys failed:\n{output}")]
    Yosys {
        /// Which property.
        property: String,
        /// The end of what it printed.
        output: String,
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
