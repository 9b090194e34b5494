//! CBP's constraint as the paper writes it (Kim and Jeong, 2021, equations 7 to 10), in f64, gap by gap; at the edges of
//! windows as the published code has it.

use cbp_numerics::WeightSet;

/// The levels of a set at a scale in rising order: ±a·2^−d for d = 0 ..= D, and 0 unless the set is binary.
#[must_use]
pub fn levels(set: WeightSet, scale: f64) -> Vec<f64> {
    let positive: Vec<f64> = match set {
        WeightSet::Binary | WeightSet::Ternary => vec![1.0],
        WeightSet::OneBitShift => vec![0.5, 1.0],
        WeightSet::TwoBitShift => vec![0.25, 0.5, 1.0],
    };
    let zero = if set == WeightSet::Binary { None } else { Some(0.0) };
    let negative = positive.iter().rev().map(|level| -level);
    negative.chain(zero).chain(positive.iter().copied()).map(|level| level * scale).collect()
}

/// The nearest level; the upper one of two.
#[must_use]
pub fn nearest(levels: &[f64], w: f64) -> f64 {
    levels.windows(2).fold(levels[0], |q, gap| if w >= f64::midpoint(gap[0], gap[1]) { gap[1] } else { q })
}

/// cs(w; g) and its derivative. Without `g` there is no window.
#[must_use]
pub fn constraint(levels: &[f64], g: Option<u32>, w: f64) -> (f64, f64) {
    let (first, last) = (levels[0], levels[levels.len() - 1]);
    if w < first {
        return (2.0 * (first - w), -2.0);
    }
    if w >= last {
        return (2.0 * (w - last), 2.0);
    }
    // The gap q_i ≤ w < q_{i+1}, its median m, and half the width of its window.
    let gap = levels.windows(2).find(|gap| w < gap[1]).unwrap_or(levels);
    let (low, high) = (gap[0], gap[1]);
    let m = f64::midpoint(low, high);
    let half = g.map_or(0.0, |g| (high - low) / (2.0 * f64::from(g)));
    let value = (high - low) - 2.0 * (w - m).abs();
    let is_free = (w - m).abs() < half;
    let slope = if w < m - half {
        2.0
    } else if w >= m + half {
        -2.0
    } else {
        0.0
    };
    (if is_free { 0.0 } else { value }, slope)
}

/// CBP's term of the Lagrangian, Σ λ·cs(w; g), and its derivative for each weight (equation 7).
#[must_use]
pub fn constraint_term(levels: &[f64], g: Option<u32>, weights: &[f64], lambda: &[f64]) -> (f64, Vec<f64>) {
    let terms = weights.iter().zip(lambda).map(|(&w, &lambda)| {
        let (value, slope) = constraint(levels, g, w);
        (lambda * value, lambda * slope)
    });
    terms.fold((0.0, Vec::new()), |(sum, mut slopes), (value, slope)| {
        slopes.push(slope);
        (sum + value, slopes)
    })
}
