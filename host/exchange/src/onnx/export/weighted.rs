//! Nodes with parameters.

use cbp_nn::graph::{Op, WeightShape};
use cbp_nn::{Parameters, WeightSet};

use super::Context;
use super::builder::{Builder, Setting, Value};
use crate::error::ExportError;
use crate::order::planar;
use crate::{layout, sets};

pub(super) fn write(
    builder: &mut Builder,
    node: &Context<'_>,
    parameters: &Parameters,
) -> Result<Value, ExportError> {
    let [input] = node.inputs else { return Err(node.refuse("it reads nothing", "give it an input")) };
    match (node.op, parameters) {
        (Op::Linear { inputs, outputs, .. }, Parameters::Weights { weight, bias }) => {
            let value = builder.vector(node.name, &input.value, input.shape);
            let order = input.order.clone().or_else(|| planar(input.shape));
            let weight = match order {
                Some(order) => layout::to_foreign(weight, &order),
                None => weight.clone(),
            };
            let weight = constrained(builder, node, &weight, &[*outputs, *inputs]);
            let mut names = vec![value.name, weight];
            names.extend(
                bias.as_ref().map(|bias| builder.floats(&format!("{}.bias", node.name), &[*outputs], bias)),
            );
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let name = builder.node(node.name, "Gemm", &names, &[("transB", Setting::Int(1))]);
            Ok(Value { name, is_vector: true })
        }
        (Op::Convolution { inputs, outputs, groups, window, .. }, Parameters::Weights { weight, bias }) => {
            let image = builder.image(node.name, &input.value, &input.order, input.shape);
            let inputs = inputs / groups;
            let shape = WeightShape {
                outputs: *outputs,
                kernel: window.kernel,
                inputs,
                groups: *groups,
                bias: bias.is_some(),
            };
            let [rows, columns] = window.kernel;
            let weight = layout::to_oihw(weight, shape);
            let weight = constrained(builder, node, &weight, &[*outputs, inputs, rows, columns]);
            let mut names = vec![image.name, weight];
            names.extend(
                bias.as_ref().map(|bias| builder.floats(&format!("{}.bias", node.name), &[*outputs], bias)),
            );
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let settings = [
                ("dilations", Setting::Ints(&window.dilation)),
                ("group", Setting::Int(*groups as i64)),
                ("kernel_shape", Setting::Ints(&window.kernel)),
                ("pads", Setting::Ints(&[window.before, window.behind].concat())),
                ("strides", Setting::Ints(&window.stride)),
            ];
            let name = builder.node(node.name, "Conv", &names, &settings);
            Ok(Value { name, is_vector: false })
        }
        (Op::BatchNorm { channels, eps, momentum }, Parameters::BatchNorm { gamma, beta, mean, var }) => {
            let mut names = vec![input.value.name.clone()];
            for (part, values) in
                [("weight", gamma), ("bias", beta), ("running_mean", mean), ("running_var", var)]
            {
                let values = match &input.order {
                    Some(order) => layout::to_foreign(values, order),
                    None => values.clone(),
                };
                names.push(builder.floats(&format!("{}.{part}", node.name), &[*channels], &values));
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let momentum = (1.0 - f64::from(*momentum)) as f32;
            let settings = [("epsilon", Setting::Float(*eps)), ("momentum", Setting::Float(momentum))];
            let name = builder.node(node.name, "BatchNormalization", &names, &settings);
            Ok(Value { name, is_vector: input.value.is_vector })
        }
        _ => Err(node.refuse("it lacks its parameters", "train it first")),
    }
}

/// Adds weights of these sizes; in QONNX form through a quantiser if they are on a set.
fn constrained(builder: &mut Builder, node: &Context<'_>, weight: &[f32], dims: &[usize]) -> String {
    let name = builder.floats(&format!("{}.weight", node.name), dims, weight);
    if !builder.qonnx {
        return name;
    }
    let shape = WeightShape {
        outputs: dims[0],
        kernel: [1, 1],
        inputs: dims[1..].iter().product(),
        groups: 1,
        bias: false,
    };
    let Some((set, mut scales)) = sets::recognise(weight, shape) else { return name };
    let step = (1_u32 << set.max_shift()) as f32;
    for scale in &mut scales {
        *scale /= step;
    }
    let of_scales =
        if scales.len() == 1 { vec![] } else { [&[scales.len()][..], &vec![1; dims.len() - 1]].concat() };
    let scale = builder.floats(&format!("{}/scale", node.name), &of_scales, &scales);
    let own = format!("{}/quantiser", node.name);
    if set == WeightSet::Binary {
        return builder.node(&own, "BipolarQuant", &[&name, &scale], &[]);
    }
    let bits = match set {
        WeightSet::Binary | WeightSet::Ternary => 2.0,
        WeightSet::OneBitShift => 3.0,
        WeightSet::TwoBitShift => 4.0,
    };
    quant(builder, &own, node.name, &name, &scale, (bits, true))
}

/// Adds a Quant of `(bits, signed)`, narrow if signed; gives the name of its output.
pub(super) fn quant(
    builder: &mut Builder,
    name: &str,
    base: &str,
    value: &str,
    scale: &str,
    (bits, signed): (f32, bool),
) -> String {
    let zero = builder.floats(&format!("{base}/zero_point"), &[], &[0.0]);
    let bits = builder.floats(&format!("{base}/bits"), &[], &[bits]);
    let settings = [
        ("signed", Setting::Int(signed.into())),
        ("narrow", Setting::Int(signed.into())),
        ("rounding_mode", Setting::Text("ROUND")),
    ];
    builder.node(name, "Quant", &[value, scale, &zero, &bits], &settings)
}
