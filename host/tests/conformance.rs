//! The conformance suite on the simulated device in this process.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use cbp_driver::{Device, Error, Options};
use cbp_host::conformance::soak::soak;
use cbp_host::conformance::{CaseReport, faults, run};
use cbp_isa::{Preset, WeightSet};
use cbp_sim::{Link, SimOptions, SimTransport, Timing};

fn all_hold(timing: &Timing, ring_log2: u32) {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let mut open = || {
        let options = SimOptions { timing: timing.clone(), ..SimOptions::default() };
        let transport =
            SimTransport::accelerator(&config, &options).map_err(|e| Error::Transport(e.into()))?;
        Device::open(transport, Options { ring_log2, ..Options::default() })
    };
    let reports = run(&mut open, 1, |_| {});
    let failed: Vec<&CaseReport> = reports.iter().filter(|report| report.failure.is_some()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(reports.len(), 16);
}

#[test]
fn faults_end_in_typed_errors() {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let mut attach =
        || SimTransport::accelerator(&config, &SimOptions::default()).map_err(|e| Error::Transport(e.into()));
    let reports = faults::run(&mut attach, Duration::from_millis(1), 1, |report| println!("{report:?}"));
    let failed: Vec<&CaseReport> = reports.iter().filter(|report| report.failure.is_some()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(reports.len() >= 24);
}

fn soaks(jobs: usize) {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let options = SimOptions { timing: Timing::Random { seed: 3, max_latency: 40 }, ..SimOptions::default() };
    let mut attach = || SimTransport::accelerator(&config, &options).map_err(|e| Error::Transport(e.into()));
    let report = soak(&mut attach, jobs, Duration::from_millis(1), 1).unwrap();
    println!("{report:?}");
    assert!(report.right + report.failed >= jobs);
    assert!(report.right > jobs * 97 / 100 && report.faults > jobs / 400, "{report:?}");
}

#[test]
fn two_thousand_jobs_with_faults() {
    soaks(2_000);
}

#[test]
#[ignore = "takes minutes; ./test --full runs it"]
fn a_hundred_thousand_jobs_with_faults() {
    soaks(100_000);
}

#[test]
fn with_random_stalls() {
    all_hold(&Timing::Random { seed: 7, max_latency: 60 }, 4);
}

#[test]
fn behind_a_link() {
    let link: Link = "gen2x4".parse().unwrap();
    all_hold(&Timing::Link(link), 2);
}
