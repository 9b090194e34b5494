//! safetensors files for a network.

// Numbers are exact here; PyTorch and others are names; a test may panic.
#![allow(clippy::float_cmp, clippy::doc_markdown, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_exchange::{Imported, Note, state_dict};
use cbp_nn::graph::{Graph, Op, Shape, Source, Window};
use cbp_nn::{Model, Parameters};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, TensorView};

/// Convolution, batch norm, and a linear layer behind a flattened image.
fn graph() -> Graph {
    let mut graph = Graph::empty("small", Shape::new(1, 2, 1));
    let window = Window { kernel: [1, 2], behind: [0, 1], ..Window::square(1, 1, 0) };
    let conv = Op::Convolution { inputs: 1, outputs: 2, groups: 1, window, bias: true };
    let conv = graph.push("conv", conv, &[Source::Input]).unwrap();
    let norm = graph.push("bn", Op::batch_norm(2), &[conv]).unwrap();
    graph.push("fc", Op::Linear { inputs: 4, outputs: 1, bias: false }, &[norm]).unwrap();
    graph
}

/// Names, shapes and values of a file for [`graph`].
fn tensors() -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let entry =
        |name: &str, shape: &[usize], values: &[f32]| (name.to_owned(), shape.to_vec(), values.to_vec());
    vec![
        entry("conv.weight", &[2, 1, 1, 2], &[1.0, 2.0, 3.0, 4.0]),
        entry("conv.bias", &[2], &[5.0, 6.0]),
        entry("bn.weight", &[2], &[1.5, -1.5]),
        entry("bn.bias", &[2], &[0.5, -0.5]),
        entry("bn.running_mean", &[2], &[0.0, 1.0]),
        entry("bn.running_var", &[2], &[2.0, 4.0]),
        entry("bn.num_batches_tracked", &[1], &[7.0]),
        entry("fc.weight", &[1, 4], &[1.0, 2.0, 3.0, 4.0]),
    ]
}

fn file(tensors: &[(String, Vec<usize>, Vec<f32>)], kind: Dtype) -> Vec<u8> {
    let bytes = |values: &[f32]| -> Vec<u8> {
        match kind {
            Dtype::F16 => values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
            Dtype::BF16 => values.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect(),
            Dtype::F64 => values.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    };
    let all: Vec<_> = tensors.iter().map(|(name, shape, values)| (name, shape, bytes(values))).collect();
    let views = all
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(kind, (*shape).clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

fn load(tensors: &[(String, Vec<usize>, Vec<f32>)], ignore_unexpected: bool) -> Result<Imported, String> {
    state_dict::load(&file(tensors, Dtype::F32), graph(), ignore_unexpected)
        .map_err(|cause| cause.to_string())
}

#[test]
fn layouts_by_hand() {
    for kind in [Dtype::F32, Dtype::F16, Dtype::BF16] {
        let imported = state_dict::load(&file(&tensors(), kind), graph(), false).unwrap();
        let parameters = imported.model.parameters();
        let conv = Parameters::Weights { weight: vec![1.0, 2.0, 3.0, 4.0], bias: Some(vec![5.0, 6.0]) };
        assert_eq!(parameters[0], conv);
        // c0x0 c0x1 c1x0 c1x1 becomes x0c0 x0c1 x1c0 x1c1.
        assert_eq!(parameters[2], Parameters::Weights { weight: vec![1.0, 3.0, 2.0, 4.0], bias: None });
    }
}

#[test]
fn halves_are_rounded_as_the_formats_say() {
    let mut tensors = tensors();
    tensors[0].2[0] = 1.0 + 1.0 / 512.0;
    for (kind, expected) in [(Dtype::F16, 1.0 + 1.0 / 512.0), (Dtype::BF16, 1.0)] {
        let imported = state_dict::load(&file(&tensors, kind), graph(), false).unwrap();
        let Parameters::Weights { weight, .. } = &imported.model.parameters()[0] else { panic!() };
        assert_eq!(weight[0], expected);
    }
}

#[test]
fn saving_gives_what_was_loaded() {
    let model = load(&tensors(), false).unwrap().model;
    let saved = state_dict::save(&model, None).unwrap();
    let saved = safetensors::SafeTensors::deserialize(&saved).unwrap();
    assert_eq!(saved.names().len(), 7);
    for (name, shape, values) in tensors().iter().filter(|(name, ..)| name != "bn.num_batches_tracked") {
        let view = saved.tensor(name).unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!((view.shape(), view.data(), view.dtype()), (&shape[..], &bytes[..], Dtype::F32), "{name}");
    }
}

#[test]
fn all_faults_are_listed_by_name() {
    let mut faulty = tensors();
    faulty[0].1 = vec![2, 2, 1, 1];
    faulty[1].0 = "conv.extra".into();
    faulty.push(("aux.weight".into(), vec![1], vec![0.0]));
    let expected = "missing: conv.bias; unexpected: aux.weight, conv.extra; \
                    of another shape: conv.weight [2, 2, 1, 1], expected [2, 1, 1, 2]; use the file of this network";
    assert_eq!(load(&faulty, false).unwrap_err(), expected);

    let mut more = tensors();
    more.push(("aux.weight".into(), vec![1], vec![0.0]));
    assert_eq!(load(&more, false).unwrap_err(), "unexpected: aux.weight; use the file of this network");
    let notes = load(&more, true).unwrap().notes;
    assert_eq!(notes, [Note::Ignored { tensors: vec!["aux.weight".into()] }]);
}

#[test]
fn numbers_that_are_none() {
    let mut faulty = tensors();
    faulty[7].2[2] = f32::NAN;
    let message = load(&faulty, false).unwrap_err();
    assert!(message.starts_with("node fc: weight[2] is NaN; "), "{message}");
    let mut faulty = tensors();
    faulty[5].2[1] = -2.0;
    let message = load(&faulty, false).unwrap_err();
    assert!(message.starts_with("node bn: running variance[1] is -2, and with ε not above 0; "), "{message}");
    let message = state_dict::load(&file(&tensors(), Dtype::F64), graph(), false).unwrap_err().to_string();
    assert!(message.contains("its element type is F64, not F32, F16 or BF16; "), "{message}");

    let mut parameters = load(&tensors(), false).unwrap().model.into_parts().1;
    parameters[2] = Parameters::Weights { weight: vec![0.0, f32::INFINITY, 0.0, 0.0], bias: None };
    let model = Model::with_parameters(graph(), parameters).unwrap();
    let message = state_dict::save(&model, None).unwrap_err().to_string();
    assert_eq!(message, "node fc: weight[1] is inf; train again with a lower learning rate");
}

#[test]
fn ranges_of_quantisers_need_not_be_there() {
    let mut graph = Graph::empty("range", Shape::vector(2));
    graph.push("q", Op::Quantise { bits: 8, signed: false }, &[Source::Input]).unwrap();
    for (tensors, range) in [(vec![], 0.0), (vec![("q.range".to_owned(), vec![1], vec![2.5])], 2.5)] {
        let model = state_dict::load(&file(&tensors, Dtype::F32), graph.clone(), false).unwrap().model;
        assert_eq!(model.parameters(), [Parameters::Range(range)]);
    }
}
