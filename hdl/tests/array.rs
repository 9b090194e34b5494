//! Lanes and columns of every weight set, under Verilator, equal integer arithmetic.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use cbp_hdl::array::lane::Lane;
use cbp_hdl::array::{Column, sum_latency};
use cbp_isa::weight_code::decode_weight;
use cbp_isa::{Config, Preset, WeightSet};
use common::{Bench, Random, part, seeds};

fn config(set: WeightSet) -> Config {
    Preset::named("tiny").unwrap().config(set)
}

/// The name of a part for a set: hyphens are no names in Verilog.
fn named(kind: &str, set: WeightSet) -> String {
    format!("{kind}_{}", set.name().replace('-', "_"))
}

fn bench() -> Bench {
    let lanes = WeightSet::ALL.map(|set| part(&named("lane", set), &Lane::new(set, 8)));
    let columns = WeightSet::ALL.map(|set| part(&named("column", set), &Column::new(&config(set))));
    Bench::new(&lanes.into_iter().chain(columns).collect::<Vec<_>>())
}

/// Every code, reserved ones and negative zeros too, times every activation.
#[test]
fn lanes_multiply() {
    let mut bench = bench();
    for set in WeightSet::ALL {
        let name = named("lane", set);
        let bits = set.code_bits();
        for code in 0..1 << bits {
            for x in i8::MIN..=i8::MAX {
                bench.set(&format!("{name}.x"), x.into());
                for bit in 0..bits {
                    bench.flag(&format!("{name}.code_{bit}"), code >> bit & 1 != 0);
                }
                bench.tick(); // the product register takes it
                bench.tick();
                let expected = i64::from(decode_weight(set, code)) * i64::from(x);
                assert_eq!(
                    bench.get_signed(&format!("{name}.product")),
                    expected,
                    "{set} code {code}, x {x}"
                );
            }
        }
    }
}

/// What a column does in one cycle.
struct Step {
    sum: i32,
    valid: bool,
    first: bool,
    last: bool,
    shift: u32,
}

/// Random activations, codes and control in every cycle: sums, digit shifts, gaps, tiles that follow each other.
#[test]
fn columns_accumulate() {
    let mut bench = bench();
    for set in WeightSet::ALL {
        for seed in seeds(4) {
            column(&mut bench, set, Random::new(seed));
        }
    }
}

fn column(bench: &mut Bench, set: WeightSet, mut random: Random) {
    let (name, config) = (named("column", set), config(set));
    // Control lags the activations by the latency of the tree, so steps wait here until their control is due.
    let mut waiting: VecDeque<Step> = VecDeque::new();
    let (mut accumulator, mut drain) = (None::<i32>, None::<i32>);
    for cycle in 0..2000 {
        let extreme = random.one_in(8);
        let mut planes = vec![0; set.code_bits() as usize];
        let mut sum = 0;
        for lane in 0..config.lanes {
            let x = if extreme { -128 } else { random.activation() };
            let code = random.below(1 << set.code_bits()) as u8;
            sum += i32::from(decode_weight(set, code)) * i32::from(x);
            bench.set(&format!("{name}.x_{lane}"), x.into());
            for (bit, plane) in planes.iter_mut().enumerate() {
                *plane |= i64::from(code >> bit & 1) << lane;
            }
        }
        for (bit, plane) in planes.iter().enumerate() {
            bench.set(&format!("{name}.planes_{bit}"), *plane);
        }
        let valid = !random.one_in(4);
        waiting.push_back(Step {
            sum,
            valid,
            first: random.one_in(6),
            last: valid && random.one_in(6),
            shift: random.below(3) as u32,
        });
        let due = if waiting.len() > sum_latency(&config) { waiting.pop_front() } else { None };
        let step = due.unwrap_or(Step { sum: 0, valid: false, first: false, last: false, shift: 0 });
        bench.flag(&format!("{name}.valid"), step.valid);
        bench.flag(&format!("{name}.first"), step.first);
        bench.flag(&format!("{name}.last"), step.last);
        bench.set(&format!("{name}.shift"), step.shift.into());
        bench.tick();
        if let Some(drain) = drain {
            assert_eq!(bench.get_signed(&format!("{name}.out")), drain.into(), "{set}, cycle {cycle}");
        }
        // The accumulator has no reset: it is unknown until the first tile starts.
        let start = if step.first { Some(0) } else { accumulator.map(|a: i32| a << step.shift) };
        let next = start.map(|start| start.wrapping_add(step.sum));
        accumulator = if step.valid { next } else { accumulator };
        drain = if step.last { next } else { drain };
    }
    assert!(drain.is_some());
}
