//! From real scales to integers: the one place where floating point decides anything, and it happens once.
//!
//! A real activation is scale·(q − zero point). A real pre-activation is gain·(W·x) + shift, where gain and shift
//! hold the bias or the batch normalisation. With acc = Σ k·q and real weights `weight_scale`·k,
//!
//! ```text
//! y − z_out = ratio·(acc − z_in·Σk) + offset,   ratio = gain·weight_scale·s_in / s_out,   offset = shift / s_out
//! ```
//!
//! and m / 2^s approximates the ratio to 15 bits; everything else is then exact in B. A residual operand adds
//! factor·(r − z) with the operand's zero point and factor = operand scale / output scale.

use crate::{Clamp, Layer, NetworkError, Operation, Output, Requant, RequantFault, Residual, Shape, Weights};

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

    /// This map of what `before` gives.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        Self { gain: self.gain * before.gain, shift: self.shift + self.gain * before.shift }
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

/// What one channel's output is, in output units above its zero point:
/// ratio·(acc − `zero_sum`) + offset + factor·(r − `residual_zero`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// Output units per unit of the accumulator.
    pub ratio: f64,
    /// Bias or batch-norm shift, in output units.
    pub offset: f64,
    /// What an accumulator of zeros is: `z_in`·Σk.
    pub zero_sum: i64,
    /// Output units per unit of the residual operand; 0 without one.
    pub factor: f64,
    /// The operand's zero point.
    pub residual_zero: i8,
}

/// The constants of one channel; `acc_bound` = Σ|k|·128.
///
/// s is the largest that keeps P within 48 bits, so m has all its 15 bits unless the offset is enormous against the
/// ratio (a batch-norm scale near 0), where its low bits no longer matter. The constants stay legal for an accumulator
/// twice as large ([`Requant::doubled`]), as binary arrays have for int8 layers.
///
/// # Errors
/// Ratio, factor or offset do not fit.
pub fn requant(terms: Terms, acc_bound: i64) -> Result<Requant, RequantFault> {
    let Terms { ratio, offset, zero_sum, factor, residual_zero } = terms;
    if !offset.is_finite() {
        return Err(RequantFault::Offset { offset });
    }
    if !factor.is_finite() {
        return Err(RequantFault::Ratio { ratio: factor });
    }
    let mut max_shift = Requant::MAX_SHIFT;
    loop {
        let (multiplier, shift) = normalise(ratio, max_shift)?;
        let real = (offset * power_of_two(shift)).round();
        if let Some((residual, residual_shift)) = residual(factor * power_of_two(shift))
            && real.abs() < Requant::LIMIT as f64
        {
            let mut fitted = Requant { residual, residual_shift, ..Requant::new(multiplier, 0, shift) };
            fitted.bias = real as i64
                - zero_sum * i64::from(multiplier)
                - i64::from(residual_zero) * fitted.residual_factor();
            if fitted.check(acc_bound).is_ok() && fitted.doubled(acc_bound).is_ok() {
                return Ok(fitted);
            }
        }
        if shift == 1 {
            return Err(RequantFault::Offset { offset });
        }
        max_shift = shift - 1;
    }
}

/// `m_r` and `e_r` with `m_r` << `e_r` nearest to `factor`, with as many bits as fit.
fn residual(factor: f64) -> Option<(i16, u8)> {
    (0..=Requant::MAX_RESIDUAL_SHIFT).find_map(|shift| {
        let m = (factor / power_of_two(shift)).round();
        (m.abs() <= f64::from(i16::MAX)).then_some((m as i16, shift))
    })
}

/// The real numbers that turn a layer's accumulators into activations.
#[derive(Clone, Copy, Debug)]
pub struct Scaling<'a> {
    /// Real weight per unit of k (a / 2^D of a constrained set, or an int8 scale): one per output channel, or one for
    /// all.
    pub weights: &'a [f32],
    /// What follows the products: one per output channel, or one for all.
    pub affine: &'a [Affine],
    /// How the input is coded.
    pub input: Quantiser,
    /// A second operand of a convolution, how it is coded, and its channels.
    pub residual: Option<(Residual, Quantiser, usize)>,
    /// How the output is coded.
    pub output: Quantiser,
    /// Zero point and range of the output.
    pub clamp: Clamp,
}

impl Scaling<'_> {
    /// Gives a raw layer with weights its constants, and checks it but for what depends on other layers.
    ///
    /// # Errors
    /// The first fault, by layer and channel.
    pub fn finish(&self, mut layer: Layer) -> Result<Layer, NetworkError> {
        let name = layer.name.clone();
        let channels = match &layer.operation {
            Operation::FullyConnected(fc) => {
                // Weights first: the sums below are of checked rows.
                fc.check_weights(&name)?;
                fc.outputs
            }
            Operation::Convolution(c) => c.outputs,
            _ => 0,
        };
        for (what, found) in [("weight scales", self.weights.len()), ("biases", self.affine.len())] {
            if found != 1 && found != channels {
                return Err(NetworkError::Length { layer: name, what, found, expected: channels });
            }
        }
        let constants = (0..channels).map(|channel| {
            let row = match &layer.operation {
                Operation::FullyConnected(fc) => fc.row(channel),
                Operation::Convolution(c) => c.row(channel),
                _ => &[],
            };
            let fault = |fault| NetworkError::Requant { layer: name.clone(), channel, fault };
            self.channel(row, channel).map_err(fault)
        });
        let finished =
            Output::Requantised { requant: constants.collect::<Result<_, _>>()?, clamp: self.clamp };
        match &mut layer.operation {
            Operation::FullyConnected(fc) => {
                fc.output = finished;
                fc.check(&name, Shape::vector(fc.inputs))?;
            }
            Operation::Convolution(c) => {
                c.output = finished;
                c.residual = self.residual.map(|(residual, ..)| residual);
            }
            _ => {}
        }
        Ok(layer)
    }

    fn channel(&self, row: &[i8], channel: usize) -> Result<Requant, RequantFault> {
        let at = |list: usize| if list == 1 { 0 } else { channel };
        let weight_scale = positive("weight scale", f64::from(self.weights[at(self.weights.len())]))?;
        let affine = self.affine[at(self.affine.len())];
        let s_in = positive("input scale", f64::from(self.input.scale))?;
        let s_out = positive("output scale", f64::from(self.output.scale))?;
        let (sum, magnitude) = Weights::sums(row);
        let mut terms = Terms {
            ratio: affine.gain * weight_scale * s_in / s_out,
            offset: affine.shift / s_out,
            zero_sum: i64::from(self.input.zero_point) * sum,
            ..Terms::default()
        };
        if let Some((residual, operand, channels)) = self.residual
            && (residual.first..residual.first + channels).contains(&channel)
        {
            terms.factor = positive("residual scale", f64::from(operand.scale))? / s_out;
            terms.residual_zero = operand.zero_point;
        }
        requant(terms, magnitude * 128)
    }
}

/// Constants of the mean of `area` values, or with `area` 1 of another coding of the same values.
///
/// # Errors
/// A scale is not positive, or their ratio does not fit.
pub fn mean(area: usize, input: Quantiser, output: Quantiser) -> Result<Requant, RequantFault> {
    let s_in = positive("input scale", f64::from(input.scale))?;
    let s_out = positive("output scale", f64::from(output.scale))?;
    let terms = Terms {
        ratio: s_in / s_out / area as f64,
        zero_sum: i64::from(input.zero_point) * area as i64,
        ..Terms::default()
    };
    requant(terms, area as i64 * 128)
}

/// Constants of the sum of two tensors.
///
/// # Errors
/// A scale is not positive, or their ratio does not fit.
pub fn sum(inputs: [Quantiser; 2], output: Quantiser) -> Result<Requant, RequantFault> {
    let s_out = positive("output scale", f64::from(output.scale))?;
    let terms = Terms {
        ratio: positive("input scale", f64::from(inputs[0].scale))? / s_out,
        offset: 0.0,
        zero_sum: inputs[0].zero_point.into(),
        factor: positive("input scale", f64::from(inputs[1].scale))? / s_out,
        residual_zero: inputs[1].zero_point,
    };
    requant(terms, 128)
}

fn positive(what: &'static str, value: f64) -> Result<f64, RequantFault> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(RequantFault::Scale { what, value }) }
}

fn power_of_two(exponent: u8) -> f64 {
    (1u64 << exponent) as f64
}
