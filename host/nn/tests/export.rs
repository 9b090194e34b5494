//! The exported description means the same network, and impossible values are refused by name.

#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too

mod common;

use cbp_nn::data::Samples;
use cbp_nn::graph::{Graph, Node, Op};
use cbp_nn::trained::{TrainedMlp, TrainedWeights};
use cbp_nn::training::outputs;
use cbp_nn::{CbpConfig, Ends, ExportError, Model, Parameters, Trainer, WeightSet};

/// Real weights, computed in f64.
fn real_weights(weights: &TrainedWeights, inputs: usize) -> Vec<f64> {
    let of_row =
        |scales: &[f32], index: usize| f64::from(scales[if scales.len() == 1 { 0 } else { index / inputs }]);
    match weights {
        TrainedWeights::Float(values) => values.iter().map(|&w| f64::from(w)).collect(),
        TrainedWeights::Int8 { scales, codes } => {
            codes.iter().enumerate().map(|(i, &code)| of_row(scales, i) * f64::from(code)).collect()
        }
        TrainedWeights::Constrained { set, scales, codes } => {
            assert!(codes.iter().all(|&k| set.contains(k)));
            let unit = 1.0 / f64::from(1_u32 << set.max_shift());
            codes.iter().enumerate().map(|(i, &k)| of_row(scales, i) * f64::from(k) * unit).collect()
        }
    }
}

/// Logits of one image from the description alone, with activations as integer codes.
fn logits(model: &TrainedMlp, image: &[u8]) -> Vec<f64> {
    let mut code = Some(TrainedMlp::INPUT);
    let mut x: Vec<f64> = image.iter().map(|&p| f64::from(p) - 128.0).collect();
    for layer in &model.layers {
        if let Some(code) = code {
            for q in &mut x {
                *q = f64::from(code.scale) * (*q - f64::from(code.zero_point));
            }
        }
        let weights = real_weights(&layer.weights, layer.inputs);
        let rows = weights.chunks_exact(layer.inputs).zip(layer.affine.folded());
        x = rows
            .map(|(row, (factor, offset))| {
                let y = factor * row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>() + offset;
                let y = if layer.relu { y.max(0.0) } else { y };
                layer.output.map_or(y, |code| {
                    (y / f64::from(code.scale) + f64::from(code.zero_point))
                        .round_ties_even()
                        .clamp(-128.0, 127.0)
                })
            })
            .collect();
        code = layer.output;
    }
    x
}

#[test]
fn the_description_gives_the_logits_of_the_network() {
    let data = common::digits(600, 60);
    let float = common::small_float(&data, 2);
    let logits = |model: &Model| outputs(model, &data.test, &data.preprocess.evaluation).unwrap();
    for (set, ends, scale) in [
        (WeightSet::Binary, Ends::Int8, cbp_nn::cbp::scale::ScaleMode::Paper),
        (WeightSet::Ternary, Ends::Constrained, cbp_nn::cbp::scale::ScaleMode::LeastSquares),
        (WeightSet::TwoBitShift, Ends::Int8, cbp_nn::cbp::scale::ScaleMode::LeastSquaresPerChannel),
    ] {
        let config = CbpConfig { scale, ends, ..common::small_cbp(2) };
        let mut trainer = Trainer::constrained(&float, set, config).unwrap();
        trainer.run(&data, &mut ()).unwrap();
        let model = trainer.export().unwrap();
        assert_eq!(model.layers.len(), 4);
        assert!(model.layers[..3].iter().all(|layer| layer.relu && layer.output.is_some()));
        assert!(model.layers[3].output.is_none());
        compare(&model, &logits(trainer.model()), &data.test, set);
    }
    compare(&float.export().unwrap(), &logits(&float), &data.test, WeightSet::Binary);
}

/// An activation near the middle of two codes may round either way in f32 and f64, so that logits agree closely but
/// not to the last digit.
fn compare(model: &TrainedMlp, expected: &[f32], test: &Samples, set: WeightSet) {
    for (image, expected) in expected.chunks_exact(10).enumerate() {
        for (found, &expected) in logits(model, test.bytes(image).unwrap()).into_iter().zip(expected) {
            assert!(
                (found - f64::from(expected)).abs() < 0.15,
                "{set}, image {image}: {found}, network {expected}"
            );
        }
    }
}

/// The same network after a change of its nodes and numbers.
fn changed(model: &Model, change: impl FnOnce(&mut Vec<Node>, &mut [Parameters])) -> Model {
    let (graph, mut parameters) = model.clone().into_parts();
    let mut nodes = graph.nodes().to_vec();
    change(&mut nodes, &mut parameters);
    Model::with_parameters(Graph::new(graph.name(), graph.input(), nodes).unwrap(), parameters).unwrap()
}

#[test]
fn values_that_are_not_finite_are_refused_by_name() {
    let data = common::digits(100, 10);
    let good = common::small_float(&data, 1);
    let bad = changed(&good, |_, parameters| {
        let Parameters::Weights { weight, .. } = &mut parameters[3] else { unreachable!("the second layer") };
        weight[5] = f32::NAN;
    });
    let message = bad.export().unwrap_err().to_string();
    assert!(message.contains("layer fc2: weight[5] is NaN"), "{message}");

    let bad = changed(&good, |_, parameters| {
        let Parameters::BatchNorm { var, .. } = &mut parameters[4] else { unreachable!("the second norm") };
        var[7] = f32::INFINITY;
    });
    let message = bad.export().unwrap_err().to_string();
    assert!(message.contains("layer fc2: running variance[7] is inf"), "{message}");

    let bad = changed(&good, |nodes, parameters| {
        let (norm, relu) = (nodes[1].op.clone(), nodes[2].op.clone());
        assert_eq!(relu, Op::RELU);
        (nodes[1].op, nodes[2].op) = (relu, norm);
        parameters.swap(1, 2);
    });
    assert!(matches!(bad.export(), Err(ExportError::Order { .. })));
}
