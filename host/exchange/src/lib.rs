//! Networks that people already have, into the trainer's form and back.
//!
//! - [`import`]: a file of any kind that is understood, told by its content
//! - [`onnx`]: ONNX and QONNX; [`state_dict`]: safetensors under PyTorch's names
//! - [`Imported`]: a model, with [`Note`]s of what was changed, and the weight sets that its weights are on
//!   ([`recognise_sets`])
//! - [`ImportError`], [`ExportError`]: each says where, why, and what to do
//!
//! Images are NHWC here and NCHW there: kernels are OHWI here and OIHW there, and the inputs of a linear layer behind a
//! flattened image are permuted on the way in and on the way out.

// ReLU, ONNX, PyTorch are names, not code.
#![allow(clippy::doc_markdown)]
// What is recognised is exactly a number, or it is not that number.
#![allow(clippy::float_cmp)]

mod error;
mod finite;
mod imported;
mod kind;
mod layout;
mod metadata;
mod note;
pub mod onnx;
mod order;
mod sets;
pub mod state_dict;

pub use error::{ExportError, ImportCause, ImportError, Misshapen};
pub use imported::{ImportOptions, Imported, WeightGrid, import, import_content};
pub use kind::FileKind;
pub use note::Note;
pub use sets::{SetOfNode, recognise_sets};
