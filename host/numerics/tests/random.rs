//! Random networks are legal, varied, and their outputs live.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, HashSet};

use cbp_numerics::random::{Kind, Options, Random, graph, layer_of};
use cbp_numerics::{Layer, Network, Operation, Output, Source, WeightSet, Weights, run_network};

const SEEDS: u64 = 300;

/// Distinct values over all images and layers that are not raw, by layer, and the share at the bounds of the type.
fn life(network: &Network, seed: u64) -> Vec<(usize, usize)> {
    let input = Random(seed).bytes(8 * network.inputs());
    let results = run_network(network, &input, 8).unwrap();
    let distinct = |values: &[i8]| values.iter().collect::<HashSet<_>>().len();
    results.iter().map(|r| (r.values.as_i8().len(), distinct(r.values.as_i8()))).collect()
}

fn weights(layer: &Layer) -> Option<&Weights> {
    match &layer.operation {
        Operation::FullyConnected(fc) => Some(&fc.weights),
        Operation::Convolution(c) => Some(&c.weights),
        _ => None,
    }
}

/// `None`: int8.
const fn set(weights: &Weights) -> Option<WeightSet> {
    match weights {
        Weights::Constrained { set, .. } => Some(*set),
        Weights::Int8 { .. } => None,
    }
}

fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::FullyConnected(_) => "fully connected",
        Operation::Convolution(c) => match (c.residual, c.groups, c.window.area()) {
            (Some(residual), ..) if residual.stride > 1 => "option A",
            (Some(_), ..) => "residual",
            (None, 1, 1) => "pointwise",
            (None, 1, _) => "convolution",
            (None, groups, _) if groups == c.inputs => "depthwise",
            (None, ..) => "grouped",
        },
        Operation::MaxPool(_) => "max pool",
        Operation::AveragePool(_) => "average pool",
        Operation::Add(_) => "add",
        Operation::Concat(_) => "concat",
        _ => "other",
    }
}

#[test]
fn graphs_are_legal_varied_and_read_every_tensor() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut raw, mut branches) = (0, 0);
    for seed in 0..SEEDS {
        let array = WeightSet::ALL[seed as usize % 4];
        let network = graph(&Options::new(array), seed).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let layers = network.layers();
        let read: Vec<Source> = layers.iter().flat_map(Layer::sources).collect();
        for (index, layer) in layers.iter().enumerate() {
            *seen.entry(name(&layer.operation)).or_default() += 1;
            let readers = read.iter().filter(|&&source| source == Source::Layer(index)).count();
            assert!(index + 1 == layers.len() || readers > 0, "seed {seed}: nobody reads {}", layer.name);
            branches += usize::from(readers > 1);
            raw += usize::from(layer.is_raw());
            if let Some(set) = weights(layer).and_then(set) {
                assert!(array.includes(set), "seed {seed}: {set} on a {array} array");
            }
            let macs = layer.macs(network.shapes()[index]);
            assert!(macs <= 120_000, "seed {seed}: {} has {macs} MACs", layer.name);
        }
        let names: HashSet<_> = layers.iter().map(|layer| &layer.name).collect();
        assert_eq!(names.len(), layers.len(), "seed {seed}: a name twice");
    }
    println!("{seen:?}, {raw} raw, {branches} tensors read more than once");
    for kind in [
        "fully connected",
        "option A",
        "residual",
        "pointwise",
        "convolution",
        "depthwise",
        "grouped",
        "max pool",
        "average pool",
        "add",
        "concat",
    ] {
        assert!(seen.get(kind).is_some_and(|&n| n >= 20), "{kind}: {seen:?}");
    }
    assert!(raw >= 20 && branches >= 20);
    let twice = || graph(&Options::new(WeightSet::Ternary), 7).unwrap();
    assert_eq!(twice(), twice());
}

#[test]
fn outputs_live() {
    let (mut layers, mut dull, mut constant) = (0, 0, 0);
    for seed in 0..SEEDS {
        let array = WeightSet::ALL[seed as usize % 4];
        let network = graph(&Options::new(array), seed).unwrap();
        for (values, distinct) in life(&network, seed) {
            // Of a few values nothing can be said.
            if values >= 64 {
                layers += 1;
                dull += usize::from(distinct < 16);
                constant += usize::from(distinct == 1);
            }
        }
    }
    println!("{layers} layers, {dull} with fewer than 16 values, {constant} constant");
    assert!(dull * 20 < layers, "{dull} of {layers} layers have fewer than 16 values");
    assert!(constant * 200 <= layers, "{constant} of {layers} layers are constant");
}

#[test]
fn saturation_is_rare_and_masks_are_mixed() {
    let (mut values, mut at_bounds, mut ones, mut masks) = (0usize, 0usize, 0usize, 0usize);
    for seed in 0..SEEDS {
        let network = graph(&Options::new(WeightSet::TwoBitShift), seed).unwrap();
        let input = Random(seed).bytes(4 * network.inputs());
        let results = run_network(&network, &input, 4).unwrap();
        for (layer, result) in network.layers().iter().zip(&results) {
            let output = match &layer.operation {
                Operation::Convolution(c) => &c.output,
                Operation::FullyConnected(fc) => &fc.output,
                _ => continue,
            };
            if let Output::Requantised { clamp, .. } = output {
                let y = result.values.as_i8();
                values += y.len();
                at_bounds += y.iter().filter(|&&y| y == clamp.low || y == clamp.high).count();
                let mask = result.mask.as_ref().unwrap();
                masks += mask.len();
                ones += mask.iter().filter(|&&m| m).count();
            }
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole as f64;
    println!("at bounds {:.3}, masks {:.3}", share(at_bounds, values), share(ones, masks));
    assert!((0.01..0.25).contains(&share(at_bounds, values)));
    assert!((0.3..0.85).contains(&share(ones, masks)));
}

#[test]
fn layers_are_of_their_kind() {
    for kind in Kind::ALL {
        let (mut sets_seen, mut raw, mut large) = (HashSet::new(), 0, 0);
        let mut features: BTreeMap<&str, usize> = BTreeMap::new();
        for seed in 0..SEEDS {
            let network = layer_of(kind, &Options::new(WeightSet::TwoBitShift), seed)
                .unwrap_or_else(|e| panic!("{kind:?}, seed {seed}: {e}"));
            let layer = network.layers().last().unwrap();
            let fits = match (kind, &layer.operation) {
                (Kind::FullyConnected, Operation::FullyConnected(_))
                | (Kind::Convolution, Operation::Convolution(_))
                | (Kind::MaxPool, Operation::MaxPool(_))
                | (Kind::Concat, Operation::Concat(_))
                | (Kind::Add, Operation::Add(_))
                | (Kind::AveragePool, Operation::AveragePool(_)) => true,
                (Kind::Pointwise, Operation::Convolution(c)) => c.window.area() == 1,
                (Kind::Grouped, Operation::Convolution(c)) => c.groups > 1,
                (Kind::Depthwise, Operation::Convolution(c)) => c.groups == c.inputs,
                (Kind::FewChannels, Operation::Convolution(c)) => c.inputs <= 4,
                (Kind::GlobalAveragePool, Operation::AveragePool(p)) => {
                    p.window.kernel == [network.input().height, network.input().width]
                }
                (Kind::Residual | Kind::OptionA, Operation::Convolution(c)) => c.residual.is_some(),
                _ => false,
            };
            assert!(fits, "{kind:?}, seed {seed}: {:?}", layer.name);
            let mut count = |feature, there| *features.entry(feature).or_default() += usize::from(there);
            match &layer.operation {
                Operation::Convolution(c) => {
                    let w = c.window;
                    count("dilation", w.dilation != [1, 1]);
                    count("asymmetric", w.before != w.behind);
                    count("stride", w.stride != [1, 1]);
                    count("large kernel", w.kernel[0].max(w.kernel[1]) > 5);
                    count("padding", w.before != [0, 0]);
                    if let Some(residual) = c.residual {
                        count("residual stride", residual.stride > 1);
                        count("odd channel", !residual.first.is_multiple_of(2));
                    }
                }
                Operation::MaxPool(p) => {
                    count("padding", p.window.before != [0, 0]);
                    count("asymmetric", p.window.before != p.window.behind);
                }
                _ => {}
            }
            sets_seen.extend(weights(layer).map(set));
            raw += usize::from(layer.is_raw());
            large += usize::from(network.macs() > 120_000);
        }
        println!("{kind:?}: {features:?}, {raw} raw, {large} large, {} sets", sets_seen.len());
        let weighted = !matches!(
            kind,
            Kind::MaxPool | Kind::AveragePool | Kind::GlobalAveragePool | Kind::Concat | Kind::Add
        );
        assert_eq!(sets_seen.len(), if weighted { 5 } else { 0 }, "{kind:?}");
        let expected: &[&str] = match kind {
            Kind::Convolution | Kind::FewChannels => {
                &["dilation", "asymmetric", "stride", "large kernel", "padding"]
            }
            Kind::OptionA => &["residual stride", "odd channel", "stride"],
            Kind::MaxPool => &["padding", "asymmetric"],
            _ => &[],
        };
        for feature in expected {
            assert!(features[feature] >= 20, "{kind:?}: {features:?}");
        }
    }
}
