//! Nodes without weights that look at one value at a time, or move values.

use cbp_nn::graph::Op;

use super::builder::{Builder, Setting, Value};
use super::{Context, Operand};
use crate::error::ExportError;

pub(super) fn write(builder: &mut Builder, node: &Context<'_>) -> Result<Value, ExportError> {
    let [first, ..] = node.inputs else { return Err(node.refuse("it reads nothing", "give it an input")) };
    let value = &first.value;
    let same = |name: String| Ok(Value { name, is_vector: value.is_vector });
    match *node.op {
        Op::Clamp { low: 0.0, high: f32::INFINITY } => {
            same(builder.node(node.name, "Relu", &[&value.name], &[]))
        }
        Op::Clamp { low, high } => {
            let mut bound = |name: &str, bound: f32| {
                let is_bound = bound.is_finite() && bound > f32::MIN;
                if is_bound {
                    builder.floats(&format!("{}/{name}", node.name), &[], &[bound])
                } else {
                    String::new()
                }
            };
            let (low, high) = (bound("min", low), bound("max", high));
            let mut inputs = vec![value.name.as_str(), &low, &high];
            while inputs.last() == Some(&"") {
                inputs.pop();
            }
            same(builder.node(node.name, "Clip", &inputs, &[]))
        }
        Op::Dropout { probability } => {
            let ratio = builder.floats(&format!("{}/ratio", node.name), &[], &[probability]);
            same(builder.node(node.name, "Dropout", &[&value.name, &ratio], &[]))
        }
        Op::Flatten => {
            let settings = [("axis", Setting::Int(1))];
            let name = builder.node(node.name, "Flatten", &[&value.name], &settings);
            Ok(Value { name, is_vector: true })
        }
        Op::Add | Op::Concat => joined(builder, node),
        Op::Shortcut { stride, before, behind } => {
            let image = builder.image(node.name, value, &first.order, first.shape);
            Ok(shortcut(builder, node.name, &image, stride, [before, behind]))
        }
        _ => Err(node.refuse("it has no form in ONNX", "leave it out")),
    }
}

/// Add and Concat: of vectors if one of them is one.
fn joined(builder: &mut Builder, node: &Context<'_>) -> Result<Value, ExportError> {
    let is_vector = node.inputs.iter().any(|operand| operand.value.is_vector);
    if is_vector && node.inputs.iter().any(|operand| operand.shape.positions() > 1) {
        return Err(node.refuse("it joins vectors and images", "flatten the images before"));
    }
    let is_add = *node.op == Op::Add;
    let names: Vec<String> = node
        .inputs
        .iter()
        .map(|Operand { value, order, shape }| {
            let value = if is_vector { builder.vector(node.name, value, *shape) } else { value.clone() };
            // A sum of values in different orders is one in the order of this program.
            if is_add && node.order.is_none() { builder.plain(&value, order).name } else { value.name }
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let name = if is_add {
        builder.node(node.name, "Add", &names, &[])
    } else {
        builder.node(node.name, "Concat", &names, &[("axis", Setting::Int(1))])
    };
    Ok(Value { name, is_vector })
}

/// Slice, Pad.
fn shortcut(builder: &mut Builder, name: &str, image: &Value, stride: usize, pad: [usize; 2]) -> Value {
    let pads = pad != [0, 0];
    let mut value = image.name.clone();
    if stride > 1 || !pads {
        let own = if pads { format!("{name}/slice") } else { name.to_owned() };
        let mut ints = |part: &str, values: [i64; 2]| builder.ints(&format!("{name}/{part}"), &values);
        let (starts, ends) = (ints("starts", [0; 2]), ints("ends", [i64::MAX; 2]));
        let (axes, steps) = (ints("axes", [2, 3]), ints("steps", [stride as i64; 2]));
        value = builder.node(&own, "Slice", &[&value, &starts, &ends, &axes, &steps], &[]);
    }
    if pads {
        let [before, behind] = pad.map(|channels| channels as i64);
        let amounts = builder.ints(&format!("{name}/pads"), &[0, before, 0, 0, 0, behind, 0, 0]);
        value = builder.node(name, "Pad", &[&value, &amounts], &[("mode", Setting::Text("constant"))]);
    }
    Value { name: value, is_vector: false }
}
