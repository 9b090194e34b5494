//! The layers of a multi-layer perceptron, each with its forward and backward step.
//!
//! Between layers a batch is a matrix of features × images, feature after feature: everything a layer does to one
//! feature (a row of a product, batch statistics, rounding) is then contiguous and belongs to one task, whatever the
//! number of threads. Only the pixels of the input are stored image after image.

mod activation_quantiser;
mod batch_norm;
mod linear;
mod loss;
mod relu;

pub use activation_quantiser::ActivationQuantiser;
pub use batch_norm::BatchNorm;
pub use linear::Linear;
pub(crate) use loss::{predictions, softmax_cross_entropy};

use crate::gemm::Matrix;

/// Features per task in layers that work on one feature at a time.
const FEATURES_PER_TASK: usize = 32;

/// One layer of the network.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// Matrix product, with a bias where no batch normalisation follows.
    Linear(Linear),
    /// Batch normalisation per feature.
    BatchNorm(BatchNorm),
    /// max(x, 0); its derivative at 0 is 0.
    Relu,
    /// Rounding of activations to the device's 8-bit codes.
    Quantise(ActivationQuantiser),
}

/// dL/d(parameter) of one layer; empty where the layer has no such parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamGrad {
    /// Weights of a linear layer (outputs × inputs), or batch-norm's gamma (features).
    pub weight: Vec<f32>,
    /// Bias of a linear layer, or batch-norm's beta.
    pub bias: Vec<f32>,
}

impl Layer {
    /// Zeros of the shape of this layer's parameters.
    pub(crate) fn zero_grad(&self) -> ParamGrad {
        let (weight, bias) = match self {
            Self::Linear(linear) => (linear.weight.len(), linear.bias.as_ref().map_or(0, Vec::len)),
            Self::BatchNorm(norm) => (norm.gamma.len(), norm.beta.len()),
            Self::Relu | Self::Quantise(_) => (0, 0),
        };
        ParamGrad { weight: vec![0.0; weight], bias: vec![0.0; bias] }
    }

    /// Output features, given the input features.
    pub(crate) fn width(&self, inputs: usize) -> usize {
        match self {
            Self::Linear(linear) => linear.outputs,
            _ => inputs,
        }
    }

    /// Training forward: batch statistics, which also update running statistics and observed ranges.
    pub(crate) fn forward_train(&mut self, x: Matrix<'_>, y: &mut [f32], batch: usize) {
        match self {
            Self::BatchNorm(norm) => norm.forward_train(x.data(), y, batch),
            Self::Quantise(quantiser) => {
                quantiser.observe(x.data(), batch);
                quantiser.forward(x.data(), y, batch);
            }
            Self::Linear(_) | Self::Relu => self.forward(x, y, batch),
        }
    }

    /// Inference forward: nothing is updated.
    pub(crate) fn forward(&self, x: Matrix<'_>, y: &mut [f32], batch: usize) {
        match self {
            Self::Linear(linear) => linear.forward(x, y, batch),
            Self::BatchNorm(norm) => norm.forward(x.data(), y, batch),
            Self::Relu => relu::forward(x.data(), y, batch),
            Self::Quantise(quantiser) => quantiser.forward(x.data(), y, batch),
        }
    }

    /// From dL/dy to the parameters' gradients and, unless this is the first layer, to dL/dx.
    pub(crate) fn backward(
        &self,
        x: Matrix<'_>,
        dy: &[f32],
        batch: usize,
        grad: &mut ParamGrad,
        dx: Option<&mut [f32]>,
    ) {
        match (self, dx) {
            (Self::Linear(linear), dx) => linear.backward(x, dy, batch, grad, dx),
            (Self::BatchNorm(norm), Some(dx)) => norm.backward(x.data(), dy, batch, grad, dx),
            (Self::Relu, Some(dx)) => relu::backward(x.data(), dy, batch, dx),
            (Self::Quantise(quantiser), Some(dx)) => quantiser.backward(x.data(), dy, batch, dx),
            (_, None) => {}
        }
    }
}
