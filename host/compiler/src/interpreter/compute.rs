//! COMPUTE.

use cbp_isa::Config;
use cbp_isa::instruction::OutputMode;
use cbp_isa::parameters::{PARAMETER_BYTES, parameter};
use cbp_isa::weight_code::decode_word;
use cbp_numerics::{Clamp, Requant};

use super::{Fault, Machine};
use crate::operation::Compute;

/// A parameter record: the residual term's factor is already shifted.
struct Record {
    requant: Requant,
    residual: i64,
}

/// Sign masks on their way into granules.
struct Masks {
    granule: Vec<u8>,
    position: usize,
    address: usize,
}

impl Machine {
    pub(super) fn compute(&mut self, op: &Compute) -> Result<(), Fault> {
        self.check(op)?;
        let p = self.config.ppu_lanes;
        let weights = if op.maximum { Vec::new() } else { self.decode_weights(op) };
        let mut masks = Masks { granule: vec![0; p], position: 0, address: op.mask_base };
        for i4 in 0..op.count[4] {
            for i3 in 0..op.count[3] {
                let results = if op.maximum {
                    self.maximum(op, [i3, i4])
                } else {
                    self.accumulate(op, [i3, i4], &weights)
                };
                let out = op.out_base + i3 * op.out_step[0] + i4 * op.out_step[1];
                let signs = self.drain(op, [i4 * op.count[3] + i3, out], &results)?;
                if op.mask {
                    self.pack_mask(&mut masks, &signs);
                }
            }
        }
        if op.mask && masks.position > 0 {
            self.write(masks.address, &masks.granule);
        }
        Ok(())
    }

    fn check(&self, op: &Compute) -> Result<(), Fault> {
        let range = |what, value: usize, fine: bool| {
            if fine { Ok(()) } else { Err(Fault::Range { what, value: value as u64 }) }
        };
        for (what, &value) in ["COUNT0", "COUNT1", "COUNT2", "COUNT3", "COUNT4"].into_iter().zip(&op.count) {
            range(what, value, value > 0)?;
        }
        let Config { lanes, .. } = self.config;
        range("LANE_COUNT", op.lanes[1], op.lanes[0] + op.lanes[1] <= lanes)?;
        let groups = if op.maximum { self.config.activation_granules() } else { self.config.ppu_groups() };
        range("GROUPS", op.groups, (1..=groups).contains(&op.groups))?;
        range("DIGIT_SHIFTS", op.shifts.len(), op.shifts.iter().all(|&s| s <= 2))?;
        if op.mode == OutputMode::Raw {
            for (what, value) in
                [("OUT_BASE", op.out_base), ("OUT_STEP3", op.out_step[0]), ("OUT_STEP4", op.out_step[1])]
            {
                if value % 4 != 0 {
                    return Err(Fault::Unaligned { what, value: value as u64, to: 4 });
                }
            }
        }
        Ok(())
    }

    /// The integer weights of every step of a position, `[step][column][lane]`.
    fn decode_weights(&self, op: &Compute) -> Vec<i8> {
        let config = &self.config;
        let (set, beat, lanes) = (config.weight_set, config.beat_bytes(), config.lanes);
        let planes = set.code_bits() as usize;
        let bytes = config.weight_beats() * beat;
        let mut weights = vec![0; op.steps() * lanes * config.columns];
        let mut codes = vec![0; lanes];
        for (step, word) in weights.chunks_exact_mut(lanes * config.columns).enumerate() {
            let start = (op.weight_base + step) % config.weight_depth * bytes;
            let packed = &self.weights[start..start + bytes];
            for (n, column) in word.chunks_exact_mut(lanes).enumerate() {
                for (k, code) in codes.iter_mut().enumerate() {
                    let i = n * lanes + k;
                    let (group, i) = (&packed[i / config.axi_bits * planes * beat..], i % config.axi_bits);
                    let bit = |plane: usize| group[plane * beat + i / 8] >> (i % 8) & 1;
                    *code = (0..planes).fold(0, |code, plane| code | bit(plane) << plane);
                }
                decode_word(set, &codes, column);
            }
        }
        weights
    }

    /// What the lanes read in step (i2, i1, i0) of position (i3, i4).
    fn operands(&self, op: &Compute, [i3, i4]: [usize; 2], [i2, i1, i0]: [usize; 3]) -> Vec<i8> {
        let (lanes, depth) = (self.config.lanes, self.config.activation_depth);
        if !(op.x.contain(i1, i3) && op.y.contain(i2, i4)) {
            return vec![op.fill; lanes];
        }
        let steps = [i1, i2, i3, i4].into_iter().zip(op.act_step);
        let word = (op.act_base + i0 + steps.map(|(i, step)| i * step).sum::<usize>()) % depth;
        self.activations[word * lanes..(word + 1) * lanes].iter().map(|q| q.cast_signed()).collect()
    }

    fn accumulate(&self, op: &Compute, position: [usize; 2], weights: &[i8]) -> Vec<i32> {
        let lanes = self.config.lanes;
        let counting = op.lanes[0]..op.lanes[0] + op.lanes[1];
        let mut accumulators = vec![0i32; self.config.columns];
        let mut steps = weights.chunks_exact(lanes * self.config.columns);
        for &shift in &op.shifts {
            for acc in &mut accumulators {
                *acc = acc.wrapping_shl(u32::from(shift));
            }
            for i2 in 0..op.count[2] {
                for i1 in 0..op.count[1] {
                    for i0 in 0..op.count[0] {
                        let word = self.operands(op, position, [i2, i1, i0]);
                        let window = if i0 + 1 == op.count[0] { counting.clone() } else { 0..lanes };
                        let columns = steps.next().unwrap_or(&[]).chunks_exact(lanes);
                        for (acc, column) in accumulators.iter_mut().zip(columns) {
                            let pairs = column[window.clone()].iter().zip(&word[window.clone()]);
                            let sum = pairs.map(|(&k, &q)| i32::from(k) * i32::from(q)).sum();
                            *acc = acc.wrapping_add(sum);
                        }
                    }
                }
            }
        }
        accumulators
    }

    fn maximum(&self, op: &Compute, position: [usize; 2]) -> Vec<i32> {
        let mut largest = vec![i32::MIN; self.config.lanes];
        for i2 in 0..op.count[2] {
            for i1 in 0..op.count[1] {
                for i0 in 0..op.count[0] {
                    let word = self.operands(op, position, [i2, i1, i0]);
                    for (largest, q) in largest.iter_mut().zip(word) {
                        *largest = (*largest).max(i32::from(q));
                    }
                }
            }
        }
        largest
    }

    /// Writes the groups of one position, given as its number and its first output granule; gives the sign of every
    /// column, false where nothing is written.
    fn drain(
        &mut self,
        op: &Compute,
        [number, out]: [usize; 2],
        results: &[i32],
    ) -> Result<Vec<bool>, Fault> {
        let p = self.config.ppu_lanes;
        let clamp = Clamp { zero_point: op.zero_point, low: op.low, high: op.high };
        let mut signs = vec![false; self.config.columns];
        for g in 0..op.groups {
            let group = &results[g * p..(g + 1) * p];
            let needs_requant = op.mode == OutputMode::Requantised || op.mask;
            let records = if needs_requant { self.records(op.parameter_base + g)? } else { Vec::new() };
            let operand = self.residual(op, number, g);
            let products: Vec<i64> = records
                .iter()
                .zip(group.iter().zip(&operand))
                .map(|(r, (&acc, &q))| r.requant.product(acc, 0) + i64::from(q) * r.residual)
                .collect();
            for (sign, &product) in signs[g * p..].iter_mut().zip(&products) {
                *sign = product > 0;
            }
            match op.mode {
                OutputMode::Requantised => {
                    let pairs = products.iter().zip(&records);
                    let bytes: Vec<u8> =
                        pairs.map(|(&p, r)| r.requant.round(p, clamp).cast_unsigned()).collect();
                    if op.target.outputs {
                        self.write(out + g, &bytes);
                    }
                    if let Some([base, step]) = op.target.keep {
                        let length = self.activations.len();
                        let start = (base + number * step + g) * p % length;
                        self.activations[start..start + p].copy_from_slice(&bytes);
                    }
                }
                OutputMode::Raw => {
                    let bytes: Vec<u8> = group.iter().flat_map(|acc| acc.to_le_bytes()).collect();
                    self.write(out + 4 * g, &bytes);
                }
            }
        }
        Ok(signs)
    }

    /// The residual operand of a group, 0 without one.
    fn residual(&self, op: &Compute, number: usize, group: usize) -> Vec<i8> {
        let p = self.config.ppu_lanes;
        let Some([base, step]) = op.residual else { return vec![0; p] };
        let start = (base + number * step + group) * p % self.residuals.len();
        self.residuals[start..start + p].iter().map(|q| q.cast_signed()).collect()
    }

    fn records(&self, word: usize) -> Result<Vec<Record>, Fault> {
        let bytes = self.config.ppu_lanes * PARAMETER_BYTES;
        let word = word % self.config.parameter_depth;
        let records = &self.parameters[word * bytes..(word + 1) * bytes];
        let decode = |record: &[u8; PARAMETER_BYTES]| {
            let record = u128::from_le_bytes(*record);
            let get = |field: cbp_isa::Field| (record >> field.lsb) as u64 & field.max();
            let shift = get(parameter::SHIFT);
            if !(1..=u64::from(Requant::MAX_SHIFT)).contains(&shift) {
                return Err(Fault::Shift { word, shift });
            }
            let signed = |field: cbp_isa::Field| {
                let above = 64 - field.width;
                (get(field) << above).cast_signed() >> above
            };
            let multiplier = (get(parameter::MULTIPLIER) as u16).cast_signed();
            let requant =
                Requant { multiplier, bias: signed(parameter::BIAS), shift: shift as u8, ..Requant::ZERO };
            Ok(Record { requant, residual: signed(parameter::RESIDUAL_MULTIPLIER) })
        };
        records.as_chunks().0.iter().map(decode).collect()
    }

    fn pack_mask(&mut self, masks: &mut Masks, signs: &[bool]) {
        let first = masks.position * signs.len();
        for (bit, _) in signs.iter().enumerate().filter(|&(_, &sign)| sign) {
            masks.granule[(first + bit) / 8] |= 1 << ((first + bit) % 8);
        }
        masks.position += 1;
        if first + signs.len() == 8 * masks.granule.len() {
            self.write(masks.address, &masks.granule);
            masks.granule.fill(0);
            (masks.position, masks.address) = (0, masks.address + 1);
        }
    }

    fn write(&mut self, granule: usize, bytes: &[u8]) {
        let length = self.outputs.len();
        for (granule, bytes) in (granule..).zip(bytes.chunks_exact(self.config.ppu_lanes)) {
            let start = granule * self.config.ppu_lanes % length;
            self.outputs[start..start + bytes.len()].copy_from_slice(bytes);
        }
    }
}
