//! ONNX and QONNX files.
//!
//! - [`proto`]: the messages of the format
//! - [`import`]: file → model; [`export`]: model → file
//!
//! The operators that are understood: Conv, Gemm, MatMul (with Add), `BatchNormalization`, Relu, Clip, `MaxPool`,
//! `AveragePool`, `GlobalAveragePool`, `GlobalMaxPool`, `ReduceMean` over rows and columns, Add, Concat, Flatten, Reshape,
//! Squeeze, Unsqueeze, Transpose, Dropout, Identity, Cast; Slice, Pad, Gather and arithmetic with constants where they
//! are a shortcut, a window's padding or a scaling of channels; a last Softmax is left out; everything on constants that
//! exporters compute shapes with. QONNX's Quant, `IntQuant` and `BipolarQuant`.

pub mod proto;

#[path = "export/mod.rs"]
mod export_model;
#[path = "import/mod.rs"]
mod import_model;
mod tensor;

use cbp_nn::Model;
use prost::Message;
use prost::bytes::Bytes;

pub use export_model::ExportOptions;

use crate::error::{ExportError, ImportCause};
use crate::imported::{Imported, WeightGrid};
use crate::sets::recognise_sets;

/// Reads the content of an ONNX or QONNX file, without gzip. Batch norms stay nodes; weights on a grid are given as
/// the values that they stand for, with the grid beside them.
///
/// # Errors
/// The first fault: damaged content, an operation without counterpart, parameters that are not finite.
pub fn import(content: Vec<u8>) -> Result<Imported, ImportCause> {
    let model = proto::ModelProto::decode(Bytes::from(content));
    let model = model.map_err(|cause| ImportCause::Damaged { what: format!("is no ONNX file ({cause})") })?;
    let (model, notes, quantised) = import_model::import(&model)?;
    let of_node = |(index, grid): (usize, Option<std::rc::Rc<tensor::Quantised>>)| {
        let grid = grid?;
        Some(WeightGrid {
            node: model.graph().nodes()[index].name.clone(),
            bits: grid.bits,
            signed: grid.signed,
            narrow: grid.narrow,
            scales: grid.scales.clone(),
        })
    };
    let grids = quantised.into_iter().enumerate().filter_map(of_node).collect();
    let sets = recognise_sets(&model);
    Ok(Imported { model, notes, sets, grids })
}

/// Writes a model as an ONNX file of operator set 17: input `input` (NCHW, or `[batch, values]` for vectors), output
/// `logits`, the batch left open, parameters under PyTorch's names. What each node becomes is in [`ExportOptions`].
///
/// # Errors
/// A node that ONNX has no form for; parameters that are not finite.
pub fn export(model: &Model, options: &ExportOptions) -> Result<Vec<u8>, ExportError> {
    crate::finite::check_model(model)?;
    Ok(export_model::export(model, options)?.encode_to_vec())
}
