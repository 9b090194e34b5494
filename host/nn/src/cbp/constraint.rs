//! The constraint cs(w; g): a sawtooth that is zero on every level, with a window around every median in which a
//! weight is left free to choose its level.

use super::grid::Grid;
use super::steps::StepFunction;
use crate::lanes;
use crate::wide::wide;

/// Gaps of the largest set.
const GAPS: usize = 6;

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

/// cs(w; g) on one grid.
///
/// At the exact edges of a window the published code keeps the value at both, but has slope 0 at the lower one; on a
/// level the slope is +2. This follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    first: f32,
    last: f32,
    /// (lower level, upper level, largest value kept) of each gap; unused ones have no inside.
    gaps: [(f32, f32, f32); GAPS],
    gap_count: usize,
    slope: StepFunction,
}

impl Constraint {
    /// The constraint of a grid under a window.
    #[must_use]
    pub fn new(grid: &Grid, window: Window) -> Self {
        let u = window.constrained_share;
        let levels = grid.levels();
        let (first, last) = (levels[0], levels[levels.len() - 1]);
        let mut gaps = [(f32::INFINITY, f32::NEG_INFINITY, 0.0); GAPS];
        let mut steps = Vec::new();
        for (index, (pair, &m)) in levels.windows(2).zip(grid.medians()).enumerate() {
            let (lo, hi) = (pair[0], pair[1]);
            gaps[index] = (lo, hi, (hi - lo) * u);
            steps.extend([(lo, 4.0), (lo + (m - lo) * u, -2.0), (hi - (hi - m) * u, -2.0)]);
        }
        steps.push((last, 4.0));
        Self { first, last, gaps, gap_count: levels.len() - 1, slope: StepFunction::new(-2.0, steps) }
    }

    /// cs(w; g).
    #[must_use]
    pub fn value(&self, w: f32) -> f32 {
        let outside = 2.0 * (self.first - w).max(w - self.last).max(0.0);
        self.gaps.iter().fold(outside, |value, &gap| value + tooth(w, gap))
    }

    /// d cs / dw.
    #[must_use]
    pub fn slope(&self, w: f32) -> f32 {
        self.slope.at(w)
    }

    /// [`Constraint::value`] of many weights.
    pub(crate) fn values_into(&self, out: &mut [f32], ws: &[f32]) {
        match self.gap_count {
            1 => self.values_unrolled::<1>(out, ws),
            2 => self.values_unrolled::<2>(out, ws),
            4 => self.values_unrolled::<4>(out, ws),
            _ => self.values_unrolled::<GAPS>(out, ws),
        }
    }

    /// With the number of gaps known, the loop over weights vectorises.
    fn values_unrolled<const COUNT: usize>(&self, out: &mut [f32], ws: &[f32]) {
        let gaps: [_; COUNT] = std::array::from_fn(|gap| self.gaps[gap]);
        let (first, last) = (self.first, self.last);
        wide!({
            for (out, &w) in out.iter_mut().zip(ws) {
                let (below, above) = (first - w, w - last);
                let outside = if below > above { below } else { above };
                let mut value = if outside > 0.0 { 2.0 * outside } else { 0.0 };
                for gap in gaps {
                    value += tooth(w, gap);
                }
                *out = value;
            }
        });
    }

    /// [`Constraint::slope`] of many weights.
    pub(crate) fn slopes_into(&self, out: &mut [f32], ws: &[f32]) {
        self.slope.fill(out, ws, 1.0);
    }

    /// Σ λ·cs; `scratch` holds at least as many numbers as there are weights.
    pub(crate) fn lagrangian_term(&self, ws: &[f32], lambda: &[f32], scratch: &mut [f32]) -> f32 {
        let values = &mut scratch[..ws.len()];
        self.values_into(values, ws);
        lanes::sum2(values, lambda, |value, lambda| value * lambda)
    }
}

/// Twice the distance to the nearer end of a gap; 0 outside the gap and inside the window.
#[inline]
fn tooth(w: f32, (lo, hi, largest): (f32, f32, f32)) -> f32 {
    let (left, right) = (w - lo, hi - w);
    let value = 2.0 * if left < right { left } else { right };
    if value > 0.0 && value <= largest { value } else { 0.0 }
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
        fn many_weights_at_once_give_the_same_bits(
            ws in prop::collection::vec(-1.5_f32..1.5, 1..40),
            g in 1_u32..50,
        ) {
            for set in WeightSet::ALL {
                let constraint = Constraint::new(&Grid::new(set, 0.4), Window::at(g));
                let (mut values, mut slopes) = (vec![0.0; ws.len()], vec![0.0; ws.len()]);
                constraint.values_into(&mut values, &ws);
                constraint.slopes_into(&mut slopes, &ws);
                for (i, &w) in ws.iter().enumerate() {
                    prop_assert_eq!(values[i].to_bits(), constraint.value(w).to_bits());
                    prop_assert_eq!(slopes[i].to_bits(), constraint.slope(w).to_bits());
                }
            }
        }
    }
}
