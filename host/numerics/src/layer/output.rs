use super::check;
use crate::{Clamp, NetworkError, Requant};

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

impl Output {
    /// Proves |acc| < 2^31 and the requantisation of `channels` channels; `bound` bounds a channel's accumulator and
    /// `residual` says whether it has a second operand.
    pub(super) fn check(
        &self,
        name: &str,
        channels: usize,
        bound: impl Fn(usize) -> i64,
        residual: impl Fn(usize) -> bool,
    ) -> Result<(), NetworkError> {
        if let Self::Requantised { requant, clamp } = self {
            check::length(name, "requantisation constants", requant.len(), channels)?;
            check::clamp(name, *clamp)?;
        }
        for channel in 0..channels {
            let bound = bound(channel);
            check::accumulator(name, channel, bound)?;
            if let Self::Requantised { requant, .. } = self {
                check::requant(name, channel, requant[channel], bound, residual(channel))?;
            }
        }
        Ok(())
    }
}
