//! The scale a of a grid: chosen once from the float weights, then frozen.

use cbp_numerics::WeightSet;
use serde::{Deserialize, Serialize};

use super::grid::Grid;

/// How the scales of a layer are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScaleMode {
    /// a = mean |w| of the layer, as published. It saturates about 42 % of normally distributed weights.
    Paper,
    /// The a of least squared rounding error, one per layer. Equals `Paper` for binary.
    LeastSquares,
    /// The a of least squared rounding error, one per output channel.
    LeastSquaresPerChannel,
}

impl ScaleMode {
    /// Scales of a layer of `inputs` weights per output: one, or one per output. A channel of zeros takes the scale
    /// of the layer; the result is 0 or not finite only if all weights are 0 or one is not finite.
    #[must_use]
    pub fn scales(self, set: WeightSet, weights: &[f32], inputs: usize) -> Vec<f32> {
        match self {
            Self::Paper => vec![mean_magnitude(weights)],
            Self::LeastSquares => vec![least_squares(set, weights)],
            Self::LeastSquaresPerChannel => {
                let of_layer = least_squares(set, weights);
                let of_channel = |weights| {
                    let scale = least_squares(set, weights);
                    if scale > 0.0 { scale } else { of_layer }
                };
                weights.chunks_exact(inputs).map(of_channel).collect()
            }
        }
    }
}

fn mean_magnitude(weights: &[f32]) -> f32 {
    let sum: f64 = weights.iter().map(|w| f64::from(w.abs())).sum();
    (sum / weights.len() as f64) as f32
}

/// Alternates between rounding to the grid and the best scale for that rounding, from several starts, since each
/// start finds only the minimum next to it.
fn least_squares(set: WeightSet, weights: &[f32]) -> f32 {
    const STARTS: [f32; 6] = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0];
    const ROUNDS: usize = 30;
    let mean = mean_magnitude(weights);
    if set == WeightSet::Binary || mean == 0.0 || !mean.is_finite() {
        return mean;
    }
    let mut best = (f64::INFINITY, mean);
    for start in STARTS {
        let mut scale = start * mean;
        for _ in 0..ROUNDS {
            let (error, next) = refit(&Grid::new(set, scale), weights);
            if error < best.0 {
                best = (error, scale);
            }
            if next.to_bits() == scale.to_bits() {
                break;
            }
            scale = next;
        }
    }
    best.1
}

/// Squared rounding error on the grid, and the scale that fits its codes best: Σ w·f / Σ f² with f = q / a.
fn refit(grid: &Grid, weights: &[f32]) -> (f64, f32) {
    let mut quantised = vec![0.0; weights.len()];
    grid.quantise_into(&mut quantised, weights);
    let (mut error, mut product, mut square) = (0.0, 0.0, 0.0);
    for (&w, &q) in weights.iter().zip(&quantised) {
        let (w, q) = (f64::from(w), f64::from(q));
        error += (w - q) * (w - q);
        product += w * q;
        square += q * q;
    }
    let factor = if square > 0.0 { product / square } else { 1.0 };
    (error, (f64::from(grid.scale()) * factor) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cbp_data::rng::{Purpose, keyed, symmetric};

    /// Sums of twelve uniform numbers: close to normal with deviation 2.
    fn bell(count: usize) -> Vec<f32> {
        let mut rng = keyed(5, Purpose::Weights, 0, 0);
        (0..count).map(|_| (0..12).map(|_| symmetric(&mut rng)).sum()).collect()
    }

    #[test]
    fn the_published_scale_of_the_reference_vector() {
        let w = [0.02, -0.4, 0.75, -0.1, 0.33, -0.05, 0.6, -0.9];
        let scales = ScaleMode::Paper.scales(WeightSet::Ternary, &w, 4);
        assert!(scales.len() == 1 && (scales[0] - 0.39375).abs() < 1e-7);
    }

    #[test]
    fn least_squares_is_as_good_as_a_fine_scan_and_as_known_for_a_normal_distribution() {
        let weights = bell(20_000);
        let mean = mean_magnitude(&weights);
        let power: f64 = weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        for (set, decibels) in [
            (WeightSet::Binary, 4.40),
            (WeightSet::Ternary, 7.21),
            (WeightSet::OneBitShift, 10.85),
            (WeightSet::TwoBitShift, 13.23),
        ] {
            let error = |scale| refit(&Grid::new(set, scale), &weights).0;
            let found = error(least_squares(set, &weights));
            let scan = (50..500).map(|i| error(i as f32 * 0.01 * mean)).fold(f64::INFINITY, f64::min);
            assert!(found <= scan * 1.0005, "{set}: error {found}, a scan finds {scan}");
            let ratio = 10.0 * (power / found).log10();
            assert!((ratio - decibels).abs() < 0.25, "{set}: {ratio} dB, expected {decibels}");
        }
    }

    #[test]
    fn a_channel_of_zeros_takes_the_scale_of_the_layer() {
        let weights = [0.5, -0.5, 0.0, 0.0];
        let mode = ScaleMode::LeastSquaresPerChannel;
        let scales = mode.scales(WeightSet::Ternary, &weights, 2);
        assert!(scales.iter().all(|&scale| (scale - 0.5).abs() < 1e-6), "{scales:?}");
        assert_eq!(mode.scales(WeightSet::Ternary, &[0.0; 4], 2), [0.0; 2]);
    }
}
