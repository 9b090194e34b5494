//! The constrained weights of one layer: grids, constraints and multipliers, one grid per layer or per output.

use cbp_numerics::WeightSet;

use super::constraint::{Constraint, Window};
use super::grid::Grid;
use super::metrics::GridDistance;
use super::multipliers::Multipliers;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConstrainedWeights {
    /// One, or one per output.
    pub(crate) grids: Vec<Grid>,
    /// cs under the window of now, one per grid.
    constraints: Vec<Constraint>,
    pub(crate) multipliers: Multipliers,
    /// Largest magnitude of a latent weight.
    pub(crate) weight_clip: Option<f32>,
    /// Whether the deployed weights are the rounded ones, also in training.
    pub(crate) straight_through: bool,
}

impl ConstrainedWeights {
    /// λ = 0, window of g = 1, for `len` weights.
    pub(crate) fn new(set: WeightSet, scales: &[f32], len: usize) -> Self {
        let grids: Vec<Grid> = scales.iter().map(|&scale| Grid::new(set, scale)).collect();
        let mut weights = Self {
            grids,
            constraints: Vec::new(),
            multipliers: Multipliers::new(len),
            weight_clip: Some(1.0),
            straight_through: true,
        };
        weights.set_window(Window::at(1));
        weights
    }

    pub(crate) fn set_window(&mut self, window: Window) {
        self.constraints = self.grids.iter().map(|grid| Constraint::new(grid, window)).collect();
    }

    pub(crate) fn grid(&self, output: usize) -> &Grid {
        of_output(&self.grids, output)
    }

    pub(crate) fn constraint(&self, output: usize) -> &Constraint {
        of_output(&self.constraints, output)
    }

    /// One ascent of λ under the window of now.
    pub(crate) fn update_multipliers(&mut self, latent: &[f32], inputs: usize, rate: f32) {
        let mut values = vec![0.0; latent.len()];
        for (output, (out, ws)) in
            values.chunks_exact_mut(inputs).zip(latent.chunks_exact(inputs)).enumerate()
        {
            self.constraint(output).values_into(out, ws);
        }
        self.multipliers.ascend(&values, rate);
    }

    pub(crate) fn measure(&self, latent: &[f32], inputs: usize, distance: &mut GridDistance) {
        for (output, ws) in latent.chunks_exact(inputs).enumerate() {
            distance.add(self.grid(output), ws);
        }
    }
}

fn of_output<T>(items: &[T], output: usize) -> &T {
    &items[if items.len() == 1 { 0 } else { output }]
}
