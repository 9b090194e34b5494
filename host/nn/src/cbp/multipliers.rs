//! The multipliers λ, one per weight, and their ascent.

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPS: f32 = 1e-8;

/// λ ≥ 0 with the moments of Adam, which climbs the Lagrangian in λ. They start at 0 and never fall, because the
/// gradient cs(w; g) is never negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Multipliers {
    /// λ, in the order of the weights.
    pub lambda: Vec<f32>,
    /// Adam's running mean of the gradient.
    pub first_moment: Vec<f32>,
    /// Adam's running mean of the squared gradient.
    pub second_moment: Vec<f32>,
    /// Updates so far.
    pub updates: u32,
}

impl Multipliers {
    /// λ = 0 for `len` weights.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let zeros = vec![0.0; len];
        Self { lambda: zeros.clone(), first_moment: zeros.clone(), second_moment: zeros, updates: 0 }
    }

    /// One ascent step of size `rate`; `constraint` is cs(w; g) of every weight. Adam with bias correction.
    pub fn ascend(&mut self, constraint: &[f32], rate: f32) {
        self.updates += 1;
        let exponent = self.updates as i32;
        let correction1 = 1.0 - BETA1.powi(exponent);
        let correction2 = 1.0 - BETA2.powi(exponent);
        let moments = self.first_moment.iter_mut().zip(&mut self.second_moment);
        for ((lambda, (first, second)), &gradient) in self.lambda.iter_mut().zip(moments).zip(constraint) {
            *first = BETA1 * *first + (1.0 - BETA1) * gradient;
            *second = BETA2 * *second + (1.0 - BETA2) * gradient * gradient;
            *lambda += rate * (*first / correction1) / ((*second / correction2).sqrt() + EPS);
        }
    }

    /// Σ λ.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.lambda.iter().map(|&lambda| f64::from(lambda)).sum()
    }

    /// The smallest and the largest λ; (∞, 0) if there are none.
    #[must_use]
    pub fn range(&self) -> (f32, f32) {
        self.lambda.iter().fold((f32::INFINITY, 0.0), |(min, max), &l| (l.min(min), l.max(max)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbp::constraint::{Constraint, Window};
    use crate::cbp::grid::Grid;
    use cbp_numerics::WeightSet;

    fn after(set: WeightSet, windows: u32) -> Vec<f32> {
        let w = [0.02, -0.4, 0.75, -0.1, 0.33, -0.05, 0.6, -0.9];
        let grid = Grid::new(set, 0.39375);
        let mut multipliers = Multipliers::new(w.len());
        for g in 1..=windows {
            let constraint = Constraint::new(&grid, Window::at(g));
            multipliers.ascend(&w.map(|w| constraint.value(w)), 1e-2);
        }
        multipliers.lambda
    }

    #[test]
    fn the_reference_vector() {
        for (set, windows, expected) in [
            (WeightSet::Binary, 3, [0., 0.03, 0.03, 0., 0.016_026, 0., 0.03, 0.03]),
            (WeightSet::TwoBitShift, 2, [0.007_441, 0.02, 0.02, 0.007_441, 0., 0., 0.02, 0.02]),
            (WeightSet::TwoBitShift, 3, [0.016_026, 0.03, 0.03, 0.016_026, 0.006_388, 0., 0.03, 0.03]),
        ] {
            for (found, expected) in after(set, windows).into_iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-6,
                    "{set} after {windows}: {found}, expected {expected}"
                );
            }
        }
    }
}
