//! Random networks, and running them on the interpreter.
#![allow(dead_code, clippy::unwrap_used)]

use cbp_compiler::interpreter::{Machine, Order, Report};
use cbp_compiler::{Keep, Program, segment};
use cbp_isa::{Config, Preset, WeightSet};
pub use cbp_numerics::random::Random;
pub use cbp_numerics::random::Shape;
use cbp_numerics::{Network, run_network};
use proptest::prelude::*;

pub fn network(inputs: usize, shapes: &[Shape], seed: u64) -> Network {
    cbp_numerics::random::network(inputs, shapes, seed).unwrap()
}

pub fn config(preset: &str, set: WeightSet) -> Config {
    Preset::named(preset).unwrap().config(set)
}

/// A constrained set within `array`, or int8.
pub fn set_within(array: WeightSet) -> impl Strategy<Value = Option<WeightSet>> {
    let mut sets: Vec<Option<WeightSet>> =
        WeightSet::ALL.into_iter().filter(|&s| array.includes(s)).map(Some).collect();
    sets.push(None);
    proptest::sample::select(sets)
}

pub fn any_array() -> impl Strategy<Value = WeightSet> {
    proptest::sample::select(WeightSet::ALL.to_vec())
}

/// Runs `program` on the interpreter and compares everything that is kept with the scalar model.
pub fn check(
    network: &Network,
    program: &Program,
    keep: Keep,
    runs: usize,
    seed: u64,
    orders: &[Order],
) -> Vec<Report> {
    let batch = program.batch;
    let per_run = batch * network.inputs();
    let input = Random(seed).bytes(runs * per_run);
    let mut reports = Vec::new();
    for (i, &order) in orders.iter().enumerate() {
        let mut memory = program.memory(runs);
        for (run, values) in input.chunks(per_run).enumerate() {
            let layout = program.input.in_run(run, program.strides[segment::INPUT]);
            layout.write(&mut memory[segment::INPUT], values).unwrap();
        }
        let mut machine = Machine::new(&program.config, [0x00, 0xa5, 0xff][i % 3]);
        if let Some(prologue) = program.prologue_job() {
            machine.run(&prologue, &mut memory, order).unwrap();
        }
        let report = machine.run(&program.job(runs), &mut memory, order).unwrap();
        assert_eq!(report.tokens_left, 0);
        assert_eq!(memory[segment::PROGRAM], program.image);
        assert_eq!(report.steps, runs as u64 * program.layers.iter().map(|l| l.steps).sum::<u64>());
        for (run, values) in input.chunks(per_run).enumerate() {
            let expected = run_network(network, values, batch).unwrap();
            let last = expected.len() - 1;
            for (l, (layer, expected)) in program.layers.iter().zip(&expected).enumerate() {
                if l < last && keep == Keep::Output {
                    continue;
                }
                let layout = layer.output.in_run(run, program.strides[layer.output.segment]);
                let values = layout.read(&memory[layout.segment]).unwrap();
                assert_eq!(values, expected.values, "{} run {run} {order:?}", layer.name);
                if let Some(mask) = &layer.mask {
                    let mask = mask.in_run(run, program.strides[mask.segment]);
                    let bits = mask.read(&memory[mask.segment]).unwrap();
                    assert_eq!(Some(bits), expected.mask, "mask of {} run {run} {order:?}", layer.name);
                }
                let kept = keep == Keep::ActivationsAndMasks && expected.mask.is_some();
                assert_eq!(layer.mask.is_some(), kept, "{}", layer.name);
            }
        }
        reports.push(report);
    }
    reports
}

/// The extremes of what a device may do.
pub const ORDERS: [Order; 4] =
    [Order::LoadFirst, Order::StoreFirst, Order::Seeded(1), Order::Seeded(0xdead_beef)];
