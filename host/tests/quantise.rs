//! Integers made of a trained network compute what the network computes; what has no integer form is refused by name.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_host::compare::scalar_model;
use cbp_host::quantise::{QuantiseError, Quantised, quantise};
use cbp_nn::architectures;
use cbp_nn::data::{Classes, Content, Draws, Preprocess, Samples, Step};
use cbp_nn::graph::{Graph, Op, Shape, Source, Window};
use cbp_nn::training::{TrainingData, outputs};
use cbp_nn::{ActivationConfig, CbpConfig, Ends, Model, Parameters, TrainConfig, Trainer, WeightSet};
use proptest::prelude::*;

/// Images of random rectangles.
fn images(shape: Shape, count: usize, seed: u64) -> Samples {
    let mut state = seed | 1;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut values = Vec::new();
    for _ in 0..count {
        let mut image = vec![next(256) as u8; shape.values()];
        for _ in 0..6 {
            let (top, left, channel, grey) =
                (next(shape.height), next(shape.width), next(shape.channels), next(256) as u8);
            for y in top..shape.height.min(top + 1 + next(6)) {
                for x in left..shape.width.min(left + 5) {
                    image[(y * shape.width + x) * shape.channels + channel] = grey;
                }
            }
        }
        values.extend(image);
    }
    let labels = (0..count).map(|_| next(10) as u32).collect();
    Samples::new(Content::Bytes { shape, values }, labels, Classes::numbered(10)).unwrap()
}

fn data(shape: Shape, preprocess: Preprocess) -> TrainingData {
    TrainingData::new(images(shape, 120, 1), images(shape, 60, 2), preprocess)
}

/// Every node that there is an integer form of.
fn everything() -> Graph {
    let mut graph = Graph::empty("everything", Shape::new(12, 12, 3));
    let window = |kernel, stride| Window::square(kernel, stride, kernel / 2);
    let convolution =
        |inputs, outputs, groups, window, bias| Op::Convolution { inputs, outputs, groups, window, bias };
    let mut push = |name: &str, op, inputs: &[Source]| graph.push(name, op, inputs).unwrap();
    let x = push("stem", convolution(3, 8, 1, window(3, 1), true), &[Source::Input]);
    let x = push("stem.norm", Op::batch_norm(8), &[x]);
    let x = push("stem.relu", Op::RELU, &[x]);
    let x = push("stem.pool", Op::MaxPool { window: window(3, 2) }, &[x]);
    // A projection.
    let a = push("projection", convolution(8, 8, 1, window(1, 1), false), &[x]);
    let a = push("projection.norm", Op::batch_norm(8), &[a]);
    let b = push(
        "main",
        convolution(8, 8, 2, Window { dilation: [2; 2], ..Window::square(3, 1, 2) }, false),
        &[x],
    );
    let b = push("main.norm", Op::batch_norm(8), &[b]);
    let x = push("main.sum", Op::Add, &[b, a]);
    let x = push("main.clamp", Op::Clamp { low: 0.0, high: 2.0 }, &[x]);
    // An option-A shortcut.
    let a = push("shortcut", Op::Shortcut { stride: 2, before: 2, behind: 2 }, &[x]);
    let b = push("half", convolution(8, 12, 1, window(3, 2), true), &[x]);
    let x = push("half.sum", Op::Add, &[a, b]);
    let x = push("half.relu", Op::RELU, &[x]);
    // Branches side by side, one of which is stored already.
    let a = push("branch.pool", Op::MaxPool { window: window(3, 1) }, &[x]);
    let b = push("branch", convolution(12, 4, 1, window(1, 1), false), &[x]);
    let b = push("branch.norm", Op::batch_norm(4), &[b]);
    let x = push("branches", Op::Concat, &[a, b]);
    let x = push("norm", Op::batch_norm(16), &[x]);
    let x = push("norm.relu", Op::RELU, &[x]);
    let a = push("depthwise", convolution(16, 16, 16, window(3, 1), false), &[x]);
    let b = push("average", Op::AveragePool { window: window(3, 1), count_padding: true }, &[x]);
    let c = push("average.again", Op::AveragePool { window: window(3, 1), count_padding: true }, &[b]);
    let x = push("averages", Op::Add, &[b, c]);
    let x = push("all", Op::Add, &[x, a]);
    let x = push("same", Op::AdaptiveAveragePool { height: 3, width: 3 }, &[x]);
    let x = push("mean", Op::AdaptiveAveragePool { height: 1, width: 1 }, &[x]);
    let x = push("flatten", Op::Flatten, &[x]);
    let x = push("dropout", Op::Dropout { probability: 0.5 }, &[x]);
    push("fc", Op::Linear { inputs: 16, outputs: 10, bias: true }, &[x]);
    graph
}

/// Random weights, biases, γ and β; some γ are negative.
fn model(graph: Graph, seed: u64) -> Model {
    let (graph, mut parameters) = Model::new(graph, seed).into_parts();
    let fill = |values: &mut [f32], centre: f32| {
        for (index, value) in values.iter_mut().enumerate() {
            *value = centre + ((index * 7919 + seed as usize % 1000) as f32).sin();
        }
    };
    for parameters in &mut parameters {
        match parameters {
            Parameters::Weights { bias: Some(bias), .. } => fill(bias, 0.1),
            Parameters::BatchNorm { gamma, beta, .. } => {
                fill(gamma, 0.6);
                fill(beta, 0.2);
            }
            _ => {}
        }
    }
    Model::with_parameters(graph, parameters).unwrap()
}

fn rounded(graph: Graph, set: WeightSet, config: CbpConfig, data: &TrainingData, seed: u64) -> Trainer {
    let config = CbpConfig { training: TrainConfig { batch: 20, ..config.training }, ..config };
    let mut trainer = Trainer::constrained(&model(graph, seed), set, config).unwrap();
    trainer.fit_statistics(data, 100).unwrap();
    trainer
}

/// Logits of the test images: from the integers, and from the network in floating point.
fn both(trainer: &Trainer, data: &TrainingData) -> (Quantised, Vec<f64>, Vec<f32>) {
    let quantised = quantise("test", &trainer.export().unwrap()).unwrap();
    let expected = outputs(trainer.model(), &data.test, &data.preprocess.evaluation).unwrap();
    let prepared = data.preprocess.evaluation.prepare(&*data.test).unwrap();
    let mut images = vec![0.0; data.test.len() * prepared.shape().values()];
    prepared.fill(&mut images, &(0..data.test.len() as u32).collect::<Vec<_>>(), Draws::default()).unwrap();
    let results = scalar_model(&quantised.network, &quantised.codes(&images)).unwrap();
    let found = quantised.logits(&results.last().unwrap().values);
    (quantised, found, expected)
}

/// The root mean square of the differences, as a share of the standard deviation of the logits.
fn difference(found: &[f64], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let mean = expected.iter().map(|&x| f64::from(x)).sum::<f64>() / expected.len() as f64;
    let variance =
        expected.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / expected.len() as f64;
    let squares = found.iter().zip(expected).map(|(f, &e)| (f - f64::from(e)).powi(2)).sum::<f64>();
    (squares / expected.len() as f64 / variance).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// Both round at the same places. Numbers near the middle of two codes may go either way, in f32 and in m / 2^s.
    #[test]
    fn every_node_means_the_same_in_integers(
        seed: u64, set in prop::sample::select(WeightSet::ALL.to_vec()), constrained: bool, bits in 5_u32..=8,
    ) {
        let data = data(Shape::new(12, 12, 3), Preprocess::plain());
        let ends = if constrained { Ends::Constrained } else { Ends::Int8 };
        let activations = Some(ActivationConfig { bits, frozen_epochs: 0 });
        let config = CbpConfig { ends, activations, ..CbpConfig::short(1) };
        let trainer = rounded(everything(), set, config, &data, seed);
        let (_, found, expected) = both(&trainer, &data);
        let difference = difference(&found, &expected);
        let bound = 0.05 * f64::from(1 << (8 - bits));
        prop_assert!(difference < bound, "{set}, {bits} bits: {difference}");
    }
}

#[test]
fn published_networks_have_an_integer_form() {
    for (name, shape) in [
        ("lenet5", Shape::new(28, 28, 1)),
        ("resnet20", Shape::new(16, 16, 3)),
        ("resnet18", Shape::new(32, 32, 3)),
        ("googlenet", Shape::new(32, 32, 3)),
    ] {
        let data = data(shape, Preprocess::plain());
        let graph = architectures::build(name, shape, 10).unwrap().unwrap();
        let trainer = rounded(graph, WeightSet::TwoBitShift, CbpConfig::short(1), &data, 1);
        let (quantised, found, expected) = both(&trainer, &data);
        let difference = difference(&found, &expected);
        assert!(difference < 0.25, "{name}: {difference}");
        assert_eq!(quantised.network.macs(), trainer.model().graph().macs(), "{name}");
    }
}

#[test]
fn normalised_images_are_rounded_to_8_bits() {
    let mut preprocess = Preprocess::plain();
    for pipeline in [&mut preprocess.training, &mut preprocess.evaluation] {
        pipeline.steps.push(Step::Normalise { mean: vec![0.4, 0.5, 0.6], std: vec![0.2, 0.3, 0.25] });
    }
    let data = data(Shape::new(12, 12, 3), preprocess);
    let trainer = rounded(everything(), WeightSet::TwoBitShift, CbpConfig::short(1), &data, 1);
    let (quantised, found, expected) = both(&trainer, &data);
    assert!((quantised.input.quantiser.scale - (3.0 - -2.4) / 255.0).abs() < 1e-6);
    let difference = difference(&found, &expected);
    assert!(difference < 0.1, "{difference}");
}

#[test]
fn what_has_no_integer_form_is_named() {
    let shape = Shape::new(6, 6, 3);
    let data = data(shape, Preprocess::plain());
    let short = CbpConfig::short(1);
    let refused = |graph: Graph, config: CbpConfig| {
        let trainer = rounded(graph, WeightSet::Ternary, config, &data, 1);
        quantise("bad", &trainer.export().unwrap()).unwrap_err().to_string()
    };
    let network = |middle: Op, values: usize| {
        let mut graph = Graph::empty("small", shape);
        let x = graph.push("pool", middle, &[Source::Input]).unwrap();
        let x = graph.push("flatten", Op::Flatten, &[x]).unwrap();
        let x = graph.push("fc1", Op::Linear { inputs: values, outputs: 8, bias: false }, &[x]).unwrap();
        let x = graph.push("relu", Op::RELU, &[x]).unwrap();
        graph.push("fc2", Op::Linear { inputs: 8, outputs: 10, bias: false }, &[x]).unwrap();
        graph
    };
    let pool = |count_padding| Op::AveragePool { window: Window::square(3, 1, 1), count_padding };
    let unequal = Op::AdaptiveAveragePool { height: 4, width: 4 };
    for (graph, config, parts) in [
        (network(pool(false), 108), short, ["pool: an average", "count the padding"]),
        (network(unequal, 48), short, ["pool: its windows have several sizes", "divides"]),
        (
            network(pool(true), 108),
            CbpConfig { ends: Ends::Float, ..short },
            ["layer fc1 has float", "--set"],
        ),
        (
            network(pool(true), 108),
            CbpConfig { activations: None, ..short },
            ["fc1 reads flatten", "--activations"],
        ),
    ] {
        let message = refused(graph, config);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let mut trainer = rounded(network(pool(true), 108), WeightSet::Ternary, short, &data, 1);
    let mut network = trainer.export().unwrap();
    network.data.range = None;
    assert!(matches!(quantise("bad", &network), Err(QuantiseError::Input)));
    trainer.fit_statistics(&data, 20).unwrap();
    assert!(quantise("good", &trainer.export().unwrap()).is_ok());
}
