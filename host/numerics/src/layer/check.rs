//! Checks that several operations share; each names the layer.

use crate::{Clamp, NetworkError, Requant, RequantFault, Shape, Weights, Window};

pub fn length(layer: &str, what: &'static str, found: usize, expected: usize) -> Result<(), NetworkError> {
    if found == expected {
        Ok(())
    } else {
        Err(NetworkError::Length { layer: layer.to_owned(), what, found, expected })
    }
}

/// `outputs` rows of `row` weights, all of their set.
pub fn weights(layer: &str, weights: &Weights, outputs: usize, row: usize) -> Result<(), NetworkError> {
    length(layer, "weights", weights.values().len(), outputs.saturating_mul(row))?;
    if let Weights::Constrained { set, codes } = weights
        && let Some((i, &k)) = codes.iter().enumerate().find(|&(_, &k)| !set.contains(k))
    {
        let (channel, index) = (i / row, i % row);
        return Err(NetworkError::Weight { layer: layer.to_owned(), channel, index, k, set: *set });
    }
    Ok(())
}

pub fn clamp(layer: &str, clamp: Clamp) -> Result<(), NetworkError> {
    let Clamp { low, high, .. } = clamp;
    if low <= high { Ok(()) } else { Err(NetworkError::Clamp { layer: layer.to_owned(), low, high }) }
}

pub fn accumulator(layer: &str, channel: usize, bound: i64) -> Result<(), NetworkError> {
    if bound <= i64::from(i32::MAX) {
        Ok(())
    } else {
        Err(NetworkError::Accumulator { layer: layer.to_owned(), channel, bound })
    }
}

/// A channel's constants; without a second operand there is no multiplier for it either, so that whatever reads the
/// constants need not know which channels have one.
pub fn requant(
    layer: &str,
    channel: usize,
    requant: Requant,
    bound: i64,
    residual: bool,
) -> Result<(), NetworkError> {
    let fault = match requant.check(bound) {
        Err(fault) => fault,
        Ok(()) if residual || requant.residual == 0 => return Ok(()),
        Ok(()) => RequantFault::NoResidual(requant.residual),
    };
    Err(NetworkError::Requant { layer: layer.to_owned(), channel, fault })
}

/// The output's height and width.
pub fn window(layer: &str, window: Window, input: Shape) -> Result<[usize; 2], NetworkError> {
    let size = [input.height, input.width];
    window.output(size).ok_or_else(|| NetworkError::Window {
        layer: layer.to_owned(),
        window: window.into(),
        size,
    })
}

pub fn channels(layer: &str, inputs: usize, input: Shape) -> Result<(), NetworkError> {
    if inputs == input.channels {
        Ok(())
    } else {
        Err(NetworkError::Chain { layer: layer.to_owned(), inputs, previous: input.channels })
    }
}
