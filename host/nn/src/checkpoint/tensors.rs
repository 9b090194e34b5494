//! The state of a trainer as named tensors.

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::cbp::grid::Grid;
use crate::error::TrainError;
use crate::graph::{Graph, Op};
use crate::latent::WeightRule;
use crate::model::{Model, Parameters};
use crate::training::Trainer;

/// What is wrong with a file, in words.
pub(super) struct Described(pub(super) String);

impl From<TrainError> for Described {
    fn from(error: TrainError) -> Self {
        Self(error.to_string())
    }
}

/// Calls `visit` with name, shape and values of all state that is f32, in a fixed order. Weights are the latent ones
/// where there are any: the deployed ones follow from them. Scales are left out: they are part of a grid.
pub(super) fn visit<'a>(trainer: &'a Trainer, visit: &mut dyn FnMut(String, Vec<usize>, &'a [f32])) {
    let nodes = trainer.model.graph().nodes().iter().zip(trainer.model.parameters());
    for (((node, parameters), latent), velocity) in nodes.zip(&trainer.latent).zip(&trainer.velocity.nodes) {
        let mut flat = |part: &str, values: &'a [f32]| {
            visit(of(&node.name, part), vec![values.len()], values);
        };
        match parameters {
            Parameters::Weights { weight, bias } => {
                if let Some(bias) = bias {
                    flat("bias", bias);
                    flat("bias_velocity", &velocity.bias);
                }
                if let Some(weights) = latent.as_ref().and_then(|latent| latent.constrained()) {
                    flat("lambda", &weights.multipliers.lambda);
                    flat("lambda_first_moment", &weights.multipliers.first_moment);
                    flat("lambda_second_moment", &weights.multipliers.second_moment);
                }
                let weight = latent.as_ref().map_or(weight, |latent| &latent.values);
                let shape = weight_shape(&node.op);
                visit(of(&node.name, "weight"), shape.clone(), weight);
                visit(of(&node.name, "weight_velocity"), shape, &velocity.weight);
            }
            Parameters::BatchNorm { gamma, beta, mean, var } => {
                flat("gamma", gamma);
                flat("gamma_velocity", &velocity.weight);
                flat("beta", beta);
                flat("beta_velocity", &velocity.bias);
                flat("running_mean", mean);
                flat("running_var", var);
            }
            Parameters::Range(range) => flat("range", std::slice::from_ref(range)),
            Parameters::None => {}
        }
    }
}

/// Refuses numbers that are not finite, and variances that have no root.
pub(super) fn check(trainer: &Trainer) -> Result<(), String> {
    let mut result = Ok(());
    visit(trainer, &mut |name, _, values| {
        if let Some(index) = values.iter().position(|value| !value.is_finite())
            && result.is_ok()
        {
            result = Err(format!("tensor {name}[{index}] is {}", values[index]));
        }
    });
    result?;
    for (node, parameters) in trainer.model.graph().nodes().iter().zip(trainer.model.parameters()) {
        if let (&Op::BatchNorm { eps, .. }, Parameters::BatchNorm { var, .. }) = (&node.op, parameters)
            && let Some(index) = var.iter().position(|var| var + eps <= 0.0)
        {
            return Err(format!("tensor {}[{index}] is {}", of(&node.name, "running_var"), var[index]));
        }
    }
    Ok(())
}

/// Outputs, rows, columns, inputs of a group.
fn weight_shape(op: &Op) -> Vec<usize> {
    op.weight_shape()
        .map_or_else(Vec::new, |shape| vec![shape.outputs, shape.kernel[0], shape.kernel[1], shape.inputs])
}

fn of(node: &str, part: &str) -> String {
    format!("{node}.{part}")
}

/// The scales of each constrained node, by tensor name.
pub(super) fn scales(trainer: &Trainer) -> Vec<(String, Vec<f32>)> {
    let nodes = trainer.model.graph().nodes().iter().zip(&trainer.latent);
    nodes
        .filter_map(|(node, latent)| {
            let grids = &latent.as_ref()?.constrained()?.grids;
            let scales = grids.iter().map(Grid::scale).collect();
            Some((of(&node.name, "scales"), scales))
        })
        .collect()
}

/// The scales of a node: one, or one per output.
pub(super) fn read_scales(file: &SafeTensors<'_>, node: &str, outputs: usize) -> Result<Vec<f32>, String> {
    let name = of(node, "scales");
    let (shape, scales) = read(file, &name)?;
    if shape != [1] && shape != [outputs] {
        return Err(format!("tensor {name} has shape {shape:?}, expected [1] or [{outputs}]"));
    }
    match scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
        Some(scale) => Err(format!("tensor {name} holds the scale {scale}")),
        None => Ok(scales),
    }
}

/// A graph with the parameters of the file. Nothing is allocated for what the file does not hold.
pub(super) fn read_model(graph: Graph, file: &SafeTensors<'_>) -> Result<Model, String> {
    let mut parameters = Vec::new();
    for node in graph.nodes() {
        let part = |part: &str| read(file, &of(&node.name, part));
        parameters.push(match &node.op {
            Op::BatchNorm { .. } => Parameters::BatchNorm {
                gamma: part("gamma")?.1,
                beta: part("beta")?.1,
                mean: part("running_mean")?.1,
                var: part("running_var")?.1,
            },
            Op::Quantise { .. } => match part("range")?.1[..] {
                [range] => Parameters::Range(range),
                _ => return Err(format!("node {} has no range", node.name)),
            },
            op => match op.weight_shape() {
                Some(shape) => {
                    let (found, weight) = part("weight")?;
                    let expected = weight_shape(op);
                    if found != expected {
                        let name = &node.name;
                        return Err(format!(
                            "tensor {name}.weight has shape {found:?}, expected {expected:?}"
                        ));
                    }
                    let bias = shape.bias.then(|| part("bias")).transpose()?.map(|(_, bias)| bias);
                    Parameters::Weights { weight, bias }
                }
                None => Parameters::None,
            },
        });
    }
    Model::with_parameters(graph, parameters).map_err(|cause| cause.to_string())
}

/// Fills momentum and multipliers of `trainer` from the file.
pub(super) fn read_rest(trainer: &mut Trainer, file: &SafeTensors<'_>) -> Result<(), String> {
    let fill = |name: String, values: &mut [f32]| {
        let (_, found) = read(file, &name)?;
        if found.len() != values.len() {
            return Err(format!("tensor {name} has {} values, expected {}", found.len(), values.len()));
        }
        values.copy_from_slice(&found);
        Ok(())
    };
    let nodes = trainer.model.graph().nodes().iter().zip(trainer.model.parameters());
    for (((node, parameters), latent), velocity) in
        nodes.zip(&mut trainer.latent).zip(&mut trainer.velocity.nodes)
    {
        let name = |part: &str| of(&node.name, part);
        let (weight, bias) = match parameters {
            Parameters::Weights { .. } => ("weight_velocity", "bias_velocity"),
            Parameters::BatchNorm { .. } => ("gamma_velocity", "beta_velocity"),
            Parameters::None | Parameters::Range(_) => continue,
        };
        fill(name(weight), &mut velocity.weight)?;
        if !velocity.bias.is_empty() {
            fill(name(bias), &mut velocity.bias)?;
        }
        if let Some(WeightRule::Constrained(weights)) = latent.as_mut().map(|latent| &mut latent.rule) {
            let multipliers = &mut weights.multipliers;
            fill(name("lambda"), &mut multipliers.lambda)?;
            fill(name("lambda_first_moment"), &mut multipliers.first_moment)?;
            fill(name("lambda_second_moment"), &mut multipliers.second_moment)?;
        }
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
