//! A file, whatever its kind, as a model.

use std::path::Path;

use cbp_nn::Model;
use cbp_nn::data::Preprocess;
use cbp_nn::graph::Graph;

use crate::error::{ImportCause, ImportError};
use crate::kind::{FileKind, decompress};
use crate::note::Note;
use crate::sets::SetOfNode;
use crate::{onnx, state_dict};

/// How to import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The network that weights without one are for; an ONNX file has its own.
    pub graph: Option<Graph>,
    /// Whether tensors that the network does not need are ignored.
    pub ignore_unexpected: bool,
}

/// The grid that a QONNX or ONNX file has the weights of a node on.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightGrid {
    /// The node.
    pub node: String,
    /// Bits of a code.
    pub bits: u32,
    /// Whether there are negative codes.
    pub signed: bool,
    /// Whether the lowest code (of unsigned ones: the highest) is left out.
    pub narrow: bool,
    /// Value of one step of the code: one, or one per output.
    pub scales: Vec<f32>,
}

/// A model, and what is to be known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The network and its parameters.
    pub model: Model,
    /// What was changed or left out.
    pub notes: Vec<Note>,
    /// Nodes whose weights are on a constrained set already, so that a trainer can keep them there.
    pub sets: Vec<SetOfNode>,
    /// Nodes whose weights the file has on a grid.
    pub grids: Vec<WeightGrid>,
    /// What happens to images before the network reads them, if the file says so.
    pub preprocess: Option<Preprocess>,
}

/// Reads a network: ONNX, QONNX or safetensors, each also with gzip. The kind is told by the content.
///
/// # Errors
/// The first fault, with the path: the file cannot be read, is of another kind or damaged, has an operation without
/// counterpart, or parameters that are not finite.
pub fn import(path: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    let read = || import_content(std::fs::read(path)?, options);
    read().map_err(|cause| ImportError { path: path.to_owned(), cause })
}

/// [`import`] of what a file contains.
///
/// # Errors
/// As there, without the path.
pub fn import_content(content: Vec<u8>, options: &ImportOptions) -> Result<Imported, ImportCause> {
    let content = decompress(content)?;
    match FileKind::of(&content)? {
        FileKind::Onnx if options.graph.is_some() => {
            let what = "has a network of its own".to_owned();
            Err(ImportCause::Model { what, remedy: "leave the name of a network out" })
        }
        FileKind::Onnx => onnx::import(content),
        FileKind::Safetensors => {
            let graph = options.graph.clone().ok_or(ImportCause::NeedsGraph)?;
            state_dict::load(&content, graph, options.ignore_unexpected)
        }
    }
}
