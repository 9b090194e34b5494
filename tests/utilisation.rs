//! How busy the array is: cycles are exact, so they may be gated.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_host::bench::{Bench, Figures, Memory, Workload, measure};
use cbp_isa::{Preset, WeightSet};

/// Runs a workload on an array for two-bit shift.
fn run(preset: &str, memory: Memory, net: &str, batch: usize, int8: bool) -> Figures {
    let config = Preset::named(preset).unwrap().config(WeightSet::TwoBitShift);
    let weights = (!int8).then_some(WeightSet::TwoBitShift);
    let workload = net.parse::<Workload>().unwrap().with_weights(weights);
    let figures = measure(&Bench { memory, ..Bench::new(workload, batch, config) }).unwrap();
    println!("{figures:#?}");
    assert!(figures.compared > 0);
    assert_eq!(figures.mismatches, 0);
    let cycles = figures.cycles.unwrap() as f64;
    let error = cycles / figures.predicted_cycles as f64 - 1.0;
    assert!(error.abs() < 0.02, "{net}: the prediction is off by {:.1} %", 100.0 * error);
    figures
}

/// On preset `small`, 200 cycles of latency.
fn busy(net: &str, batch: usize, int8: bool, floor: f64) {
    let figures = run("small", Memory::Fixed(200), net, batch, int8);
    assert!(figures.mac_utilization >= floor, "{net}: {}", figures.mac_utilization);
}

#[test]
fn fully_connected_1024_by_1024_batch_64() {
    busy("fc:1024x1024", 64, false, 0.90);
}

#[test]
fn convolution_3_by_3() {
    busy("conv:3x3,64-64,56", 1, false, 0.94);
}

#[test]
fn convolution_1_by_1() {
    busy("conv:1x1,256-64,56", 1, false, 0.85);
}

#[test]
fn first_layer_7_by_7() {
    busy("conv:7x7s2,3-64,224", 1, true, 0.85);
}

#[test]
fn whole_resnet18() {
    busy("resnet18", 1, false, 0.88);
}

#[test]
#[ignore = "takes two minutes; ./test --full"]
fn whole_resnet50() {
    busy("resnet50", 1, false, 0.88);
}

/// A layer that reads as much as it writes, over a link of 2 GB/s each way, packets of up to 256 bytes and a latency of
/// 1 µs: both directions are busy at once.
#[test]
fn both_directions_of_a_link() {
    let link = Memory::Link("gen2x4,payload=256,latency=1000".parse().unwrap());
    let config = Preset::named("small").unwrap().config(WeightSet::TwoBitShift);
    let workload: Workload = "conv:1x1,64-64,56".parse().unwrap();
    let figures = measure(&Bench { memory: link, ..Bench::new(workload, 16, config) }).unwrap();
    println!("{figures:#?}");
    assert_eq!((figures.compared > 0, figures.mismatches), (true, 0));
    let link = figures.link.unwrap();
    assert!(link.downstream >= 0.90 && link.upstream >= 0.90, "{link:?}");
}

/// ResNet-18's 3×3 layers, and the whole of it, over a PCIe link with a latency of 1 µs.
#[test]
#[ignore = "builds the largest array; ./test --full"]
fn over_a_link() {
    let link = || Memory::Link("gen2x4".parse().unwrap());
    for net in ["conv:3x3,64-64,56", "conv:3x3,128-128,28", "conv:3x3,256-256,14", "conv:3x3,512-512,7"] {
        let figures = run("acorn", link(), net, 16, false);
        assert!(figures.mac_utilization >= 0.80, "{net}: {}", figures.mac_utilization);
    }
    run("acorn", link(), "resnet18", 1, false);
}
