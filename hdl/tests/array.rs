//! The array of every weight set and shape, under Verilator, equals integer arithmetic.
//!
//! A *vector* is one column's dot product in one cycle: K activations, K weight codes, one sum that counts.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use cbp_hdl::array::{Array, sum_latency};
use cbp_isa::weight_code::{decode_word, encode_word, int8_digits, int8_shift};
use cbp_isa::{Config, Preset, WeightSet};
use common::{Bench, Random, part, seeds};

/// Lanes, columns and activation bits of the arrays under test; the first one gets most of the vectors.
const SHAPES: [(usize, usize, usize); 7] =
    [(32, 8, 8), (8, 2, 2), (8, 2, 8), (16, 2, 3), (16, 1, 4), (64, 1, 5), (128, 1, 8)];

fn config(set: WeightSet, (lanes, columns, activation_bits): (usize, usize, usize)) -> Config {
    Config { lanes, columns, activation_bits, ..Preset::named("tiny").unwrap().config(set) }
}

/// What the array gets in one cycle, and what it means.
#[derive(Clone, Default)]
struct Step {
    x: Vec<i32>,
    /// Codes of every column.
    codes: Vec<Vec<u8>>,
    valid: bool,
    first: bool,
    last: bool,
    shift: u8,
}

/// An array in the bench with its names, its model and the steps whose control is still to come.
struct Device {
    config: Config,
    name: String,
    x: Vec<String>,
    planes: Vec<String>,
    out: Vec<String>,
    waiting: VecDeque<Step>,
    accumulator: Vec<Option<i32>>,
    /// Results and the cycles until the array says that they are there.
    due: VecDeque<(usize, Vec<Option<i32>>)>,
    vectors: usize,
    results: usize,
}

impl Device {
    fn new(set: WeightSet, shape: (usize, usize, usize)) -> Self {
        let config = config(set, shape);
        let name =
            format!("array_{}_{}_{}", set.name().replace('-', "_"), config.lanes, config.activation_bits);
        let planes = config.columns * set.code_bits() as usize;
        Self {
            x: (0..config.lanes).map(|k| format!("{name}.x_{k}")).collect(),
            planes: (0..planes).map(|i| format!("{name}.planes_{i}")).collect(),
            out: (0..config.columns).map(|n| format!("{name}.out_{n}")).collect(),
            waiting: VecDeque::new(),
            accumulator: vec![None; config.columns],
            due: VecDeque::new(),
            vectors: 0,
            results: 0,
            name,
            config,
        }
    }

    fn bench(set: WeightSet) -> Bench {
        let parts: Vec<_> = SHAPES
            .iter()
            .map(|&shape| part(&Self::new(set, shape).name, &Array::new(&config(set, shape))))
            .collect();
        Bench::new(&parts)
    }

    /// One cycle: data of `step`, control of the step whose sum is due, results against the model.
    fn cycle(&mut self, bench: &mut Bench, step: Step) {
        let bits = self.config.weight_set.code_bits() as usize;
        for (name, &x) in self.x.iter().zip(&step.x) {
            bench.set(name, x.into());
        }
        for (n, codes) in step.codes.iter().enumerate() {
            for bit in 0..bits {
                let mut plane = [0u8; 16];
                for (k, code) in codes.iter().enumerate() {
                    plane[k / 8] |= (code >> bit & 1) << (k % 8);
                }
                bench.set_bytes(&self.planes[n * bits + bit], &plane[..self.config.lanes.div_ceil(8)]);
            }
        }
        self.waiting.push_back(step);
        let latency = sum_latency(&self.config);
        let now = if self.waiting.len() > latency { self.waiting.pop_front() } else { None };
        let now = now.unwrap_or_default();
        bench.flag(&format!("{}.valid", self.name), now.valid);
        bench.flag(&format!("{}.first", self.name), now.first);
        bench.flag(&format!("{}.last", self.name), now.last);
        bench.set(&format!("{}.shift", self.name), now.shift.into());
        bench.tick();
        self.compare(bench);
        if now.valid {
            self.account(&now);
        }
    }

    /// The result that is due in this cycle, and no other.
    fn compare(&mut self, bench: &Bench) {
        for (left, _) in &mut self.due {
            *left -= 1;
        }
        let here = self.due.front().is_some_and(|(left, _)| *left == 0);
        assert_eq!(bench.is(&format!("{}.drained", self.name)), here, "{}: drained", self.name);
        if here && let Some((_, results)) = self.due.pop_front() {
            for (n, (name, expected)) in self.out.iter().zip(results).enumerate() {
                // The accumulator has no reset: it is unknown until its first tile starts.
                if let Some(expected) = expected {
                    let found = bench.get_signed(name);
                    assert_eq!(found, expected.into(), "{}, column {n}, result {}", self.name, self.results);
                }
            }
            self.results += 1;
        }
    }

    fn account(&mut self, step: &Step) {
        for (accumulator, codes) in self.accumulator.iter_mut().zip(&step.codes) {
            let mut weights = vec![0; codes.len()];
            decode_word(self.config.weight_set, codes, &mut weights);
            let sum: i32 = weights.iter().zip(&step.x).map(|(&w, &x)| i32::from(w) * x).sum();
            let start = if step.first { Some(0) } else { accumulator.map(|a: i32| a << step.shift) };
            *accumulator = start.map(|start| start.wrapping_add(sum));
            self.vectors += 1;
        }
        if step.last {
            self.due.push_back((2, self.accumulator.clone()));
        }
    }

    /// An activation of this array's width, its extremes more often than by chance.
    fn activation(&self, random: &mut Random) -> i32 {
        let high = 1 << (self.config.activation_bits - 1);
        if random.one_in(4) {
            random.pick(&[-high, -high, 1 - high, -1, 0, high - 1])
        } else {
            random.within(-i64::from(high), i64::from(high) - 1) as i32
        }
    }

    /// Codes of one column: any codes at all, weights of the set, or one extreme weight everywhere.
    fn codes(&self, random: &mut Random) -> Vec<u8> {
        let set = self.config.weight_set;
        let mut codes = vec![0; self.config.lanes];
        if random.one_in(2) {
            codes.fill_with(|| random.below(1 << set.code_bits()) as u8);
            return codes;
        }
        let levels = set.levels();
        let same = random.one_in(4);
        let extreme = random.pick(&[levels[0], levels[levels.len() - 1]]);
        let weights: Vec<i8> =
            codes.iter().map(|_| if same { extreme } else { random.pick(levels) }).collect();
        encode_word(set, &weights, &mut codes);
        codes
    }

    fn random_step(&self, random: &mut Random) -> Step {
        let lowest = random.one_in(8);
        let x = |random: &mut Random| {
            if lowest { -(1 << (self.config.activation_bits - 1)) } else { self.activation(random) }
        };
        let valid = !random.one_in(4);
        Step {
            x: (0..self.config.lanes).map(|_| x(random)).collect(),
            codes: (0..self.config.columns).map(|_| self.codes(random)).collect(),
            valid,
            first: random.one_in(6),
            last: valid && random.one_in(6),
            shift: random.below(3) as u8,
        }
    }

    fn drain(&mut self, bench: &mut Bench) {
        for _ in 0..sum_latency(&self.config) + 4 {
            let idle = Step { valid: false, last: false, ..self.random_step(&mut Random::new(0)) };
            self.cycle(bench, idle);
        }
        assert!(self.due.is_empty() && self.results > 0, "{}", self.name);
    }
}

/// Random activations, codes and control in every cycle: sums, digit shifts, gaps, tiles that follow each other.
fn vectors(set: WeightSet) {
    let mut bench = Device::bench(set);
    for shape in SHAPES {
        bench.reset(&Device::new(set, shape).name);
        let count = if shape == SHAPES[0] { 1_000_000 } else { 20_000 };
        for seed in seeds(1) {
            let (mut device, mut random) = (Device::new(set, shape), Random::new(seed));
            while device.vectors < count {
                let step = device.random_step(&mut random);
                device.cycle(&mut bench, step);
            }
            device.drain(&mut bench);
            println!("{}: {} vectors, {} results", device.name, device.vectors, device.results);
        }
    }
}

#[test]
fn binary_vectors() {
    vectors(WeightSet::Binary);
}

#[test]
fn ternary_vectors() {
    vectors(WeightSet::Ternary);
}

#[test]
fn one_bit_shift_vectors() {
    vectors(WeightSet::OneBitShift);
}

#[test]
fn two_bit_shift_vectors() {
    vectors(WeightSet::TwoBitShift);
}

/// Layers of 8-bit weights, digit by digit, equal products with the weights themselves.
#[test]
fn int8_passes() {
    for set in WeightSet::ALL {
        let mut bench = Device::bench(set);
        let mut device = Device::new(set, SHAPES[0]);
        bench.reset(&device.name);
        for seed in seeds(100) {
            int8_tile(&mut bench, &mut device, &mut Random::new(seed));
        }
        device.drain(&mut bench);
    }
}

fn int8_tile(bench: &mut Bench, device: &mut Device, random: &mut Random) {
    let (set, lanes, columns) = (device.config.weight_set, device.config.lanes, device.config.columns);
    let steps = 1 + random.below(4) as usize;
    let extreme = random.one_in(4);
    let weight = |random: &mut Random| if extreme { -128 } else { random.activation() };
    let x: Vec<Vec<i32>> =
        (0..steps).map(|_| (0..lanes).map(|_| device.activation(random)).collect()).collect();
    let mut weights = |_| (0..columns * lanes).map(|_| weight(random)).collect::<Vec<i8>>();
    let weights: Vec<Vec<i8>> = (0..steps).map(&mut weights).collect();
    let passes = device.config.int8_passes();
    for pass in 0..passes {
        for step in 0..steps {
            let codes = weights[step].chunks(lanes).map(|column| {
                let digits: Vec<i8> = column.iter().map(|&w| int8_digits(set, w)[pass]).collect();
                let mut codes = vec![0; lanes];
                encode_word(set, &digits, &mut codes);
                codes
            });
            let given = Step {
                x: x[step].clone(),
                codes: codes.collect(),
                valid: true,
                first: pass == 0 && step == 0,
                last: pass == passes - 1 && step == steps - 1,
                shift: if step == 0 { int8_shift(set, pass) } else { 0 },
            };
            device.cycle(bench, given);
        }
    }
    // The accumulators hold the last tile until the next one starts.
    let latency = sum_latency(&device.config);
    for _ in 0..=latency {
        let idle = Step { valid: false, last: false, ..device.random_step(random) };
        device.cycle(bench, idle);
    }
    let factor = if set == WeightSet::Binary { 2 } else { 1 };
    for n in 0..columns {
        let products = x.iter().zip(&weights).flat_map(|(x, w)| {
            x.iter().zip(&w[n * lanes..][..lanes]).map(|(&x, &w)| x * i32::from(w) * factor)
        });
        assert_eq!(device.accumulator[n], Some(products.sum()), "{set}, column {n}");
    }
}
