//! How busy the array is: cycles are exact, so they may be gated.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_host::bench::{LayerBench, measure};
use cbp_isa::{Preset, WeightSet};

#[test]
fn fully_connected_1024_by_1024_batch_64() {
    let figures = measure(&LayerBench {
        inputs: 1024,
        outputs: 1024,
        batch: 64,
        set: Some(WeightSet::TwoBitShift),
        config: Preset::named("small").unwrap().config(WeightSet::TwoBitShift),
        latency: 200,
        trace: None,
    })
    .unwrap();
    println!("{figures:#?}");
    assert_eq!(figures.mismatches, 0);
    assert!(figures.mac_utilization >= 0.90, "{figures:#?}");
    let error = figures.cycles as f64 / figures.predicted_cycles as f64 - 1.0;
    assert!(error.abs() < 0.02, "the prediction is off by {:.1} %: {figures:#?}", 100.0 * error);
}
