//! No NaN and no infinity among parameters.

use cbp_nn::graph::Op;
use cbp_nn::{Model, Parameters};

use crate::error::{ExportError, ImportCause};

/// The first value that is not finite.
fn first(values: &[f32]) -> Option<(usize, f32)> {
    values.iter().copied().enumerate().find(|(_, value)| !value.is_finite())
}

/// The first variance that has no root.
fn without_root(var: &[f32], eps: f32) -> Option<(usize, f32)> {
    var.iter().copied().enumerate().find(|(_, var)| var + eps <= 0.0)
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
    match without_root(var, eps) {
        Some((index, value)) => Err(ImportCause::Variance { node: node.to_owned(), index, value }),
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
        if let (&Op::BatchNorm { eps, .. }, Parameters::BatchNorm { var, .. }) = (&node.op, parameters)
            && let Some((index, value)) = without_root(var, eps)
        {
            return Err(ExportError::Variance { node: node.name.clone(), index, value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cbp_nn::graph::{Graph, Shape, Source};

    #[test]
    fn a_negative_variance_is_not_written() {
        let mut graph = Graph::empty("norm", Shape::vector(2));
        graph.push("bn", Op::batch_norm(2), &[Source::Input]).unwrap();
        let (graph, mut parameters) = Model::new(graph, 1).into_parts();
        let Parameters::BatchNorm { var, .. } = &mut parameters[0] else { unreachable!("a batch norm") };
        var[1] = -0.5;
        let model = Model::with_parameters(graph, parameters).unwrap();
        let message = check_model(&model).unwrap_err().to_string();
        assert!(message.contains("node bn: its running variance[1] is -0.5"), "{message}");
    }
}
