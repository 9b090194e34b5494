//! One layer.

use crate::{Clamp, NetworkError, Requant, Weights};

/// Largest |q| of an activation.
const ACTIVATION_BOUND: i64 = 128;

/// A named layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Name, used in every message about it.
    pub name: String,
    /// What it does.
    pub operation: Operation,
}

/// What a layer does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Every output sees every input.
    FullyConnected(FullyConnected),
}

/// acc\[o\] = Σ k\[o\]\[i\]·q\[i\], then [`Output`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullyConnected {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// `outputs` × `inputs`.
    pub weights: Weights,
    /// What becomes of the accumulators.
    pub output: Output,
}

/// What a layer gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// 8-bit activations, and sign masks for whoever asks.
    Requantised {
        /// One per output channel.
        requant: Vec<Requant>,
        /// Zero point and range of the output.
        clamp: Clamp,
    },
    /// The 32-bit accumulators.
    Raw,
}

impl Layer {
    /// Values of one input image.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.inputs,
        }
    }

    /// Values of one output image.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.outputs,
        }
    }

    /// What it gives.
    #[must_use]
    pub const fn output(&self) -> &Output {
        match &self.operation {
            Operation::FullyConnected(fc) => &fc.output,
        }
    }

    /// Proves every bound: lengths, set membership, |acc| < 2^31, requantisation exact in 48 bits.
    ///
    /// # Errors
    /// The first that fails, by layer and channel.
    pub fn check(&self) -> Result<(), NetworkError> {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.check(&self.name),
        }
    }
}

impl FullyConnected {
    /// The weights of one output channel, or nothing if there is no such channel.
    #[must_use]
    pub fn row(&self, channel: usize) -> &[i8] {
        self.weights.values().get(channel * self.inputs..(channel + 1) * self.inputs).unwrap_or(&[])
    }

    /// Σ|k|·128: no accumulator of this channel is larger in magnitude.
    #[must_use]
    pub fn accumulator_bound(&self, channel: usize) -> i64 {
        Weights::sums(self.row(channel)).1 * ACTIVATION_BOUND
    }

    fn check(&self, name: &str) -> Result<(), NetworkError> {
        let layer = || name.to_owned();
        let (inputs, outputs) = (self.inputs, self.outputs);
        if inputs == 0 || outputs == 0 {
            return Err(NetworkError::Size { layer: layer(), inputs, outputs });
        }
        let length = |what, found, expected| {
            if found == expected {
                Ok(())
            } else {
                Err(NetworkError::Length { layer: layer(), what, found, expected })
            }
        };
        length("weights", self.weights.values().len(), inputs * outputs)?;
        if let Weights::Constrained { set, codes } = &self.weights
            && let Some((i, &k)) = codes.iter().enumerate().find(|&(_, &k)| !set.contains(k))
        {
            let (channel, input) = (i / inputs, i % inputs);
            return Err(NetworkError::Weight { layer: layer(), channel, input, k, set: *set });
        }
        if let Output::Requantised { requant, clamp } = &self.output {
            length("requantisation constants", requant.len(), outputs)?;
            if clamp.low > clamp.high {
                return Err(NetworkError::Clamp { layer: layer(), low: clamp.low, high: clamp.high });
            }
        }
        for channel in 0..outputs {
            let bound = self.accumulator_bound(channel);
            if bound > i64::from(i32::MAX) {
                return Err(NetworkError::Accumulator { layer: layer(), channel, bound });
            }
            if let Output::Requantised { requant, .. } = &self.output {
                let checked = requant[channel].check(bound);
                checked.map_err(|fault| NetworkError::Requant { layer: layer(), channel, fault })?;
            }
        }
        Ok(())
    }
}
