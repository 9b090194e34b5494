//! Operations on activations, one file per kind.
//!
//! - [`weighted`]: convolutions and linear layers; [`window`]: kernels, strides, paddings
//! - [`norm`]: batch norm, ReLU, clip, dropout, and what has no effect
//! - [`pool`]: pools and means
//! - [`join`]: sums and concatenations of activations
//! - [`affine`]: factors and summands per channel, picked channels
//! - [`arrange`]: flatten, reshape, transpose
//! - [`slice_pad`]: slices and paddings
//! - [`quantise`]: rounding of activations

mod affine;
mod arrange;
mod join;
mod norm;
mod pool;
mod quantise;
mod slice_pad;
mod weighted;
mod window;

pub(super) use quantise::QuantRange;

use super::Importer;
use super::step::Step;
use crate::error::ImportCause;

/// Domains of ONNX's own operators.
const OWN: [&str; 2] = ["", "ai.onnx"];
/// Domains in which QONNX's quantisers were written over time.
const QONNX: [&str; 3] = ["qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"];

impl<'a> Importer<'a> {
    /// Reads a node that depends on the network's input.
    pub(super) fn compute(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let domain = step.proto.domain.as_deref().unwrap_or_default();
        let operator = step.operator();
        if QONNX.contains(&domain) {
            return match operator {
                "Quant" | "IntQuant" => self.quant(step),
                "BipolarQuant" => {
                    Err(step.refuse("activations of one bit", "use Quant with 2 to 8 bits for activations"))
                }
                _ => Err(step.refuse(
                    "this QONNX operation has no counterpart",
                    "use Quant, or BipolarQuant on weights",
                )),
            };
        }
        if !OWN.contains(&domain) {
            let reason = format!("operators of {domain} are not known");
            return Err(step.refuse(reason, "use operators of ONNX or QONNX"));
        }
        match operator {
            "Conv" => self.convolution(step),
            "Gemm" => self.gemm(step),
            "MatMul" => self.matmul(step),
            "BatchNormalization" => self.batch_norm(step),
            "Relu" => self.relu(step),
            "Clip" => self.clip(step),
            "Dropout" => self.dropout(step),
            "Identity" => self.identity(step),
            "Cast" => self.cast(step),
            "Softmax" | "LogSoftmax" => self.softmax(step),
            "MaxPool" => self.max_pool(step),
            "AveragePool" => self.average_pool(step),
            "GlobalAveragePool" => self.global_average(step),
            "GlobalMaxPool" => self.global_max(step),
            "ReduceMean" => self.reduce_mean(step),
            "Add" | "Sum" | "Sub" | "Mul" | "Div" => self.pointwise(step),
            "Concat" => self.concat(step),
            "Flatten" => self.flatten(step),
            "Reshape" => self.reshape(step),
            "Squeeze" => self.squeeze(step),
            "Unsqueeze" => self.unsqueeze(step),
            "Transpose" => self.transpose(step),
            "Slice" => self.slice(step),
            "Gather" => self.gather(step),
            "Pad" => self.pad(step),
            "QuantizeLinear" => self.quantize_linear(step),
            _ => Err(step.refuse("it has no counterpart", nearest(operator))),
        }
    }
}

/// The nearest form of an operator that has no counterpart.
fn nearest(operator: &str) -> &'static str {
    match operator {
        "LeakyRelu" | "PRelu" | "Elu" | "Selu" | "Celu" | "Gelu" | "HardSwish" | "HardSigmoid"
        | "Sigmoid" | "Tanh" | "Softplus" | "Mish" | "Swish" | "Erf" | "ThresholdedRelu" | "Max" | "Min" => {
            "use Relu or Clip"
        }
        "LRN"
        | "InstanceNormalization"
        | "LayerNormalization"
        | "GroupNormalization"
        | "LpNormalization"
        | "MeanVarianceNormalization" => "use BatchNormalization",
        "ConvTranspose" | "DeformConv" | "ConvInteger" | "QLinearConv" => "use Conv",
        "MatMulInteger" | "QLinearMatMul" | "Einsum" => "use Gemm with constant weights",
        "LpPool" | "GlobalLpPool" | "ReduceMax" | "ReduceSum" => {
            "use MaxPool, AveragePool or ReduceMean over rows and columns"
        }
        "Resize" | "Upsample" | "DepthToSpace" | "SpaceToDepth" => "use Conv with a stride",
        "LSTM" | "GRU" | "RNN" | "Loop" | "Scan" | "If" | "Attention" => {
            "use a network of convolutions and linear layers"
        }
        "DequantizeLinear" => "put it directly behind QuantizeLinear",
        "MultiThreshold" => "export before the conversion to thresholds, with Quant nodes",
        _ => "use convolutions, linear layers, batch norm, Relu, Clip, pools, Add and Concat",
    }
}
