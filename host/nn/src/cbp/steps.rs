//! Piecewise constant functions: the quantiser is one.

use crate::wide::wide;

/// Edges of the largest such function: the gaps of the seven levels of two-bit shift.
const CAPACITY: usize = 6;

/// base + Σ `jumps[j]` over all edges with w ≥ `edges[j]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StepFunction {
    base: f32,
    edges: [f32; CAPACITY],
    jumps: [f32; CAPACITY],
    len: usize,
}

impl StepFunction {
    pub(super) fn new(base: f32, steps: impl IntoIterator<Item = (f32, f32)>) -> Self {
        let mut function = Self { base, edges: [0.0; CAPACITY], jumps: [0.0; CAPACITY], len: 0 };
        for (edge, jump) in steps {
            function.edges[function.len] = edge;
            function.jumps[function.len] = jump;
            function.len += 1;
        }
        function
    }

    pub(super) fn at(&self, w: f32) -> f32 {
        let steps = self.edges.iter().zip(&self.jumps).take(self.len);
        steps.fold(self.base, |value, (&edge, &jump)| value + if w >= edge { jump } else { 0.0 })
    }

    /// `out[i]` = scale · f(`ws[i]`). The numbers of edges that occur are unrolled, so that the loop over weights vectorises.
    pub(super) fn fill(&self, out: &mut [f32], ws: &[f32], scale: f32) {
        match self.len {
            1 => self.fill_unrolled::<1>(out, ws, scale),
            2 => self.fill_unrolled::<2>(out, ws, scale),
            4 => self.fill_unrolled::<4>(out, ws, scale),
            6 => self.fill_unrolled::<6>(out, ws, scale),
            _ => out.iter_mut().zip(ws).for_each(|(out, &w)| *out = scale * self.at(w)),
        }
    }

    fn fill_unrolled<const LEN: usize>(&self, out: &mut [f32], ws: &[f32], scale: f32) {
        let edges: [f32; LEN] = std::array::from_fn(|j| self.edges[j]);
        let jumps: [f32; LEN] = std::array::from_fn(|j| self.jumps[j]);
        wide!({
            for (out, &w) in out.iter_mut().zip(ws) {
                let mut value = self.base;
                for j in 0..LEN {
                    value += if w >= edges[j] { jumps[j] } else { 0.0 };
                }
                *out = scale * value;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unrolling_equals_the_plain_sum() {
        for len in 0..=CAPACITY {
            let function = StepFunction::new(-1.0, (0..len).map(|j| (j as f32 - 5.0, 0.5 * j as f32)));
            let ws: Vec<f32> = (-30..60).map(|i| i as f32 / 4.0).collect();
            let mut out = vec![f32::NAN; ws.len()];
            function.fill(&mut out, &ws, 3.0);
            for (&w, &out) in ws.iter().zip(&out) {
                assert_eq!(out.to_bits(), (3.0 * function.at(w)).to_bits(), "{len} edges at {w}");
            }
        }
    }
}
