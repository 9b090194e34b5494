//! What quantisers of the file become in the network.

// Numbers are exact here; PyTorch and others are names; a test may panic.
#![allow(clippy::float_cmp, clippy::doc_markdown, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_exchange::onnx::proto::{AttributeProto, NodeProto, TensorProto, data_type};
use cbp_exchange::{Imported, WeightGrid};
use cbp_nn::graph::Op;
use cbp_nn::{Parameters, WeightSet};
use common::messages::{floats, int, node, read, text};

fn ops(imported: &Imported) -> Vec<Op> {
    imported.model.graph().nodes().iter().map(|node| node.op.clone()).collect()
}

fn import(input: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Imported {
    read(input, nodes, constants).unwrap_or_else(|cause| panic!("{cause}"))
}

fn weights(imported: &Imported, index: usize) -> (&[f32], Option<&[f32]>) {
    match &imported.model.parameters()[index] {
        Parameters::Weights { weight, bias } => (weight, bias.as_deref()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn quantised_weights() {
    let nodes = vec![
        node("Quant", &["conv.weight", "s", "zero", "bits"], "qw", vec![int("signed", 1), int("narrow", 1)]),
        node("Conv", &["x", "qw"], "c", vec![]),
        node("Flatten", &["c"], "f", vec![]),
        node("BipolarQuant", &["fc.weight", "a"], "bw", vec![]),
        node("Transpose", &["bw"], "tw", vec![]),
        node("MatMul", &["f", "tw"], "y", vec![]),
    ];
    let constants = vec![
        floats("conv.weight", &[2, 1, 1, 2], &[0.3, -0.9, 0.26, 0.1]),
        floats("s", &[2, 1, 1, 1], &[0.5, 0.25]),
        floats("zero", &[], &[0.0]),
        floats("bits", &[], &[2.0]),
        floats("fc.weight", &[1, 2], &[-0.2, 0.0]),
        floats("a", &[], &[0.125]),
    ];
    let imported = import(&[0, 1, 1, 2], nodes, constants);
    assert_eq!(weights(&imported, 0).0, [0.5, -0.5, 0.25, 0.0]);
    assert_eq!(weights(&imported, 2).0, [-0.125, 0.125]);
    let grid =
        |node: &str, bits, scales| WeightGrid { node: node.into(), bits, signed: true, narrow: true, scales };
    assert_eq!(imported.grids, [grid("conv", 2, vec![0.5, 0.25]), grid("fc", 1, vec![0.125])]);
    let sets: Vec<_> = imported.sets.iter().map(|set| (set.node.as_str(), set.set)).collect();
    assert_eq!(sets, [("conv", WeightSet::OneBitShift), ("fc", WeightSet::Binary)]);
}

/// A quantiser of activations, behind Relu or not.
fn quantiser(relu: bool, settings: Vec<AttributeProto>, zero: f32, bits: f32) -> Result<Imported, String> {
    let mut nodes = vec![node("Quant", &["r", "s", "zero", "bits"], "y", settings)];
    nodes.insert(0, node(if relu { "Relu" } else { "Identity" }, &["x"], "r", vec![]));
    let constants =
        vec![floats("s", &[], &[0.5]), floats("zero", &[], &[zero]), floats("bits", &[], &[bits])];
    read(&[0, 1, 2, 2], nodes, constants).map_err(|cause| cause.to_string())
}

#[test]
fn quantised_activations() {
    let (signed, unsigned) = (|| int("signed", 1), || int("signed", 0));
    for (relu, settings, zero, bits, expected, range) in [
        (false, vec![unsigned()], 0.0, 8.0, (8, false), 127.5),
        (false, vec![signed(), int("narrow", 1)], 0.0, 4.0, (4, true), 3.5),
        (true, vec![signed()], 0.0, 4.0, (3, false), 3.5),
        (false, vec![signed()], -8.0, 4.0, (4, false), 7.5),
    ] {
        let imported = quantiser(relu, settings, zero, bits).unwrap();
        let (bits, signed) = expected;
        assert_eq!(ops(&imported).last(), Some(&Op::Quantise { bits, signed }));
        assert_eq!(imported.model.parameters().last(), Some(&Parameters::Range(range)));
    }
    for (settings, zero, bits, reason) in [
        (vec![signed()], 0.0, 4.0, "its codes are -8 to 7 around that of 0"),
        (vec![unsigned()], 3.0, 4.0, "its codes are -3 to 12 around that of 0"),
        (vec![unsigned(), text("rounding_mode", "FLOOR")], 0.0, 4.0, "its rounding mode is FLOOR"),
        (vec![unsigned()], 0.0, 9.0, "its codes are 0 to 511 around that of 0"),
        (vec![unsigned()], 0.0, 2.5, "its bit width is 2.5"),
    ] {
        let message = quantiser(false, settings, zero, bits).unwrap_err();
        assert!(message.starts_with(&format!("node Quant_y: Quant: {reason}; use ")), "{message}");
    }
}

#[test]
fn integers_with_a_scale() {
    let byte = |name: &str, kind, values: &[i32]| TensorProto {
        dims: vec![values.len() as i64],
        data_type: Some(kind),
        int32_data: values.to_vec(),
        name: Some(name.into()),
        ..TensorProto::default()
    };
    let zero = |kind, value| TensorProto { dims: vec![], ..byte("zero", kind, &[value]) };
    let around = |kind, value| {
        let nodes = vec![
            node("QuantizeLinear", &["x", "s", "zero"], "q", vec![]),
            node("DequantizeLinear", &["q", "s", "zero"], "d", vec![]),
            node("DequantizeLinear", &["codes", "s"], "w", vec![]),
            node("Conv", &["d", "w"], "y", vec![]),
        ];
        let codes = TensorProto { dims: vec![2, 1, 1, 1], ..byte("codes", data_type::INT8, &[3, -4]) };
        read(&[0, 1, 1, 1], nodes, vec![floats("s", &[], &[0.5]), zero(kind, value), codes])
    };
    for (kind, value) in [(data_type::UINT8, 0), (data_type::INT8, -128)] {
        let imported = around(kind, value).unwrap();
        assert_eq!(ops(&imported)[0], Op::Quantise { bits: 8, signed: false });
        assert_eq!(imported.model.parameters()[0], Parameters::Range(127.5));
        assert_eq!(weights(&imported, 1).0, [1.5, -2.0]);
        assert_eq!((imported.grids[0].bits, imported.grids[0].narrow), (8, true));
    }
    for (kind, value, reason) in [
        (data_type::INT8, 0, "its codes are -128 to 127 around that of 0"),
        (data_type::UINT8, 7, "its codes are -7 to 248 around that of 0"),
    ] {
        let message = around(kind, value).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("node QuantizeLinear_q: QuantizeLinear: {reason}; ")),
            "{message}"
        );
    }
}
