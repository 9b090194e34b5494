//! STORE against a model of the output buffer and the bus, under Verilator.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use cbp_hdl::dma::store::StoreEngine;
use cbp_isa::instruction::{Instruction, Opcode, store};
use cbp_isa::{Config, Field, Preset, WeightSet};
use common::{Bench, Random, part, seeds};

fn config(axi_bits: usize) -> Config {
    let lanes = axi_bits / 8;
    Config { axi_bits, lanes, ppu_lanes: 8, ..Preset::named("tiny").unwrap().config(WeightSet::Ternary) }
}

const BUSES: [usize; 3] = [64, 128, 256];

fn bench() -> Bench {
    let parts: Vec<_> =
        BUSES.iter().map(|&b| part(&format!("store_{b}"), &StoreEngine::new(&config(b)))).collect();
    Bench::new(&parts)
}

struct Dut<'a> {
    bench: &'a mut Bench,
    name: String,
    beat: u64,
    /// The output buffer answers one cycle later.
    reading: u64,
}

impl Dut<'_> {
    fn set(&mut self, port: &str, value: i64) {
        self.bench.set(&format!("{}.{port}", self.name), value);
    }
    fn get(&self, port: &str) -> u64 {
        self.bench.get(&format!("{}.{port}", self.name))
    }
    fn is(&self, port: &str) -> bool {
        self.get(port) != 0
    }

    fn tick(&mut self) {
        let beat = buffer(self.reading, self.beat);
        self.bench.set_bytes(&format!("{}.beat", self.name), &beat);
        self.bench.tick();
        if self.is("read") {
            self.reading = self.get("read_beat");
        }
    }

    fn instruct(&mut self, i: Option<&Instruction>) {
        self.set("instruction_valid", i.is_some().into());
        let bytes = i.map_or([0; 64], Instruction::to_bytes);
        self.bench.set_bytes(&format!("{}.instruction", self.name), &bytes);
    }
}

/// The output buffer by beat: any function does.
fn buffer(index: u64, beat: u64) -> Vec<u8> {
    (0..beat).map(|i| ((index * beat + i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

struct Store {
    instruction: Instruction,
    /// Address in memory and beat of the output buffer, in order.
    beats: VecDeque<(u64, u64)>,
    tokens: [u64; 2],
}

fn random_store(random: &mut Random, beat: u64) -> Store {
    let mut i = Instruction::new(Opcode::Store);
    let mut set = |field: Field, value: u64| {
        i.set(field, value & field.max()).unwrap();
        value & field.max()
    };
    let offset = set(store::OFFSET, random.below(1000) * beat);
    let most = random.pick(&[1, 2, 40, 300]);
    let length = set(store::LENGTH, 1 + random.below(most));
    let count0 = set(store::COUNT0, 1 + random.below(6));
    let count1 = set(store::COUNT1, 1 + random.below(3));
    let stride0 = set(store::STRIDE0, random.below(300) * beat);
    let stride1 = set(store::STRIDE1, random.below(300) * beat);
    let base = set(store::BASE, random.below(1 << 16));
    let step0 = set(store::STEP0, random.below(1 << 16));
    let step1 = set(store::STEP1, random.below(1 << 16));
    let tokens = [set(store::SIGNAL_COMPUTE, random.below(16)), set(store::SIGNAL_LOAD, random.below(16))];
    let mut beats = VecDeque::new();
    for (j, k, b) in
        (0..count1).flat_map(|j| (0..count0).flat_map(move |k| (0..length).map(move |b| (j, k, b))))
    {
        let address = offset + j * stride1 + k * stride0 + b * beat;
        beats.push_back((address, (base + j * step1 + k * step0 + b) & 0xffff));
    }
    Store { instruction: i, beats, tokens }
}

fn case(bench: &mut Bench, axi_bits: usize, random: &mut Random) {
    let name = format!("store_{axi_bits}");
    bench.reset(&name);
    let beat = axi_bits as u64 / 8;
    let mut dut = Dut { bench, name, beat, reading: 0 };
    let base = random.below(1 << 40) * beat;
    dut.set("segment_base", base.cast_signed());
    dut.set("segment_length", 0xffff_ffff);
    let limit = 1 << random.below(9);
    dut.set("limit", limit);
    let stores: Vec<Store> = (0..1 + random.below(8)).map(|_| random_store(random, beat)).collect();
    let mut beats: VecDeque<(u64, u64)> = stores.iter().flat_map(|s| s.beats.clone()).collect();
    let mut queue = stores.iter();
    let mut head = queue.next();
    // Bursts under way: address of the next beat, beats left, beats; then those without an answer.
    let mut open: VecDeque<[u64; 3]> = VecDeque::new();
    let mut unanswered: VecDeque<u64> = VecDeque::new();
    let mut answered_beats = 0;
    let mut given = [0, 0];
    let (slow_bus, slow_answers) = (1 + random.below(3), 1 + random.below(20));
    for cycle in 0.. {
        assert!(cycle < 200_000, "it does not end");
        dut.instruct(head.map(|s| &s.instruction));
        dut.set("compute_ready", (!random.one_in(8)).into());
        let accept = random.one_in(slow_bus);
        let take = random.one_in(slow_bus);
        let answer = !unanswered.is_empty() && random.one_in(slow_answers);
        dut.set("burst_ready", (accept && unanswered.len() + open.len() < 32).into());
        let accept = accept && unanswered.len() + open.len() < 32;
        dut.set("data_ready", take.into());
        dut.set("answered", answer.into());
        dut.tick();
        assert!(!dut.is("malformed") && !dut.is("outside"));
        // Tokens: not before the answers to all the instruction's bursts, and as soon as they are there.
        given[0] += dut.get("give_compute");
        given[1] += dut.get("give_load");
        let mut done = [0, 0];
        let mut end = 0;
        for store in &stores {
            end += store.beats.len() as u64;
            if end <= answered_beats {
                done = [done[0] + store.tokens[0], done[1] + store.tokens[1]];
            }
        }
        assert!(given[0] <= done[0] && given[1] <= done[1], "tokens before the answers");
        if answer {
            answered_beats += unanswered.pop_front().unwrap();
        }
        if dut.is("data_valid") && take {
            let [burst, left, all] = open.front_mut().unwrap();
            let (address, index) = beats.pop_front().unwrap();
            assert_eq!(address + base, *burst, "address of a beat");
            *burst += beat;
            *left -= 1;
            let (last, all) = (*left == 0, *all);
            assert_eq!(dut.is("data_last"), last);
            assert_eq!(dut.bench.get_bytes(&format!("{}.data", dut.name)), buffer(index, beat));
            if last {
                open.pop_front();
                unanswered.push_back(all);
            }
        }
        if dut.is("burst_valid") && accept {
            let burst = (dut.get("burst_address"), dut.get("burst_beats"));
            assert!(burst.1 <= limit.cast_unsigned());
            open.push_back([burst.0, burst.1, burst.1]);
        }
        if dut.is("instruction_pop") {
            head = queue.next();
        }
        if head.is_none() && dut.is("idle") {
            break;
        }
    }
    assert!(beats.is_empty() && open.is_empty() && unanswered.is_empty());
    let tokens = |i: usize| stores.iter().map(|s| s.tokens[i]).sum::<u64>();
    assert_eq!(given, [tokens(0), tokens(1)]);
}

/// Rows of one beat, one instruction after the other, on a bus that takes everything: nearly a beat a cycle.
fn rate(bench: &mut Bench, axi_bits: usize, length: u64) {
    let name = format!("store_{axi_bits}");
    bench.reset(&name);
    let beat = axi_bits as u64 / 8;
    let mut dut = Dut { bench, name, beat, reading: 0 };
    let mut i = Instruction::new(Opcode::Store);
    for (field, value) in [
        (store::LENGTH, length),
        (store::COUNT0, 100),
        (store::COUNT1, 1),
        (store::STRIDE0, 64 * beat),
        (store::STEP0, length),
    ] {
        i.set(field, value).unwrap();
    }
    for port in ["compute_ready", "burst_ready", "data_ready"] {
        dut.set(port, 1);
    }
    dut.set("segment_length", 0xffff_ffff);
    dut.set("limit", 16);
    let (mut left, mut cycles, mut beats) = (3, 0, 0);
    let mut answer = false;
    while beats < 300 * length {
        dut.instruct((left > 0).then_some(&i));
        dut.set("answered", answer.into());
        dut.tick();
        cycles += 1;
        left -= u64::from(dut.is("instruction_pop"));
        beats += u64::from(dut.is("data_valid"));
        answer = dut.is("data_valid") && dut.is("data_last");
        assert!(cycles < 10_000);
    }
    assert!(cycles <= 300 * length + 20, "{axi_bits}: {cycles} cycles for {beats} beats in rows of {length}");
}

#[test]
fn stores() {
    let mut bench = bench();
    for axi_bits in BUSES {
        for seed in seeds(100) {
            case(&mut bench, axi_bits, &mut Random::new(seed));
        }
        rate(&mut bench, axi_bits, 1);
        rate(&mut bench, axi_bits, 2);
    }
}
