//! The constraint and the quantiser against a table of values made with the published code's rules (its quantiser's
//! ties excepted: those go to the upper level here). a = 1/2, so everything but ±0.6 is dyadic and compares exactly.

use cbp_nn::WeightSet::{self, Binary, OneBitShift, Ternary, TwoBitShift};
use cbp_nn::cbp::constraint::{Constraint, Window, sawtooth};
use cbp_nn::cbp::grid::Grid;

/// set, w, q, Y, then (cs, d cs/dw) for g = 1, 2, 4.
type Row = (WeightSet, f32, f32, f32, [(f32, f32); 3]);

#[rustfmt::skip]
const TABLE: [Row; 27] = [
    (Binary, -0.6, -0.5, 0.2, [(0.2, -2.0), (0.2, -2.0), (0.2, -2.0)]),
    (Binary, -0.5, -0.5, 0.0, [(0.0, 0.0), (0.0, 2.0), (0.0, 2.0)]),
    (Binary, -0.25, -0.5, 0.5, [(0.0, 0.0), (0.5, 0.0), (0.5, 2.0)]),
    (Binary, -0.125, -0.5, 0.75, [(0.0, 0.0), (0.0, 0.0), (0.75, 0.0)]),
    (Binary, 0.0, 0.5, 1.0, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (Binary, 0.125, 0.5, 0.75, [(0.0, 0.0), (0.0, 0.0), (0.75, -2.0)]),
    (Binary, 0.25, 0.5, 0.5, [(0.0, 0.0), (0.5, -2.0), (0.5, -2.0)]),
    (Binary, 0.5, 0.5, 0.0, [(0.0, 2.0), (0.0, 2.0), (0.0, 2.0)]),
    (Binary, 1.0, 0.5, 1.0, [(1.0, 2.0), (1.0, 2.0), (1.0, 2.0)]),
    (Ternary, -0.25, 0.0, 0.5, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (Ternary, -0.125, 0.0, 0.25, [(0.0, 0.0), (0.25, -2.0), (0.25, -2.0)]),
    (Ternary, 0.0, 0.0, 0.0, [(0.0, 0.0), (0.0, 2.0), (0.0, 2.0)]),
    (Ternary, 0.125, 0.0, 0.25, [(0.0, 0.0), (0.25, 0.0), (0.25, 2.0)]),
    (Ternary, 0.1875, 0.0, 0.375, [(0.0, 0.0), (0.0, 0.0), (0.375, 0.0)]),
    (Ternary, 0.25, 0.5, 0.5, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (Ternary, 0.3125, 0.5, 0.375, [(0.0, 0.0), (0.0, 0.0), (0.375, -2.0)]),
    (OneBitShift, -0.375, -0.25, 0.25, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (OneBitShift, 0.0625, 0.0, 0.125, [(0.0, 0.0), (0.125, 0.0), (0.125, 2.0)]),
    (OneBitShift, 0.125, 0.25, 0.25, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (OneBitShift, 0.1875, 0.25, 0.125, [(0.0, 0.0), (0.125, -2.0), (0.125, -2.0)]),
    (OneBitShift, 0.25, 0.25, 0.0, [(0.0, 0.0), (0.0, 2.0), (0.0, 2.0)]),
    (OneBitShift, 0.375, 0.5, 0.25, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (TwoBitShift, -0.1875, -0.125, 0.125, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (TwoBitShift, 0.0625, 0.125, 0.125, [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]),
    (TwoBitShift, 0.125, 0.125, 0.0, [(0.0, 0.0), (0.0, 2.0), (0.0, 2.0)]),
    (TwoBitShift, 0.3125, 0.25, 0.125, [(0.0, 0.0), (0.125, 0.0), (0.125, 2.0)]),
    (TwoBitShift, 0.6, 0.5, 0.2, [(0.2, 2.0), (0.2, 2.0), (0.2, 2.0)]),
];

#[test]
fn quantiser_sawtooth_and_constraint() {
    for (set, w, q, y, windows) in TABLE {
        let grid = Grid::new(set, 0.5);
        // Only 0.6 and 0.2 have no exact binary form.
        let tolerance = if (w.abs() - 0.6).abs() < 1e-3 { 1e-6 } else { 0.0 };
        let same = |found: f32, expected: f32| (found - expected).abs() <= tolerance;
        assert!(same(grid.quantise(w), q), "{set} {w}: q = {}", grid.quantise(w));
        assert!(same(sawtooth(&grid, w), y), "{set} {w}: Y = {}", sawtooth(&grid, w));
        for (g, (value, slope)) in [1, 2, 4].into_iter().zip(windows) {
            let constraint = Constraint::new(&grid, Window::at(g));
            assert!(same(constraint.value(w), value), "{set} {w} g={g}: cs = {}", constraint.value(w));
            assert!(same(constraint.slope(w), slope), "{set} {w} g={g}: slope = {}", constraint.slope(w));
        }
    }
}
