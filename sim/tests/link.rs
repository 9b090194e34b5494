//! Devices behind a `PCIe` link.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use std::collections::VecDeque;
use std::time::Duration;

use cbp_driver::{Device, Job, Options, Segment};
use cbp_isa::instruction::{Instruction, Opcode};
use cbp_sim::{LinkReport, SimOptions, SimTransport, Timing};
use common::{contents, copy, lend, open, pattern};

const SECOND: Duration = Duration::from_secs(1);

fn link(text: &str) -> Timing {
    Timing::Link(text.parse().unwrap())
}

/// Copies memories of many sizes, several jobs at once; gives the report.
fn copies(text: &str, ring_log2: u32, burst_limit: u32) -> LinkReport {
    let options = Options { ring_log2, burst_limit: Some(burst_limit), ..Options::default() };
    let mut device = open(link(text), options);
    let mut running = VecDeque::new();
    let finish = |device: &mut common::SimulatedDevice, (ticket, to, round): (_, common::Memory, u32)| {
        device.wait(ticket, SECOND).unwrap();
        let size = to.size();
        assert_eq!(contents(to), pattern(size, round), "{text}: round {round}");
    };
    for round in 0..24 {
        let bytes = 8 * (1 + (round as usize * 97) % 700);
        let from = lend(&mut device, &pattern(bytes, round));
        let to = lend(&mut device, &vec![0; bytes]);
        let mut job = copy(&mut device, &from, &to);
        job.interrupt = round % 5 != 4;
        if running.len() == 1 << ring_log2 {
            finish(&mut device, running.pop_front().unwrap());
        }
        running.push_back((device.submit(&job).unwrap(), to, round));
    }
    for job in running {
        finish(&mut device, job);
    }
    let sim = device.transport().sim();
    sim.run(20_000).unwrap();
    assert_eq!(sim.in_flight(), 0);
    sim.link_report().unwrap()
}

#[test]
fn jobs_copy_and_runs_repeat() {
    for (seed, text) in [
        "gen1x1",
        "gen2x4,reorder,delay=3000",
        "gen3x4,request=128,completion=64,payload=128,reorder,latency=300",
        "gen4x8,delay=0,latency=0",
        "gen1x1,tags=1,latency=2000,delay=50000",
    ]
    .into_iter()
    .enumerate()
    {
        for burst_limit in [256, 2048] {
            let text = format!("{text},seed={seed}");
            let report = copies(&text, seed as u32 % 3, burst_limit);
            assert_eq!(report, copies(&text, seed as u32 % 3, burst_limit), "same seed, same run");
            assert_eq!(report.unmapped_writes, 0);
            // 24 rounds: data both ways, and a completion of 32 bytes and a command of 128 bytes each.
            let data: u64 = (0..24).map(|round| 8 * (1 + round * 97 % 700)).sum();
            assert_eq!(report.downstream.payload, data + 24 * 128, "{text}");
            let interrupts = report.upstream.payload - data - 24 * 32;
            assert!(
                interrupts.is_multiple_of(4) && (4..=24 * 4).contains(&interrupts),
                "{text}: {interrupts}"
            );
        }
    }
    let late = |seed| copies(&format!("gen2x4,reorder,delay=3000,seed={seed}"), 1, 256).cycles;
    assert_ne!(late(1), late(2), "the seed decides");
}

#[test]
fn the_accelerator_runs_behind_a_link() {
    let config = cbp_isa::Preset::named("tiny").unwrap().config(cbp_isa::WeightSet::TwoBitShift);
    for text in ["gen2x4", "gen1x1,reorder,delay=5000,seed=3"] {
        let sim = SimOptions { timing: link(text), ..SimOptions::default() };
        let transport = SimTransport::accelerator(&config, &sim).unwrap();
        let mut device = Device::open(transport, Options { ring_log2: 1, ..Options::default() }).unwrap();
        for round in 0..12 {
            let program = lend(&mut device, &Instruction::new(Opcode::End).to_bytes());
            let mut job = Job::new(Segment::all(program), 1);
            job.interrupt = round % 4 != 3;
            let ticket = device.submit(&job).unwrap();
            device.wait(ticket, SECOND).unwrap();
        }
        println!("{text}: {}", device.transport().sim().link_report().unwrap());
    }
}
