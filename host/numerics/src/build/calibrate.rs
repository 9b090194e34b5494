//! Requantisation constants from samples of the sums.

use super::Range;
use crate::Requant;
use crate::random::Random;

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub mean: f64,
    pub deviation: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for value in values {
            n += 1.0;
            sum += value;
            squares += value * value;
        }
        let mean = sum / f64::max(n, 1.0);
        Self { mean, deviation: (squares / f64::max(n, 1.0) - mean * mean).max(0.0).sqrt() }
    }

    /// A typical deviation.
    pub fn root_mean_square(spreads: &[Self]) -> f64 {
        let squares: f64 = spreads.iter().map(|spread| spread.deviation * spread.deviation).sum();
        (squares / f64::max(spreads.len() as f64, 1.0)).sqrt()
    }

    /// Of each column of `[sample][channel]`.
    pub fn per_channel(sums: &[i32], channels: usize) -> Vec<Self> {
        (0..channels)
            .map(|c| Self::of(sums.iter().skip(c).step_by(channels).map(|&sum| f64::from(sum))))
            .collect()
    }
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

/// m / 2^s, B / 2^s and R / 2^s, with the largest s for which all fit.
fn fit(ratio: f64, offset: f64, factor: f64, bound: i64) -> Requant {
    let small = |value: f64| value.abs() <= f64::from(i16::MAX);
    for shift in (1..Requant::MAX_SHIFT).rev() {
        let scale = (1u64 << shift) as f64;
        let (m, bias) = ((ratio * scale).round(), (offset * scale).round());
        let residual = |e: u8| (factor * scale / f64::from(1 << e)).round();
        let Some(residual_shift) = (0..Requant::MAX_RESIDUAL_SHIFT).find(|&e| small(residual(e))) else {
            continue;
        };
        if small(m) && bias.abs() < (1u64 << 46) as f64 {
            let residual = residual(residual_shift) as i16;
            let fitted = Requant { residual, residual_shift, ..Requant::new(m as i16, bias as i64, shift) };
            if legal(fitted, bound) {
                return fitted;
            }
        }
    }
    Requant::ZERO
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
