//! One step of the optimiser over all nodes.

use rayon::prelude::*;

use crate::engine::Gradients;
use crate::latent::{LatentWeights, UpdateReport};
use crate::model::{Model, Parameters};
use crate::optimiser::SgdStep;

/// Numbers per task.
const PER_TASK: usize = 1 << 14;

/// Moves all parameters against their gradients. `latent` and `velocity` have one entry per node. The gradients of
/// constrained weights are changed: the constraint's term comes to them.
pub(super) fn update(
    model: &mut Model,
    latent: &mut [Option<LatentWeights>],
    gradients: &mut Gradients,
    velocity: &mut Gradients,
    step: &SgdStep,
) -> UpdateReport {
    let mut sum = UpdateReport::default();
    let without_decay = step.without_decay();
    let nodes = model.parts_mut().1.iter_mut().zip(latent).zip(&mut gradients.nodes).zip(&mut velocity.nodes);
    for (((parameters, latent), gradient), velocity) in nodes {
        match parameters {
            Parameters::Weights { weight, bias } => {
                match latent {
                    Some(latent) => {
                        let report = latent.update(weight, &mut gradient.weight, &mut velocity.weight, step);
                        sum.constraint_term += report.constraint_term;
                        sum.codes_changed += report.codes_changed;
                    }
                    None => apply(step, weight, &gradient.weight, &mut velocity.weight),
                }
                if let Some(bias) = bias {
                    without_decay.apply(bias, &gradient.bias, &mut velocity.bias);
                }
            }
            Parameters::BatchNorm { gamma, beta, .. } => {
                without_decay.apply(gamma, &gradient.weight, &mut velocity.weight);
                without_decay.apply(beta, &gradient.bias, &mut velocity.bias);
            }
            Parameters::None | Parameters::Range(_) => {}
        }
    }
    sum
}

fn apply(step: &SgdStep, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
    weights
        .par_chunks_mut(PER_TASK)
        .zip(gradient.par_chunks(PER_TASK))
        .zip(velocity.par_chunks_mut(PER_TASK))
        .for_each(|((weights, gradient), velocity)| step.apply(weights, gradient, velocity));
}
