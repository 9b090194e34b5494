//! Quantisers.

use cbp_nn::Parameters;
use cbp_nn::graph::Op;

use super::Context;
use super::builder::{Builder, Setting, Value};
use super::weighted::quant;
use crate::error::ExportError;
use crate::onnx::proto::data_type;

pub(super) fn write(
    builder: &mut Builder,
    node: &Context<'_>,
    parameters: &Parameters,
) -> Result<Value, ExportError> {
    let ([input], Op::Quantise { bits, signed }, Parameters::Range(range)) =
        (node.inputs, node.op, parameters)
    else {
        return Err(node.refuse("it lacks its parameters", "train it first"));
    };
    let (bits, signed, range) = (*bits, *signed, *range);
    let high = ((1_u32 << (bits - u32::from(signed))) - 1) as f32;
    let scale = range / high;
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(node.refuse(format!("its range is {range}"), "let it observe a batch first"));
    }
    let (name, value) = (node.name, &input.value);
    let same = |name: String| Ok(Value { name, is_vector: value.is_vector });
    let low = if signed { -high } else { 0.0 };
    let scale_name = builder.floats(&format!("{name}/scale"), &[], &[scale]);
    if builder.qonnx {
        return same(quant(builder, name, name, &value.name, &scale_name, (bits as f32, signed)));
    }
    if bits < 8 {
        let part = |part: &str| format!("{name}/{part}");
        let low = builder.floats(&part("min"), &[], &[low]);
        let high = builder.floats(&part("max"), &[], &[high]);
        let steps = builder.node(name, "Div", &[&value.name, &scale_name], &[]);
        let rounded = builder.node(&part("round"), "Round", &[&steps], &[]);
        let clipped = builder.node(&part("clip"), "Clip", &[&rounded, &low, &high], &[]);
        return same(builder.node(&part("scaled"), "Mul", &[&clipped, &scale_name], &[]));
    }
    let mut source = value.name.clone();
    let mut own = name.to_owned();
    let kind = if signed { data_type::INT8 } else { data_type::UINT8 };
    if signed {
        // The lowest code −128 is none of the quantiser's.
        let bounds = [("min", low * scale), ("max", high * scale)]
            .map(|(part, bound)| builder.floats(&format!("{name}/{part}"), &[], &[bound]));
        source = builder.node(name, "Clip", &[&source, &bounds[0], &bounds[1]], &[]);
        own = format!("{name}/quantise");
    }
    let zero = builder.constant(&format!("{name}/zero_point"), &[], kind, vec![0]);
    let codes =
        builder.node(&own, "QuantizeLinear", &[&source, &scale_name, &zero], &[("axis", Setting::Int(0))]);
    let back = format!("{name}/dequantise");
    same(builder.node(&back, "DequantizeLinear", &[&codes, &scale_name, &zero], &[("axis", Setting::Int(0))]))
}
