//! The compute engine against a model: random instructions on small buffers whose addresses wrap.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_hdl::compute::ComputeEngine;
use cbp_isa::instruction::{Instruction, Opcode, compute};
use cbp_isa::parameters::encode_parameter;
use cbp_isa::weight_code::encode_word;
use cbp_isa::{Config, Field, Preset, WeightSet};
use common::compute_model::{Effects, State, run};
use common::{Bench, Random, part, seeds};

/// Small buffers: every address wraps.
fn config(array: [usize; 3], axi_bits: usize, set: WeightSet, activation_bits: usize) -> Config {
    let [lanes, columns, ppu_lanes] = array;
    let config = Config {
        lanes,
        columns,
        ppu_lanes,
        axi_bits,
        activation_bits,
        activation_depth: 64,
        weight_depth: 32,
        parameter_depth: 16,
        output_depth: 256,
        residual_depth: 128,
        line_depth: 16,
        ..Preset::named("tiny").unwrap().config(set)
    };
    config.check().unwrap();
    config
}

/// Name, array, bus, set, activation bits: granules smaller than a beat, as large, and larger.
fn configs() -> Vec<(&'static str, Config)> {
    vec![
        ("small", config([8, 8, 4], 64, WeightSet::OneBitShift, 8)),
        ("narrow", config([16, 32, 8], 128, WeightSet::Binary, 8)),
        ("equal", config([16, 16, 16], 128, WeightSet::Ternary, 4)),
        ("large", config([32, 8, 8], 64, WeightSet::TwoBitShift, 8)),
        ("wide", config([64, 16, 16], 64, WeightSet::Ternary, 8)),
    ]
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

    /// Writes words of bytes beat by beat, as LOAD does.
    fn write(&mut self, config: &Config, port: &str, words: &[Vec<u8>]) {
        self.set(port, 1);
        for (word, bytes) in words.iter().enumerate() {
            for (beat, data) in bytes.chunks(config.beat_bytes()).enumerate() {
                self.set("write_word", word as i64);
                self.set("write_beat", beat as i64);
                self.bench.set_bytes(&format!("{}.write_data", self.name), data);
                for plane in 0..config.weight_set.code_bits() {
                    self.bench.set_bytes(&format!("{}.plane_data_{plane}", self.name), data);
                }
                self.bench.tick();
            }
        }
        self.set(port, 0);
    }
}

fn bytes(values: &[i8]) -> Vec<u8> {
    values.iter().map(|v| v.cast_unsigned()).collect()
}

/// One word of weights as it lies in the buffer.
fn weight_word(config: &Config, weights: &[i8]) -> Vec<u8> {
    let mut codes = vec![0; weights.len()];
    for (codes, weights) in codes.chunks_mut(config.lanes).zip(weights.chunks(config.lanes)) {
        encode_word(config.weight_set, weights, codes);
    }
    let mut word = Vec::new();
    for group in codes.chunks(config.axi_bits) {
        for plane in 0..config.weight_set.code_bits() {
            word.extend(
                group.chunks(8).map(|c| c.iter().rev().fold(0, |b, code| b << 1 | (code >> plane & 1))),
            );
        }
    }
    word
}

/// Fills every buffer with random contents.
fn fill(dut: &mut Dut<'_>, config: &Config, random: &mut Random) -> State {
    let levels = config.weight_set.levels();
    let activations: Vec<i8> =
        (0..config.activation_depth * config.lanes).map(|_| random.activation()).collect();
    let weights: Vec<i8> =
        (0..config.weight_depth * config.columns * config.lanes).map(|_| random.pick(levels)).collect();
    let parameters: Vec<[i64; 4]> = (0..config.parameter_depth * config.ppu_lanes)
        .map(|_| {
            // Results spread over the byte: sums have some ten bits.
            let shift = random.within(1, 30);
            let multiplier = random.within(-32768, 32767) >> (16 - shift / 2).clamp(0, 15);
            let bias = random.bits().cast_signed() >> (56 - shift).max(18);
            let factor = random.bits().cast_signed() >> (64 - shift).max(28);
            [multiplier, bias, shift, factor]
        })
        .collect();
    let residuals: Vec<i8> =
        (0..config.residual_depth * config.ppu_lanes).map(|_| random.activation()).collect();
    let words: Vec<_> = activations.chunks(config.lanes).map(bytes).collect();
    dut.write(config, "write_activations", &words);
    let words: Vec<_> =
        weights.chunks(config.lanes * config.columns).map(|w| weight_word(config, w)).collect();
    dut.write(config, "write_weights", &words);
    let record = |&[m, b, s, r]: &[i64; 4]| encode_parameter(m as i16, b, s as u8, r);
    let words: Vec<Vec<u8>> =
        parameters.chunks(config.ppu_lanes).map(|word| word.iter().flat_map(record).collect()).collect();
    dut.write(config, "write_parameters", &words);
    let words: Vec<_> = residuals.chunks(config.residual_word_bytes()).map(bytes).collect();
    dut.write(config, "write_residuals", &words);
    let outputs = vec![None; config.output_depth * config.ppu_lanes];
    State { activations, weights, parameters, residuals, outputs }
}

/// A random instruction that the compiler might have made, on a small tensor or beside it.
fn instruction(config: &Config, random: &mut Random) -> Instruction {
    let mut instruction = Instruction::new(Opcode::Compute);
    let mut set = |field: Field, value: i64| {
        instruction.set(field, value.cast_unsigned() & field.max()).unwrap();
    };
    let maximum = random.one_in(3);
    let raw = random.one_in(4);
    set(compute::MAXIMUM, maximum.into());
    set(compute::MODE, raw.into());
    set(compute::MASK, (!maximum && random.one_in(3)).into());
    set(compute::RESIDUAL, random.one_in(2).into());
    set(compute::TARGET, if raw { 1 } else { random.within(1, 3) });
    let passes = if maximum || random.one_in(2) { 1 } else { random.within(1, 9) };
    set(compute::PASSES, passes);
    // Shifts of the first pass do nothing: the accumulator starts from 0.
    let shifts: i64 = (0..9).map(|i| if random.one_in(2) { 0 } else { random.within(0, 1) } << (2 * i)).sum();
    set(compute::DIGIT_SHIFTS, shifts);
    for field in [
        compute::LANE_FIRST,
        compute::FILL,
        compute::WIDTH,
        compute::HEIGHT,
        compute::WEIGHT_BASE,
        compute::PARAMETER_BASE,
        compute::ACT_BASE,
        compute::ACT_STEP1,
        compute::ACT_STEP2,
        compute::ACT_STEP3,
        compute::ACT_STEP4,
        compute::MASK_BASE,
        compute::KEEP_BASE,
        compute::RESIDUAL_BASE,
        compute::Z_OUT,
    ] {
        set(field, random.bits().cast_signed() & i64::MAX);
    }
    set(compute::LANE_FIRST, random.below(config.lanes as u64).cast_signed());
    set(compute::LANE_COUNT, random.below(config.lanes as u64 + 1).cast_signed());
    let most = if maximum { config.activation_granules() } else { config.ppu_groups() };
    let groups = if random.one_in(3) { 1 } else { random.within(1, most as i64) };
    set(compute::GROUPS, groups);
    for field in [compute::COUNT0, compute::COUNT1, compute::COUNT2] {
        set(field, if random.one_in(2) { 1 } else { random.within(1, 4) });
    }
    for field in [compute::COUNT3, compute::COUNT4] {
        set(field, if random.one_in(3) { 1 } else { random.within(1, 7) });
    }
    let out = random.below(1 << 16).cast_signed();
    set(compute::OUT_BASE, if raw { out & !3 } else { out });
    for field in [compute::OUT_STEP3, compute::OUT_STEP4] {
        let step = random.within(-20, 20);
        set(field, if raw { 4 * step } else { step });
    }
    let mut clamp = [random.activation(), random.activation()];
    clamp.sort_unstable();
    let [lo, hi] = if random.one_in(2) { clamp } else { [-128, 127] };
    set(compute::LO, lo.into());
    set(compute::HI, hi.into());
    // Tensors of any size around a kernel that begins before them or ends behind.
    for (start, step, stride, size) in [
        (compute::X, compute::X_STEP1, compute::X_STEP3, compute::WIDTH),
        (compute::Y, compute::Y_STEP2, compute::Y_STEP4, compute::HEIGHT),
    ] {
        let far = random.one_in(8);
        set(start, if far { random.within(-32768, 32000) } else { random.within(-4, 6) });
        set(step, if far { random.within(0, 100) } else { random.within(0, 3) });
        set(stride, if far { random.within(0, 20) } else { random.within(0, 3) });
        set(size, if far { random.within(0, 65535) } else { random.within(0, 12) });
    }
    set(compute::KEEP_STEP, random.pick(&[0, 1, groups, 255]));
    set(compute::RESIDUAL_STEP, random.pick(&[0, 1, groups, 255]));
    for field in [compute::SIGNAL_LOAD, compute::SIGNAL_STORE, compute::WAIT_LOAD, compute::WAIT_STORE] {
        set(field, random.within(0, 15));
    }
    instruction
}

/// An instruction that keeps nothing where it reads: the order of both is not fixed.
fn usable(config: &Config, random: &mut Random, state: &mut State) -> (Instruction, Effects) {
    loop {
        let instruction = instruction(config, random);
        let effects = run(config, &instruction, state, false);
        if effects.read.is_disjoint(&effects.kept) {
            return (instruction, effects);
        }
    }
}

/// Granules that an instruction keeps.
fn granules_kept(i: &Instruction, e: &Effects) -> u64 {
    (i.get(compute::TARGET) >> 1) * e.positions * i.get(compute::GROUPS)
}

fn case(bench: &mut Bench, name: &str, config: &Config, random: &mut Random) {
    bench.reset(name);
    let mut dut = Dut { bench, name };
    let mut state = fill(&mut dut, config, random);
    dut.set("load_ready", 1);
    dut.set("store_ready", 1);
    for _ in 0..random.within(1, 6) {
        let batch: Vec<_> = (0..random.within(1, 5))
            .map(|_| {
                let (instruction, effects) = usable(config, random, &mut state);
                run(config, &instruction, &mut state, true);
                (instruction, effects)
            })
            .collect();
        let expected = |field| batch.iter().map(|(i, _)| i.get(field)).sum::<u64>();
        let (mut given_load, mut given_store, mut kept, mut multiplied) = (0, 0, 0, 0);
        let mut queue = batch.iter();
        let mut next = queue.next();
        let mut quiet = 0;
        for cycle in 0.. {
            assert!(cycle < 200_000, "{name}: it does not end");
            // The queue's head appears some time after the one before has left.
            let valid = next.is_some() && !random.one_in(8);
            dut.set("instruction_valid", valid.into());
            let head = next.map_or([0; 64], |(i, _)| i.to_bytes());
            dut.bench.set_bytes(&format!("{name}.instruction"), &head);
            dut.set("load_ready", (!random.one_in(16)).into());
            dut.set("store_ready", (!random.one_in(16)).into());
            dut.bench.tick();
            assert!(!valid || !dut.is("malformed"), "{name}");
            kept += u64::from(dut.is("activations_busy"));
            multiplied += u64::from(dut.is("step"));
            given_store += dut.get("give_store");
            let give = dut.get("give_load");
            given_load += give;
            if give > 0 {
                // Whoever gives has kept all its granules, this cycle's included.
                let (mut tokens, mut granules) = (0, 0);
                for (i, e) in &batch {
                    tokens += i.get(compute::SIGNAL_LOAD);
                    granules += granules_kept(i, e);
                    if tokens >= given_load {
                        let keeps = i.get(compute::TARGET) & 2 != 0;
                        assert!(!keeps || kept == granules, "{name}: tokens before the last granule");
                        break;
                    }
                }
            }
            if dut.is("instruction_pop") {
                next = queue.next();
            }
            quiet = if next.is_none() && dut.is("idle") { quiet + 1 } else { 0 };
            if quiet > 4 {
                break;
            }
        }
        dut.set("instruction_valid", 0);
        assert_eq!(given_load, expected(compute::SIGNAL_LOAD), "{name}");
        assert_eq!(given_store, expected(compute::SIGNAL_STORE), "{name}");
        let steps: u64 = batch.iter().map(|(i, e)| e.steps * (1 - i.get(compute::MAXIMUM))).sum();
        assert_eq!(multiplied, steps, "{name}");
        let granules: u64 = batch.iter().map(|(i, e)| granules_kept(i, e)).sum();
        assert_eq!(kept, granules, "{name}");
        // The whole output buffer.
        let beat = config.beat_bytes();
        dut.set("read_output", 1);
        for index in 0..=state.outputs.len() / beat {
            dut.set("read_beat", index as i64);
            dut.bench.tick();
            let Some(index) = index.checked_sub(1) else { continue };
            let found = dut.bench.get_bytes(&format!("{name}.output_beat"));
            for (i, (found, expected)) in found.iter().zip(&state.outputs[index * beat..]).enumerate() {
                assert!(
                    expected.is_none_or(|e| e == *found),
                    "{name}: byte {} is {found}, not {expected:?}",
                    index * beat + i
                );
            }
        }
        dut.set("read_output", 0);
    }
}

#[test]
fn instructions() {
    let configs = configs();
    let parts: Vec<_> = configs.iter().map(|(name, c)| part(name, &ComputeEngine::new(c))).collect();
    let mut bench = Bench::new(&parts);
    for (name, config) in &configs {
        for seed in seeds(60) {
            case(&mut bench, name, config, &mut Random::new(seed));
        }
    }
    throughput(&mut bench, &configs);
}

/// Every step in its cycle, one cycle between instructions.
fn throughput(bench: &mut Bench, configs: &[(&'static str, Config)]) {
    for (name, config) in configs {
        bench.reset(name);
        let mut dut = Dut { bench, name };
        fill(&mut dut, config, &mut Random::new(1));
        let mut instruction = Instruction::new(Opcode::Compute);
        for (field, value) in [
            (compute::PASSES, 1),
            (compute::GROUPS, 1),
            (compute::TARGET, 1),
            (compute::COUNT0, 1),
            (compute::COUNT1, 1),
            (compute::COUNT2, 1),
            (compute::COUNT3, 20),
            (compute::COUNT4, 1),
            (compute::OUT_STEP3, 1),
            (compute::HI, 127),
            (compute::WIDTH, 1),
            (compute::HEIGHT, 1),
        ] {
            instruction.set(field, value).unwrap();
        }
        dut.bench.set_bytes(&format!("{name}.instruction"), &instruction.to_bytes());
        dut.set("load_ready", 1);
        dut.set("store_ready", 1);
        dut.set("instruction_valid", 1);
        let steps: String = (0..66)
            .map(|_| {
                dut.bench.tick();
                if dut.is("step") { 's' } else { '.' }
            })
            .collect();
        let one = ".".to_string() + &"s".repeat(20);
        assert_eq!(steps, one.repeat(3) + ".ss", "{name}");
        dut.set("instruction_valid", 0);
    }
}
