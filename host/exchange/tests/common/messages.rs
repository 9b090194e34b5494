//! Small ONNX files, written message by message.

use cbp_exchange::onnx::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, data_type,
};
use cbp_exchange::{ImportCause, ImportOptions, Imported, import_content};
use prost::Message;

/// A size of the input: a number, or one that is left open.
pub fn dims(sizes: &[i64]) -> Vec<DimensionProto> {
    let open = |size: &i64| match size {
        0 => DimensionProto { dim_value: None, dim_param: Some("n".into()) },
        size => DimensionProto { dim_value: Some(*size), dim_param: None },
    };
    sizes.iter().map(open).collect()
}

/// A named input or output.
pub fn value(name: &str, sizes: &[i64]) -> ValueInfoProto {
    let shape = Some(TensorShapeProto { dim: dims(sizes) });
    let tensor = TensorTypeProto { elem_type: Some(data_type::FLOAT), shape };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

/// A node; its name is the operator and the output.
pub fn node(operator: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    let text = |text: &&str| (*text).to_owned();
    NodeProto {
        input: inputs.iter().map(text).collect(),
        output: vec![output.into()],
        name: Some(format!("{operator}_{output}")),
        op_type: Some(operator.into()),
        attribute: attributes,
        domain: ["Quant", "BipolarQuant"].contains(&operator).then(|| "qonnx.custom_op.general".into()),
    }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(i), ..AttributeProto::default() }
}

pub fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(f), ..AttributeProto::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), ..AttributeProto::default() }
}

pub fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        s: Some(s.as_bytes().to_vec().into()),
        ..AttributeProto::default()
    }
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(data_type::FLOAT),
        float_data: values.to_vec(),
        name: Some(name.into()),
        ..TensorProto::default()
    }
}

pub fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        dims: vec![values.len() as i64],
        data_type: Some(data_type::INT64),
        int64_data: values.to_vec(),
        name: Some(name.into()),
        ..TensorProto::default()
    }
}

/// A file with input `x` of these sizes and output `y`.
pub fn model(input: &[i64], nodes: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        producer_name: None,
        producer_version: None,
        graph: Some(GraphProto {
            node: nodes,
            name: Some("small".into()),
            initializer,
            input: vec![value("x", input)],
            output: vec![value("y", &[0, 1])],
        }),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        metadata_props: Vec::new(),
    }
}

/// Imports a file.
pub fn import(model: &ModelProto) -> Result<Imported, ImportCause> {
    import_content(model.encode_to_vec(), &ImportOptions::default())
}

/// Imports a file of the parts of [`model`].
pub fn read(
    input: &[i64],
    nodes: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
) -> Result<Imported, ImportCause> {
    import(&model(input, nodes, initializer))
}
