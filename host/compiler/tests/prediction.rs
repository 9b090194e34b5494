//! What the cycle models promise.

mod common;

use cbp_compiler::predict::{LayerShape, Timing, estimate, networks, simulate};
use cbp_compiler::{Keep, Options, compile};
use cbp_isa::WeightSet;
use common::{Shape, config, network};

fn macs(layers: &[LayerShape]) -> f64 {
    layers.iter().map(LayerShape::macs).sum::<u64>() as f64 / 1e9
}

#[test]
fn tables_have_the_published_sizes() {
    let (r18, r50) = (networks::resnet18(), networks::resnet50());
    for (layers, expected) in [(&r18[..], 1.814), (&r50, 4.09), (networks::ALEXNET, 0.714)] {
        assert!((macs(layers) - expected).abs() < 0.0006 * expected.max(5.0), "{}", macs(layers));
    }
    // 11,157,504 constrained weights (CBP); 11,678,912 with first and last layer.
    assert_eq!(r18.iter().map(LayerShape::weights).sum::<usize>(), 11_157_504 + 7 * 7 * 3 * 64 + 512 * 1000);
    assert_eq!((r18.len(), r50.len()), (21, 54));
}

#[test]
fn a_square_layer_keeps_the_array_busy() {
    for set in WeightSet::ALL {
        let shape = Shape { outputs: 1024, set: Some(set), raw: false, extreme: false };
        let network = network(1024, &[shape], 1);
        for keep in [Keep::Output, Keep::ActivationsAndMasks] {
            let program = compile(&network, &config("small", set), Options { batch: 64, keep }).unwrap();
            let predicted = simulate(&program, &Timing::default()).unwrap();
            assert_eq!(predicted.steps, 65_536);
            assert!(predicted.utilisation >= 0.92, "{set}: {}", predicted.utilisation);
        }
    }
}

#[test]
fn estimates_follow_the_simulation_of_single_layers() {
    for (inputs, outputs, batch) in [(1024, 1024, 64), (512, 1000, 32), (784, 256, 128), (256, 256, 256)] {
        let shape = Shape { outputs, set: Some(WeightSet::TwoBitShift), raw: false, extreme: false };
        let config = config("small", WeightSet::TwoBitShift);
        let program =
            compile(&network(inputs, &[shape], 1), &config, Options { batch, keep: Keep::Output }).unwrap();
        let simulated = simulate(&program, &Timing::default()).unwrap().cycles;
        let shape = LayerShape { inputs, outputs, ..networks::ALEXNET[6] };
        let estimated = estimate(&shape, &config, batch, &Timing::default()).cycles;
        let ratio = estimated as f64 / simulated as f64;
        assert!((0.85..1.15).contains(&ratio), "{inputs}×{outputs}: {ratio}");
    }
}

fn all_networks() -> [(&'static str, Vec<LayerShape>); 3] {
    [
        ("ResNet-18", networks::resnet18()),
        ("ResNet-50", networks::resnet50()),
        ("AlexNet", networks::ALEXNET.to_vec()),
    ]
}

/// Only int8 classifiers with very many inputs are too deep for the weight buffer, on arrays that take 8 or 9 passes.
#[test]
fn published_networks_fit_the_presets() {
    let mut refused = Vec::new();
    for preset in ["small", "acorn"] {
        for (name, layers) in all_networks() {
            for set in WeightSet::ALL {
                let config = config(preset, set);
                for layer in &layers {
                    let estimate = estimate(layer, &config, 1, &Timing::default());
                    refused.extend(
                        estimate
                            .obstacles
                            .iter()
                            .map(|o| format!("{preset} {set} {name} {}: {o}", layer.name)),
                    );
                }
            }
        }
    }
    let too_deep = |at: &str, words: usize| {
        format!("{at}: one column tile takes {words} words of weights, the buffer has 512")
    };
    let expected = [
        too_deep("small binary ResNet-50 fc", 576),
        too_deep("small binary AlexNet fc8", 1152),
        too_deep("small ternary AlexNet fc8", 1024),
        too_deep("acorn binary AlexNet fc8", 576),
    ];
    assert_eq!(refused, expected);
}

/// 1×1 layers with few inputs leave the PPU behind on acorn (64 columns, 16 PPU lanes), nowhere else.
#[test]
fn ppu_bound_layers_are_flagged() {
    for (preset, expected) in [("small", [0, 0, 0]), ("acorn", [2, 9, 0])] {
        let config = config(preset, WeightSet::TwoBitShift);
        for ((name, layers), expected) in all_networks().into_iter().zip(expected) {
            let bound =
                layers.iter().filter(|l| estimate(l, &config, 1, &Timing::default()).ppu_bound).count();
            assert_eq!(bound, expected, "{preset} {name}");
        }
    }
}

#[test]
fn residual_networks_keep_the_small_array_busy() {
    let config = config("small", WeightSet::TwoBitShift);
    for (layers, floor) in [(networks::resnet18(), 0.95), (networks::resnet50(), 0.93)] {
        let all: Vec<_> = layers.iter().map(|l| estimate(l, &config, 16, &Timing::default())).collect();
        let cycles: u64 = all.iter().map(|e| e.cycles).sum();
        let useful: f64 = all.iter().map(|e| e.utilisation * e.cycles as f64).sum();
        assert!(useful / cycles as f64 > floor, "{}", useful / cycles as f64);
    }
}
