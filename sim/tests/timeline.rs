//! Recordings of a small job against the device's own counters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

#[path = "../examples/job_folder/fully_connected.rs"]
mod fully_connected;

use std::time::Duration;

use cbp_driver::{Device, Job, Options, Segment};
use cbp_isa::{Preset, WeightSet};
use cbp_sim::{Engine, SimOptions, SimTransport, State, Timeline, Timing};
use fully_connected::{CONSTANTS, FullyConnected, INPUTS, OUTPUTS};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const BATCH: usize = 40;

#[test]
fn spans_agree_with_the_counters() {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    for (seed, timing) in [
        Timing::default(),
        Timing::Random { seed: 1, max_latency: 100 },
        Timing::Link("gen2x4,reorder,delay=1000".parse().unwrap()),
    ]
    .into_iter()
    .enumerate()
    {
        let sim = SimOptions { timing, timeline: true, ..SimOptions::default() };
        let transport = SimTransport::accelerator(&config, &sim).unwrap();
        let mut device = Device::open(transport, Options::default()).unwrap();
        let fc = FullyConnected::random(&config, BATCH, &mut ChaCha8Rng::seed_from_u64(seed as u64)).unwrap();
        let mut memory = |bytes: &[u8]| {
            let mut memory = device.allocate(bytes.len()).unwrap();
            memory.write(0, bytes).unwrap();
            Segment::all(memory.lend())
        };
        let mut job = Job::new(memory(&fc.program_bytes()), fc.program.len() as u32);
        job.segments[CONSTANTS] = Some(memory(&fc.constants));
        job.segments[INPUTS] = Some(memory(&fc.inputs));
        job.segments[OUTPUTS] = Some(memory(&vec![0; fc.outputs.len()]));

        device.transport().sim().start_timeline();
        let traffic = device.transport().sim().traffic();
        let ticket = device.submit(&job).unwrap();
        let done = device.wait(ticket, Duration::from_millis(1)).unwrap();
        let timeline = device.transport().sim().take_timeline().unwrap();
        let mut bytes = vec![0; fc.outputs.len()];
        let outputs = job.segments[OUTPUTS].take().unwrap().memory;
        outputs.reclaim().unwrap().read(0, &mut bytes).unwrap();
        assert_eq!(bytes, fc.outputs, "seed {seed}");

        assert_eq!(timeline.cycles(Engine::Compute, State::Active), u64::from(done.mac_active));
        assert_eq!(timeline.cycles(Engine::Compute, State::WaitLoad), u64::from(done.wait_load));
        assert_eq!(timeline.cycles(Engine::Compute, State::WaitStore), u64::from(done.wait_store));
        assert_eq!(done.mac_active, BATCH as u32);
        assert!(done.wait_load > 0);
        // Weights, parameters and activations; outputs.
        let beats = |bytes: usize| (bytes / config.beat_bytes()) as u64;
        let loaded = beats(fc.constants.len() + fc.inputs.len());
        assert_eq!(timeline.cycles(Engine::Load, State::Active), loaded);
        assert_eq!(timeline.cycles(Engine::Store, State::Active), beats(fc.outputs.len()));
        let now = device.transport().sim().traffic();
        let sum = |bytes: fn(&cbp_sim::Window) -> u64| timeline.windows.iter().map(bytes).sum::<u64>() / 8;
        assert_eq!(sum(|w| w.read), now.read_beats - traffic.read_beats);
        assert_eq!(sum(|w| w.written), now.write_beats - traffic.write_beats);
        in_order(&timeline);
        trace(&timeline);
    }
}

/// Three LOADs, then COMPUTE, then STORE, each engine one at a time.
fn in_order(timeline: &Timeline) {
    let spans = |engine| timeline.instructions_of(engine).collect::<Vec<_>>();
    let [load, compute, store] = Engine::ALL.map(spans);
    assert_eq!((load.len(), compute.len(), store.len()), (3, 1, 1));
    for engine in [&load, &compute, &store] {
        assert!(engine.iter().enumerate().all(|(i, s)| s.index == i && s.start < s.end));
        assert!(engine.windows(2).all(|w| w[0].end <= w[1].start));
    }
    assert!(load[2].end <= compute[0].start + 1 && compute[0].end <= store[0].start + 1, "{timeline:?}");
    for a in timeline.activities.iter().filter(|a| a.engine == Engine::Compute && a.state == State::Active) {
        assert!(compute[0].start <= a.start && a.end <= compute[0].end);
    }
}

fn trace(timeline: &Timeline) {
    let mut text = Vec::new();
    timeline.write_trace(&mut text, 125_000_000, |engine, i| format!("{} {i}", engine.name())).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let steps: f64 = events.iter().filter(|e| e["name"] == "step").map(|e| e["dur"].as_f64().unwrap()).sum();
    assert!((steps * 125.0 - BATCH as f64).abs() < 1e-6, "{steps} µs");
    assert!(events.iter().any(|e| e["name"] == "LOAD 2" && e["ph"] == "X"));
    assert!(events.iter().any(|e| e["ph"] == "C" && e["args"]["read"].as_f64().unwrap() > 0.0));
}

#[test]
fn without_the_option_nothing_is_recorded() {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let mut transport = SimTransport::accelerator(&config, &SimOptions::default()).unwrap();
    transport.sim().start_timeline();
    transport.sim().run(10).unwrap();
    assert!(transport.sim().take_timeline().is_none());
}
