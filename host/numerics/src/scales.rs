//! From real scales to integers: the one place where floating point decides anything, and it happens once.
//!
//! A real activation is scale·(q − zero point). A real pre-activation is gain·(W·x) + shift, where gain and shift
//! hold the bias or the batch normalisation. With acc = Σ k·q and real weights `weight_scale`·k,
//!
//! ```text
//! y − z_out = ratio·(acc − z_in·Σk) + offset,   ratio = gain·weight_scale·s_in / s_out,   offset = shift / s_out
//! ```
//!
//! and m / 2^s approximates the ratio to 15 bits; everything else is then exact in B.

use crate::{
    Clamp, FullyConnected, Layer, NetworkError, Operation, Output, Requant, RequantFault, Shape, Source,
    Weights,
};

/// How a tensor's real values become 8-bit codes: real = scale·(q − zero point).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiser {
    /// Real value of one step, positive.
    pub scale: f32,
    /// The code of 0.
    pub zero_point: i8,
}

/// What follows the products of one channel: pre-activation = gain·(W·x) + shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Factor.
    pub gain: f64,
    /// Added after it.
    pub shift: f64,
}

impl Affine {
    /// A bias alone.
    #[must_use]
    pub fn bias(bias: f32) -> Self {
        Self { gain: 1.0, shift: f64::from(bias) }
    }

    /// Batch normalisation with running statistics: γ·(x − mean) / √(variance + ε) + β.
    ///
    /// # Errors
    /// variance + ε is not a positive finite number.
    pub fn batch_norm(
        gamma: f32,
        beta: f32,
        mean: f32,
        variance: f32,
        epsilon: f32,
    ) -> Result<Self, RequantFault> {
        let spread = positive("variance + ε", f64::from(variance) + f64::from(epsilon))?;
        let gain = f64::from(gamma) / spread.sqrt();
        Ok(Self { gain, shift: f64::from(beta) - gain * f64::from(mean) })
    }

    /// The layer's own bias before this: gain·(W·x + bias) + shift.
    #[must_use]
    pub fn after_bias(self, bias: f32) -> Self {
        Self { shift: self.shift + self.gain * f64::from(bias), ..self }
    }
}

/// m and s with m / 2^s ≈ `ratio`: |m| ≥ 2^14 unless s would exceed `max_shift` or the ratio is 0.
///
/// # Errors
/// The ratio is not finite or too large.
pub fn normalise(ratio: f64, max_shift: u8) -> Result<(i16, u8), RequantFault> {
    if !ratio.is_finite() {
        return Err(RequantFault::Ratio { ratio });
    }
    for shift in (1..=max_shift).rev() {
        let m = (ratio * power_of_two(shift)).round();
        if m.abs() <= f64::from(i16::MAX) {
            return Ok((m as i16, shift));
        }
    }
    Err(RequantFault::Ratio { ratio })
}

/// The constants of one channel.
///
/// `ratio` and `offset` as in the module's formula; `zero_sum` = `z_in`·Σk; `acc_bound` = Σ|k|·128. s is the largest
/// that keeps P within 48 bits, so m has all its 15 bits unless the offset is enormous against the ratio (a
/// batch-norm scale near 0), where its low bits no longer matter.
///
/// # Errors
/// Ratio or offset do not fit.
pub fn requant(ratio: f64, offset: f64, zero_sum: i64, acc_bound: i64) -> Result<Requant, RequantFault> {
    if !offset.is_finite() {
        return Err(RequantFault::Offset { offset });
    }
    let mut max_shift = Requant::MAX_SHIFT;
    loop {
        let (multiplier, shift) = normalise(ratio, max_shift)?;
        let real = (offset * power_of_two(shift)).round();
        if real.abs() < Requant::LIMIT as f64 {
            let bias = real as i64 - zero_sum * i64::from(multiplier);
            let candidate = Requant::new(multiplier, bias, shift);
            if candidate.check(acc_bound).is_ok() {
                return Ok(candidate);
            }
        }
        if shift == 1 {
            return Err(RequantFault::Offset { offset });
        }
        max_shift = shift - 1;
    }
}

/// Builds and checks a fully connected layer from real scales.
///
/// `weight_scales` (real weight = scale·k: a / 2^D of a constrained set, or an int8 scale) and `affine` hold one
/// entry per output, or one for all. With `relu` the output's lower clamp is its zero point.
///
/// # Errors
/// The first fault, by layer and channel.
#[allow(clippy::too_many_arguments)]
pub fn fully_connected(
    name: &str,
    source: Source,
    inputs: usize,
    outputs: usize,
    weights: Weights,
    weight_scales: &[f32],
    affine: &[Affine],
    input: Quantiser,
    output: Quantiser,
    relu: bool,
) -> Result<Layer, NetworkError> {
    for (what, found) in [("weight scales", weight_scales.len()), ("biases", affine.len())] {
        if found != 1 && found != outputs {
            return Err(NetworkError::Length { layer: name.to_owned(), what, found, expected: outputs });
        }
    }
    let mut fc = FullyConnected { input: source, inputs, outputs, weights, output: Output::Raw };
    let in_channel = |channel| move |fault| NetworkError::Requant { layer: name.to_owned(), channel, fault };
    // Weights first: the sums below are of checked rows.
    fc.check_weights(name)?;
    let constants = (0..outputs).map(|c| {
        let at = |list: usize| if list == 1 { 0 } else { c };
        let weight_scale = f64::from(weight_scales[at(weight_scales.len())]);
        let affine = affine[at(affine.len())];
        let (sum, magnitude) = Weights::sums(fc.row(c));
        let make = || {
            let weight_scale = positive("weight scale", weight_scale)?;
            let s_in = positive("input scale", f64::from(input.scale))?;
            let s_out = positive("output scale", f64::from(output.scale))?;
            let zero_sum = i64::from(input.zero_point) * sum;
            requant(
                affine.gain * weight_scale * s_in / s_out,
                affine.shift / s_out,
                zero_sum,
                magnitude * 128,
            )
        };
        make().map_err(in_channel(c))
    });
    let requant = constants.collect::<Result<Vec<_>, _>>()?;
    let zero_point = output.zero_point;
    let clamp = if relu { Clamp::relu(zero_point) } else { Clamp::full(zero_point) };
    fc.output = Output::Requantised { requant, clamp };
    let layer = Layer { name: name.to_owned(), operation: Operation::FullyConnected(fc) };
    layer.check(&[Shape::vector(inputs)])?;
    Ok(layer)
}

fn positive(what: &'static str, value: f64) -> Result<f64, RequantFault> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(RequantFault::Scale { what, value }) }
}

fn power_of_two(exponent: u8) -> f64 {
    (1u64 << exponent) as f64
}
