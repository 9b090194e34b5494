//! From a model to the messages of a file.
//!
//! - [`builder`]: nodes, constants and names of the file so far
//! - [`pool`], [`pointwise`]: nodes without weights; [`weighted`]: nodes with weights; [`quantise`]: quantisers

mod builder;
mod pointwise;
mod pool;
mod quantise;
mod weighted;

use cbp_nn::Model;
use cbp_nn::data::Preprocess;
use cbp_nn::graph::{Op, Shape, Source};

use self::builder::{Builder, Value};
use super::proto::{
    DimensionProto, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, data_type,
};
use crate::error::ExportError;
use crate::metadata::{self, PREPROCESS};
use crate::order::{self, Order};

/// Version of ONNX's operators.
const OPSET: i64 = 17;
/// Version of the file format that belongs to it.
const IR_VERSION: i64 = 8;
/// Domain of QONNX's operators.
const QONNX: &str = "qonnx.custom_op.general";

/// How to write a model. What nodes become:
///
/// | node | ONNX |
/// |---|---|
/// | linear | Gemm, behind Flatten |
/// | convolution | Conv |
/// | batch norm | BatchNormalization |
/// | clamp | Relu or Clip |
/// | max pool, average pool | MaxPool, AveragePool with explicit pads; Pad before it where these are as wide as the kernel |
/// | adaptive average pool | GlobalAveragePool, or AveragePool if the sizes divide evenly |
/// | add, concat, flatten, dropout | Add, Concat, Flatten, Dropout |
/// | shortcut | Slice, Pad |
/// | quantise, 8 bits | QuantizeLinear and DequantizeLinear; signed: behind a Clip to ±range |
/// | quantise, fewer bits | Div, Round, Clip, Mul |
///
/// In QONNX form a quantiser is a Quant, and weights on a set come from a quantiser of constants:
///
/// | set | QONNX |
/// |---|---|
/// | binary, scale a | BipolarQuant, scale a |
/// | ternary | Quant, 2 bits, signed, narrow, scale a |
/// | one-bit shift | Quant, 3 bits, signed, narrow, scale a / 2: codes 0, ±1, ±2 |
/// | two-bit shift | Quant, 4 bits, signed, narrow, scale a / 4: codes 0, ±1, ±2, ±4 |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportOptions {
    /// Whether to use QONNX's operators. ONNX Runtime does not run these.
    pub qonnx: bool,
    /// What happens to images before the network reads them; it goes into the metadata.
    pub preprocess: Option<Preprocess>,
}

/// Writes a model.
pub(super) fn export(model: &Model, options: &ExportOptions) -> Result<ModelProto, ExportError> {
    let graph = model.graph();
    let orders = order::of_outputs(graph);
    let mut builder = Builder::new(options.qonnx);
    let input = graph.input();
    let mut values: Vec<Value> = Vec::with_capacity(graph.nodes().len());
    for (index, node) in graph.nodes().iter().enumerate() {
        let inputs: Vec<Operand> = node
            .inputs
            .iter()
            .map(|&source| match source {
                Source::Input => Operand {
                    value: Value { name: "input".to_owned(), is_vector: input.positions() == 1 },
                    order: None,
                    shape: input,
                },
                Source::Layer(of) => Operand {
                    value: values[of].clone(),
                    order: orders[of].clone(),
                    shape: graph.shapes()[of],
                },
            })
            .collect();
        let context = Context { name: &node.name, op: &node.op, inputs: &inputs, order: &orders[index] };
        let value = match &node.op {
            Op::Linear { .. } | Op::Convolution { .. } | Op::BatchNorm { .. } => {
                weighted::write(&mut builder, &context, &model.parameters()[index])?
            }
            Op::Quantise { .. } => quantise::write(&mut builder, &context, &model.parameters()[index])?,
            Op::MaxPool { .. } | Op::AveragePool { .. } | Op::AdaptiveAveragePool { .. } => {
                pool::write(&mut builder, &context)?
            }
            _ => pointwise::write(&mut builder, &context)?,
        };
        values.push(value);
    }
    if let (Some(value), Some(order)) = (values.last().cloned(), orders.last()) {
        let plain = builder.plain(&value, order);
        builder.rename_output(&plain.name, "logits");
    }
    let output = (graph.output(), values.last().is_some_and(|value| value.is_vector));
    let mut file = file(graph.name(), builder, (input, input.positions() == 1), output);
    if let Some(preprocess) = &options.preprocess {
        let (key, value) = (Some(PREPROCESS.to_owned()), Some(metadata::write(preprocess)?));
        file.metadata_props.push(StringStringEntryProto { key, value });
    }
    Ok(file)
}

/// What a node reads.
struct Operand {
    value: Value,
    order: Order,
    shape: Shape,
}

/// A node of the model.
struct Context<'a> {
    name: &'a str,
    op: &'a Op,
    inputs: &'a [Operand],
    /// The file's order of its output.
    order: &'a Order,
}

impl Context<'_> {
    fn refuse(&self, reason: impl Into<String>, remedy: &'static str) -> ExportError {
        ExportError::Unsupported {
            node: self.name.to_owned(),
            op: self.op.name(),
            reason: reason.into(),
            remedy,
        }
    }
}

fn file(name: &str, builder: Builder, input: (Shape, bool), output: (Shape, bool)) -> ModelProto {
    let (node, initializer) = builder.finish();
    let uses_qonnx = node.iter().any(|node| node.domain.as_deref() == Some(QONNX));
    let set = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.to_owned()),
        version: Some(version),
    };
    let mut opset_import = vec![set("", OPSET)];
    if uses_qonnx {
        opset_import.push(set(QONNX, 1));
    }
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some(env!("CARGO_PKG_NAME").to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(GraphProto {
            node,
            name: Some(name.to_owned()),
            initializer,
            input: vec![value_info("input", input.0, input.1)],
            output: vec![value_info("logits", output.0, output.1)],
        }),
        opset_import,
        metadata_props: Vec::new(),
    }
}

/// An input or output whose batch is left open.
fn value_info(name: &str, shape: Shape, is_vector: bool) -> ValueInfoProto {
    let batch = DimensionProto { dim_param: Some("n".to_owned()), dim_value: None };
    let sizes =
        if is_vector { vec![shape.values()] } else { vec![shape.channels, shape.height, shape.width] };
    let sizes =
        sizes.into_iter().map(|size| DimensionProto { dim_value: Some(size as i64), dim_param: None });
    let shape = TensorShapeProto { dim: std::iter::once(batch).chain(sizes).collect() };
    let tensor = TensorTypeProto { elem_type: Some(data_type::FLOAT), shape: Some(shape) };
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}
