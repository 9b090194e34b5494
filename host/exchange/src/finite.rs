//! No NaN and no infinity among parameters.

use cbp_nn::{Model, Parameters};

use crate::error::{ExportError, ImportCause};

/// The first value that is not finite.
fn first(values: &[f32]) -> Option<(usize, f32)> {
    values.iter().copied().enumerate().find(|(_, value)| !value.is_finite())
}

/// Refuses parameters that an imported file has.
pub(crate) fn check(node: &str, parameter: &'static str, values: &[f32]) -> Result<(), ImportCause> {
    match first(values) {
        Some((index, value)) => {
            Err(ImportCause::NotFinite { node: node.to_owned(), parameter, index, value })
        }
        None => Ok(()),
    }
}

/// Refuses variances that no root can be drawn from.
pub(crate) fn check_variance(node: &str, var: &[f32], eps: f32) -> Result<(), ImportCause> {
    match var.iter().position(|&var| var + eps <= 0.0) {
        Some(index) => Err(ImportCause::Variance { node: node.to_owned(), index, value: var[index] }),
        None => Ok(()),
    }
}

/// Refuses to write parameters that no reader would take.
pub(crate) fn check_model(model: &Model) -> Result<(), ExportError> {
    for (node, parameters) in model.graph().nodes().iter().zip(model.parameters()) {
        let none: &[f32] = &[];
        let parts = match parameters {
            Parameters::None => continue,
            Parameters::Weights { weight, bias } => {
                vec![("weight", weight.as_slice()), ("bias", bias.as_deref().unwrap_or(none))]
            }
            Parameters::BatchNorm { gamma, beta, mean, var } => vec![
                ("weight", gamma.as_slice()),
                ("bias", beta.as_slice()),
                ("running mean", mean.as_slice()),
                ("running variance", var.as_slice()),
            ],
            Parameters::Range(range) => vec![("range", std::slice::from_ref(range))],
        };
        for (parameter, values) in parts {
            if let Some((index, value)) = first(values) {
                return Err(ExportError::NotFinite { node: node.name.clone(), parameter, index, value });
            }
        }
    }
    Ok(())
}
