//! Published networks have their published sizes, and their activations live at every depth.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;

use cbp_numerics::architectures::{ARCHITECTURES, named};
use cbp_numerics::random::Random;
use cbp_numerics::{Operation, Output, Shape, Source, WeightSet, Weights, run_network};

/// Weights of convolutions and fully connected layers, without biases and batch normalisation, and thousands of
/// MACs: for torchvision's models its parameter counts less those of biases and norms, and its operation counts (G,
/// three decimals); for LeNet-5 and ResNet-20 by hand from the papers.
const PUBLISHED: [(&str, usize, u64, usize); 7] = [
    ("lenet5", 61_470, 417, 10),
    ("resnet20", 268_336, 40_551, 10),
    ("alexnet", 61_100_840 - 10_344, 714_000, 1000),
    ("vgg16", 138_357_544 - 13_416, 15_470_000, 1000),
    ("googlenet", 6_624_904 - 14_560 - 1000, 1_498_000, 1000),
    ("resnet18", 11_689_512 - 9_600 - 1000, 1_814_000, 1000),
    ("resnet50", 25_557_032 - 53_120 - 1000, 4_089_000, 1000),
];

#[test]
fn weights_and_multiplications_are_the_published_ones() {
    assert_eq!(ARCHITECTURES.len(), PUBLISHED.len());
    for (name, weights, kilo_macs, classes) in PUBLISHED {
        let architecture = named(name).unwrap();
        let network = architecture.build(WeightSet::Ternary, architecture.size, 1).unwrap();
        let rounding = if kilo_macs > 100_000 { 500_000 } else { 500 };
        let macs = network.macs();
        println!("{name}: {} weights, {macs} MACs", network.weights());
        assert_eq!(network.weights(), weights, "{name}");
        assert!(macs.abs_diff(kilo_macs * 1000) <= rounding, "{name}: {macs} MACs");
        assert_eq!(network.shapes().last(), Some(&Shape::vector(classes)), "{name}");
    }
    assert!(named("resnet19").is_none());
}

#[test]
fn the_first_and_the_last_layer_are_int8_and_the_others_of_the_set() {
    for architecture in ARCHITECTURES {
        for set in [WeightSet::Binary, WeightSet::TwoBitShift] {
            let size = architecture.size.min(64);
            let network = architecture.build(set, size, 3).unwrap();
            let weighted: Vec<_> = network
                .layers()
                .iter()
                .filter_map(|layer| match &layer.operation {
                    Operation::Convolution(c) => Some((layer, &c.weights)),
                    Operation::FullyConnected(fc) => Some((layer, &fc.weights)),
                    _ => None,
                })
                .collect();
            for (index, (layer, weights)) in weighted.iter().enumerate() {
                let end = index == 0 || index + 1 == weighted.len();
                let fits = match weights {
                    Weights::Int8 { .. } => end,
                    Weights::Constrained { set: found, .. } => !end && *found == set,
                };
                assert!(fits, "{}: {}", architecture.name, layer.name);
                assert_eq!(layer.is_raw(), index + 1 == weighted.len());
            }
            let names: HashSet<_> = network.layers().iter().map(|layer| &layer.name).collect();
            assert_eq!(names.len(), network.layers().len(), "{}", architecture.name);
        }
    }
}

#[test]
fn shapes_and_sources_of_known_layers() {
    let at = |name: &str, size, layer: &str| {
        let network = named(name).unwrap().build(WeightSet::Binary, size, 1).unwrap();
        let index = network.layers().iter().position(|l| l.name == layer).unwrap();
        let sources = network.layers()[index].sources();
        let names = sources.iter().map(|source| match source {
            Source::Input => "input".to_owned(),
            Source::Layer(index) => network.layers()[*index].name.clone(),
        });
        (network.shapes()[index], names.collect::<Vec<_>>())
    };
    let (shape, sources) = at("resnet18", 224, "layer2.0.conv2");
    assert_eq!(shape, Shape::new(28, 28, 128));
    assert_eq!(sources, ["layer2.0.conv1", "layer2.0.downsample.0"]);
    let (shape, sources) = at("resnet18", 224, "layer4.1.conv2");
    assert_eq!(shape, Shape::new(7, 7, 512));
    assert_eq!(sources, ["layer4.1.conv1", "layer4.0.conv2"]);
    let (shape, sources) = at("resnet50", 224, "layer1.0.conv3");
    assert_eq!(shape, Shape::new(56, 56, 256));
    assert_eq!(sources, ["layer1.0.conv2", "layer1.0.downsample.0"]);
    assert_eq!(at("alexnet", 224, "features.12").0, Shape::new(6, 6, 256));
    assert_eq!(at("googlenet", 224, "maxpool1").0, Shape::new(56, 56, 64));
    assert_eq!(at("googlenet", 224, "maxpool3").0, Shape::new(14, 14, 480));
    assert_eq!(at("googlenet", 224, "inception4e").0, Shape::new(14, 14, 832));
    let (shape, sources) = at("googlenet", 224, "inception5b");
    assert_eq!(shape, Shape::new(7, 7, 1024));
    let branches = ["branch1", "branch2.1", "branch3.1", "branch4.1"];
    assert_eq!(sources, branches.map(|branch| format!("inception5b.{branch}")));
    let (shape, sources) = at("resnet20", 32, "layer3.0.conv2");
    assert_eq!(shape, Shape::new(8, 8, 64));
    assert_eq!(sources, ["layer3.0.conv1", "layer2.2.conv2"]);
}

#[test]
fn activations_live_at_every_depth() {
    for (name, size) in [
        ("lenet5", 28),
        ("resnet20", 32),
        ("alexnet", 95),
        ("vgg16", 64),
        ("googlenet", 64),
        ("resnet18", 64),
        ("resnet50", 64),
    ] {
        for set in WeightSet::ALL {
            let network = named(name).unwrap().build(set, size, 5).unwrap();
            let input = Random(6).bytes(network.inputs());
            let results = run_network(&network, &input, 1).unwrap();
            let mut worst = (0.0, String::new());
            for (layer, result) in network.layers().iter().zip(&results) {
                let values = result.values.as_i8();
                let clamp = match &layer.operation {
                    Operation::Convolution(c) => &c.output,
                    Operation::FullyConnected(fc) => &fc.output,
                    _ => &Output::Raw,
                };
                let distinct = values.iter().collect::<HashSet<_>>().len();
                let enough = 20.min(values.len() / 4);
                assert!(
                    layer.is_raw() || distinct >= enough,
                    "{name}, {set}, {}: {distinct} values",
                    layer.name
                );
                if let Output::Requantised { clamp, .. } = clamp {
                    let at_bounds = values.iter().filter(|&&y| y == clamp.low || y == clamp.high).count();
                    let share = at_bounds as f64 / values.len() as f64;
                    if share > worst.0 {
                        worst = (share, layer.name.clone());
                    }
                }
            }
            println!("{name}, {set}: at most {:.3} at bounds ({})", worst.0, worst.1);
            assert!(worst.0 < 0.4, "{name}, {set}: {worst:?}");
            let raw = results.last().unwrap().values.as_i32();
            assert!(raw.iter().collect::<HashSet<_>>().len() * 2 > raw.len(), "{name}, {set}: logits agree");
        }
    }
}

#[test]
fn networks_too_small_are_refused_by_layer() {
    let refused =
        |name: &str, size| named(name).unwrap().build(WeightSet::Binary, size, 1).unwrap_err().to_string();
    assert!(refused("alexnet", 62).contains("features.12"));
    assert!(refused("vgg16", 31).contains("features.30"));
    assert!(refused("lenet5", 27).contains("c5"));
    assert!(refused("resnet18", 0).contains("0×0×3"));
    for (name, size) in
        [("alexnet", 63), ("vgg16", 32), ("googlenet", 32), ("resnet18", 32), ("resnet50", 32)]
    {
        named(name).unwrap().build(WeightSet::Binary, size, 1).unwrap();
    }
}
