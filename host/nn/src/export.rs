//! From a chain of layers and their weight rules to [`TrainedMlp`], refusing whatever the integers could not say exactly.

use crate::cbp::grid::Grid;
use crate::error::ExportError;
use crate::graph::{Op, Source, WeightShape};
use crate::int8_weights;
use crate::latent::{LatentWeights, WeightRule};
use crate::model::{Model, Parameters};
use crate::trained::{ActivationCode, Affine, TrainedLayer, TrainedMlp, TrainedWeights};
use crate::training::Trainer;

impl Trainer {
    /// Describes the network in integers and scales.
    ///
    /// # Errors
    /// [`ExportError`] if a value is not finite or not on its grid, or the network is no chain of linear layers.
    pub fn export(&self) -> Result<TrainedMlp, ExportError> {
        export(&self.deployed(), &self.latent)
    }
}

impl Model {
    /// Describes the network with its weights as they are, in float.
    ///
    /// # Errors
    /// [`ExportError::NotFinite`] or [`ExportError::Order`].
    pub fn export(&self) -> Result<TrainedMlp, ExportError> {
        export(self, &vec![None; self.graph().nodes().len()])
    }
}

/// Describes the network; `latent` holds the rule of each node, float where it has none.
fn export(model: &Model, latent: &[Option<LatentWeights>]) -> Result<TrainedMlp, ExportError> {
    let mut layers: Vec<TrainedLayer> = Vec::new();
    let nodes = model.graph().nodes().iter().zip(model.parameters()).zip(latent).enumerate();
    for (index, ((node, parameters), latent)) in nodes {
        let order = |what| ExportError::Order { layer: node.name.clone(), what };
        let before = index.checked_sub(1).map_or(Source::Input, Source::Layer);
        if node.inputs != [before] {
            return Err(order("it does not read the layer before it"));
        }
        match (&node.op, parameters) {
            (Op::Linear { .. }, Parameters::Weights { weight, bias }) => {
                let Some(shape) = node.op.weight_shape() else { continue };
                let bias = bias.as_deref();
                layers.push(export_linear(shape, weight, bias, latent.as_ref(), node.name.clone())?);
                continue;
            }
            (Op::Flatten, _) => continue,
            _ => {}
        }
        let last = layers.last_mut().ok_or_else(|| order("the first layer is not linear"))?;
        let is_open = !last.relu && last.output.is_none();
        match (&node.op, parameters) {
            (&Op::BatchNorm { eps, .. }, Parameters::BatchNorm { gamma, beta, mean, var })
                if is_open && matches!(last.affine, Affine::Bias(_)) =>
            {
                last.affine = export_norm([gamma, beta, mean, var], eps, &last.affine, &last.name)?;
            }
            (op, _) if is_open && *op == Op::RELU => last.relu = true,
            (Op::Quantise { bits: 8, signed: false }, &Parameters::Range(range))
                if last.relu && last.output.is_none() =>
            {
                let scale = range / 255.0;
                finite(&last.name, "activation range", &[scale])?;
                if scale <= 0.0 {
                    return Err(order("no activation was ever above 0, so its range is empty"));
                }
                last.output = Some(ActivationCode { scale, zero_point: -128 });
            }
            _ => return Err(order("it is followed by a layer out of order")),
        }
    }
    Ok(TrainedMlp { layers })
}

fn export_linear(
    shape: WeightShape,
    weight: &[f32],
    bias: Option<&[f32]>,
    latent: Option<&LatentWeights>,
    name: String,
) -> Result<TrainedLayer, ExportError> {
    let (inputs, outputs) = (shape.row_length(), shape.outputs);
    if let Some(latent) = latent {
        finite(&name, "latent weight", &latent.values)?;
    }
    finite(&name, "weight", weight)?;
    let bias = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
    finite(&name, "bias", &bias)?;
    let weights = match latent.map(|latent| &latent.rule) {
        None => TrainedWeights::Float(weight.to_vec()),
        Some(WeightRule::Int8) => {
            let rows = latent.into_iter().flat_map(|latent| latent.values.chunks_exact(inputs));
            let scales: Vec<f32> = rows.map(int8_weights::row_scale).collect();
            let codes = codes(weight, inputs, &name, |output, w| {
                let code = int8_weights::code(w, scales[output]);
                (code as i8, code * scales[output])
            })?;
            TrainedWeights::Int8 { scales, codes }
        }
        Some(WeightRule::Constrained(constrained)) => {
            let codes = codes(weight, inputs, &name, |output, w| {
                let grid = constrained.grid(output);
                (grid.code(w), grid.quantise(w))
            })?;
            let scales = constrained.grids.iter().map(Grid::scale).collect();
            TrainedWeights::Constrained { set: constrained.grids[0].set(), scales, codes }
        }
    };
    Ok(TrainedLayer { name, inputs, outputs, weights, affine: Affine::Bias(bias), relu: false, output: None })
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

/// Batch norm after a bias: the bias only moves the mean. The numbers are γ, β, running mean and variance.
fn export_norm(
    [gamma, beta, mean, var]: [&[f32]; 4],
    eps: f32,
    before: &Affine,
    name: &str,
) -> Result<Affine, ExportError> {
    let mut mean = mean.to_vec();
    if let Affine::Bias(bias) = before {
        mean.iter_mut().zip(bias).for_each(|(mean, bias)| *mean -= bias);
    }
    let (gamma, beta, var) = (gamma.to_vec(), beta.to_vec(), var.to_vec());
    for (parameter, values) in
        [("gamma", &gamma), ("beta", &beta), ("running mean", &mean), ("running variance", &var)]
    {
        finite(name, parameter, values)?;
    }
    Ok(Affine::BatchNorm { gamma, beta, mean, var, eps })
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

    fn layer(weights: [f32; 4], rule: WeightRule) -> Result<TrainedLayer, ExportError> {
        let op = Op::Linear { inputs: 2, outputs: 2, bias: false };
        let latent = LatentWeights { values: vec![0.25, -0.5, 0.1, 0.5], inputs: 2, rule };
        export_linear(op.weight_shape().unwrap(), &weights, None, Some(&latent), "fc3".into())
    }

    #[test]
    fn codes_of_weights_on_the_grid_and_refusal_of_others() {
        let rule = |scales: &[f32]| {
            WeightRule::Constrained(Box::new(ConstrainedWeights::new(WeightSet::OneBitShift, scales, 4)))
        };
        let exported = layer([0.25, -0.5, 0.0, 1.0], rule(&[0.5, 1.0])).unwrap();
        let TrainedWeights::Constrained { codes, scales, .. } = exported.weights else {
            unreachable!("a constrained layer")
        };
        assert_eq!(codes, [1, -2, 0, 2]);
        assert_eq!(scales.len(), 2);
        let error = layer([0.25, -0.5, 0.0, 0.3], rule(&[0.5])).unwrap_err();
        assert_eq!(error, ExportError::OffGrid { layer: "fc3".into(), index: 3, value: 0.3 });
        let error = layer([0.25, -0.5, 0.0, 0.3], WeightRule::Int8).unwrap_err();
        assert!(matches!(error, ExportError::OffGrid { index: 0, .. }), "{error}");
    }
}
