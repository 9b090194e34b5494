//! Random layers on the RTL equal the scalar model, with random stalls on every AXI channel.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-host random_layers` repeats one failing case.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "/work/main/host/compiler/tests/common/mod.rs"]
pub mod common;

use cbp_compiler::{Keep, Options, compile};
use cbp_host::runtime::{Session, simulator};
use cbp_isa::WeightSet;
use cbp_numerics::run_network;
use cbp_sim::{SimOptions, Timing};
use common::{Random, Shape};

/// Cases per array; four arrays make more than 1,000.
const CASES: u64 = 260;

/// One random layer, batch and memory timing; says what differs.
pub fn case(array: WeightSet, seed: u64) -> Result<(), String> {
    let mut random = Random(seed);
    let config = common::config("tiny", array);
    let timing = match random.below(4) {
        0 => Timing::default(),
        _ => Timing::Random { seed, max_latency: [20, 100, 400][random.below(3)] },
    };
    let sets: Vec<WeightSet> = WeightSet::ALL.into_iter().filter(|&s| array.includes(s)).collect();
    let shape = Shape {
        outputs: 1 + random.below(300),
        set: if random.below(4) == 0 { None } else { Some(sets[random.below(sets.len())]) },
        raw: random.below(3) == 0,
        extreme: random.below(10) == 0,
    };
    let inputs = 1 + random.below(300);
    let batch = 1 + random.below(9);
    let keep = [Keep::Output, Keep::ActivationsAndMasks][random.below(2)];
    let network = common::network(inputs, &[shape.clone()], seed);
    let program = compile(&network, &config, Options { batch, keep }).map_err(|e| e.to_string())?;
    if std::env::var("DUMP").is_ok() { for (o, _) in &program.instructions { println!("{o:?}"); } }
    let images = batch * (1 + random.below(2));
    let input = random.bytes(images * inputs);
    let expected = run_network(&network, &input, images).map_err(|e| e.to_string())?;
    let options = SimOptions { timing, ..SimOptions::default() };
    let mut device = simulator(&config, &options).map_err(|e| e.to_string())?;
    let mut session = Session::new(&mut device, program, keep).map_err(|e| e.to_string())?;
    let run = session.run(&input).map_err(|e| format!("{inputs} inputs, {shape:?}, batch {batch}: {e}"))?;
    let found = run.layers[0].as_ref().ok_or("no output")?;
    if found.values != expected[0].values {
        let v = |x: &cbp_numerics::Values| -> Vec<i64> { if x.as_i8().is_empty() { x.as_i32().iter().map(|&v| v.into()).collect() } else { x.as_i8().iter().map(|&v| v.into()).collect() } };
        let (a, b) = (v(&found.values), v(&expected[0].values));
        let o = shape.outputs;
        let bad: Vec<_> = (0..a.len()).filter(|&i| a[i] != b[i]).map(|i| (i / o, i % o, a[i], b[i])).collect();
        let place: Vec<_> = (0..a.len()).step_by(5).map(|i| (i / o, i % o, b.iter().position(|&x| x == a[i]).map(|p| (p / o, p % o)))).collect(); println!("PLACE {:?}", &place[..place.len().min(70)]);
        println!("{} of {} bad; images {images}; {:?}", bad.len(), a.len(), &bad[..bad.len().min(24)]);
        return Err(format!("values differ: {inputs} inputs, {shape:?}, batch {batch}"));
    }
    if found.mask.is_some() && found.mask != expected[0].mask {
        return Err(format!("sign masks differ: {inputs} inputs, {shape:?}, batch {batch}"));
    }
    Ok(())
}

fn layers(array: WeightSet) {
    let only = std::env::var("CBP_SEED").ok().map(|s| s.parse::<u64>().unwrap());
    for seed in only.map_or(0..CASES, |s| s..s + 1) {
        case(array, seed).unwrap_or_else(|e| panic!("{array} array, CBP_SEED={seed}: {e}"));
    }
}

#[test]
fn binary_array() {
    layers(WeightSet::Binary);
}

#[test]
fn ternary_array() {
    layers(WeightSet::Ternary);
}

#[test]
fn one_bit_shift_array() {
    layers(WeightSet::OneBitShift);
}

#[test]
fn two_bit_shift_array() {
    layers(WeightSet::TwoBitShift);
}
