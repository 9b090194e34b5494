//! What the test files share.

use cbp_numerics::{Convolution, Layer, Operation, Output, Residual, Shape, Source, Weights, Window};

pub fn named(name: &str, operation: Operation) -> Layer {
    Layer { name: name.into(), operation }
}

/// A raw int8 convolution over the input.
pub fn convolution(input: Shape, outputs: usize, groups: usize, window: Window, w: Vec<i8>) -> Convolution {
    Convolution {
        input: Source::Input,
        inputs: input.channels,
        outputs,
        groups,
        window,
        zero_point: 0,
        weights: Weights::Int8 { w },
        residual: None::<Residual>,
        output: Output::Raw,
    }
}
