//! The constraint cs(w; g): a sawtooth that is zero on every level, with a window around every median in which a
//! weight is left free to choose its level.

use super::grid::Grid;
use crate::wide::wide;

/// Sums that are kept side by side.
const LANES: usize = 16;

/// How much of each gap is constrained: u = 1 − 1/g.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    constrained_share: f32,
}

impl Window {
    /// Every weight is constrained (the limit g → ∞); the paper's ablation "no window".
    pub const NONE: Self = Self { constrained_share: 1.0 };

    /// The window of step g ≥ 1: at g = 1 only weights beyond the outer levels are constrained.
    #[must_use]
    pub fn at(g: u32) -> Self {
        Self { constrained_share: 1.0 - 1.0 / g as f32 }
    }
}

/// cs(w; g) on one grid: twice the distance to the nearest level, or 0 inside the window of the gap that w lies in.
///
/// At the exact edges of a window the published code keeps the value at both, but has slope 0 at the lower one; on a
/// level the slope is +2. This follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    grid: Grid,
    bounds: Bounds,
}

/// The largest distances that are constrained. Gaps of a grid have at most two sizes: one for the outermost gap on
/// either side, one for those inside.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    /// Outermost level; beyond it every distance is constrained.
    outer: f32,
    /// Magnitude from which on the outermost gaps lie.
    inner: f32,
    /// Twice the largest distance within the inner gaps, and within the outermost ones.
    inner_bound: f32,
    outer_bound: f32,
}

impl Bounds {
    fn new(grid: &Grid, window: Window) -> Self {
        let u = window.constrained_share;
        let levels = grid.levels();
        let last = levels.len() - 1;
        let gap = |index: usize| levels[index] - levels[index - 1];
        let middle = levels.len() / 2;
        Self {
            outer: levels[last],
            inner: levels[last - 1].max(0.0),
            inner_bound: gap(middle) * u,
            outer_bound: gap(last) * u,
        }
    }

    /// Value and slope at w, whose nearest level is q.
    #[inline(always)]
    fn at(self, w: f32, q: f32) -> (f32, f32) {
        let distance = w - q;
        let value = 2.0 * distance.abs();
        let within = if w.abs() < self.inner { self.inner_bound } else { self.outer_bound };
        let is_inside = w >= -self.outer && w < self.outer;
        let bound = if is_inside { within } else { f32::INFINITY };
        let kept = if value <= bound { value } else { 0.0 };
        let above = if value < bound { 2.0 } else { 0.0 };
        let below = if value <= bound { -2.0 } else { 0.0 };
        (kept, if distance >= 0.0 { above } else { below })
    }
}

impl Constraint {
    /// The constraint of a grid under a window.
    #[must_use]
    pub fn new(grid: &Grid, window: Window) -> Self {
        Self { grid: grid.clone(), bounds: Bounds::new(grid, window) }
    }

    /// cs(w; g).
    #[must_use]
    pub fn value(&self, w: f32) -> f32 {
        self.bounds.at(w, self.grid.quantise(w)).0
    }

    /// d cs / dw.
    #[must_use]
    pub fn slope(&self, w: f32) -> f32 {
        self.bounds.at(w, self.grid.quantise(w)).1
    }

    /// [`Constraint::value`] of many weights.
    pub(crate) fn values_into(&self, out: &mut [f32], ws: &[f32]) {
        self.grid.quantise_into(out, ws);
        let bounds = self.bounds;
        wide!({
            for (out, &w) in out.iter_mut().zip(ws) {
                *out = bounds.at(w, *out).0;
            }
        });
    }

    /// Adds λ·dcs/dw to the gradient of each weight, and gives Σ λ·cs. `qs` are the nearest levels of the weights.
    pub(crate) fn add_to_gradient(
        &self,
        gradient: &mut [f32],
        ws: &[f32],
        qs: &[f32],
        lambda: &[f32],
    ) -> f32 {
        let bounds = self.bounds;
        wide!({
            let mut sums = [0.0; LANES];
            let (gradient, gradient_rest) = gradient.as_chunks_mut::<LANES>();
            let (ws, ws_rest) = ws.as_chunks::<LANES>();
            let (qs, qs_rest) = qs.as_chunks::<LANES>();
            let (lambda, lambda_rest) = lambda.as_chunks::<LANES>();
            for ((gradient, ws), (qs, lambda)) in gradient.iter_mut().zip(ws).zip(qs.iter().zip(lambda)) {
                for lane in 0..LANES {
                    let (value, slope) = bounds.at(ws[lane], qs[lane]);
                    sums[lane] += value * lambda[lane];
                    gradient[lane] += slope * lambda[lane];
                }
            }
            let rest = gradient_rest.iter_mut().zip(ws_rest).zip(qs_rest.iter().zip(lambda_rest));
            for (((gradient, &w), (&q, &lambda)), sum) in rest.zip(&mut sums) {
                let (value, slope) = bounds.at(w, q);
                *sum += value * lambda;
                *gradient += slope * lambda;
            }
            sums.iter().sum()
        })
    }
}

/// Y(w): the sawtooth without a window, which is twice the distance to the nearest level.
#[must_use]
pub fn sawtooth(grid: &Grid, w: f32) -> f32 {
    Constraint::new(grid, Window::NONE).value(w)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // levels are exact
mod tests {
    use super::*;
    use cbp_numerics::WeightSet;
    use proptest::prelude::*;

    #[test]
    fn sums_and_slopes_of_the_reference_vector() {
        let w = [0.02, -0.4, 0.75, -0.1, 0.33, -0.05, 0.6, -0.9];
        for (set, failure, sum, slopes) in [
            (WeightSet::Binary, 0.5375, 2.2775, [0., -2., 2., 0., -2., 0., 2., -2.]),
            (WeightSet::Ternary, 0.327_187_5, 2.4175, [2., -2., 2., 0., -2., -2., 2., -2.]),
            (WeightSet::OneBitShift, 0.326_406_25, 2.19, [2., -2., 2., 0., 0., 0., 2., -2.]),
            (WeightSet::TwoBitShift, 0.302_187_5, 2.193_125, [2., -2., 2., -2., 0., 0., 2., -2.]),
        ] {
            let grid = Grid::new(set, 0.39375);
            let total = |window| {
                let constraint = Constraint::new(&grid, window);
                w.iter().map(|&w| f64::from(constraint.value(w))).sum::<f64>()
            };
            assert!((total(Window::NONE) / 8.0 - failure).abs() < 1e-6, "{set}");
            assert!((total(Window::at(1)) - 2.15).abs() < 1e-6, "{set}");
            assert!((total(Window::at(2)) - sum).abs() < 1e-6, "{set}");
            let constraint = Constraint::new(&grid, Window::at(2));
            assert_eq!(w.map(|w| constraint.slope(w)), slopes, "{set}");
        }
    }

    proptest! {
        #[test]
        fn the_sawtooth_is_even_and_twice_the_distance(a in 0.01_f32..1.0, w in -2.0_f32..2.0) {
            for set in WeightSet::ALL {
                let grid = Grid::new(set, a);
                let y = sawtooth(&grid, w);
                prop_assert!((y - sawtooth(&grid, -w)).abs() < 1e-6);
                prop_assert!((y - 2.0 * (w - grid.quantise(w)).abs()).abs() < 1e-6);
                prop_assert!(grid.levels().iter().all(|&level| sawtooth(&grid, level) == 0.0));
            }
        }

        #[test]
        fn narrowing_the_window_never_lowers_the_constraint(w in -1.5_f32..1.5, g in 1_u32..200) {
            for set in WeightSet::ALL {
                let grid = Grid::new(set, 0.7);
                let (wide, narrow) = (Window::at(g), Window::at(g + 1));
                prop_assert!(Constraint::new(&grid, wide).value(w) <= Constraint::new(&grid, narrow).value(w));
            }
        }

        #[test]
        fn many_weights_at_once_give_the_same_numbers(
            ws in prop::collection::vec(-1.5_f32..1.5, 1..40),
            g in 1_u32..50,
        ) {
            for set in WeightSet::ALL {
                let grid = Grid::new(set, 0.4);
                let constraint = Constraint::new(&grid, Window::at(g));
                let mut values = vec![0.0; ws.len()];
                constraint.values_into(&mut values, &ws);
                let lambda: Vec<f32> = (0..ws.len()).map(|i| i as f32).collect();
                let qs: Vec<f32> = ws.iter().map(|&w| grid.quantise(w)).collect();
                let mut gradient = vec![1.0; ws.len()];
                let term = constraint.add_to_gradient(&mut gradient, &ws, &qs, &lambda);
                let mut expected = 0.0;
                for (i, &w) in ws.iter().enumerate() {
                    prop_assert_eq!(values[i].to_bits(), constraint.value(w).to_bits());
                    prop_assert_eq!(gradient[i], 1.0 + lambda[i] * constraint.slope(w));
                    expected += f64::from(lambda[i]) * f64::from(values[i]);
                }
                prop_assert!((f64::from(term) - expected).abs() <= 1e-5 * expected.max(1.0));
            }
        }
    }
}
