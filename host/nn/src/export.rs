//! From a network and its weight rules to [`TrainedMlp`], refusing whatever the integers could not say exactly.

use crate::cbp::grid::Grid;
use crate::error::ExportError;
use crate::int8_weights;
use crate::latent::{LatentWeights, WeightRule};
use crate::layer::{BatchNorm, Layer, Linear};
use crate::mlp::Mlp;
use crate::trained::{ActivationCode, Affine, TrainedLayer, TrainedMlp, TrainedWeights};

/// The name of the linear layer with this index, from 0.
pub(crate) fn layer_name(index: usize) -> String {
    format!("fc{}", index + 1)
}

impl Mlp {
    /// Describes the network with its weights as they are, in float.
    ///
    /// # Errors
    /// [`ExportError::NotFinite`] or [`ExportError::Order`].
    pub fn export(&self) -> Result<TrainedMlp, ExportError> {
        export(self, &[])
    }
}

/// Describes the network; `latent` holds the rule of each linear layer, float where it has none.
pub(crate) fn export(network: &Mlp, latent: &[LatentWeights]) -> Result<TrainedMlp, ExportError> {
    let mut layers: Vec<TrainedLayer> = Vec::new();
    for layer in &network.layers {
        let index = layers.len();
        let order = |what| ExportError::Order { layer: layer_name(index.saturating_sub(1)), what };
        if let Layer::Linear(linear) = layer {
            layers.push(export_linear(linear, latent.get(index), layer_name(index))?);
            continue;
        }
        let last = layers.last_mut().ok_or_else(|| order("the first layer is not linear"))?;
        let is_open = !last.relu && last.output.is_none();
        match layer {
            Layer::BatchNorm(norm) if is_open && matches!(last.affine, Affine::Bias(_)) => {
                last.affine = export_norm(norm, &last.affine, &last.name)?;
            }
            Layer::Relu if is_open => last.relu = true,
            Layer::Quantise(quantiser) if last.relu && last.output.is_none() => {
                let scale = quantiser.scale();
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
    linear: &Linear,
    latent: Option<&LatentWeights>,
    name: String,
) -> Result<TrainedLayer, ExportError> {
    if let Some(latent) = latent {
        finite(&name, "latent weight", &latent.values)?;
    }
    finite(&name, "weight", &linear.weight)?;
    let bias = linear.bias.clone().unwrap_or_else(|| vec![0.0; linear.outputs]);
    finite(&name, "bias", &bias)?;
    let weights = match latent.map(|latent| &latent.rule) {
        None | Some(WeightRule::Float) => TrainedWeights::Float(linear.weight.clone()),
        Some(WeightRule::Int8) => {
            let rows = latent.into_iter().flat_map(|latent| latent.values.chunks_exact(linear.inputs));
            let scales: Vec<f32> = rows.map(int8_weights::row_scale).collect();
            let codes = codes(linear, &name, |output, w| {
                let code = int8_weights::code(w, scales[output]);
                (code as i8, code * scales[output])
            })?;
            TrainedWeights::Int8 { scales, codes }
        }
        Some(WeightRule::Constrained(constrained)) => {
            let codes = codes(linear, &name, |output, w| {
                let grid = constrained.grid(output);
                (grid.code(w), grid.quantise(w))
            })?;
            let scales = constrained.grids.iter().map(Grid::scale).collect();
            TrainedWeights::Constrained { set: constrained.grids[0].set(), scales, codes }
        }
    };
    let (inputs, outputs) = (linear.inputs, linear.outputs);
    Ok(TrainedLayer { name, inputs, outputs, weights, affine: Affine::Bias(bias), relu: false, output: None })
}

/// The code of every weight; each must be exactly the value of its code.
fn codes(
    linear: &Linear,
    name: &str,
    code: impl Fn(usize, f32) -> (i8, f32),
) -> Result<Vec<i8>, ExportError> {
    let mut codes = Vec::with_capacity(linear.weight.len());
    for (index, &value) in linear.weight.iter().enumerate() {
        let (code, level) = code(index / linear.inputs, value);
        // Not by bits: −0 and 0 are the same level.
        #[allow(clippy::float_cmp)]
        if level != value {
            return Err(ExportError::OffGrid { layer: name.into(), index, value });
        }
        codes.push(code);
    }
    Ok(codes)
}

/// Batch norm after a bias: the bias only moves the mean.
fn export_norm(norm: &BatchNorm, before: &Affine, name: &str) -> Result<Affine, ExportError> {
    let mut mean = norm.running_mean.clone();
    if let Affine::Bias(bias) = before {
        mean.iter_mut().zip(bias).for_each(|(mean, bias)| *mean -= bias);
    }
    let (gamma, beta, var) = (norm.gamma.clone(), norm.beta.clone(), norm.running_var.clone());
    for (parameter, values) in
        [("gamma", &gamma), ("beta", &beta), ("running mean", &mean), ("running variance", &var)]
    {
        finite(name, parameter, values)?;
    }
    Ok(Affine::BatchNorm { gamma, beta, mean, var, eps: norm.eps })
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
        let linear = Linear { inputs: 2, outputs: 2, weight: weights.to_vec(), bias: None };
        let latent = LatentWeights { values: vec![0.25, -0.5, 0.1, 0.5], inputs: 2, rule };
        export_linear(&linear, Some(&latent), layer_name(2))
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
