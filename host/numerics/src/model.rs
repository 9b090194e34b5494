//! The scalar model: the definition of every result.

use crate::{FullyConnected, Layer, Network, NetworkError, Operation, Output};

/// The values of a layer's output, `[image][channel]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Requantised activations.
    I8(Vec<i8>),
    /// Raw accumulators.
    I32(Vec<i32>),
}

impl Values {
    /// The activations, or nothing of a raw layer.
    #[must_use]
    pub fn as_i8(&self) -> &[i8] {
        match self {
            Self::I8(values) => values,
            Self::I32(_) => &[],
        }
    }

    /// The accumulators, or nothing of a requantised layer.
    #[must_use]
    pub fn as_i32(&self) -> &[i32] {
        match self {
            Self::I8(_) => &[],
            Self::I32(values) => values,
        }
    }
}

/// What a layer gives for a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerResult {
    /// `[image][channel]`.
    pub values: Values,
    /// Sign masks, `[image][channel]`; none for a raw layer.
    pub mask: Option<Vec<bool>>,
}

/// Runs one layer on `images` images, `input` being `[image][channel]`.
///
/// # Errors
/// The input has another length.
pub fn run_layer(layer: &Layer, input: &[i8], images: usize) -> Result<LayerResult, NetworkError> {
    let inputs = layer.inputs();
    if input.len() != images * inputs {
        return Err(NetworkError::Input { layer: layer.name.clone(), found: input.len(), images, inputs });
    }
    match &layer.operation {
        Operation::FullyConnected(fc) => Ok(fully_connected(fc, input)),
    }
}

/// Runs a network on `images` images and gives every layer's result, in order.
///
/// # Errors
/// The input has another length.
pub fn run_network(network: &Network, input: &[i8], images: usize) -> Result<Vec<LayerResult>, NetworkError> {
    let mut results: Vec<LayerResult> = Vec::with_capacity(network.layers().len());
    for layer in network.layers() {
        let input = results.last().map_or(input, |r| r.values.as_i8());
        let result = run_layer(layer, input, images)?;
        results.push(result);
    }
    Ok(results)
}

fn fully_connected(fc: &FullyConnected, input: &[i8]) -> LayerResult {
    let mut accumulators = Vec::with_capacity(input.len() / fc.inputs * fc.outputs);
    for image in input.chunks_exact(fc.inputs) {
        for row in fc.weights.values().chunks_exact(fc.inputs) {
            accumulators.push(row.iter().zip(image).map(|(&k, &q)| i32::from(k) * i32::from(q)).sum());
        }
    }
    finish(accumulators, &fc.output)
}

/// Accumulators, `[position][channel]`, to what is stored.
fn finish(accumulators: Vec<i32>, output: &Output) -> LayerResult {
    let Output::Requantised { requant, clamp } = output else {
        return LayerResult { values: Values::I32(accumulators), mask: None };
    };
    let channels = || accumulators.iter().zip(requant.iter().cycle());
    LayerResult {
        values: Values::I8(channels().map(|(&acc, r)| r.apply(acc, *clamp)).collect()),
        mask: Some(channels().map(|(&acc, r)| r.mask(acc)).collect()),
    }
}
