//! What can go wrong, one line each: where, cause; remedy.

mod export;
mod import;

pub use export::ExportError;
pub use import::{ImportCause, ImportError, Misshapen};
