//! How far latent weights are from their grid.

use serde::Serialize;

use super::constraint::{Constraint, Window};
use super::grid::Grid;

/// A latent weight satisfies its constraint within this share of the scale.
pub const SATISFIED_WITHIN: f32 = 0.05;

/// State of the constraint over all constrained weights after an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ConstraintMetrics {
    /// Share of latent weights within 0.05·a of a level.
    pub satisfied: f64,
    /// CFS, the constraint-failure score of the paper: mean sawtooth Y(w).
    pub failure: f64,
    /// Mean of Y(w) / a: comparable between layers and networks.
    pub failure_per_scale: f64,
    /// The step g of the window.
    pub g: u32,
    /// Updates of the multipliers so far.
    pub multiplier_updates: u32,
    /// The smallest λ.
    pub multiplier_min: f32,
    /// The largest λ.
    pub multiplier_max: f32,
    /// The mean λ.
    pub multiplier_mean: f64,
    /// Share of weight codes that an update changed, mean over the updates of the epoch.
    pub codes_changed_per_step: f64,
}

/// Sums over weights, from which the shares of [`ConstraintMetrics`] follow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GridDistance {
    weights: u64,
    satisfied: u64,
    failure: f64,
    failure_per_scale: f64,
}

impl GridDistance {
    /// Adds the weights of one grid.
    pub(crate) fn add(&mut self, grid: &Grid, ws: &[f32]) {
        let mut sawtooth = vec![0.0; ws.len()];
        Constraint::new(grid, Window::NONE).values_into(&mut sawtooth, ws);
        // Y is twice the distance to the nearest level.
        let bound = 2.0 * SATISFIED_WITHIN * grid.scale();
        let failure: f64 = sawtooth.iter().map(|&y| f64::from(y)).sum();
        self.weights += ws.len() as u64;
        self.satisfied += sawtooth.iter().filter(|&&y| y <= bound).count() as u64;
        self.failure += failure;
        self.failure_per_scale += failure / f64::from(grid.scale());
    }

    /// Fills the three shares; the rest stays as it is.
    pub(crate) fn report(&self, metrics: &mut ConstraintMetrics) {
        let count = self.weights.max(1) as f64;
        metrics.satisfied = self.satisfied as f64 / count;
        metrics.failure = self.failure / count;
        metrics.failure_per_scale = self.failure_per_scale / count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cbp_numerics::WeightSet;

    #[test]
    fn the_failure_score_of_the_reference_vector() {
        let w = [0.02, -0.4, 0.75, -0.1, 0.33, -0.05, 0.6, -0.9];
        let mut distance = GridDistance::default();
        distance.add(&Grid::new(WeightSet::Binary, 0.39375), &w);
        let mut metrics = ConstraintMetrics::default();
        distance.report(&mut metrics);
        assert!((metrics.failure - 0.5375).abs() < 1e-6);
        assert!((metrics.failure_per_scale - 0.5375 / 0.39375).abs() < 1e-5);
        // Only −0.4 lies within 0.05·a of a level.
        assert!((metrics.satisfied - 0.125).abs() < 1e-9);
    }
}
