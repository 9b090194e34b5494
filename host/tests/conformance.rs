//! The conformance suite on the simulated device in this process.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cbp_driver::backends::vfio_user::VfioUserTransport;
use cbp_driver::{Device, Error, Options};
use cbp_host::bench::peak_mib;
use cbp_host::conformance::soak::soak;
use cbp_host::conformance::{CaseReport, faults, run};
use cbp_isa::{Preset, WeightSet};
use cbp_sim::{FaultPlan, Link, SimDevice, SimOptions, SimTransport, Timing};
use cbp_sim_server::vfio_user::Server;
use cbp_sim_server::{CardOptions, EndpointOptions};

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
    assert_eq!(reports.len(), 18);
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

#[test]
fn what_memory_does_ends_in_typed_errors() {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let mut attach = || {
        let mut transport = SimTransport::accelerator(&config, &SimOptions::default())
            .map_err(|e| Error::Transport(e.into()))?;
        let plan = transport.sim().faults();
        Ok((transport, plan))
    };
    let reports =
        faults::memory::run(&mut attach, Duration::from_millis(1), 1, |report| println!("{report:?}"));
    assert!(reports.len() == 11 && reports.iter().all(|report| report.failure.is_none()), "{reports:#?}");
}

/// Connects to a card served by a thread of its own, a new one each time.
fn connect(timing: &Timing, options: &CardOptions) -> (VfioUserTransport, FaultPlan) {
    static CARDS: AtomicU32 = AtomicU32::new(0);
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let sim = SimOptions { timing: timing.clone(), ..SimOptions::default() };
    let card = SimDevice::accelerator(&config, &sim).unwrap();
    let plan = card.faults();
    let name = format!("cbp-{}-{}", std::process::id(), CARDS.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let mut server = Server::new(&path, card, options.clone()).unwrap();
    std::thread::spawn(move || server.serve());
    let transport = VfioUserTransport::open(&path, options.endpoint.window_offset).unwrap();
    std::fs::remove_file(&path).unwrap();
    (transport, plan)
}

fn all_hold_over_a_socket(timing: &Timing, options: &CardOptions) {
    let mut open =
        || Device::open(connect(timing, options).0, Options { ring_log2: 2, ..Options::default() });
    let reports = run(&mut open, 1, |report| println!("{report:?}"));
    assert!(reports.len() == 18 && reports.iter().all(|report| report.failure.is_none()), "{reports:#?}");
}

#[test]
fn over_a_socket() {
    all_hold_over_a_socket(&Timing::default(), &CardOptions::default());
}

/// One vector, the window behind the registers of another core, 32 address bits, a link in front.
#[test]
fn over_a_socket_with_another_card() {
    let endpoint = EndpointOptions { vectors: 1, window_offset: 0x2_0000, ..EndpointOptions::default() };
    let options = CardOptions { endpoint, dma_bits: 32 };
    all_hold_over_a_socket(&Timing::Link("gen2x4,reorder,delay=500".parse().unwrap()), &options);
}

#[test]
fn faults_over_a_socket_end_in_typed_errors() {
    let mut attach = || Ok(connect(&Timing::default(), &CardOptions::default()).0);
    let patience = Duration::from_millis(200);
    let reports = faults::run(&mut attach, patience, 1, |report| println!("{report:?}"));
    assert!(reports.iter().all(|report| report.failure.is_none()), "{reports:#?}");
}

#[test]
fn what_memory_does_over_a_socket_ends_in_typed_errors() {
    let mut attach = || Ok(connect(&Timing::default(), &CardOptions::default()));
    let patience = Duration::from_millis(500);
    let reports = faults::memory::run(&mut attach, patience, 1, |report| println!("{report:?}"));
    assert!(reports.len() == 11 && reports.iter().all(|report| report.failure.is_none()), "{reports:#?}");
}

fn soaks(jobs: usize) {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let options = SimOptions { timing: Timing::Random { seed: 3, max_latency: 40 }, ..SimOptions::default() };
    let mut attach = || SimTransport::accelerator(&config, &options).map_err(|e| Error::Transport(e.into()));
    let mut run = |jobs, seed| soak(&mut attach, jobs, Duration::from_millis(1), seed).unwrap();
    run(jobs / 10, 2);
    let before = peak_mib();
    let report = run(jobs, 1);
    println!("{report:?}, {:.1} MiB more than at first", peak_mib() - before);
    assert!(peak_mib() - before < 4.0 && before > 0.0, "memory grows");
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
