//! ONNX and QONNX files.
//!
//! - [`proto`]: the messages of the format
//! - [`import()`]: file → model; [`export()`], [`write()`]: model → file
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

use std::path::Path;

use cbp_nn::Model;
use cbp_nn::data::files::write_whole;
use prost::Message;
use prost::bytes::Bytes;

pub use export_model::ExportOptions;

use crate::error::{ExportError, ImportCause};
use crate::imported::{Imported, WeightGrid};
use crate::metadata;
use crate::sets::recognise_sets;

/// Reads the content of an ONNX or QONNX file, without gzip. Batch norms stay nodes; weights on a grid are given as
/// the values that they stand for, with the grid beside them.
///
/// # Errors
/// The first fault: damaged content, an operation without counterpart, parameters that are not finite.
pub fn import(content: Vec<u8>) -> Result<Imported, ImportCause> {
    let model = proto::ModelProto::decode(Bytes::from(content));
    let model = model.map_err(|cause| ImportCause::Damaged { what: format!("is no ONNX file ({cause})") })?;
    check_names(&model)?;
    let preprocess =
        metadata::read(model.metadata_props.iter().find_map(|entry| entry.of(metadata::PREPROCESS)))?;
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
    Ok(Imported { model, notes, sets, grids, preprocess })
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

/// [`export`] to a file.
///
/// # Errors
/// As there, and those of the operating system.
pub fn write(model: &Model, path: &Path, options: &ExportOptions) -> Result<(), ExportError> {
    let content = export(model, options)?;
    write_whole(path, &content).map_err(|source| ExportError::Io { path: path.to_owned(), source })
}

/// Refuses names that would break a message into lines, or do worse to a terminal.
fn check_names(model: &proto::ModelProto) -> Result<(), ImportCause> {
    let Some(graph) = &model.graph else { return Ok(()) };
    let of_nodes = graph.node.iter().flat_map(|node| {
        let own = [&node.name, &node.op_type, &node.domain].into_iter().flatten();
        own.chain(&node.input).chain(&node.output)
    });
    let dims = |value: &proto::ValueInfoProto| {
        let tensor = value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
        let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map(|shape| shape.dim.iter());
        dims.into_iter().flatten().filter_map(|dim| dim.dim_param.clone()).collect::<Vec<_>>()
    };
    let of_values = graph.input.iter().chain(&graph.output);
    let sizes = of_values.clone().flat_map(dims);
    let names = of_values.filter_map(|value| value.name.as_ref());
    let strings =
        graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.s.as_ref());
    let has_control = |text: &str| text.chars().any(char::is_control);
    let any = of_nodes
        .chain(names)
        .chain(graph.initializer.iter().filter_map(|tensor| tensor.name.as_ref()))
        .chain(graph.name.iter())
        .any(|name| has_control(name));
    if any
        || sizes.into_iter().any(|name| has_control(&name))
        || strings.into_iter().any(|s| s.iter().any(u8::is_ascii_control))
    {
        return Err(ImportCause::Damaged { what: "it has names with control characters".to_owned() });
    }
    Ok(())
}
