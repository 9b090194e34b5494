//! The recoder of 8-bit weights and the groups that it writes, under Verilator.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use cbp_hdl::dma::int8_group::{GROUP_BEATS, Int8Group};
use cbp_hdl::dma::recoder::Recoder;
use cbp_isa::weight_code::{decode_word, encode_digits, int8_digits};
use cbp_isa::{Config, Preset, WeightSet};
use common::{Bench, Random, part, seeds};

fn config(set: WeightSet, lanes: usize, axi_bits: usize) -> Config {
    Config { lanes, axi_bits, ..Preset::named("tiny").unwrap().config(set) }
}

fn named(kind: &str, set: WeightSet, lanes: usize) -> String {
    format!("{kind}_{}_{lanes}", set.name().replace('-', "_"))
}

/// Lanes of a column and bits of a beat.
const GROUPS: [(usize, usize); 2] = [(8, 64), (64, 64)];

fn bench() -> Bench {
    let mut parts = Vec::new();
    for set in WeightSet::ALL {
        parts.push(part(&named("recoder", set, 16), &Recoder::new(set, 16)));
        for (lanes, axi) in GROUPS {
            parts.push(part(&named("group", set, lanes), &Int8Group::new(&config(set, lanes, axi))));
        }
    }
    Bench::new(&parts)
}

/// Every weight and digit of every set in every lane, among random others: the codes of the table, and the weights that
/// they mean.
#[test]
fn digits() {
    let mut bench = bench();
    for set in WeightSet::ALL {
        for seed in seeds(1) {
            let mut random = Random::new(seed);
            for w in i8::MIN..=i8::MAX {
                for lane in 0..16 {
                    let mut weights = [(); 16].map(|()| random.byte());
                    weights[lane] = w;
                    column(&mut bench, set, &weights);
                }
            }
        }
    }
}

fn column(bench: &mut Bench, set: WeightSet, weights: &[i8]) {
    let name = named("recoder", set, weights.len());
    for (k, &w) in weights.iter().enumerate() {
        bench.set(&format!("{name}.weight_{k}"), w.into());
    }
    for pass in 0..config(set, 16, 64).int8_passes() {
        bench.set(&format!("{name}.digit"), pass as i64);
        bench.tick();
        let planes: Vec<Vec<u8>> =
            (0..set.code_bits()).map(|p| bench.get_bytes(&format!("{name}.plane_{p}"))).collect();
        let mut codes = vec![0; weights.len()];
        encode_digits(set, weights, pass, &mut codes);
        assert_eq!(joined(&planes), codes, "{set}: codes of digit {pass} of {weights:?}");
        let found = read(set, weights.len(), &planes);
        let expected: Vec<i8> = weights.iter().map(|&w| int8_digits(set, w)[pass]).collect();
        assert_eq!(found, expected, "{set}: digit {pass} of {weights:?}");
    }
}

/// The codes whose bits these are.
fn joined(planes: &[Vec<u8>]) -> Vec<u8> {
    let bit = |p: usize, i: usize| planes[p][i / 8] >> (i % 8) & 1;
    (0..planes[0].len() * 8).map(|i| (0..planes.len()).map(|p| bit(p, i) << p).sum()).collect()
}

/// The weights of the columns of a group of code bits.
fn read(set: WeightSet, lanes: usize, planes: &[Vec<u8>]) -> Vec<i8> {
    let codes = joined(planes);
    let mut weights = vec![0; codes.len()];
    for (codes, weights) in codes.chunks(lanes).zip(weights.chunks_mut(lanes)) {
        decode_word(set, codes, weights);
    }
    weights
}

/// Random groups with gaps: every digit at its word and place, in order, and nothing else.
#[test]
fn groups() {
    let mut bench = bench();
    for set in WeightSet::ALL {
        for (lanes, axi) in GROUPS {
            for seed in seeds(20) {
                let config = config(set, lanes, axi);
                bench.reset(&named("group", set, lanes));
                run(&mut bench, &config, &mut Random::new(seed), 40, true);
            }
        }
    }
}

/// Without gaps a beat is taken in every cycle, or as often as the passes of a group allow.
#[test]
fn beats_are_taken_at_full_rate() {
    let mut bench = bench();
    for set in WeightSet::ALL {
        let config = config(set, 8, 64);
        bench.reset(&named("group", set, 8));
        let groups = 200;
        let cycles = run(&mut bench, &config, &mut Random::new(0), groups, false);
        let each = config.int8_passes().max(GROUP_BEATS);
        let most = (groups + 1) * each + config.int8_passes();
        println!("{set}: {cycles} cycles for {} beats", groups * GROUP_BEATS);
        assert!(cycles <= most, "{set}: {cycles} cycles for {groups} groups");
    }
}

/// Gives groups, checks what is written, and returns the cycles until the last digit.
fn run(bench: &mut Bench, config: &Config, random: &mut Random, groups: usize, gaps: bool) -> usize {
    let (set, beat) = (config.weight_set, config.beat_bytes());
    let part = named("group", set, config.lanes);
    let name = |port: &str| format!("{part}.{port}");
    let step = random.within(0, 65535) as u64;
    bench.set(&name("digit_step"), step.cast_signed());
    // Digits to come: word, place, weights.
    let mut due: VecDeque<(u64, u64, Vec<i8>)> = VecDeque::new();
    let (mut weights, mut given, mut cycles) = (Vec::new(), 0, 0);
    while given < groups || !due.is_empty() {
        if weights.len() == config.axi_bits {
            weights.clear();
        }
        let data: Vec<i8> = (0..beat).map(|_| random.activation()).collect();
        let bytes: Vec<u8> = data.iter().map(|b| b.cast_unsigned()).collect();
        let (word, place) = (random.below(1 << 16), random.below(1 << 8));
        bench.set_bytes(&name("beat"), &bytes);
        bench.set(&name("word"), word.cast_signed());
        bench.set(&name("place"), place.cast_signed());
        // The last beat of a group waits until the group before it is at its last digit.
        let completes = weights.len() + beat == config.axi_bits;
        let ready = !completes || due.len() <= 1;
        let put = given < groups && !(gaps && random.one_in(3)) && ready;
        bench.flag(&name("put"), put);
        bench.tick();
        cycles += 1;
        assert!(cycles < 40 * groups, "{part} stands still");
        assert_eq!(bench.is(&name("ready")), ready, "{part}");
        assert_eq!(bench.is(&name("completes")), completes, "{part}");
        assert_eq!(bench.is(&name("write")), !due.is_empty(), "{part}");
        if let Some((word, place, expected)) = due.pop_front() {
            let found = (bench.get(&name("write_word")), bench.get(&name("write_place")));
            assert_eq!(found, (word, place), "{part}");
            let planes: Vec<Vec<u8>> =
                (0..set.code_bits()).map(|p| bench.get_bytes(&name(&format!("plane_{p}")))).collect();
            assert_eq!(read(set, config.lanes, &planes), expected, "{part}");
            let last = due.len().is_multiple_of(config.int8_passes());
            assert_eq!(bench.is(&name("done")), last, "{part}");
        }
        if put {
            weights.extend(&data);
        }
        if put && weights.len() == config.axi_bits {
            given += 1;
            assert!(due.is_empty(), "{part}: a group is complete before the last one is written");
            for pass in 0..config.int8_passes() {
                let digits = weights.iter().map(|&w| int8_digits(set, w)[pass]).collect();
                due.push_back(((word + step * pass as u64) & 0xffff, place, digits));
            }
        }
    }
    cycles
}
