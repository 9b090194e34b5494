//! Reading parameters for a network.

use std::collections::HashSet;

use ::safetensors::SafeTensors;
use ::safetensors::tensor::{Dtype, TensorView};
use cbp_nn::graph::{Graph, Op};
use cbp_nn::{Model, Parameters};
use half::{bf16, f16};

use super::entries::{Entry, of_graph};
use crate::error::{ImportCause, Misshapen};
use crate::finite;
use crate::imported::Imported;
use crate::metadata;
use crate::note::Note;
use crate::sets::recognise_sets;

/// Reads the content of a safetensors file for a graph. f16 and bf16 become f32. A quantiser without a range has 0.
///
/// # Errors
/// Damaged content; all tensors that are missing, unexpected (unless these are to be ignored) or of another shape, by
/// name; parameters that are not finite.
pub fn load(content: &[u8], graph: Graph, ignore_unexpected: bool) -> Result<Imported, ImportCause> {
    let file = SafeTensors::deserialize(content)
        .map_err(|cause| ImportCause::Damaged { what: format!("is no safetensors file ({cause})") })?;
    if file.names().into_iter().any(|name| name.chars().any(char::is_control)) {
        return Err(ImportCause::Damaged { what: "it has names with control characters".to_owned() });
    }
    let metadata = SafeTensors::read_metadata(content).ok().and_then(|(_, header)| header.metadata().clone());
    let text = metadata.as_ref().and_then(|metadata| metadata.get(metadata::PREPROCESS));
    let preprocess = metadata::read(text.map(String::as_str))?;
    let entries = of_graph(&graph);
    let is_optional = |entry: &Entry| entry.parameter == "range";
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    for entry in entries.iter().flatten() {
        match file.tensor(&entry.name) {
            Err(_) if is_optional(entry) => {}
            Err(_) => missing.push(entry.name.clone()),
            Ok(view) if view.shape() != entry.shape => misshapen.push(Misshapen {
                tensor: entry.name.clone(),
                found: view.shape().to_vec(),
                expected: entry.shape.clone(),
            }),
            Ok(_) => {}
        }
    }
    let mut unexpected = unexpected(&file, &entries);
    let mut notes = Vec::new();
    if ignore_unexpected && !unexpected.is_empty() {
        notes.push(Note::Ignored { tensors: std::mem::take(&mut unexpected) });
    }
    if !(missing.is_empty() && unexpected.is_empty() && misshapen.is_empty()) {
        return Err(ImportCause::Tensors { missing, unexpected, misshapen });
    }
    let mut parameters = Vec::with_capacity(entries.len());
    for (node, entries) in graph.nodes().iter().zip(&entries) {
        let mut parts = Vec::with_capacity(entries.len());
        for entry in entries {
            match file.tensor(&entry.name) {
                Ok(view) => {
                    let values = values(&entry.name, &view)?;
                    finite::check(&node.name, entry.parameter, &values)?;
                    parts.push(entry.to_own(&values));
                }
                Err(_) => parts.push(vec![0.0]),
            }
        }
        let mut parts = parts.into_iter();
        let mut next = || parts.next().unwrap_or_default();
        parameters.push(match node.op {
            Op::Linear { bias, .. } | Op::Convolution { bias, .. } => {
                Parameters::Weights { weight: next(), bias: bias.then(next) }
            }
            Op::BatchNorm { eps, .. } => {
                let (gamma, beta, mean, var) = (next(), next(), next(), next());
                finite::check_variance(&node.name, &var, eps)?;
                Parameters::BatchNorm { gamma, beta, mean, var }
            }
            Op::Quantise { .. } => Parameters::Range(next().first().copied().unwrap_or_default()),
            _ => Parameters::None,
        });
    }
    let model = Model::with_parameters(graph, parameters)?;
    let sets = recognise_sets(&model);
    Ok(Imported { model, notes, sets, grids: Vec::new(), preprocess })
}

/// Names that no node has a use for, in alphabetical order.
fn unexpected(file: &SafeTensors<'_>, entries: &[Vec<Entry>]) -> Vec<String> {
    let known: HashSet<&str> = entries.iter().flatten().map(|entry| entry.name.as_str()).collect();
    let counts = |name: &str| {
        let layer = name.strip_suffix(".num_batches_tracked");
        layer.is_some_and(|layer| known.contains(format!("{layer}.running_mean").as_str()))
    };
    let mut names: Vec<String> = file.names().into_iter().map(ToString::to_string).collect();
    names.retain(|name| !known.contains(name.as_str()) && !counts(name));
    names.sort_unstable();
    names
}

/// The values of a tensor.
fn values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, ImportCause> {
    let data = view.data();
    let halves = || data.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
    match view.dtype() {
        Dtype::F32 => Ok(data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F16 => Ok(halves().map(|bits| f16::from_bits(bits).to_f32()).collect()),
        Dtype::BF16 => Ok(halves().map(|bits| bf16::from_bits(bits).to_f32()).collect()),
        other => Err(ImportCause::Tensor {
            tensor: name.to_owned(),
            what: format!("its element type is {other:?}, not F32, F16 or BF16"),
        }),
    }
}
