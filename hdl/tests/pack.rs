//! PACK and the LOAD engine around it, under Verilator, against a model of memory and buffers.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, VecDeque};

use cbp_hdl::dma::load::LoadEngine;
use cbp_isa::instruction::{Destination, Instruction, Opcode, load, pack};
use cbp_isa::{Config, Field, Preset, WeightSet};
use common::{Bench, Random, part, seeds};

fn config(array: [usize; 3], axi_bits: usize) -> Config {
    let [lanes, columns, ppu_lanes] = array;
    let config = Config {
        lanes,
        columns,
        ppu_lanes,
        axi_bits,
        line_depth: 128,
        ..Preset::named("tiny").unwrap().config(WeightSet::Ternary)
    };
    config.check().unwrap();
    config
}

fn configs() -> Vec<(&'static str, Config)> {
    vec![
        ("narrow", config([8, 8, 4], 64)),
        ("tall", config([32, 16, 16], 64)),
        ("middle", config([32, 32, 16], 128)),
        ("wide", config([64, 32, 8], 256)),
        ("equal", config([32, 16, 8], 256)),
    ]
}

fn bench() -> Bench {
    let parts: Vec<_> = configs().iter().map(|(name, c)| part(name, &LoadEngine::new(c))).collect();
    Bench::new(&parts)
}

struct Dut<'a> {
    bench: &'a mut Bench,
    name: &'a str,
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
}

/// Where a beat was written: buffer, word, beat.
type Place = (&'static str, u64, u64);

/// Bytes of a beat that the documents define, by place; later writes to a place replace earlier ones.
type Written = VecDeque<(Place, Vec<Option<u8>>)>;

fn signed(instruction: &Instruction, field: Field) -> i64 {
    let value = instruction.get(field).cast_signed();
    if value >> (field.width - 1) == 0 { value } else { value - (1 << field.width) }
}

/// The beats that a PACK writes, in order.
fn packed(config: &Config, i: &Instruction, lines: &BTreeMap<u64, Vec<u8>>) -> Written {
    let get = |field| i.get(field).cast_signed();
    let beat = config.beat_bytes();
    let fill = get(pack::FILL) as u8;
    let mut word = i.get(pack::BASE);
    let mut written = Written::new();
    for y in 0..get(pack::COUNT1) {
        for x in 0..get(pack::COUNT0) {
            let mut bytes = Vec::new();
            for r in 0..get(pack::PIECES) {
                let line = signed(i, pack::LINE) + y * get(pack::LINE_STEP) + r * get(pack::PIECE_STEP);
                let first = signed(i, pack::COLUMN) + x * get(pack::COLUMN_STEP);
                for at in first..first + get(pack::PIECE) {
                    let inside =
                        (0..get(pack::LINE_BYTES)).contains(&at) && (0..get(pack::LINES)).contains(&line);
                    let address = get(pack::LINE_BASE) + line * get(pack::LINE_PITCH) + at / beat as i64;
                    let address = address.rem_euclid(config.line_depth as i64).cast_unsigned();
                    bytes.push(Some(if inside { lines[&address][at as usize % beat] } else { fill }));
                }
            }
            for (place, bytes) in bytes.chunks(beat).enumerate() {
                let mut bytes = bytes.to_vec();
                bytes.resize(beat, None);
                let place = place as u64;
                let beats = config.activation_beats() as u64;
                written.push_back((("activations", (word + place / beats) & 0xffff, place % beats), bytes));
            }
            word += (get(pack::PIECE) * get(pack::PIECES)).cast_unsigned().div_ceil(config.lanes as u64);
        }
    }
    written
}

/// Beats that PACK may read: those of a line's bytes, and rounding.
fn source_beats(config: &Config, i: &Instruction) -> u64 {
    let beat = config.beat_bytes() as i64;
    let get = |field| i.get(field).cast_signed();
    let mut beats = 0;
    for x in 0..get(pack::COUNT0) {
        let first = signed(i, pack::COLUMN) + x * get(pack::COLUMN_STEP);
        let last = first + get(pack::PIECE) - 1;
        beats += last.div_euclid(beat) - first.div_euclid(beat) + 1;
    }
    (beats * get(pack::PIECES) * get(pack::COUNT1)).cast_unsigned()
}

fn random_pack(config: &Config, random: &mut Random) -> Instruction {
    let mut i = Instruction::new(Opcode::Pack);
    let mut set = |field: Field, value: i64| {
        i.set(field, value.cast_unsigned() & field.max()).unwrap();
    };
    let beat = config.beat_bytes() as i64;
    set(pack::FILL, random.byte().into());
    let piece = match random.below(3) {
        0 => random.within(1, 4),
        1 => random.within(1, 3) * beat,
        _ => random.within(1, 70),
    };
    set(pack::PIECE, piece);
    set(pack::PIECES, random.within(1, 7));
    set(pack::PIECE_STEP, random.within(0, 3));
    set(pack::COUNT0, random.within(1, 9));
    set(pack::COUNT1, random.within(1, 4));
    set(pack::COLUMN, random.within(-80, 80));
    set(pack::COLUMN_STEP, random.within(0, 40));
    let far = random.one_in(6);
    set(pack::LINE_BYTES, if far { random.within(0, 65535) } else { random.within(0, 200) });
    set(pack::LINE, if far { random.within(-32768, 32767) } else { random.within(-6, 6) });
    set(pack::LINE_STEP, random.within(0, 4));
    set(pack::LINES, if far { random.within(0, 65535) } else { random.within(0, 20) });
    set(pack::LINE_BASE, random.within(0, 65535));
    set(pack::LINE_PITCH, random.within(0, 65535));
    set(pack::BASE, random.within(0, 65535));
    set(pack::SIGNAL_COMPUTE, random.within(0, 15));
    i
}

/// Destination, name, beats of a word.
fn destinations(config: &Config) -> [(Destination, &'static str, u64); 4] {
    let beat = config.beat_bytes();
    [
        (Destination::Activations, "activations", config.activation_beats() as u64),
        (Destination::Parameters, "parameters", config.parameter_beats() as u64),
        (Destination::Residuals, "residuals", (config.residual_word_bytes() / beat) as u64),
        (Destination::Weights, "weights", config.weight_beats() as u64),
    ]
}

/// Memory by beat address: any function does.
fn memory(address: u64, beat: usize) -> Vec<u8> {
    (0..beat as u64).map(|i| ((address + i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

struct Load {
    instruction: Instruction,
    written: Written,
    tokens: u64,
    beats: u64,
}

/// A LOAD of some rows, and what it writes; lines go to the line buffer and are not seen from outside.
fn random_load(config: &Config, random: &mut Random, lines: &mut BTreeMap<u64, Vec<u8>>) -> Load {
    let mut i = Instruction::new(Opcode::Load);
    let beat = config.beat_bytes() as u64;
    let to_lines = random.one_in(2);
    let (destination, name, beats) =
        if to_lines { (Destination::Lines, "lines", 1) } else { random.pick(&destinations(config)) };
    let mut set = |field: Field, value: u64| {
        i.set(field, value & field.max()).unwrap();
        value & field.max()
    };
    set(load::DESTINATION, destination as u64);
    let offset = set(load::OFFSET, random.below(1000) * beat);
    let length = set(load::LENGTH, 1 + random.below(20));
    let count0 = set(load::COUNT0, 1 + random.below(3));
    let count1 = set(load::COUNT1, 1 + random.below(3));
    let stride0 = set(load::STRIDE0, random.below(50) * beat);
    let stride1 = set(load::STRIDE1, random.below(50) * beat);
    let base = set(load::BASE, random.below(1 << 16));
    let step0 = set(load::STEP0, random.below(1 << 16));
    let step1 = set(load::STEP1, random.below(1 << 16));
    let tokens = set(load::SIGNAL_COMPUTE, random.below(16));
    let mut written = Written::new();
    for (j, k) in (0..count1).flat_map(|j| (0..count0).map(move |k| (j, k))) {
        for b in 0..length {
            let data = memory(offset + j * stride1 + k * stride0 + b * beat, beat as usize);
            let word = (base + j * step1 + k * step0 + b / beats) & 0xffff;
            if to_lines {
                lines.insert(word % config.line_depth as u64, data);
            } else {
                written.push_back(((name, word, b % beats), data.into_iter().map(Some).collect()));
            }
        }
    }
    Load { instruction: i, written, tokens, beats: length * count0 * count1 }
}

/// Runs instructions while memory answers at random; every beat is written in order, none while it must not.
fn case(bench: &mut Bench, name: &str, config: &Config, random: &mut Random) {
    bench.reset(name);
    let beat = config.beat_bytes();
    let mut lines: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    // First the whole line buffer, so that nothing of it is unknown.
    let mut fill = Instruction::new(Opcode::Load);
    for (field, value) in [
        (load::DESTINATION, Destination::Lines as u64),
        (load::LENGTH, config.line_depth as u64),
        (load::COUNT0, 1),
        (load::COUNT1, 1),
    ] {
        fill.set(field, value).unwrap();
    }
    for i in 0..config.line_depth as u64 {
        lines.insert(i, memory(i * beat as u64, beat));
    }
    let mut program = vec![(fill, Written::new(), 0)];
    for _ in 0..random.within(1, 12) {
        if random.one_in(2) {
            let instruction = random_pack(config, random);
            let written = packed(config, &instruction, &lines);
            program.push((instruction, written, instruction.get(pack::SIGNAL_COMPUTE)));
        } else {
            let load = random_load(config, random, &mut lines);
            _ = load.beats;
            program.push((load.instruction, load.written, load.tokens));
        }
    }
    let mut dut = Dut { bench, name };
    dut.set("segment_length", 0xffff_ffff);
    dut.set("limit", 1 << random.below(9));
    let mut queue = program.iter();
    let mut head = queue.next();
    let mut expected: VecDeque<_> = program.iter().flat_map(|(_, w, _)| w.clone()).collect();
    let mut tokens: u64 = program.iter().map(|(_, _, t)| t).sum();
    let mut arriving: VecDeque<u64> = VecDeque::new();
    let (slow_memory, busy_ppu) = (1 + random.below(4), 2 + random.below(8));
    for cycle in 0.. {
        assert!(cycle < 100_000, "{name}: it does not end");
        dut.set("instruction_valid", head.is_some().into());
        dut.bench.set_bytes(&format!("{name}.instruction"), &head.map_or([0; 64], |(i, ..)| i.to_bytes()));
        dut.set("compute_ready", (!random.one_in(8)).into());
        dut.set("store_ready", (!random.one_in(8)).into());
        let accept = random.one_in(2);
        dut.set("burst_ready", accept.into());
        let offered = !arriving.is_empty() && random.one_in(slow_memory);
        dut.set("beat_valid", offered.into());
        let data = arriving.front().map_or(vec![0xee; beat], |&address| memory(address, beat));
        dut.bench.set_bytes(&format!("{name}.beat"), &data);
        let busy = random.one_in(busy_ppu);
        dut.set("activations_busy", busy.into());
        dut.bench.tick();
        assert!(!dut.is("malformed") && !dut.is("outside"), "{name}");
        if dut.is("burst_valid") && accept {
            let first = dut.get("burst_address");
            arriving.extend((0..dut.get("burst_beats")).map(|i| first + i * beat as u64));
        }
        if offered && dut.is("beat_ready") {
            arriving.pop_front();
        }
        if dut.is("instruction_pop") {
            head = queue.next();
        }
        tokens -= dut.get("give_compute");
        let writes: Vec<_> = ["activations", "parameters", "residuals", "weights"]
            .into_iter()
            .filter(|buffer| dut.is(&format!("write_{buffer}")))
            .collect();
        assert!(writes.len() <= 1, "{name}: {writes:?} at once");
        if let Some(&buffer) = writes.first() {
            assert!(!(busy && buffer == "activations"), "{name}: written while post-processing does");
            let (place, data) = expected.pop_front().unwrap();
            assert_eq!(place, (buffer, dut.get("write_word"), dut.get("write_beat")), "{name}");
            let found = dut.bench.get_bytes(&format!("{name}.write_data"));
            for (i, (found, expected)) in found.iter().zip(&data).enumerate() {
                assert!(
                    expected.is_none_or(|e| e == *found),
                    "{name}: byte {i} of {place:?} is {found}, not {expected:?}"
                );
            }
        }
        if head.is_none() && dut.is("idle") {
            break;
        }
    }
    assert!(expected.is_empty(), "{name}: {} beats were not written", expected.len());
    assert_eq!(tokens, 0, "{name}");
}

#[test]
fn loads_and_packs() {
    let mut bench = bench();
    for (name, config) in configs() {
        for seed in seeds(150) {
            case(&mut bench, name, &config, &mut Random::new(seed));
        }
        for seed in seeds(20) {
            rate(&mut bench, name, &config, &mut Random::new(seed));
        }
        faults(&mut bench, name);
    }
}

/// A PACK takes a cycle per source beat and at most one more per position, besides its beginning.
fn rate(bench: &mut Bench, name: &str, config: &Config, random: &mut Random) {
    bench.reset(name);
    let mut dut = Dut { bench, name };
    let mut i = random_pack(config, random);
    i.set(pack::COUNT0, 60).unwrap();
    dut.set("activations_busy", 0);
    dut.set("compute_ready", 1);
    dut.set("store_ready", 1);
    dut.set("beat_valid", 0);
    dut.set("instruction_valid", 1);
    dut.bench.set_bytes(&format!("{name}.instruction"), &i.to_bytes());
    let mut cycles = 0;
    loop {
        dut.bench.tick();
        cycles += 1;
        if dut.is("instruction_pop") {
            dut.set("instruction_valid", 0);
        }
        if cycles > 2 && dut.is("idle") {
            break;
        }
    }
    let positions = i.get(pack::COUNT0) * i.get(pack::COUNT1);
    let most = source_beats(config, &i) + positions + 24;
    assert!(cycles <= most, "{name}: {cycles} cycles, {most} expected");
}

/// What cannot be run is refused; a PACK of nothing, a LOAD to nowhere.
fn faults(bench: &mut Bench, name: &str) {
    for field in [pack::PIECE, pack::PIECES, pack::COUNT0, pack::COUNT1] {
        let mut i = Instruction::new(Opcode::Pack);
        for other in [pack::PIECE, pack::PIECES, pack::COUNT0, pack::COUNT1] {
            i.set(other, u64::from(other != field)).unwrap();
        }
        refused(bench, name, &i);
    }
    let mut i = Instruction::new(Opcode::Load);
    for field in [load::LENGTH, load::COUNT0, load::COUNT1] {
        i.set(field, 1).unwrap();
    }
    i.set(load::DESTINATION, 6).unwrap();
    refused(bench, name, &i);
}

fn refused(bench: &mut Bench, name: &str, i: &Instruction) {
    bench.reset(name);
    let mut dut = Dut { bench, name };
    dut.set("instruction_valid", 1);
    dut.set("compute_ready", 1);
    dut.set("store_ready", 1);
    dut.bench.set_bytes(&format!("{name}.instruction"), &i.to_bytes());
    let malformed = (0..5).any(|_| {
        dut.bench.tick();
        dut.is("malformed")
    });
    assert!(malformed, "{name}: {i:?} is not refused");
    dut.set("instruction_valid", 0);
}
