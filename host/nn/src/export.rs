//! From weights and their rules to [`TrainedNetwork`], refusing whatever integers could not say exactly.

use crate::cbp::grid::Grid;
use crate::error::ExportError;
use crate::int8_weights;
use crate::latent::{LatentWeights, WeightRule};
use crate::model::Parameters;
use crate::trained::{TrainedNetwork, TrainedWeights};
use crate::training::Trainer;

impl Trainer {
    /// Describes the network in integers and scales.
    ///
    /// # Errors
    /// [`ExportError`] if a value is not finite, or a weight not on its grid.
    pub fn export(&self) -> Result<TrainedNetwork, ExportError> {
        let model = self.deployed();
        let mut weights = Vec::with_capacity(self.latent.len());
        let nodes = model.graph().nodes().iter().zip(model.parameters()).zip(&self.latent);
        for ((node, parameters), latent) in nodes {
            check_finite(&node.name, parameters)?;
            weights.push(match (parameters, latent) {
                (Parameters::Weights { weight, .. }, Some(latent)) => {
                    finite(&node.name, "latent weight", &latent.values)?;
                    Some(integers(&node.name, weight, latent)?)
                }
                _ => None,
            });
        }
        Ok(TrainedNetwork { model, weights, data: self.data.clone() })
    }
}

/// The integers of a node's deployed weights.
fn integers(name: &str, weight: &[f32], latent: &LatentWeights) -> Result<TrainedWeights, ExportError> {
    let inputs = latent.inputs;
    Ok(match &latent.rule {
        WeightRule::Int8 => {
            let scales: Vec<f32> = latent.values.chunks_exact(inputs).map(int8_weights::row_scale).collect();
            let codes = codes(weight, inputs, name, |output, w| {
                let code = int8_weights::code(w, scales[output]);
                (code as i8, code * scales[output])
            })?;
            TrainedWeights::Int8 { scales, codes }
        }
        WeightRule::Constrained(constrained) => {
            let codes = codes(weight, inputs, name, |output, w| {
                let grid = constrained.grid(output);
                (grid.code(w), grid.quantise(w))
            })?;
            let scales = constrained.grids.iter().map(Grid::scale).collect();
            TrainedWeights::Constrained { set: constrained.grids[0].set(), scales, codes }
        }
    })
}

/// The code of every weight; each must be exactly the value of its code.
fn codes(
    weights: &[f32],
    inputs: usize,
    name: &str,
    code: impl Fn(usize, f32) -> (i8, f32),
) -> Result<Vec<i8>, ExportError> {
    let mut codes = Vec::with_capacity(weights.len());
    for (index, &value) in weights.iter().enumerate() {
        let (code, level) = code(index / inputs, value);
        // Not by bits: −0 and 0 are the same level.
        #[allow(clippy::float_cmp)]
        if level != value {
            return Err(ExportError::OffGrid { layer: name.into(), index, value });
        }
        codes.push(code);
    }
    Ok(codes)
}

fn check_finite(node: &str, parameters: &Parameters) -> Result<(), ExportError> {
    match parameters {
        Parameters::None => Ok(()),
        Parameters::Weights { weight, bias } => {
            finite(node, "weight", weight)?;
            finite(node, "bias", bias.as_deref().unwrap_or_default())
        }
        Parameters::BatchNorm { gamma, beta, mean, var } => {
            finite(node, "gamma", gamma)?;
            finite(node, "beta", beta)?;
            finite(node, "running mean", mean)?;
            finite(node, "running variance", var)
        }
        Parameters::Range(range) => finite(node, "activation range", &[*range]),
    }
}

fn finite(layer: &str, parameter: &'static str, values: &[f32]) -> Result<(), ExportError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => {
            Err(ExportError::NotFinite { layer: layer.into(), parameter, index, value: values[index] })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbp::weights::ConstrainedWeights;
    use cbp_numerics::WeightSet;

    fn exported(weights: [f32; 4], rule: WeightRule) -> Result<TrainedWeights, ExportError> {
        let latent = LatentWeights { values: vec![0.25, -0.5, 0.1, 0.5], inputs: 2, rule };
        integers("fc3", &weights, &latent)
    }

    #[test]
    fn codes_of_weights_on_the_grid_and_refusal_of_others() {
        let rule = |scales: &[f32]| {
            WeightRule::Constrained(Box::new(ConstrainedWeights::new(WeightSet::OneBitShift, scales, 4)))
        };
        let weights = exported([0.25, -0.5, 0.0, 1.0], rule(&[0.5, 1.0])).unwrap();
        let TrainedWeights::Constrained { codes, scales, .. } = weights else {
            unreachable!("a constrained layer")
        };
        assert_eq!(codes, [1, -2, 0, 2]);
        assert_eq!(scales.len(), 2);
        let error = exported([0.25, -0.5, 0.0, 0.3], rule(&[0.5])).unwrap_err();
        assert_eq!(error, ExportError::OffGrid { layer: "fc3".into(), index: 3, value: 0.3 });
        let error = exported([0.25, -0.5, 0.0, 0.3], WeightRule::Int8).unwrap_err();
        assert!(matches!(error, ExportError::OffGrid { index: 0, .. }), "{error}");
    }
}
