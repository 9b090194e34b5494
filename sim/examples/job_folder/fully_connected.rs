//! A job made by hand, with instruction encoders alone: a fully connected layer K → N over a batch.

use cbp_isa::instruction::{Destination, Instruction, Opcode, compute, load, store};
use cbp_isa::parameters::encode_parameter;
use cbp_isa::weight_code::encode_word;
use cbp_isa::{Config, Field, FieldOverflow};
use rand::Rng;

/// Segments of the job; the program is segment 0.
pub const CONSTANTS: usize = 1;
pub const INPUTS: usize = 2;
pub const OUTPUTS: usize = 3;

pub struct FullyConnected {
    pub program: Vec<Instruction>,
    /// Weights, then parameters.
    pub constants: Vec<u8>,
    pub inputs: Vec<u8>,
    pub outputs: Vec<u8>,
}

impl FullyConnected {
    /// Random weights, parameters and activations; the outputs by plain arithmetic.
    pub fn random(config: &Config, batch: usize, rng: &mut impl Rng) -> Result<Self, FieldOverflow> {
        let (k, n, p) = (config.lanes, config.columns, config.ppu_lanes);
        let levels = config.weight_set.levels();
        let weights: Vec<i8> = (0..k * n).map(|_| levels[rng.random_range(0..levels.len())]).collect();
        let half = 1_i16 << (config.activation_bits - 1);
        let inputs: Vec<i8> = (0..batch * k).map(|_| rng.random_range(-half..half) as i8).collect();
        let channels: Vec<Channel> = (0..n).map(|_| Channel::random(rng)).collect();
        let (zero_point, low, high) = (rng.random_range(-20..20), -100, 110);
        let mut outputs = Vec::new();
        for x in inputs.chunks(k) {
            for (channel, w) in channels.iter().zip(weights.chunks(k)) {
                let acc = x.iter().zip(w).map(|(&x, &w)| i64::from(x) * i64::from(w)).sum();
                let y = channel.scale(acc) + i64::from(zero_point);
                outputs.push(y.clamp(i64::from(low), i64::from(high)) as u8);
            }
        }
        let mut constants = packed(config, &weights);
        for channel in &channels {
            constants.extend(encode_parameter(channel.multiplier, channel.bias, channel.shift, 0));
        }
        let beat = config.beat_bytes();
        let parameters = constants.len() - n * 16;
        let load = |destination: Destination, segment: usize, offset: usize, beats: usize, rows: usize| {
            instruction(
                Opcode::Load,
                &[
                    (load::DESTINATION, destination as usize),
                    (load::SEGMENT, segment),
                    (load::OFFSET, offset),
                    (load::LENGTH, beats),
                    (load::COUNT0, rows),
                    (load::STRIDE0, beats * beat),
                    (load::COUNT1, 1),
                    (load::STEP0, 1),
                    (load::SIGNAL_COMPUTE, 1),
                ],
            )
        };
        let program = vec![
            load(Destination::Weights, CONSTANTS, 0, config.weight_beats(), 1)?,
            load(Destination::Parameters, CONSTANTS, parameters, config.parameter_beats(), n / p)?,
            load(Destination::Activations, INPUTS, 0, config.activation_beats(), batch)?,
            instruction(
                Opcode::Compute,
                &[
                    (compute::WAIT_LOAD, 3),
                    (compute::SIGNAL_STORE, 1),
                    (compute::TARGET, 1),
                    (compute::PASSES, 1),
                    (compute::LANE_COUNT, k),
                    (compute::GROUPS, n / p),
                    (compute::COUNT0, 1),
                    (compute::COUNT1, 1),
                    (compute::COUNT2, 1),
                    (compute::COUNT3, batch),
                    (compute::ACT_STEP3, 1),
                    (compute::COUNT4, 1),
                    (compute::OUT_STEP3, n / p),
                    (compute::LO, (low as u8).into()),
                    (compute::HI, (high as u8).into()),
                    (compute::Z_OUT, (zero_point as u8).into()),
                    (compute::WIDTH, 1),
                    (compute::HEIGHT, 1),
                ],
            )?,
            instruction(
                Opcode::Store,
                &[
                    (store::WAIT_COMPUTE, 1),
                    (store::SEGMENT, OUTPUTS),
                    (store::LENGTH, batch * n / beat),
                    (store::COUNT0, 1),
                    (store::COUNT1, 1),
                ],
            )?,
            Instruction::new(Opcode::End),
        ];
        let inputs = inputs.into_iter().map(i8::cast_unsigned).collect();
        Ok(Self { program, constants, inputs, outputs })
    }

    /// The program's bytes.
    pub fn program_bytes(&self) -> Vec<u8> {
        self.program.iter().flat_map(Instruction::to_bytes).collect()
    }
}

/// Requantisation of one output channel.
struct Channel {
    multiplier: i16,
    bias: i64,
    shift: u8,
}

impl Channel {
    /// Results of sums up to a few hundred spread over the 8 bits.
    fn random(rng: &mut impl Rng) -> Self {
        let shift = rng.random_range(1..16);
        let multiplier = rng.random_range(-1 << (shift - 1)..=1 << (shift - 1)) as i16;
        Self { multiplier, bias: rng.random_range(-50..50) << shift, shift }
    }

    fn scale(&self, acc: i64) -> i64 {
        (acc * i64::from(self.multiplier) + self.bias + (1 << (self.shift - 1))) >> self.shift
    }
}

fn instruction(opcode: Opcode, fields: &[(Field, usize)]) -> Result<Instruction, FieldOverflow> {
    let mut instruction = Instruction::new(opcode);
    for &(field, value) in fields {
        instruction.set(field, value as u64)?;
    }
    Ok(instruction)
}

/// One weight word as it travels: weights of column n at n·K, groups of `axi_bits` weights, a beat per code bit.
fn packed(config: &Config, weights: &[i8]) -> Vec<u8> {
    let mut codes = vec![0; weights.len()];
    for (weights, codes) in weights.chunks(config.lanes).zip(codes.chunks_mut(config.lanes)) {
        encode_word(config.weight_set, weights, codes);
    }
    let mut bytes = Vec::new();
    for group in codes.chunks(config.axi_bits) {
        for bit in 0..config.weight_set.code_bits() {
            let byte = |codes: &[u8]| codes.iter().rev().fold(0, |byte, code| byte << 1 | (code >> bit & 1));
            bytes.extend(group.chunks(8).map(byte));
        }
    }
    bytes
}
