//! The demo on full MNIST: every value equal, and the accuracies that the README promises.
//!
//! `CBP_MNIST` names the folder with the four files (`./test` sets it); `CBP_MNIST_IMAGES` how many test images run
//! on the device, 1,000 unless set.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use cbp_host::demo::{Options, Progress, run};
use cbp_isa::{Preset, WeightSet};

struct Lines;

impl Progress for Lines {
    fn stage(&self, _: &str, _: u64) {}
    fn tick(&self, _: u64) {}
    fn done(&self, message: &str) {
        println!("{message}");
    }
}

/// Least accuracy on the device in percent, with int8 ends and with every layer constrained.
fn bars(set: &str) -> (f64, f64) {
    match set {
        "binary" => (98.3, 97.9),
        "ternary" => (98.4, 98.1),
        _ => (98.4, 97.8),
    }
}

#[test]
fn full_mnist() {
    let Some(data) = std::env::var_os("CBP_MNIST").map(PathBuf::from) else {
        println!("not run: CBP_MNIST names no folder with MNIST");
        return;
    };
    let images = std::env::var("CBP_MNIST_IMAGES").map_or(1000, |n| n.parse().unwrap());
    let options = Options {
        data,
        sets: WeightSet::ALL.to_vec(),
        preset: Preset::named("small").unwrap(),
        images,
        epochs: None,
        seed: 1,
    };
    let report = run(&options, &Lines).unwrap();
    println!("{report}");
    assert_eq!(report.rows.len(), 8);
    for row in &report.rows {
        assert_eq!((row.mismatches, row.images), (0, images), "{row:?}");
        let (int8, constrained) = bars(&row.set);
        let bar = if row.ends == "int8" { int8 } else { constrained };
        // On part of the test set the device's accuracy is that of other images than the bar's: the trained
        // accuracy is of all 10,000, and the device is equal to it bit for bit up to the raw outputs.
        let accuracy = 100.0 * if images == report.test_images { row.device_accuracy } else { row.accuracy };
        assert!(accuracy >= bar, "{} {}: {accuracy:.2} % is below {bar} %", row.set, row.ends);
        if row.ends == "int8" {
            assert!(
                accuracy >= 100.0 * row.float_accuracy - 0.3,
                "{} {}: {accuracy:.2} %",
                row.set,
                row.ends
            );
        }
    }
}
