use super::{LayerResult, Values};
use crate::Output;

/// Accumulators, `[position][channel]`, to what is stored; `residual` gives the second operand of a value by position
/// and channel.
pub fn finish(accumulators: Vec<i32>, output: &Output, residual: impl Fn(usize, usize) -> i8) -> LayerResult {
    let Output::Requantised { requant, clamp } = output else {
        return LayerResult { values: Values::I32(accumulators), mask: None };
    };
    let mut values = Vec::with_capacity(accumulators.len());
    let mut mask = Vec::with_capacity(accumulators.len());
    for (position, channels) in accumulators.chunks_exact(requant.len()).enumerate() {
        for (channel, (&acc, constants)) in channels.iter().zip(requant).enumerate() {
            let r = residual(position, channel);
            values.push(constants.apply(acc, r, *clamp));
            mask.push(constants.mask(acc, r));
        }
    }
    LayerResult { values: Values::I8(values), mask: Some(mask) }
}
