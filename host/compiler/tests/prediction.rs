//! What the cycle model promises.

mod common;

use cbp_compiler::predict::{Timing, simulate};
use cbp_compiler::{Keep, Options, compile};
use cbp_isa::WeightSet;
use cbp_numerics::architectures::named;
use common::{Shape, config, network};

#[test]
fn a_square_layer_keeps_the_array_busy() {
    for set in WeightSet::ALL {
        let shape = Shape { outputs: 1024, set: Some(set), raw: false, extreme: false };
        let network = network(1024, &[shape], 1);
        for keep in [Keep::Output, Keep::ActivationsAndMasks] {
            let options = Options { batch: 64, keep, ..Options::default() };
            let program = compile(&network, &config("small", set), options).unwrap();
            let predicted = simulate(&program, &Timing::default()).unwrap();
            assert_eq!(predicted.steps, 65_536);
            assert!(predicted.utilisation >= 0.92, "{set}: {}", predicted.utilisation);
        }
    }
}

#[test]
fn residual_networks_keep_the_small_array_busy() {
    let set = WeightSet::TwoBitShift;
    for (name, floor) in [("resnet18", 0.92), ("resnet50", 0.90)] {
        let architecture = named(name).unwrap();
        let network = architecture.build(set, architecture.size, 1).unwrap();
        for on_chip in [false, true] {
            let options = Options { batch: 1, keep: Keep::Output, on_chip, ..Options::default() };
            let program = compile(&network, &config("small", set), options).unwrap();
            let predicted = simulate(&program, &Timing::default()).unwrap();
            assert!(predicted.utilisation >= floor, "{name} {on_chip}: {}", predicted.utilisation);
        }
    }
}
