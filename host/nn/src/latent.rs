//! Latent weights: what the optimiser moves, beside the deployed weights that the network computes with.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cbp::weights::ConstrainedWeights;
use crate::int8_weights;
use crate::lanes;
use crate::optimiser::SgdStep;
use crate::wide::wide;

/// Outputs per task of an update.
const ROWS_PER_TASK: usize = 16;
/// Weights handled at a time: their scratch stays in the first-level cache.
const BLOCK: usize = 256;

/// How a layer's deployed weights follow from its latent ones. (Float weights are their own latent ones.)
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WeightRule {
    /// Rounded to int8 per output.
    Int8,
    /// Rounded to a weight set, with the constraint in the gradient.
    Constrained(Box<ConstrainedWeights>),
}

/// The latent weights of one linear layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LatentWeights {
    /// outputs × inputs, row-major.
    pub(crate) values: Vec<f32>,
    pub(crate) inputs: usize,
    pub(crate) rule: WeightRule,
}

/// What an update of a layer tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UpdateReport {
    /// Σ λ·cs of the weights before the update.
    pub(crate) constraint_term: f64,
    /// Constrained weights whose code changed.
    pub(crate) codes_changed: usize,
}

impl LatentWeights {
    pub(crate) fn constrained(&self) -> Option<&ConstrainedWeights> {
        match &self.rule {
            WeightRule::Constrained(weights) => Some(weights),
            WeightRule::Int8 => None,
        }
    }

    pub(crate) fn constrained_mut(&mut self) -> Option<(&mut ConstrainedWeights, &[f32])> {
        match &mut self.rule {
            WeightRule::Constrained(weights) => Some((weights, &self.values)),
            WeightRule::Int8 => None,
        }
    }

    /// Writes the rounded weights of the latent ones.
    pub(crate) fn round(&self, rounded: &mut [f32]) {
        let rows = rounded.chunks_exact_mut(self.inputs).zip(self.values.chunks_exact(self.inputs));
        for (output, (rounded, latent)) in rows.enumerate() {
            match &self.rule {
                WeightRule::Int8 => int8_weights::quantise_row(rounded, latent),
                WeightRule::Constrained(weights) => weights.grid(output).quantise_into(rounded, latent),
            }
        }
    }

    /// Writes the weights that the network computes with: the rounded ones, or the latent ones if training is not
    /// straight-through.
    pub(crate) fn deploy(&self, deployed: &mut [f32]) {
        match self.constrained() {
            Some(weights) if !weights.straight_through => deployed.copy_from_slice(&self.values),
            _ => self.round(deployed),
        }
    }

    /// One step of the optimiser: `gradient` is dC/dw at the deployed weights, which is passed through to the latent
    /// ones unchanged; to it comes λ·dcs/dw where the layer is constrained.
    pub(crate) fn update(
        &mut self,
        deployed: &mut [f32],
        gradient: &mut [f32],
        velocity: &mut [f32],
        step: &SgdStep,
    ) -> UpdateReport {
        let inputs = self.inputs;
        let rule = &self.rule;
        let rows = self
            .values
            .par_chunks_exact_mut(inputs)
            .with_min_len(ROWS_PER_TASK)
            .zip(deployed.par_chunks_exact_mut(inputs))
            .zip(gradient.par_chunks_exact_mut(inputs))
            .zip(velocity.par_chunks_exact_mut(inputs))
            .enumerate();
        let reports: Vec<UpdateReport> = rows
            .map(|(output, (((latent, deployed), gradient), velocity))| match rule {
                WeightRule::Int8 => {
                    step.apply(latent, gradient, velocity);
                    int8_weights::quantise_row(deployed, latent);
                    UpdateReport::default()
                }
                WeightRule::Constrained(weights) => {
                    update_constrained(weights, output, latent, deployed, gradient, velocity, step)
                }
            })
            .collect();
        // Added in the order of the outputs, so the sum does not depend on the threads.
        reports.iter().fold(UpdateReport::default(), |sum, row| UpdateReport {
            constraint_term: sum.constraint_term + row.constraint_term,
            codes_changed: sum.codes_changed + row.codes_changed,
        })
    }
}

/// One output's weights.
fn update_constrained(
    weights: &ConstrainedWeights,
    output: usize,
    latent: &mut [f32],
    deployed: &mut [f32],
    gradient: &mut [f32],
    velocity: &mut [f32],
    step: &SgdStep,
) -> UpdateReport {
    let (grid, constraint) = (weights.grid(output), weights.constraint(output));
    let lambda = &weights.multipliers.lambda[output * latent.len()..][..latent.len()];
    let is_active = weights.multipliers.updates > 0;
    let mut report = UpdateReport::default();
    let mut scratch = [0.0; BLOCK];
    let blocks = latent
        .chunks_mut(BLOCK)
        .zip(deployed.chunks_mut(BLOCK))
        .zip(gradient.chunks_mut(BLOCK))
        .zip(velocity.chunks_mut(BLOCK))
        .zip(lambda.chunks(BLOCK));
    for ((((latent, deployed), gradient), velocity), lambda) in blocks {
        let scratch = &mut scratch[..latent.len()];
        if is_active {
            let levels = if weights.straight_through {
                &*deployed
            } else {
                grid.quantise_into(scratch, latent);
                &*scratch
            };
            report.constraint_term += f64::from(constraint.add_to_gradient(gradient, latent, levels, lambda));
        }
        step.apply(latent, gradient, velocity);
        if let Some(bound) = weights.weight_clip {
            clamp(latent, bound);
        }
        if weights.straight_through {
            grid.quantise_into(scratch, latent);
            report.codes_changed += count_different(deployed, scratch);
            deployed.copy_from_slice(scratch);
        } else {
            let mut before = [0.0; BLOCK];
            let before = &mut before[..latent.len()];
            grid.quantise_into(before, deployed);
            grid.quantise_into(scratch, latent);
            report.codes_changed += count_different(before, scratch);
            deployed.copy_from_slice(latent);
        }
    }
    report
}

fn clamp(ws: &mut [f32], bound: f32) {
    wide!({
        for w in ws {
            *w = lanes::clamp(*w, -bound, bound);
        }
    });
}

fn count_different(xs: &[f32], ys: &[f32]) -> usize {
    let is_different = |(x, y): (&f32, &f32)| u32::from(x.to_bits() != y.to_bits());
    wide!(xs.iter().zip(ys).map(is_different).sum::<u32>()) as usize
}
