//! Requantisation constants from what the sums are on a few images.

use super::Range;
use crate::Requant;
use crate::random::Random;
use crate::scales::{Terms, requant};

/// Values of a channel below which its own mean and deviation say little: neighbours in an image are alike.
const FEW: usize = 64;

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub mean: f64,
    pub deviation: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let (n, sum, squares) =
            values.fold((0.0, 0.0, 0.0), |(n, sum, squares), v| (n + 1.0, sum + v, squares + v * v));
        Self::from_sums(n, sum, squares)
    }

    fn from_sums(n: f64, sum: f64, squares: f64) -> Self {
        let mean = sum / n.max(1.0);
        Self { mean, deviation: (squares / n.max(1.0) - mean * mean).max(0.0).sqrt() }
    }
}

/// Of every channel of `[position][channel]`; all channels share one spread where there are too few positions to tell
/// them apart. No channel's deviation is much below that of the others: its values may agree by chance.
pub fn spreads(values: impl Iterator<Item = f64>, channels: usize) -> Vec<Spread> {
    let mut sums = vec![(0.0, 0.0); channels];
    let mut count = 0;
    for (i, value) in values.enumerate() {
        let (sum, squares) = &mut sums[i % channels];
        *sum += value;
        *squares += value * value;
        count = i + 1;
    }
    let positions = count / channels;
    if positions < FEW {
        let all = sums.iter().fold((0.0, 0.0), |all, of| (all.0 + of.0, all.1 + of.1));
        return vec![Spread::from_sums(count as f64, all.0, all.1); channels];
    }
    let mut spreads: Vec<Spread> =
        sums.iter().map(|&(sum, squares)| Spread::from_sums(positions as f64, sum, squares)).collect();
    let variance: f64 = spreads.iter().map(|s| s.deviation * s.deviation).sum();
    let least = 0.3 * (variance / channels as f64).sqrt();
    for spread in &mut spreads {
        spread.deviation = spread.deviation.max(least);
    }
    spreads
}

/// One channel's constants: sums and operand of these spreads become outputs of this range; each gives half of the
/// variance. Legal after doubling too.
pub fn constants(range: &Range, acc: Spread, operand: Option<Spread>, bound: i64) -> Requant {
    let share = if operand.is_some() { 0.5f64.sqrt() } else { 1.0 };
    let ratio = share * range.spread / acc.deviation.max(0.5);
    let mut offset = range.centre - f64::from(range.clamp.zero_point) - ratio * acc.mean;
    let mut factor = 0.0;
    if let Some(operand) = operand {
        factor = share * range.spread / operand.deviation.max(4.0);
        offset -= factor * operand.mean;
    }
    fit(ratio, offset, factor, bound)
}

/// The mean of `area` values around the same zero point.
pub fn mean(area: usize, zero_point: i8, bound: i64) -> Requant {
    fit(1.0 / area as f64, -f64::from(zero_point), 0.0, bound)
}

/// The constants of real numbers; of numbers that do not fit, those that give the zero point.
fn fit(ratio: f64, offset: f64, factor: f64, bound: i64) -> Requant {
    let terms = Terms { ratio, offset, factor, ..Terms::default() };
    requant(terms, bound).unwrap_or(Requant::ZERO)
}

fn legal(requant: Requant, bound: i64) -> bool {
    requant.check(bound).is_ok() && requant.doubled(bound).is_ok()
}

/// Now and then something unusual instead.
pub fn odd(requant: Requant, bound: i64, random: &mut Random) -> Requant {
    let mut odd = requant;
    let extreme = [i16::MIN, i16::MAX][random.below(2)];
    match random.below(48) {
        0 => odd.multiplier = 0,
        1 => odd.multiplier = extreme,
        2 if odd.residual != 0 => odd.residual = extreme,
        // Rounding at the finest scale, and at none: the outputs become large or small.
        3 => odd.shift = 1,
        4 => odd.shift = Requant::MAX_SHIFT - 1,
        // A negative batch-norm scale, mirrored around the same centre.
        5..12 => odd.multiplier = odd.multiplier.saturating_neg(),
        _ => {}
    }
    if legal(odd, bound) { odd } else { requant }
}
