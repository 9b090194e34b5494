//! The exported integers are the weights of the network, and impossible values are refused by name.

#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too

mod common;

use cbp_nn::cbp::scale::ScaleMode;
use cbp_nn::graph::Graph;
use cbp_nn::trained::TrainedWeights;
use cbp_nn::{CbpConfig, Ends, Model, Parameters, Trainer, WeightSet};

/// Real weights, computed in f64.
fn real_weights(weights: &TrainedWeights, outputs: usize) -> Vec<f64> {
    let (scales, codes, unit) = match weights {
        TrainedWeights::Int8 { scales, codes } => (scales, codes, 1.0),
        TrainedWeights::Constrained { set, scales, codes } => {
            assert!(codes.iter().all(|&k| set.contains(k)));
            (scales, codes, 1.0 / f64::from(1_u32 << set.max_shift()))
        }
    };
    let inputs = codes.len() / outputs;
    let scale = |index: usize| f64::from(scales[if scales.len() == 1 { 0 } else { index / inputs }]);
    codes.iter().enumerate().map(|(i, &code)| scale(i) * f64::from(code) * unit).collect()
}

#[test]
fn integers_and_scales_are_the_weights() {
    let data = common::digits(600, 60);
    let float = common::small_float(&data, 2);
    for (set, ends, scale) in [
        (WeightSet::Binary, Ends::Int8, ScaleMode::Paper),
        (WeightSet::Ternary, Ends::Constrained, ScaleMode::LeastSquares),
        (WeightSet::TwoBitShift, Ends::Int8, ScaleMode::LeastSquaresPerChannel),
        (WeightSet::OneBitShift, Ends::Float, ScaleMode::LeastSquares),
    ] {
        let config = CbpConfig { scale, ends, ..common::small_cbp(2) };
        let mut trainer = Trainer::constrained(&float, set, config).unwrap();
        trainer.run(&data, &mut ()).unwrap();
        let network = trainer.export().unwrap();
        assert_eq!(network.data.range, Some([0.0, 1.0]));
        let graph = network.model.graph();
        let weighted: Vec<usize> = graph.weighted().collect();
        for &node in &weighted {
            let is_end = [weighted.first(), weighted.last()].contains(&Some(&node));
            let Parameters::Weights { weight, .. } = &network.model.parameters()[node] else {
                unreachable!("a node with weights")
            };
            let Some(integers) = &network.weights[node] else {
                assert!(is_end && ends == Ends::Float);
                continue;
            };
            let is_int8 = matches!(integers, TrainedWeights::Int8 { .. });
            assert_eq!(is_int8, is_end && ends == Ends::Int8);
            for (real, &w) in real_weights(integers, graph.shapes()[node].channels).iter().zip(weight) {
                assert!((real - f64::from(w)).abs() <= 1e-7 * real.abs(), "{set}: {real} for {w}");
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_are_refused_by_name() {
    let data = common::digits(100, 10);
    let (graph, mut parameters) = common::small_float(&data, 1).into_parts();
    let Parameters::BatchNorm { var, .. } = &mut parameters[4] else { unreachable!("the second norm") };
    var[7] = f32::INFINITY;
    let graph = Graph::new(graph.name(), graph.input(), graph.nodes().to_vec()).unwrap();
    let norm = graph.nodes()[4].name.clone();
    let bad = Model::with_parameters(graph, parameters).unwrap();
    let trainer = Trainer::constrained(&bad, WeightSet::Ternary, CbpConfig::short(1)).unwrap();
    let message = trainer.export().unwrap_err().to_string();
    assert!(message.contains(&format!("layer {norm}: running variance[7] is inf")), "{message}");
}
