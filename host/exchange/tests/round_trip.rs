//! What is written and read back is the same network.

// Numbers are exact here; PyTorch and others are names; a test may panic.
#![allow(clippy::float_cmp, clippy::doc_markdown, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_exchange::onnx::{self, ExportOptions};
use cbp_exchange::{ImportOptions, import, state_dict};
use cbp_nn::data::Preprocess;
use cbp_nn::graph::{Graph, Op, Shape, Source, Window};
use cbp_nn::{Model, Parameters, WeightSet};
use common::forward::forward;
use common::{random, stored};
use proptest::prelude::*;

fn through_onnx(model: &Model, qonnx: bool) -> cbp_exchange::Imported {
    onnx::import(onnx::export(model, &ExportOptions { qonnx, preprocess: None }).unwrap())
        .unwrap_or_else(|cause| panic!("{cause}"))
}

/// The network is the same after a round trip, node by node.
fn assert_same(model: &Model, seed: u64) {
    for qonnx in [false, true] {
        let back = through_onnx(model, qonnx).model;
        assert!(back == *model, "seed {seed}, qonnx {qonnx}: {:?}", back.graph());
    }
    let bytes = state_dict::save(model, None).unwrap();
    let back = state_dict::load(&bytes, model.graph().clone(), false).unwrap();
    assert!(back.model == *model, "seed {seed}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_networks(seed: u64) {
        let model = random::model(seed);
        let image = random::image(&model, seed);
        let back = through_onnx(&model, false).model;
        let (a, b) = (forward(&model, &image), forward(&back, &image));
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
        }
        assert_same(&model, seed);
    }
}

fn one_op(input: Shape, op: Op) -> Model {
    let mut graph = Graph::empty("one", input);
    graph.push("relu", Op::RELU, &[Source::Input]).unwrap();
    graph.push("op", op, &[Source::Layer(0)]).unwrap();
    let parameters = random::parameters(&graph, &mut random::Random(7));
    Model::with_parameters(graph, parameters).unwrap()
}

#[test]
fn every_operation_on_its_own() {
    let image = Shape::new(6, 4, 3);
    let window = Window { kernel: [2, 3], stride: [1, 2], dilation: [1, 1], before: [1, 0], behind: [0, 2] };
    for (op, shape) in [
        (Op::Linear { inputs: 72, outputs: 3, bias: true }, Shape::vector(72)),
        (Op::Convolution { inputs: 3, outputs: 6, groups: 3, window, bias: true }, image),
        (Op::BatchNorm { channels: 3, eps: 0.0, momentum: 0.1 }, image),
        (Op::Clamp { low: f32::MIN, high: 6.0 }, image),
        (Op::Clamp { low: -1.0, high: f32::INFINITY }, image),
        (Op::MaxPool { window: Window { dilation: [2, 1], ..window } }, image),
        (Op::AveragePool { window, count_padding: true }, image),
        (Op::AveragePool { window, count_padding: false }, image),
        (Op::AdaptiveAveragePool { height: 1, width: 1 }, image),
        (Op::Flatten, Shape::vector(5)),
        (Op::Dropout { probability: 0.5 }, image),
        (Op::Shortcut { stride: 2, before: 1, behind: 2 }, image),
        (Op::Shortcut { stride: 1, before: 1, behind: 0 }, image),
        (Op::Shortcut { stride: 3, before: 0, behind: 0 }, image),
        (Op::Quantise { bits: 8, signed: false }, image),
        (Op::Quantise { bits: 4, signed: false }, image),
        (Op::Quantise { bits: 8, signed: false }, Shape::vector(9)),
    ] {
        let model = one_op(shape, op);
        assert_same(&model, 0);
    }
}

#[test]
fn signed_quantisers() {
    for bits in 2..=8 {
        let mut graph = Graph::empty("one", Shape::new(2, 2, 1));
        graph.push("op", Op::Quantise { bits, signed: true }, &[Source::Input]).unwrap();
        let model =
            Model::with_parameters(graph, vec![Parameters::Range(((1 << (bits - 1)) - 1) as f32 / 8.0)]);
        assert_same(&model.unwrap(), 0);
    }
}

#[test]
fn what_an_even_mean_over_a_grid_becomes() {
    let model = one_op(Shape::new(6, 4, 3), Op::AdaptiveAveragePool { height: 3, width: 2 });
    let back = through_onnx(&model, false).model;
    let window = Window { kernel: [2, 2], stride: [2, 2], ..Window::square(1, 1, 0) };
    assert_eq!(back.graph().nodes()[1].op, Op::AveragePool { window, count_padding: false });
    let uneven = one_op(Shape::new(6, 4, 3), Op::AdaptiveAveragePool { height: 4, width: 2 });
    let message = onnx::export(&uneven, &ExportOptions::default()).unwrap_err().to_string();
    let expected = "node op: adaptive average pool: 6×4 does not divide evenly into 4×2; \
                    use images or a result of other sizes";
    assert_eq!(message, expected);
}

#[test]
fn values_in_different_orders() {
    // A sum of a flattened image and a vector, and a flattened image as the output.
    let mut graph = Graph::empty("orders", Shape::new(2, 3, 2));
    let flat = graph.push("flat", Op::Flatten, &[Source::Input]).unwrap();
    let linear = graph.push("fc", Op::Linear { inputs: 12, outputs: 12, bias: true }, &[flat]).unwrap();
    graph.push("sum", Op::Add, &[flat, linear]).unwrap();
    let parameters = random::parameters(&graph, &mut random::Random(3));
    let model = Model::with_parameters(graph, parameters).unwrap();
    assert_same(&model, 0);
    assert_same(&one_op(Shape::new(2, 3, 2), Op::Flatten), 0);
}

#[test]
fn constrained_weights_keep_their_set() {
    for (set, levels) in WeightSet::ALL.map(|set| (set, set.levels())) {
        for scales in [vec![0.3_f32], vec![0.3, 0.7]] {
            let mut graph = Graph::empty("sets", Shape::new(3, 3, 2));
            let window = Window::square(2, 1, 0);
            let conv = Op::Convolution { inputs: 2, outputs: 2, groups: 1, window, bias: false };
            let conv = graph.push("conv", conv, &[Source::Input]).unwrap();
            let flat = graph.push("flat", Op::Flatten, &[conv]).unwrap();
            graph.push("fc", Op::Linear { inputs: 8, outputs: 2, bias: true }, &[flat]).unwrap();
            let unit = (1_u32 << set.max_shift()) as f32;
            let weight: Vec<f32> = (0..16)
                .map(|i| {
                    f32::from(levels[i % 8 % levels.len()]) / unit * scales[(i / 8).min(scales.len() - 1)]
                })
                .collect();
            let of = |bias| Parameters::Weights { weight: weight.clone(), bias };
            let model =
                Model::with_parameters(graph, vec![of(None), Parameters::None, of(Some(vec![0.5, 1.5]))])
                    .unwrap();
            let back = through_onnx(&model, true);
            assert_eq!(back.model.parameters(), model.parameters(), "{set}");
            for found in &back.sets {
                assert_eq!((found.set, &found.scales), (set, &scales));
            }
            assert_eq!(back.sets.len(), 2);
            let (bits, narrow) = ([1, 2, 3, 4][set as usize], true);
            for grid in &back.grids {
                assert_eq!((grid.bits, grid.signed, grid.narrow), (bits, true, narrow), "{set}");
                let expected: Vec<f32> = scales.iter().map(|scale| scale / unit).collect();
                assert_eq!(grid.scales, expected);
            }
            assert_eq!(back.grids.len(), 2);
        }
    }
}

#[test]
fn preprocessing_goes_along() {
    let model = random::model(5);
    let preprocess = Some(Preprocess::cifar([0.125, 0.25, 0.5], [0.25; 3]));
    for qonnx in [false, true] {
        let options = ExportOptions { qonnx, preprocess: preprocess.clone() };
        let back = onnx::import(onnx::export(&model, &options).unwrap()).unwrap();
        assert_eq!(back.preprocess, preprocess);
        let without = onnx::export(&model, &ExportOptions { qonnx, preprocess: None }).unwrap();
        assert_eq!(onnx::import(without).unwrap().preprocess, None);
    }
    let bytes = state_dict::save(&model, preprocess.as_ref()).unwrap();
    let back = state_dict::load(&bytes, model.graph().clone(), false).unwrap();
    assert_eq!(back.preprocess, preprocess);
    let text = String::from_utf8_lossy(&bytes).replace("random_crop", "random_cut_");
    let at = text.find("random_cut_").unwrap();
    let mut wrong = bytes;
    wrong[at..at + 11].copy_from_slice(b"random_cut_");
    let message = state_dict::load(&wrong, model.graph().clone(), false).unwrap_err().to_string();
    assert!(message.contains("cbp-preprocess") && message.contains("random_cut_"), "{message}");
}

#[test]
fn files_of_any_kind_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let model = random::model(5);
    let onnx = onnx::export(&model, &ExportOptions::default()).unwrap();
    let expected = onnx::import(onnx.clone()).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &onnx).unwrap();
    let (plain, gzip, weights) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
    onnx::write(&model, &plain, &ExportOptions::default()).unwrap();
    std::fs::write(&gzip, packed.finish().unwrap()).unwrap();
    for path in [plain, gzip] {
        assert!(import(&path, &ImportOptions::default()).unwrap() == expected, "{}", path.display());
    }
    state_dict::write(&model, &weights, None).unwrap();
    let message = onnx::write(&model, folder.path(), &ExportOptions::default()).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: cannot be written (", folder.path().display())), "{message}");
    let message = import(&weights, &ImportOptions::default()).unwrap_err().to_string();
    let expected = "holds weights without a network; name the network too, for example its ONNX file";
    assert_eq!(message, format!("{}: {expected}", weights.display()));
    let options = ImportOptions { graph: Some(model.graph().clone()), ignore_unexpected: false };
    assert!(import(&weights, &options).unwrap().model == model);
    let message = import(&folder.path().join("a"), &options).unwrap_err().to_string();
    assert!(message.contains("has a network of its own; leave"), "{message}");
    let gone = folder.path().join("gone");
    let message = import(&gone, &ImportOptions::default()).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: cannot be read (", gone.display())), "{message}");
}

#[test]
fn a_stored_network() {
    let Some(imported) = stored::network("resnet20-cifar10-bn.onnx") else { return };
    assert_same(&imported.model, 0);
}
