//! What forms of the file become in the network.

// Numbers are exact here; PyTorch and others are names; a test may panic.
#![allow(clippy::float_cmp, clippy::doc_markdown, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_exchange::onnx::proto::{NodeProto, TensorProto};
use cbp_exchange::{Imported, Note};
use cbp_nn::Parameters;
use cbp_nn::graph::{Op, Shape, Source, Window};
use common::forward::forward;
use common::messages::{float, floats, int, integers, ints, model, node, read, text};

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
fn a_linear_layer_behind_a_flattened_image() {
    // Two channels of 1 × 2: the file has c0x0 c0x1 c1x0 c1x1, the network x0c0 x0c1 x1c0 x1c1.
    let nodes = vec![
        node("Flatten", &["x"], "f", vec![]),
        node("Gemm", &["f", "fc.weight"], "y", vec![int("transB", 1)]),
    ];
    let w = floats("fc.weight", &[2, 4], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let imported = import(&[0, 2, 1, 2], nodes, vec![w]);
    assert_eq!(ops(&imported), [Op::Flatten, Op::Linear { inputs: 4, outputs: 2, bias: false }]);
    assert_eq!(weights(&imported, 1).0, [1.0, 3.0, 2.0, 4.0, 5.0, 7.0, 6.0, 8.0]);
    assert_eq!(imported.model.graph().nodes()[1].name, "fc");
}

#[test]
fn gemm_with_all_its_settings() {
    let settings = vec![float("alpha", 2.0), float("beta", 0.5)];
    let nodes = vec![node("Gemm", &["x", "w", "c"], "y", settings)];
    let constants =
        vec![floats("w", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), floats("c", &[1, 2], &[4.0, 6.0])];
    let imported = import(&[0, 3], nodes, constants);
    assert_eq!(weights(&imported, 0), (&[2.0, 6.0, 10.0, 4.0, 8.0, 12.0][..], Some(&[2.0, 3.0][..])));
}

#[test]
fn matmul_and_add_are_one_layer() {
    let nodes =
        || vec![node("MatMul", &["x", "w"], "p", vec![]), node("Add", &["fc.bias", "p"], "y", vec![])];
    let constants =
        || vec![floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), floats("fc.bias", &[2], &[5.0, 6.0])];
    let imported = import(&[0, 2], nodes(), constants());
    assert_eq!(ops(&imported), [Op::Linear { inputs: 2, outputs: 2, bias: true }]);
    assert_eq!(weights(&imported, 0), (&[1.0, 3.0, 2.0, 4.0][..], Some(&[5.0, 6.0][..])));
    assert_eq!(imported.model.graph().nodes()[0].name, "fc");
    assert_eq!(imported.notes, [Note::Merged { operation: "Add_y".into(), into: "fc".into() }]);

    // Somebody else reads the product: the sum stays a node.
    let mut nodes = nodes();
    nodes[1].output[0] = "s".into();
    nodes.push(node("Add", &["s", "p"], "y", vec![]));
    let imported = import(&[0, 2], nodes, constants());
    let affine = Op::BatchNorm { channels: 2, eps: 0.0, momentum: 0.0 };
    assert_eq!(ops(&imported), [Op::Linear { inputs: 2, outputs: 2, bias: false }, affine, Op::Add]);
    assert_eq!(forward(&imported.model, &[1.0, 1.0]), [8.0 + 5.0, 12.0 + 6.0]);
}

#[test]
fn shared_initialisers_and_names() {
    let conv = |input: &str, weight: &str, output: &str| node("Conv", &[input, weight], output, vec![]);
    let nodes = vec![
        node("Identity", &["a.weight"], "b.weight", vec![]),
        conv("x", "a.weight", "p"),
        conv("p", "b.weight", "q"),
        conv("q", "b.weight", "y"),
    ];
    let imported = import(&[0, 1, 2, 2], nodes, vec![floats("a.weight", &[1, 1, 1, 1], &[3.0])]);
    let names: Vec<_> = imported.model.graph().nodes().iter().map(|node| node.name.as_str()).collect();
    // The third has no name of its own.
    assert_eq!(names, ["a", "b", "Conv_y"]);
    assert_eq!(forward(&imported.model, &[1.0; 4]), [27.0; 4]);
}

#[test]
fn paddings_go_into_windows() {
    let pads = || integers("pads", &[0, 0, 1, 0, 0, 0, 0, 2]);
    let with = |next: NodeProto, constants: Vec<TensorProto>| {
        let nodes = vec![node("Pad", &["x", "pads"], "p", vec![]), next];
        read(&[0, 1, 4, 4], nodes, [vec![pads()], constants].concat())
    };
    let w = floats("w", &[1, 1, 3, 3], &[1.0; 9]);
    let conv = with(node("Conv", &["p", "w"], "y", vec![ints("pads", &[1, 1, 1, 1])]), vec![w]).unwrap();
    let window = Window { before: [2, 1], behind: [1, 3], ..Window::square(3, 1, 0) };
    assert_eq!(ops(&conv), [Op::Convolution { inputs: 1, outputs: 1, groups: 1, window, bias: false }]);
    let kernel = || ints("kernel_shape", &[3, 3]);
    let mean = with(node("AveragePool", &["p"], "y", vec![kernel()]), vec![]).unwrap();
    let window = Window { before: [1, 0], behind: [0, 2], ..Window::square(3, 1, 0) };
    assert_eq!(ops(&mean), [Op::AveragePool { window, count_padding: true }]);
    // A zero can win where values may be negative.
    let message = with(node("MaxPool", &["p"], "y", vec![kernel()]), vec![]).unwrap_err().to_string();
    assert!(
        message.starts_with("node MaxPool_y: MaxPool: its input is padded with 0, which can win; "),
        "{message}"
    );
    let nodes = vec![
        node("Relu", &["x"], "r", vec![]),
        node("Pad", &["r", "pads"], "p", vec![]),
        node("MaxPool", &["p"], "y", vec![kernel()]),
    ];
    assert_eq!(ops(&import(&[0, 1, 4, 4], nodes, vec![pads()])), [Op::RELU, Op::MaxPool { window }]);
    let alone = with(node("Relu", &["p"], "y", vec![]), vec![]).unwrap_err().to_string();
    assert!(
        alone.contains("no convolution or pool that could take the padding in follows; pad in"),
        "{alone}"
    );
}

#[test]
fn ceil_mode_and_auto_pad() {
    let pool = |settings| import(&[0, 1, 7, 8], vec![node("MaxPool", &["x"], "y", settings)], vec![]);
    let two = |name| ints(name, &[2, 2]);
    let imported = pool(vec![ints("kernel_shape", &[3, 3]), two("strides"), int("ceil_mode", 1)]);
    assert_eq!(imported.model.graph().output(), Shape::new(3, 4, 1));
    for (name, before, behind) in
        [("SAME_UPPER", [0, 0], [1, 0]), ("SAME_LOWER", [1, 0], [0, 0]), ("VALID", [0; 2], [0; 2])]
    {
        let imported = pool(vec![two("kernel_shape"), two("strides"), text("auto_pad", name)]);
        assert_eq!(
            ops(&imported),
            [Op::MaxPool { window: Window { before, behind, ..Window::square(2, 2, 0) } }]
        );
    }
}

#[test]
fn transform_input_of_googlenet() {
    let mut nodes = Vec::new();
    let names: Vec<[String; 4]> =
        (0..3).map(|c| ["g", "u", "m", "s"].map(|part| format!("{part}{c}"))).collect();
    for (c, [g, u, m, s]) in names.iter().enumerate() {
        nodes.push(node("Gather", &["x", &format!("i{c}")], g, vec![int("axis", 1)]));
        nodes.push(node("Unsqueeze", &[g, "axes"], u, vec![]));
        nodes.push(node("Mul", &[u, "factor"], m, vec![]));
        nodes.push(node("Add", &[m, "shift"], s, vec![]));
    }
    nodes.push(node("Concat", &["s0", "s1", "s2"], "cat", vec![int("axis", 1)]));
    nodes.push(node("Relu", &["cat"], "y", vec![]));
    let scalar = |c: i64| TensorProto { dims: vec![], ..integers(&format!("i{c}"), &[c]) };
    let mut constants =
        vec![integers("axes", &[1]), floats("factor", &[], &[0.5]), floats("shift", &[1], &[-2.0])];
    constants.extend((0..3).map(scalar));
    let imported = import(&[0, 3, 1, 2], nodes.clone(), constants.clone());
    assert_eq!(ops(&imported), [Op::BatchNorm { channels: 3, eps: 0.0, momentum: 0.0 }, Op::RELU]);
    assert_eq!(imported.notes, [Note::Affine { node: "Concat_cat".into() }]);
    assert_eq!(forward(&imported.model, &[8.0, 6.0, 2.0, 4.0, 5.0, 7.0]), [2.0, 1.0, 0.0, 0.0, 0.5, 1.5]);
    // In another order they are no affine map but a convolution.
    let last = nodes.len() - 2;
    nodes[last].input.swap(0, 2);
    let imported = import(&[0, 3, 1, 2], nodes, constants);
    assert_eq!(imported.notes, [Note::Picked { node: "Concat_cat".into() }]);
    assert_eq!(forward(&imported.model, &[8.0, 6.0, 2.0, 4.0, 5.0, 7.0]), [0.0, 1.0, 2.0, 1.5, 0.5, 0.0]);
}

#[test]
fn scaling_of_images() {
    let nodes = vec![
        node("Sub", &["x", "mean"], "s", vec![]),
        node("Div", &["s", "deviation"], "d", vec![]),
        node("Relu", &["d"], "y", vec![]),
    ];
    let constants =
        vec![floats("mean", &[1, 2, 1, 1], &[1.0, 2.0]), floats("deviation", &[2, 1, 1], &[2.0, 4.0])];
    let imported = import(&[0, 2, 1, 1], nodes, constants);
    assert_eq!(ops(&imported), [Op::BatchNorm { channels: 2, eps: 0.0, momentum: 0.0 }, Op::RELU]);
    assert_eq!(forward(&imported.model, &[5.0, 4.0]), [2.0, 0.5]);
}

#[test]
fn channels_last() {
    let nodes = vec![
        node("Transpose", &["x"], "t", vec![ints("perm", &[0, 3, 1, 2])]),
        node("Relu", &["t"], "r", vec![]),
        node("Transpose", &["r"], "b", vec![ints("perm", &[0, 2, 3, 1])]),
        node("Reshape", &["b", "shape"], "f", vec![]),
        node("MatMul", &["f", "w"], "y", vec![]),
    ];
    let constants = vec![integers("shape", &[-1, 4]), floats("w", &[4, 1], &[1.0, 2.0, 3.0, 4.0])];
    let imported = import(&[0, 1, 2, 2], nodes, constants);
    assert_eq!(imported.model.graph().input(), Shape::new(1, 2, 2));
    assert_eq!(imported.notes, [Note::ChannelsLast]);
    // The file's own order is this program's.
    assert_eq!(weights(&imported, 2).0, [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn what_has_no_effect_is_left_out() {
    let nodes = vec![
        node("Identity", &["x"], "a", vec![]),
        node("Dropout", &["a"], "b", vec![float("ratio", 0.0)]),
        node("Cast", &["b"], "c", vec![int("to", 10)]),
        node("AveragePool", &["c"], "d", vec![ints("kernel_shape", &[1, 1])]),
        node("GlobalMaxPool", &["d"], "e", vec![]),
        node("Squeeze", &["e", "axes"], "f", vec![]),
        node("Gemm", &["f", "w"], "g", vec![]),
        node("Softmax", &["g"], "y", vec![int("axis", 1)]),
        node("Relu", &["g"], "unused", vec![]),
    ];
    let constants = vec![integers("axes", &[2, 3]), floats("w", &[1, 2], &[1.0, 2.0])];
    let imported = import(&[0, 1, 3, 3], nodes, constants);
    let window = Window { kernel: [3, 3], ..Window::square(1, 1, 0) };
    assert_eq!(ops(&imported), [Op::MaxPool { window }, Op::Linear { inputs: 1, outputs: 2, bias: false }]);
    assert_eq!(imported.notes.len(), 4);
    assert_eq!(imported.notes[3], Note::SoftmaxDropped { operation: "Softmax_y".into() });
}

#[test]
fn shapes_are_computed() {
    // x.view(x.size(0), -1), as exporters write it.
    let nodes = vec![
        node("Shape", &["x"], "s", vec![]),
        node("Gather", &["s", "zero"], "n", vec![int("axis", 0)]),
        node("Unsqueeze", &["n", "axes"], "u", vec![]),
        node("Concat", &["u", "rest"], "shape", vec![int("axis", 0)]),
        node("Reshape", &["x", "shape"], "y", vec![]),
    ];
    let zero = TensorProto { dims: vec![], ..integers("zero", &[0]) };
    let constants = || vec![zero.clone(), integers("axes", &[0]), integers("rest", &[-1])];
    for batch in [0, 3] {
        let imported = import(&[batch, 4, 1, 1], nodes.clone(), constants());
        assert_eq!(ops(&imported), [Op::Flatten]);
        assert_eq!(imported.model.graph().nodes()[0].inputs, [Source::Input]);
    }
}

#[test]
fn clips_of_old_and_new_files() {
    let mut old =
        model(&[0, 2], vec![node("Clip", &["x"], "y", vec![float("min", 0.0), float("max", 6.0)])], vec![]);
    old.opset_import[0].version = Some(9);
    let imported = common::messages::import(&old).unwrap();
    assert_eq!(ops(&imported), [Op::Clamp { low: 0.0, high: 6.0 }]);
    let high = floats("high", &[], &[6.0]);
    let imported = import(&[0, 2], vec![node("Clip", &["x", "", "high"], "y", vec![])], vec![high]);
    assert_eq!(ops(&imported), [Op::Clamp { low: f32::MIN, high: 6.0 }]);
}

#[test]
fn shortcuts_of_option_a() {
    // x[:, :, ::2, ::2] with one channel of zeros before and two behind, as exporters write it: a slice per axis.
    let nodes = || {
        vec![
            node("Slice", &["x", "zero", "end", "rows", "two"], "a", vec![]),
            node("Slice", &["a", "zero", "end", "columns", "two"], "b", vec![]),
            node("Pad", &["b", "pads", ""], "y", vec![text("mode", "constant")]),
        ]
    };
    let constants = |step| {
        let one = |name, value| integers(name, &[value]);
        let pads = integers("pads", &[0, 1, 0, 0, 0, 2, 0, 0]);
        vec![one("zero", 0), one("end", i64::MAX), one("rows", 2), one("columns", -1), one("two", step), pads]
    };
    let imported = import(&[0, 1, 3, 4], nodes(), constants(2));
    assert_eq!(ops(&imported), [Op::Shortcut { stride: 2, before: 1, behind: 2 }]);
    assert_eq!(imported.notes, [Note::Shortcut { node: "Pad_y".into() }]);
    let image: Vec<f32> = (1..=12).map(|x| x as f32).collect();
    let expected = [1.0, 3.0, 9.0, 11.0].map(|x| [0.0, x, 0.0, 0.0]).concat();
    assert_eq!(forward(&imported.model, &image), expected);
    // Every second row, but every column.
    let mut uneven = nodes();
    uneven.remove(1);
    uneven[1].input[0] = "a".into();
    let message = read(&[0, 1, 3, 4], uneven, constants(2)).unwrap_err().to_string();
    assert!(
        message.starts_with("node Pad_y: Slice: its steps [2, 1] differ between rows and columns; "),
        "{message}"
    );
}
