//! What a COMPUTE does to the buffers, as the documents say it.

use std::collections::BTreeSet;

use cbp_isa::instruction::{Instruction, compute};
use cbp_isa::{Config, Field};

/// What the buffers hold.
pub struct State {
    pub activations: Vec<i8>,
    /// Words of N columns of K weights.
    pub weights: Vec<i8>,
    /// M, B, S, R of every record.
    pub parameters: Vec<[i64; 4]>,
    pub residuals: Vec<i8>,
    /// Nothing where nothing was written.
    pub outputs: Vec<Option<u8>>,
}

/// What an instruction touched.
#[derive(Default)]
pub struct Effects {
    /// Activation words read.
    pub read: BTreeSet<usize>,
    /// Activation words with granules that are kept.
    pub kept: BTreeSet<usize>,
    pub positions: u64,
    pub steps: u64,
}

/// One output position: its results, its number, its loop variables.
struct Position {
    results: Vec<i32>,
    j: i64,
    i3: i64,
    i4: i64,
}

pub struct Run<'a> {
    config: &'a Config,
    instruction: &'a Instruction,
    state: &'a mut State,
    effects: Effects,
}

fn wrap(value: i64, depth: usize) -> usize {
    value.rem_euclid(depth as i64) as usize
}

/// Runs an instruction; without `write` nothing is written, but what would be is known.
pub fn run(config: &Config, instruction: &Instruction, state: &mut State, write: bool) -> Effects {
    let mut run = Run { config, instruction, state, effects: Effects::default() };
    let [count3, count4] = [compute::COUNT3, compute::COUNT4].map(|f| run.get(f));
    let mut signs = Vec::new();
    for (i4, i3) in (0..count4).flat_map(|i4| (0..count3).map(move |i3| (i4, i3))) {
        let results = run.results(i3, i4);
        let position = Position { results, j: run.effects.positions as i64, i3, i4 };
        run.effects.positions += 1;
        let mut position_signs = vec![false; config.columns.max(config.lanes)];
        for g in 0..run.get(compute::GROUPS) {
            run.group(&position, g, &mut position_signs, write);
        }
        // A granule of masks is written when it is full, or the instruction ends.
        signs.extend_from_slice(&position_signs[..config.columns]);
        let granule = 8 * config.ppu_lanes;
        let ends = (i4, i3) == (count4 - 1, count3 - 1);
        if write && run.get(compute::MASK) == 1 && (signs.len() % granule == 0 || ends) {
            let index = (signs.len() - 1) / granule;
            run.masks(index, &signs[index * granule..]);
        }
    }
    run.effects
}

impl Run<'_> {
    fn get(&self, field: Field) -> i64 {
        self.instruction.get(field).cast_signed()
    }

    fn signed(&self, field: Field) -> i64 {
        let value = self.get(field);
        if value >> (field.width - 1) & 1 == 0 { value } else { value - (1 << field.width) }
    }

    /// The sums or maxima of a position.
    fn results(&mut self, i3: i64, i4: i64) -> Vec<i32> {
        let c = self.config;
        let [count0, count1, count2] =
            [compute::COUNT0, compute::COUNT1, compute::COUNT2].map(|f| self.get(f));
        let (fill, lane_first) = (self.signed(compute::FILL) as i8, self.get(compute::LANE_FIRST));
        let counted = lane_first..lane_first + self.get(compute::LANE_COUNT);
        let mut sums = vec![0i32; c.columns];
        let mut best = vec![i8::MIN; c.lanes];
        let mut step = 0;
        for pass in 0..self.get(compute::PASSES) {
            let shift = self.get(compute::DIGIT_SHIFTS) >> (2 * pass) & 3;
            for sum in &mut sums {
                *sum <<= shift;
            }
            for (i2, i1, i0) in (0..count2)
                .flat_map(|i2| (0..count1).flat_map(move |i1| (0..count0).map(move |i0| (i2, i1, i0))))
            {
                let word = self.word([i0, i1, i2, i3, i4]);
                let inside = self.inside([i0, i1, i2, i3, i4]);
                self.effects.read.insert(word);
                self.effects.steps += 1;
                let weights = wrap(self.get(compute::WEIGHT_BASE) + step, c.weight_depth);
                step += 1;
                for (lane, best) in best.iter_mut().enumerate() {
                    let q = if inside { self.state.activations[word * c.lanes + lane] } else { fill };
                    *best = q.max(*best);
                    if i0 < count0 - 1 || counted.contains(&(lane as i64)) {
                        let unused = 8 - c.activation_bits;
                        let x = i32::from(q << unused >> unused);
                        for (n, sum) in sums.iter_mut().enumerate() {
                            *sum +=
                                x * i32::from(self.state.weights[(weights * c.columns + n) * c.lanes + lane]);
                        }
                    }
                }
            }
        }
        if self.get(compute::MAXIMUM) == 1 { best.into_iter().map(i32::from).collect() } else { sums }
    }

    /// The activation word of a step.
    fn word(&self, [i0, i1, i2, i3, i4]: [i64; 5]) -> usize {
        let word = self.get(compute::ACT_BASE)
            + i0
            + i1 * self.get(compute::ACT_STEP1)
            + i2 * self.get(compute::ACT_STEP2)
            + i3 * self.get(compute::ACT_STEP3)
            + i4 * self.get(compute::ACT_STEP4);
        wrap(word, self.config.activation_depth)
    }

    /// Whether a step lies in its tensor.
    fn inside(&self, [_, i1, i2, i3, i4]: [i64; 5]) -> bool {
        let column =
            self.signed(compute::X) + i1 * self.get(compute::X_STEP1) + i3 * self.get(compute::X_STEP3);
        let row = self.signed(compute::Y) + i2 * self.get(compute::Y_STEP2) + i4 * self.get(compute::Y_STEP4);
        (0..self.get(compute::WIDTH)).contains(&column) && (0..self.get(compute::HEIGHT)).contains(&row)
    }

    /// Requantises a group and writes it where it goes.
    fn group(&mut self, position: &Position, g: i64, signs: &mut [bool], write: bool) {
        let (c, p) = (self.config, self.config.ppu_lanes);
        let Position { ref results, j, i3, i4 } = *position;
        let parameter = wrap(self.get(compute::PARAMETER_BASE) + g, c.parameter_depth);
        let residual = self.get(compute::RESIDUAL_BASE) + j * self.get(compute::RESIDUAL_STEP) + g;
        let residual = wrap(residual, c.residual_depth);
        let keep = self.get(compute::KEEP_BASE) + j * self.get(compute::KEEP_STEP) + g;
        let keep = wrap(keep, c.activation_depth * c.activation_granules());
        let raw = self.get(compute::MODE) == 1;
        let out = self.get(compute::OUT_BASE)
            + i3 * self.get(compute::OUT_STEP3)
            + i4 * self.get(compute::OUT_STEP4)
            + if raw { 4 * g } else { g };
        let out = wrap(out, c.output_depth) * p;
        let [to_output, to_activations] = [1, 2].map(|bit| self.get(compute::TARGET) & bit != 0);
        if to_activations {
            self.effects.kept.insert(keep / c.activation_granules());
        }
        for lane in 0..p {
            let column = g as usize * p + lane;
            let [m, b, s, factor] = self.state.parameters[parameter * p + lane];
            let r = i64::from(self.state.residuals[residual * p + lane]) * self.get(compute::RESIDUAL);
            let sum = i64::from(results[column]) * m + b + r * factor;
            signs[column] = sum > 0;
            let rounded = (sum + (1 << (s - 1))) >> s;
            let value = rounded + self.signed(compute::Z_OUT);
            let value = value.clamp(self.signed(compute::LO), self.signed(compute::HI)) as i8;
            if write && raw {
                let at = out + 4 * lane;
                self.state.outputs[at..at + 4].copy_from_slice(&results[column].to_le_bytes().map(Some));
            } else if write && to_output {
                self.state.outputs[out + lane] = Some(value.cast_unsigned());
            }
            if write && to_activations {
                self.state.activations[keep * p + lane] = value;
            }
        }
    }

    /// Writes a granule of sign masks.
    fn masks(&mut self, index: usize, signs: &[bool]) {
        let p = self.config.ppu_lanes;
        let mut bits = signs.to_vec();
        bits.resize(8 * p, false);
        let at = wrap(self.get(compute::MASK_BASE) + index as i64, self.config.output_depth) * p;
        for (i, byte) in bits.chunks(8).enumerate() {
            let byte = byte.iter().rev().fold(0, |b, &bit| b << 1 | u8::from(bit));
            self.state.outputs[at + i] = Some(byte);
        }
    }
}
