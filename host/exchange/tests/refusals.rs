//! What cannot be imported is refused with its place, the reason and a remedy.

// Numbers are exact here; PyTorch and others are names; a test may panic.
#![allow(clippy::float_cmp, clippy::doc_markdown, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_exchange::onnx::proto::{ModelProto, NodeProto, StringStringEntryProto, TensorProto};
use cbp_exchange::{ImportCause, ImportOptions, import_content};
use common::messages::{dims, float, floats, import, int, integers, ints, model, node, read, text, value};

fn message(result: Result<cbp_exchange::Imported, ImportCause>) -> String {
    result.map(|imported| imported.model).unwrap_err().to_string()
}

fn check(found: &str, expected: &str) {
    assert!(found.starts_with(expected), "{found}\nexpected: {expected}");
    assert!(found.contains("; ") && !found.contains('\n'), "{found}");
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn operations() {
    let w = || vec![floats("w", &[1, 2, 1, 1], &[1.0, 2.0])];
    let two = |name: &str| ints(name, &[2, 2]);
    let cases: Vec<(NodeProto, Vec<TensorProto>, &str)> = vec![
        (
            node("Sigmoid", &["x"], "y", vec![]),
            vec![],
            "node Sigmoid_y: Sigmoid: it has no counterpart; use Relu or Clip",
        ),
        (
            node("LRN", &["x"], "y", vec![]),
            vec![],
            "node LRN_y: LRN: it has no counterpart; use BatchNormalization",
        ),
        (
            node("Conv", &["x", "w"], "y", vec![text("auto_pad", "ODD")]),
            w(),
            "node Conv_y: Conv: auto_pad is ODD; give",
        ),
        (
            node("Conv", &["x", "w"], "y", vec![ints("pads", &[1, 1])]),
            w(),
            "node Conv_y: Conv: pads are [1, 1]; use",
        ),
        (
            node("Conv", &["x", "w"], "y", vec![ints("pads", &[-1, 0, 0, 0])]),
            w(),
            "node Conv_y: Conv: pads has the value -1",
        ),
        (
            node("Conv", &["x", "w"], "y", vec![int("group", 2)]),
            w(),
            "node Conv_y: Conv: its weights are for 2 channels in each of 2 groups, its input has 2; ",
        ),
        (
            node("Conv", &["x", "w"], "y", vec![two("strides")]),
            vec![floats("w", &[1, 2, 9, 9], &[0.0; 162])],
            "node Conv_y: Conv: its kernel [9, 9] does not fit an image of [4, 4]; ",
        ),
        (
            node("Conv", &["x", "w"], "y", vec![]),
            vec![floats("w", &[1, 2, 1], &[0.0; 2])],
            "node Conv_y: Conv: its weights have the shape [1, 2, 1]; use a two-",
        ),
        (
            node("Conv", &["x", "x"], "y", vec![]),
            vec![],
            "node Conv_y: Conv: its input 1 is computed by the network; ",
        ),
        (
            node("Conv", &["x", "gone"], "y", vec![]),
            vec![],
            "node Conv_y: Conv: it reads gone, which nothing before it gives; ",
        ),
        (
            node("Gemm", &["x", "w"], "y", vec![]),
            vec![floats("w", &[2, 1], &[0.0; 2])],
            "node Gemm_y: Gemm: its input has 4 axes; flatten",
        ),
        (
            node("Mul", &["x", "x"], "y", vec![]),
            vec![],
            "node Mul_y: Mul: both of its inputs are computed by the network; ",
        ),
        (
            node("Div", &["c", "x"], "y", vec![]),
            vec![floats("c", &[], &[1.0])],
            "node Div_y: Div: it divides by what the network computes; ",
        ),
        (
            node("Add", &["x", "c"], "y", vec![]),
            vec![floats("c", &[4, 4], &[1.0; 16])],
            "node Add_y: Add: its constant of shape [4, 4] is not one value per channel; ",
        ),
        (
            node("Concat", &["x", "x"], "y", vec![int("axis", 2)]),
            vec![],
            "node Concat_y: Concat: it joins along axis 2; join along the channels",
        ),
        (
            node("Flatten", &["x"], "y", vec![int("axis", 2)]),
            vec![],
            "node Flatten_y: Flatten: its axis is 2; use axis 1",
        ),
        (
            node("Reshape", &["x", "s"], "y", vec![]),
            vec![integers("s", &[-1, 8])],
            "node Reshape_y: Reshape: [1, 2, 4, 4] to [-1, 8]; reshape to",
        ),
        (
            node("ReduceMean", &["x"], "y", vec![ints("axes", &[1])]),
            vec![],
            "node ReduceMean_y: ReduceMean: it is over the axes [1]; take",
        ),
        (
            node("Softmax", &["x"], "y", vec![]),
            vec![],
            "node Softmax_y: Softmax: it is not the last operation on [batch, values]; ",
        ),
        (
            node("Transpose", &["x"], "y", vec![ints("perm", &[1, 0, 2, 3])]),
            vec![],
            "node Transpose_y: Transpose: it turns the axes to [1, 0, 2, 3]; ",
        ),
        (
            node("Transpose", &["x"], "y", vec![ints("perm", &[0, 2, 3, 1])]),
            vec![],
            "its output y is arranged in another way than any node gives it; ",
        ),
        (
            node("Slice", &["x", "s", "e", "a"], "y", vec![]),
            vec![integers("s", &[1]), integers("e", &[9]), integers("a", &[2])],
            "node Slice_y: Slice: 1 to 4 in steps of 1 of axis 2; slice channels",
        ),
        (
            node("Pad", &["x", "p"], "y", vec![text("mode", "reflect")]),
            vec![integers("p", &[0; 8])],
            "node Pad_y: Pad: its mode is reflect; pad with a constant",
        ),
        (
            node("Cast", &["x"], "y", vec![int("to", 7)]),
            vec![],
            "node Cast_y: Cast: it makes integers of activations; ",
        ),
        (
            node("BipolarQuant", &["x", "s"], "y", vec![]),
            vec![floats("s", &[], &[1.0])],
            "node BipolarQuant_y: BipolarQuant: activations of one bit; ",
        ),
        (
            node(
                "AveragePool",
                &["x"],
                "y",
                vec![
                    ints("kernel_shape", &[3, 3]),
                    two("strides"),
                    ints("pads", &[1, 1, 1, 1]),
                    int("ceil_mode", 1),
                    int("count_include_pad", 1),
                ],
            ),
            vec![],
            "node AveragePool_y: AveragePool: ceil_mode adds rows or columns whose padding counts only in part; ",
        ),
        (
            node("Clip", &["x"], "y", vec![float("min", 2.0), float("max", 1.0)]),
            vec![],
            "node Clip_y: clamp: its bounds are 2 and 1",
        ),
    ];
    for (node, constants, expected) in cases {
        let found = message(read(&[0, 2, 4, 4], vec![node], constants));
        assert!(found.starts_with(expected), "{found}\nexpected: {expected}");
        assert!(!found.contains('\n'), "{found}");
    }
    let mut foreign = node("Relu", &["x"], "y", vec![]);
    foreign.domain = Some("com.example".into());
    let found = message(read(&[0, 2, 4, 4], vec![foreign], vec![]));
    check(
        &found,
        "node Relu_y: Relu: operators of com.example are not known; use operators of ONNX or QONNX",
    );
}

fn relu(change: impl FnOnce(&mut ModelProto)) -> String {
    let mut file = model(&[0, 1, 2, 2], vec![node("Relu", &["x"], "y", vec![])], vec![]);
    change(&mut file);
    message(import(&file))
}

#[test]
fn models() {
    let graph = |file: &mut ModelProto, change: &dyn Fn(&mut cbp_exchange::onnx::proto::GraphProto)| {
        change(file.graph.as_mut().unwrap());
    };
    check(
        &relu(|file| file.opset_import[0].version = Some(6)),
        "is written for operator set 6, older than 7; export it",
    );
    check(&relu(|file| file.graph = None), "is no network that can be read; name an ONNX");
    check(
        &relu(|file| graph(file, &|graph| graph.output.push(value("z", &[0])))),
        "has several outputs (y, z); export it with one output",
    );
    check(
        &relu(|file| graph(file, &|graph| graph.input.push(value("z", &[0])))),
        "has 2 inputs (x, z); export it with images as its only input",
    );
    for (sizes, expected) in [
        (&[0, 1, 0, 2][..], "input x: the size of axis 2 is left open (n); export it for images of one size"),
        (&[0, 1, 70000, 2], "input x: size 70000 of axis 2; export it for smaller images"),
        (&[0, 60000, 60000, 2], "input x: an image of 60000×2×60000; export it for smaller images"),
        (&[0, 2, 2], "input x: an image has 2 axes, not 3 or 1; export it with input [batch, channels"),
        (&[], "input x: its shape is not known; export it with input"),
    ] {
        let change = |file: &mut ModelProto| {
            let kind = file.graph.as_mut().unwrap().input[0].r#type.as_mut().unwrap();
            kind.tensor_type.as_mut().unwrap().shape.as_mut().unwrap().dim = dims(sizes);
        };
        check(&relu(change), expected);
    }
    let external = TensorProto {
        external_data: vec![StringStringEntryProto {
            key: Some("location".into()),
            value: Some("w.bin".into()),
        }],
        ..floats("w", &[1], &[])
    };
    check(
        &message(read(&[0, 2], vec![node("Relu", &["x"], "y", vec![])], vec![external])),
        "tensor w: its values are in another file; save the model as one file",
    );
    let constant = vec![node("Identity", &["c"], "y", vec![])];
    check(
        &message(read(&[0, 2], constant, vec![floats("c", &[1], &[1.0])])),
        "its output y does not depend on its input; ",
    );
}

#[test]
fn numbers_that_are_none() {
    let conv = |values: [f32; 2], bias: f32| {
        let nodes = vec![node("Conv", &["x", "c.weight", "c.bias"], "y", vec![])];
        read(
            &[0, 2, 2, 2],
            nodes,
            vec![floats("c.weight", &[1, 2, 1, 1], &values), floats("c.bias", &[1], &[bias])],
        )
    };
    check(&message(conv([1.0, f32::NAN], 0.0)), "node c: weight[1] is NaN; train");
    check(&message(conv([1.0, 1.0], f32::INFINITY)), "node c: bias[0] is inf; train");
    let norm = |mean: f32, var: f32| {
        let nodes = vec![node("BatchNormalization", &["x", "b.weight", "b.bias", "m", "v"], "y", vec![])];
        let one = |name: &str, value| floats(name, &[1], &[value]);
        read(
            &[0, 1, 2, 2],
            nodes,
            vec![one("b.weight", 1.0), one("b.bias", 0.0), one("m", mean), one("v", var)],
        )
    };
    check(&message(norm(f32::NEG_INFINITY, 1.0)), "node b: running mean[0] is -inf; train");
    check(&message(norm(0.0, -1.0)), "node b: running variance[0] is -1, and with ε not above 0; train");
    let nodes = vec![node("Div", &["x", "zero"], "d", vec![]), node("Relu", &["d"], "y", vec![])];
    let found = message(read(&[0, 1, 2, 2], nodes, vec![floats("zero", &[], &[0.0])]));
    check(&found, "node Div_d: factor[0] is inf; train");
}

#[test]
fn files_of_other_kinds() {
    let message = |content: &[u8]| message(import_content(content.to_vec(), &ImportOptions::default()));
    check(&message(b""), "is empty; name the ONNX");
    check(&message(b"PK\x03\x04data"), "is a zip archive, probably a PyTorch file; convert it");
    check(&message(b"GIF89a is an image"), "is no ONNX file (");
    check(&message(&[0x1f, 0x8b, 0, 0]), "gzip: ");
}
