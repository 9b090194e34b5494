//! The requantiser, the sign-mask packer and the output buffer, under Verilator.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use cbp_hdl::compute::mask_packer::MaskPacker;
use cbp_hdl::compute::output_buffer::OutputBuffer;
use cbp_hdl::compute::ppu_lane::{CLAMP_LATENCY, PPU_LATENCY, PpuLane, SIGN_LATENCY};
use cbp_isa::parameters::encode_parameter;
use cbp_isa::{Config, Preset, WeightSet};
use common::{Bench, Random, part, seeds};

fn config(preset: &str) -> Config {
    Preset::named(preset).unwrap().config(WeightSet::Ternary)
}

fn bench() -> Bench {
    Bench::new(&[
        part("ppu", &PpuLane::new(32)),
        part("tiny_masks", &MaskPacker::new(&config("tiny"))),
        part("versa_masks", &MaskPacker::new(&config("versa"))),
        part("output", &OutputBuffer::new(&config("tiny"))),
    ])
}

/// P and the bounds of its 48 bits.
const P_MAX: i64 = (1 << 47) - 1;
const P_MIN: i64 = -(1 << 47);
/// Bounds of R's 40 bits.
const R_MAX: i64 = (1 << 39) - 1;
const R_MIN: i64 = -(1 << 39);

#[derive(Debug)]
struct Requantisation {
    acc: i32,
    multiplier: i16,
    bias: i64,
    residual: i8,
    factor: i64,
    shift: u8,
    lo: i8,
    hi: i8,
    zero_point: i8,
}

impl Requantisation {
    /// Any case that the numerics contract allows: |P| in 48 bits, shift 1…47, lo ≤ hi; corners often.
    fn random(random: &mut Random) -> Self {
        let any = random.below(47) as u8 + 1;
        let shift = random.pick(&[1, 2, 8, 31, 32, 33, 46, 47, any]);
        loop {
            let acc = match random.below(3) {
                0 => random.pick(&[i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX]),
                1 => random.within(-5000, 5000) as i32,
                _ => random.bits() as i32,
            };
            let any = random.bits() as i16;
            let multiplier = random.pick(&[i16::MIN, i16::MAX, -1, 0, 1, 1 << 14, any]);
            let residual = random.activation();
            let factor = match random.below(4) {
                0 => random.pick(&[R_MIN, R_MAX, -1, 0, 1, 1 << 23, (1 << 24) - 1, 1 << 24, -(1 << 24)]),
                1 => 0,
                _ => (random.bits().cast_signed() >> 24) >> random.below(40),
            };
            let product = i64::from(acc) * i64::from(multiplier) + i64::from(residual) * factor;
            let bias = match random.below(3) {
                0 => random.pick(&[P_MIN, P_MIN + 1, 0, P_MAX - 1, P_MAX]),
                1 => random.bits().cast_signed() >> random.within(17, 63),
                _ => Self::interesting_sum(random, shift) - product,
            };
            let fits = |v: i64| (P_MIN..=P_MAX).contains(&v);
            if fits(bias) && fits(product + bias) {
                let mut clamp = [random.activation(), random.activation()];
                clamp.sort_unstable();
                let [lo, hi] = if random.one_in(2) { clamp } else { [-128, 127] };
                let zero_point = random.activation();
                return Self { acc, multiplier, bias, residual, factor, shift, lo, hi, zero_point };
            }
        }
    }

    /// A value of P: 0, its neighbours and bounds, or a tie between two results, or right beside one.
    fn interesting_sum(random: &mut Random, shift: u8) -> i64 {
        if random.one_in(3) {
            return random.pick(&[0, 1, -1, P_MIN, P_MAX]);
        }
        let result = random.within(-300, 300);
        (result << shift) + (1 << (shift - 1)) + random.within(-1, 1)
    }

    fn sum(&self) -> i64 {
        let product = i64::from(self.acc) * i64::from(self.multiplier);
        product + self.bias + i64::from(self.residual) * self.factor
    }

    fn value(&self) -> i64 {
        let rounded = (self.sum() + (1 << (self.shift - 1))) >> self.shift;
        (rounded + i64::from(self.zero_point)).clamp(self.lo.into(), self.hi.into())
    }
}

/// One case per cycle through the pipeline; every latency is part of what is tested.
#[test]
fn requantiser() {
    let mut bench = bench();
    for seed in seeds(8) {
        let mut random = Random::new(seed);
        let mut cases: VecDeque<Requantisation> = VecDeque::new(); // the newest first
        for cycle in 0..10_000 {
            cases.push_front(Requantisation::random(&mut random));
            cases.truncate(PPU_LATENCY + 1);
            let new = &cases[0];
            bench.set("ppu.acc", new.acc.into());
            bench.set("ppu.residual", new.residual.into());
            let record = encode_parameter(new.multiplier, new.bias, new.shift, new.factor);
            bench.set_bytes("ppu.record", &record);
            if let Some(case) = cases.get(CLAMP_LATENCY) {
                bench.set("ppu.lo", case.lo.into());
                bench.set("ppu.hi", case.hi.into());
                bench.set("ppu.z_out", case.zero_point.into());
            }
            bench.tick();
            if let Some(case) = cases.get(SIGN_LATENCY) {
                assert_eq!(bench.is("ppu.positive"), case.sum() > 0, "cycle {cycle}: {case:?}");
            }
            if let Some(case) = cases.get(PPU_LATENCY) {
                assert_eq!(bench.get_signed("ppu.value"), case.value(), "cycle {cycle}: {case:?}");
                assert_eq!(bench.get_signed("ppu.raw"), case.acc.into(), "cycle {cycle}: {case:?}");
            }
        }
    }
}

/// Instructions of random positions, of which not every group of columns need be written, with gaps.
#[test]
fn masks() {
    let mut bench = bench();
    for preset in ["tiny", "versa"] {
        for seed in seeds(50) {
            mask_case(&mut bench, preset, &mut Random::new(seed));
        }
    }
}

fn mask_case(bench: &mut Bench, preset: &str, random: &mut Random) {
    let (config, part) = (config(preset), format!("{preset}_masks"));
    let (lanes, granule_bits) = (config.ppu_lanes, 8 * config.ppu_lanes);
    let name = |port: &str| format!("{part}.{port}");
    bench.reset(&part);
    let mut expected: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let watch = |bench: &mut Bench, expected: &mut VecDeque<(u64, Vec<u8>)>| {
        bench.tick();
        if bench.is(&name("write")) {
            let written = (bench.get(&name("write_granule")), bench.get_bytes(&name("granule")));
            assert_eq!(Some(written), expected.pop_front(), "{preset}");
        }
    };
    for _ in 0..20 {
        let (base, enable) = (random.below(1 << 15), !random.one_in(5));
        let positions = 1 + random.below(20) as usize;
        let groups = 1 + random.below(config.ppu_groups() as u64) as usize;
        bench.set(&name("base"), base.cast_signed());
        bench.flag(&name("enable"), enable);
        let mut bits = vec![false; (positions * config.columns).next_multiple_of(granule_bits)];
        // Signs are known beforehand, so that a granule is expected before it can appear.
        for (position, group) in (0..positions).flat_map(|p| (0..groups).map(move |g| (p, g))) {
            let first = position * config.columns + group * lanes;
            bits[first..first + lanes].fill_with(|| random.one_in(2));
        }
        if enable {
            let bytes =
                bits.chunks(8).map(|b| b.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit)));
            let bytes: Vec<u8> = bytes.collect();
            expected.extend((base..).zip(bytes.chunks(lanes).map(<[u8]>::to_vec)));
        }
        for (position, group) in (0..positions).flat_map(|p| (0..groups).map(move |g| (p, g))) {
            while random.one_in(3) {
                bench.flag(&name("valid"), false);
                bench.set(&name("signs"), random.bits().cast_signed());
                watch(bench, &mut expected);
            }
            let first = position * config.columns + group * lanes;
            let signs = bits[first..first + lanes].iter().rev().fold(0, |s, &bit| s << 1 | i64::from(bit));
            let last = (position, group) == (positions - 1, groups - 1);
            bench.flag(&name("valid"), true);
            bench.set(&name("signs"), signs);
            bench.flag(&name("begins"), (position, group) == (0, 0));
            bench.flag(&name("position_ends"), group == groups - 1);
            bench.flag(&name("instruction_ends"), last);
            watch(bench, &mut expected);
            for flag in ["valid", "begins", "position_ends", "instruction_ends"] {
                bench.flag(&name(flag), false);
            }
        }
        if random.one_in(2) {
            watch(bench, &mut expected); // else the next instruction follows at once
        }
    }
    watch(bench, &mut expected);
    assert!(expected.is_empty(), "{preset}: {} granules were not written", expected.len());
}

/// Random granules, raw words and reads in a few places, so that they meet.
#[test]
fn output_buffer() {
    let mut bench = bench();
    let config = config("tiny");
    let (granule, beat) = (config.ppu_lanes, config.beat_bytes());
    for seed in seeds(10) {
        let mut random = Random::new(seed);
        let mut memory: Vec<Option<u8>> = vec![None; config.output_depth * granule];
        let mut read = vec![None; beat];
        let places = |random: &mut Random, end: usize| {
            let place = random.below(16);
            if random.one_in(2) { place } else { end as u64 - 16 + place }
        };
        for cycle in 0..5000 {
            let (write, raw) = (random.one_in(2), random.one_in(2));
            let index = places(&mut random, config.output_depth) & if raw { !3 } else { !0 };
            let data: Vec<u8> = (0..4 * granule).map(|_| random.bits() as u8).collect();
            let one: Vec<u8> = (0..granule).map(|_| random.bits() as u8).collect();
            bench.flag("output.write", write);
            bench.flag("output.write_raw", raw);
            bench.set("output.write_granule", index.cast_signed());
            bench.set_bytes("output.raw", &data);
            bench.set_bytes("output.granule", &one);
            let from = places(&mut random, config.output_depth * granule / beat);
            let reading = random.one_in(2);
            bench.flag("output.read", reading);
            bench.set("output.read_beat", from.cast_signed());
            bench.tick();
            for (found, expected) in bench.get_bytes("output.beat").into_iter().zip(&read) {
                assert!(expected.is_none_or(|e| e == found), "cycle {cycle}: {found} is not {expected:?}");
            }
            if reading {
                let from = from as usize * beat;
                read.copy_from_slice(&memory[from..from + beat]); // as it was before this cycle's write
            }
            if write {
                let data = if raw { &data } else { &one };
                let to = index as usize * granule;
                for (byte, value) in memory[to..].iter_mut().zip(data) {
                    *byte = Some(*value);
                }
            }
        }
    }
}
