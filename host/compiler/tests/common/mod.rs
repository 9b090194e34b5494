//! Random networks, and running them on the interpreter.
#![allow(dead_code, clippy::unwrap_used)]

use cbp_compiler::interpreter::{Machine, Order, Report};
use cbp_compiler::{Keep, Program, segment};
use cbp_isa::{Config, Preset, WeightSet};
use cbp_numerics::{Clamp, FullyConnected, Layer, Network, Operation, Output, Requant, Weights, run_network};
use proptest::prelude::*;

/// Reproducible numbers (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Any byte; one in four is extreme.
    pub fn byte(&mut self) -> i8 {
        if self.below(4) == 0 { [-128, -127, 127, 0][self.below(4)] } else { self.next() as i8 }
    }

    pub fn bytes(&mut self, n: usize) -> Vec<i8> {
        (0..n).map(|_| self.byte()).collect()
    }
}

/// What a random layer is like. No set: int8.
#[derive(Clone, Debug)]
pub struct Shape {
    pub outputs: usize,
    pub set: Option<WeightSet>,
    pub raw: bool,
    pub extreme: bool,
}

pub fn layer(name: String, inputs: usize, shape: &Shape, random: &mut Random) -> Layer {
    let outputs = shape.outputs;
    let weights = match shape.set {
        Some(set) => {
            let levels = set.levels();
            let level =
                |r: &mut Random| if shape.extreme { levels[0] } else { levels[r.below(levels.len())] };
            Weights::Constrained { set, codes: (0..inputs * outputs).map(|_| level(random)).collect() }
        }
        None if shape.extreme => Weights::Int8 { w: vec![-128; inputs * outputs] },
        None => Weights::Int8 { w: random.bytes(inputs * outputs) },
    };
    let mut fc = FullyConnected { inputs, outputs, weights, output: Output::Raw };
    if !shape.raw {
        let requant = (0..outputs).map(|c| requant(fc.accumulator_bound(c), random)).collect();
        let bounds = [random.byte(), random.byte()];
        let clamp = if random.below(2) == 0 {
            Clamp::full(random.byte())
        } else {
            let [low, high] = [bounds[0].min(bounds[1]), bounds[0].max(bounds[1])];
            Clamp { zero_point: random.byte(), low, high }
        };
        fc.output = Output::Requantised { requant, clamp };
    }
    Layer { name, operation: Operation::FullyConnected(fc) }
}

/// Constants whose outputs spread over the whole range, and sometimes far beyond; legal after doubling too.
fn requant(bound: i64, random: &mut Random) -> Requant {
    let multiplier = match random.below(8) {
        0 => 0,
        1 => i16::MIN,
        2 => i16::MAX,
        _ => random.next() as i16,
    };
    let scaled = bound as f64 * f64::from(multiplier).abs().max(1.0);
    let ideal = (scaled / 500.0).log2().max(1.0) as i64;
    let shift = (ideal + random.below(5) as i64 - 2).clamp(1, 46) as u8;
    let bias_bits = (u64::from(shift) + 7).min(44);
    let bias = (random.next() >> (64 - bias_bits)) as i64 - (1 << (bias_bits - 1));
    Requant { multiplier, bias, shift }
}

pub fn network(inputs: usize, shapes: &[Shape], seed: u64) -> Network {
    let mut random = Random(seed);
    let mut width = inputs;
    let mut layers = Vec::new();
    for (i, shape) in shapes.iter().enumerate() {
        layers.push(layer(format!("fc{i}"), width, shape, &mut random));
        width = shape.outputs;
    }
    Network::new("random", layers).unwrap()
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
        let report = machine.run(&program.job(runs), &mut memory, order).unwrap();
        assert_eq!(report.tokens_left, 0);
        assert_eq!(memory[segment::PROGRAM], program.image);
        assert_eq!(report.steps, runs as u64 * program.layers.iter().map(|l| l.steps).sum::<u64>());
        for (run, values) in input.chunks(per_run).enumerate() {
            let expected = run_network(network, values, batch).unwrap();
            let last = expected.len() - 1;
            for (l, (layer, expected)) in program.layers.iter().zip(&expected).enumerate() {
                if l < last && keep == Keep::Output && run + 1 < runs {
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
                assert_eq!(layer.mask.is_some(), kept);
            }
        }
        reports.push(report);
    }
    reports
}

/// The extremes of what a device may do.
pub const ORDERS: [Order; 4] =
    [Order::LoadFirst, Order::StoreFirst, Order::Seeded(1), Order::Seeded(0xdead_beef)];
