//! Published networks have their published sizes, and their activations live at every depth.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;

use cbp_numerics::architectures::{ARCHITECTURES, named};
use cbp_numerics::random::Random;
use cbp_numerics::{Network, Operation, Output, Shape, Source, WeightSet, Weights, run_network};

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

/// Sizes at which everything is quick, and the last maps are not all padding where that is possible.
const SMALL: [(&str, usize); 7] = [
    ("lenet5", 28),
    ("resnet20", 32),
    ("alexnet", 63),
    ("vgg16", 32),
    ("googlenet", 48),
    ("resnet18", 64),
    ("resnet50", 48),
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
        assert_eq!(network.name(), name);
        check_layers(&network);
    }
    assert!(named("resnet19").is_none());
}

#[test]
fn the_first_and_the_last_layer_are_int8_and_the_others_of_the_set() {
    for (name, size) in SMALL {
        let architecture = named(name).unwrap();
        for set in [WeightSet::Ternary, WeightSet::OneBitShift] {
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

/// Shape of a layer, and the names of what it reads.
fn layer(network: &Network, name: &str) -> (Shape, Vec<String>) {
    let index = network.layers().iter().position(|layer| layer.name == name).unwrap();
    let sources = network.layers()[index].sources();
    let names = sources.iter().map(|source| match source {
        Source::Input => "input".to_owned(),
        Source::Layer(index) => network.layers()[*index].name.clone(),
    });
    (network.shapes()[index], names.collect())
}

/// Layers whose shapes and sources are easily wrong.
fn check_layers(network: &Network) {
    let is = |name: &str, shape: [usize; 3], sources: &[&str]| {
        let [height, width, channels] = shape;
        let sources = sources.iter().map(|&source| source.to_owned()).collect();
        assert_eq!(layer(network, name), (Shape::new(height, width, channels), sources), "{name}");
    };
    match network.name() {
        "resnet18" => {
            is("layer2.0.conv2", [28, 28, 128], &["layer2.0.conv1", "layer2.0.downsample.0"]);
            is("layer4.1.conv2", [7, 7, 512], &["layer4.1.conv1", "layer4.0.conv2"]);
        }
        "resnet50" => {
            is("layer1.0.conv3", [56, 56, 256], &["layer1.0.conv2", "layer1.0.downsample.0"]);
            is("layer2.0.conv1", [56, 56, 128], &["layer1.2.conv3"]);
            is("layer2.0.conv2", [28, 28, 128], &["layer2.0.conv1"]);
        }
        "resnet20" => is("layer3.0.conv2", [8, 8, 64], &["layer3.0.conv1", "layer2.2.conv2"]),
        "alexnet" => is("features.12", [6, 6, 256], &["features.10"]),
        "vgg16" => is("features.30", [7, 7, 512], &["features.28"]),
        "googlenet" => {
            is("maxpool1", [56, 56, 64], &["conv1"]);
            is("maxpool3", [14, 14, 480], &["inception3b"]);
            is("inception4a.branch4.0", [14, 14, 480], &["maxpool3"]);
            let branches = ["branch1", "branch2.1", "branch3.1", "branch4.1"];
            let branches = branches.map(|branch| format!("inception5b.{branch}"));
            is("inception5b", [7, 7, 1024], &branches.each_ref().map(String::as_str));
        }
        "lenet5" => is("c5", [1, 1, 120], &["s4"]),
        other => panic!("{other}"),
    }
}

#[test]
fn activations_live_at_every_depth() {
    for (name, size) in SMALL {
        for set in [WeightSet::Binary, WeightSet::TwoBitShift] {
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
