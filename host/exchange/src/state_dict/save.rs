//! Writing the parameters of a network.

use std::collections::HashMap;
use std::path::Path;

use ::safetensors::tensor::{Dtype, TensorView};
use cbp_nn::data::Preprocess;
use cbp_nn::data::files::write_whole;
use cbp_nn::{Model, Parameters};

use super::entries::of_graph;
use crate::error::ExportError;
use crate::finite;
use crate::metadata::{self, PREPROCESS};

/// The content of a safetensors file with all parameters, as f32, and the preprocessing among its metadata.
///
/// # Errors
/// Parameters that are not finite.
pub fn save(model: &Model, preprocess: Option<&Preprocess>) -> Result<Vec<u8>, ExportError> {
    finite::check_model(model)?;
    let mut tensors = Vec::new();
    for (entries, parameters) in of_graph(model.graph()).into_iter().zip(model.parameters()) {
        let parts: Vec<&[f32]> = match parameters {
            Parameters::None => continue,
            Parameters::Weights { weight, bias } => {
                std::iter::once(weight.as_slice()).chain(bias.as_deref()).collect()
            }
            Parameters::BatchNorm { gamma, beta, mean, var } => vec![gamma, beta, mean, var],
            Parameters::Range(range) => vec![std::slice::from_ref(range)],
        };
        for (entry, values) in entries.into_iter().zip(parts) {
            let bytes: Vec<u8> = entry.to_foreign(values).into_iter().flat_map(f32::to_le_bytes).collect();
            tensors.push((entry.name, entry.shape, bytes));
        }
    }
    let layout = |cause: ::safetensors::SafeTensorError| ExportError::Layout { what: cause.to_string() };
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, bytes) in &tensors {
        views.push((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(layout)?));
    }
    let metadata = match preprocess {
        Some(preprocess) => Some(HashMap::from([(PREPROCESS.to_owned(), metadata::write(preprocess)?)])),
        None => None,
    };
    ::safetensors::serialize(views, metadata).map_err(layout)
}

/// [`save`] to a file.
///
/// # Errors
/// As there, and those of the operating system.
pub fn write(model: &Model, path: &Path, preprocess: Option<&Preprocess>) -> Result<(), ExportError> {
    let content = save(model, preprocess)?;
    write_whole(path, &content).map_err(|source| ExportError::Io { path: path.to_owned(), source })
}
