//! The state of a trainer as named tensors.

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::cbp::grid::Grid;
use crate::cbp::weights::ConstrainedWeights;
use crate::export::layer_name;
use crate::latent::WeightRule;
use crate::layer::Layer;
use crate::trainer::Trainer;

/// Called with name, shape and values of a tensor.
pub(super) type Visit<'a> = dyn FnMut(String, Vec<usize>, &mut [f32]) -> Result<(), String> + 'a;

/// Visits all state that is f32, in a fixed order, for writing and reading alike. Deployed weights are left out: they
/// follow from the latent ones. So are scales, which are no slice of numbers but part of a grid.
pub(super) fn visit_tensors(trainer: &mut Trainer, visit: &mut Visit<'_>) -> Result<(), String> {
    let mut latents = trainer.latent.iter_mut().enumerate();
    let mut name = String::new();
    for (layer, velocity) in trainer.network.layers.iter_mut().zip(&mut trainer.velocity) {
        let mut flat =
            |name: &str, part: &str, values: &mut [f32]| visit(of(name, part), vec![values.len()], values);
        match layer {
            Layer::Linear(linear) => {
                let Some((index, latent)) = latents.next() else { continue };
                name = layer_name(index);
                if let Some(bias) = &mut linear.bias {
                    flat(&name, "bias", bias)?;
                    flat(&name, "bias_velocity", &mut velocity.bias)?;
                }
                if let WeightRule::Constrained(weights) = &mut latent.rule {
                    let multipliers = &mut weights.multipliers;
                    flat(&name, "lambda", &mut multipliers.lambda)?;
                    flat(&name, "lambda_first_moment", &mut multipliers.first_moment)?;
                    flat(&name, "lambda_second_moment", &mut multipliers.second_moment)?;
                }
                let shape = vec![linear.outputs, linear.inputs];
                visit(of(&name, "latent"), shape.clone(), &mut latent.values)?;
                visit(of(&name, "latent_velocity"), shape, &mut velocity.weight)?;
            }
            Layer::BatchNorm(norm) => {
                flat(&name, "gamma", &mut norm.gamma)?;
                flat(&name, "gamma_velocity", &mut velocity.weight)?;
                flat(&name, "beta", &mut norm.beta)?;
                flat(&name, "beta_velocity", &mut velocity.bias)?;
                flat(&name, "running_mean", &mut norm.running_mean)?;
                flat(&name, "running_var", &mut norm.running_var)?;
            }
            Layer::Relu => {}
            Layer::Quantise(quantiser) => flat(&name, "range", std::slice::from_mut(&mut quantiser.range))?,
        }
    }
    Ok(())
}

fn of(layer: &str, part: &str) -> String {
    format!("{layer}.{part}")
}

/// The scales of each constrained layer, by tensor name.
pub(super) fn scales(trainer: &Trainer) -> Vec<(String, Vec<f32>)> {
    let layers = trainer.latent.iter().enumerate();
    layers
        .filter_map(|(index, latent)| {
            let grids = &latent.constrained()?.grids;
            let scales = grids.iter().map(Grid::scale).collect();
            Some((of(&layer_name(index), "scales"), scales))
        })
        .collect()
}

/// The scales of layer `index`: one, or one per output.
pub(super) fn read_scales(file: &SafeTensors<'_>, index: usize, outputs: usize) -> Result<Vec<f32>, String> {
    let name = of(&layer_name(index), "scales");
    let (shape, scales) = read(file, &name)?;
    if shape != [1] && shape != [outputs] {
        return Err(format!("tensor {name} has shape {shape:?}, expected [1] or [{outputs}]"));
    }
    match scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
        Some(scale) => Err(format!("tensor {name} holds the scale {scale}")),
        None => Ok(scales),
    }
}

/// Whether the file holds the latent weights of these sizes; nothing is allocated before this is known.
pub(super) fn check_sizes(file: &SafeTensors<'_>, sizes: &[usize]) -> Result<(), String> {
    if sizes.len() < 2 {
        return Err(format!("it describes a network of sizes {sizes:?}"));
    }
    for (index, pair) in sizes.windows(2).enumerate() {
        let name = of(&layer_name(index), "latent");
        let view = file.tensor(&name).map_err(|cause| cause.to_string())?;
        if view.shape() != [pair[1], pair[0]] || view.data().is_empty() {
            let shape = view.shape();
            return Err(format!("tensor {name} has shape {shape:?}, expected [{}, {}]", pair[1], pair[0]));
        }
    }
    Ok(())
}

/// Fills all tensors of `trainer` from the file.
pub(super) fn read_tensors(trainer: &mut Trainer, file: &SafeTensors<'_>) -> Result<(), String> {
    visit_tensors(trainer, &mut |name, expected, values| {
        let (shape, found) = read(file, &name)?;
        if shape != expected {
            return Err(format!("tensor {name} has shape {shape:?}, expected {expected:?}"));
        }
        values.copy_from_slice(&found);
        Ok(())
    })?;
    for (linear, latent) in trainer.network.linears_mut().zip(&trainer.latent) {
        latent.deploy(&mut linear.weight);
    }
    Ok(())
}

fn read(file: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
    let view = file.tensor(name).map_err(|cause| cause.to_string())?;
    if view.dtype() != Dtype::F32 {
        return Err(format!("tensor {name} has type {:?}, expected F32", view.dtype()));
    }
    let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok((view.shape().to_vec(), values))
}

/// Sets the update count of all multipliers.
pub(super) fn set_updates(trainer: &mut Trainer, updates: u32) {
    let set = |weights: &mut ConstrainedWeights| weights.multipliers.updates = updates;
    for latent in &mut trainer.latent {
        if let WeightRule::Constrained(weights) = &mut latent.rule {
            set(weights);
        }
    }
}
