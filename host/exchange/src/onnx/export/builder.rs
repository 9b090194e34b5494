//! The file while it is being written.

use std::collections::HashSet;

use cbp_nn::graph::Shape;

use super::QONNX;
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto, attribute_type, data_type};
use crate::order::Order;

/// A tensor of the file.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub name: String,
    /// `[batch, values]` instead of `[batch, channels, rows, columns]`.
    pub is_vector: bool,
}

/// A setting of a node.
pub(super) enum Setting<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [usize]),
    Text(&'a str),
}

/// Nodes and constants.
pub(super) struct Builder {
    pub(super) qonnx: bool,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    names: HashSet<String>,
}

impl Builder {
    pub(super) fn new(qonnx: bool) -> Self {
        let names = ["input", "logits"].map(str::to_owned).into();
        Self { qonnx, nodes: Vec::new(), constants: Vec::new(), names }
    }

    /// This name, or one like it that no tensor has.
    fn free(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 0;
        while !self.names.insert(free.clone()) {
            number += 1;
            free = format!("{name}_{number}");
        }
        free
    }

    /// Adds a node; gives the name of its output.
    pub(super) fn node(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&str],
        settings: &[(&str, Setting<'_>)],
    ) -> String {
        let output = self.free(&format!("{name}/output"));
        let domain = ["Quant", "BipolarQuant"].contains(&operator).then(|| QONNX.to_owned());
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.clone()],
            name: Some(name.to_owned()),
            op_type: Some(operator.to_owned()),
            attribute: settings.iter().map(|(name, setting)| attribute(name, setting)).collect(),
            domain,
        });
        output
    }

    /// Adds a constant of floats; gives its name.
    pub(super) fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        self.constant(
            name,
            dims,
            data_type::FLOAT,
            values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        )
    }

    /// Adds a constant of integers; gives its name.
    pub(super) fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, &[values.len()], data_type::INT64, bytes)
    }

    /// Adds a constant of any type; gives its name.
    pub(super) fn constant(&mut self, name: &str, dims: &[usize], kind: i32, bytes: Vec<u8>) -> String {
        let name = self.free(name);
        self.constants.push(TensorProto {
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: Some(kind),
            name: Some(name.clone()),
            raw_data: Some(bytes.into()),
            ..TensorProto::default()
        });
        name
    }

    /// A value of this shape as `[batch, values]`, in the file's order.
    pub(super) fn vector(&mut self, name: &str, value: &Value, shape: Shape) -> Value {
        if value.is_vector {
            return value.clone();
        }
        if shape.positions() == 1 {
            let axes = self.ints(&format!("{name}/axes"), &[2, 3]);
            let name = self.node(&format!("{name}/squeeze"), "Squeeze", &[&value.name, &axes], &[]);
            return Value { name, is_vector: true };
        }
        let name =
            self.node(&format!("{name}/flatten"), "Flatten", &[&value.name], &[("axis", Setting::Int(1))]);
        Value { name, is_vector: true }
    }

    /// A value as `[batch, channels, rows, columns]`.
    pub(super) fn image(&mut self, name: &str, value: &Value, order: &Order, shape: Shape) -> Value {
        if !value.is_vector {
            return value.clone();
        }
        let plain = self.plain(value, order);
        let target = [shape.channels, shape.height, shape.width].map(|size| size as i64);
        let target = self.ints(&format!("{name}/shape"), &[&[0][..], &target].concat());
        let name = self.node(&format!("{name}/image"), "Reshape", &[&plain.name, &target], &[]);
        Value { name, is_vector: false }
    }

    /// A vector in the order of this program.
    pub(super) fn plain(&mut self, value: &Value, order: &Order) -> Value {
        let Some(order) = order.as_deref().filter(|_| value.is_vector) else { return value.clone() };
        let mut places = vec![0; order.len()];
        for (foreign, &own) in order.iter().enumerate() {
            places[own] = foreign as i64;
        }
        let places = self.ints(&format!("{}/order", value.name), &places);
        let name = format!("{}/plain", value.name);
        let name = self.node(&name, "Gather", &[&value.name, &places], &[("axis", Setting::Int(1))]);
        Value { name, is_vector: true }
    }

    /// Gives a tensor that nothing reads yet another name.
    pub(super) fn rename_output(&mut self, from: &str, to: &str) {
        let all = self.nodes.iter_mut();
        for name in all.flat_map(|node| node.output.iter_mut().chain(&mut node.input)) {
            if name == from {
                to.clone_into(name);
            }
        }
    }

    pub(super) fn finish(self) -> (Vec<NodeProto>, Vec<TensorProto>) {
        (self.nodes, self.constants)
    }
}

fn attribute(name: &str, setting: &Setting<'_>) -> AttributeProto {
    let mut attribute = AttributeProto { name: Some(name.to_owned()), ..AttributeProto::default() };
    attribute.r#type = Some(match setting {
        Setting::Int(value) => {
            attribute.i = Some(*value);
            attribute_type::INT
        }
        Setting::Float(value) => {
            attribute.f = Some(*value);
            attribute_type::FLOAT
        }
        Setting::Ints(values) => {
            attribute.ints = values.iter().map(|&value| value as i64).collect();
            attribute_type::INTS
        }
        Setting::Text(text) => {
            attribute.s = Some(text.as_bytes().to_vec().into());
            attribute_type::STRING
        }
    });
    attribute
}
