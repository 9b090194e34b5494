//! COMPUTE.

use cbp_isa::Config;
use cbp_isa::instruction::OutputMode;
use cbp_isa::parameters::{PARAMETER_BYTES, parameter};
use cbp_isa::weight_code::decode_word;
use cbp_numerics::{Clamp, Requant};

use super::{Fault, Machine};
use crate::operation::Compute;

/// Sign masks on their way into granules.
struct Masks {
    granule: Vec<u8>,
    position: usize,
    address: usize,
}

impl Machine {
    pub(super) fn compute(&mut self, op: &Compute) -> Result<(), Fault> {
        self.check(op)?;
        let (columns, p) = (self.config.columns, self.config.ppu_lanes);
        let weights = self.decode_weights(op)?;
        let mut masks = Masks { granule: vec![0; p], position: 0, address: op.mask_base };
        let mut accumulators = vec![0i32; columns];
        for i4 in 0..op.count[4] {
            for i3 in 0..op.count[3] {
                let activation = op.act_base + i3 * op.act_step[2] + i4 * op.act_step[3];
                self.accumulate(op, activation, &weights, &mut accumulators)?;
                let out = op.out_base + i3 * op.out_step[0] + i4 * op.out_step[1];
                let signs = self.drain(op, out, &accumulators)?;
                if op.mask {
                    self.pack_mask(&mut masks, &signs)?;
                }
            }
        }
        if op.mask && masks.position > 0 {
            self.write(masks.address, &masks.granule)?;
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
        range("GROUPS", op.groups, (1..=self.config.ppu_groups()).contains(&op.groups))?;
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
    fn decode_weights(&self, op: &Compute) -> Result<Vec<i8>, Fault> {
        let config = &self.config;
        let (set, beat) = (config.weight_set, config.beat_bytes());
        let planes = set.code_bits() as usize;
        let bytes = config.weight_beats() * beat;
        let words = op.weight_base * bytes..(op.weight_base + op.steps()) * bytes;
        let position = op.weight_base + op.steps();
        let words = self.weights.get(words).ok_or(Fault::BeyondBuffer { what: "weight word", position })?;
        let mut weights = Vec::with_capacity(op.steps() * config.lanes * config.columns);
        for group in words.chunks_exact(planes * beat) {
            let bit = |i: usize, plane: usize| group[plane * beat + i / 8] >> (i % 8) & 1;
            let code = |i| (0..planes).fold(0, |code, plane| code | bit(i, plane) << plane);
            let codes: Vec<u8> = (0..config.axi_bits).map(code).collect();
            for codes in codes.chunks(config.lanes) {
                let mut column = vec![0; config.lanes];
                decode_word(set, codes, &mut column);
                weights.append(&mut column);
            }
        }
        Ok(weights)
    }

    fn accumulate(
        &self,
        op: &Compute,
        base: usize,
        weights: &[i8],
        accumulators: &mut [i32],
    ) -> Result<(), Fault> {
        let lanes = self.config.lanes;
        let counting = op.lanes[0]..op.lanes[0] + op.lanes[1];
        accumulators.fill(0);
        let mut steps = weights.chunks_exact(lanes * self.config.columns);
        for &shift in &op.shifts {
            for acc in &mut *accumulators {
                *acc = acc.wrapping_shl(u32::from(shift));
            }
            for i2 in 0..op.count[2] {
                for i1 in 0..op.count[1] {
                    for i0 in 0..op.count[0] {
                        let position = base + i0 + i1 * op.act_step[0] + i2 * op.act_step[1];
                        let word = self.activations.get(position * lanes..(position + 1) * lanes);
                        let word = word.ok_or(Fault::BeyondBuffer { what: "activation word", position })?;
                        let window = if i0 + 1 == op.count[0] { counting.clone() } else { 0..lanes };
                        let columns = steps.next().unwrap_or(&[]).chunks_exact(lanes);
                        for (acc, column) in accumulators.iter_mut().zip(columns) {
                            let pairs = column[window.clone()].iter().zip(&word[window.clone()]);
                            let sum = pairs.map(|(&k, q)| i32::from(k) * i32::from(q.cast_signed())).sum();
                            *acc = acc.wrapping_add(sum);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the groups of one position; gives the sign of every column, false where nothing is written.
    fn drain(&mut self, op: &Compute, out: usize, accumulators: &[i32]) -> Result<Vec<bool>, Fault> {
        let p = self.config.ppu_lanes;
        let clamp = Clamp { zero_point: op.zero_point, low: op.low, high: op.high };
        let mut signs = vec![false; self.config.columns];
        for g in 0..op.groups {
            let group = &accumulators[g * p..(g + 1) * p];
            let needs_requant = op.mode == OutputMode::Requantised || op.mask;
            let requant =
                if needs_requant { self.requant(op.parameter_base + g)? } else { vec![Requant::ZERO; p] };
            let pairs = || group.iter().zip(&requant);
            for (sign, (&acc, r)) in signs[g * p..].iter_mut().zip(pairs()) {
                *sign = r.mask(acc);
            }
            match op.mode {
                OutputMode::Requantised => {
                    let bytes: Vec<u8> =
                        pairs().map(|(&acc, r)| r.apply(acc, clamp).cast_unsigned()).collect();
                    self.write(out + g, &bytes)?;
                }
                OutputMode::Raw => {
                    let bytes: Vec<u8> = group.iter().flat_map(|acc| acc.to_le_bytes()).collect();
                    self.write(out + 4 * g, &bytes)?;
                }
            }
        }
        Ok(signs)
    }

    fn requant(&self, word: usize) -> Result<Vec<Requant>, Fault> {
        let bytes = self.config.ppu_lanes * PARAMETER_BYTES;
        let records = self.parameters.get(word * bytes..(word + 1) * bytes);
        let records = records.ok_or(Fault::BeyondBuffer { what: "parameter word", position: word })?;
        let decode = |record: &[u8; PARAMETER_BYTES]| {
            let record = u128::from_le_bytes(*record);
            let get = |field: cbp_isa::Field| (record >> field.lsb) as u64 & field.max();
            let shift = get(parameter::SHIFT);
            if !(1..=u64::from(Requant::MAX_SHIFT)).contains(&shift) {
                return Err(Fault::Shift { word, shift });
            }
            let sign = 64 - parameter::BIAS.width;
            let bias = (get(parameter::BIAS) << sign).cast_signed() >> sign;
            let multiplier = (get(parameter::MULTIPLIER) as u16).cast_signed();
            Ok(Requant { multiplier, bias, shift: shift as u8 })
        };
        records.as_chunks().0.iter().map(decode).collect()
    }

    fn pack_mask(&mut self, masks: &mut Masks, signs: &[bool]) -> Result<(), Fault> {
        let first = masks.position * signs.len();
        for (bit, _) in signs.iter().enumerate().filter(|&(_, &sign)| sign) {
            masks.granule[(first + bit) / 8] |= 1 << ((first + bit) % 8);
        }
        masks.position += 1;
        if first + signs.len() == 8 * masks.granule.len() {
            self.write(masks.address, &masks.granule)?;
            masks.granule.fill(0);
            (masks.position, masks.address) = (0, masks.address + 1);
        }
        Ok(())
    }

    fn write(&mut self, granule: usize, bytes: &[u8]) -> Result<(), Fault> {
        let start = granule * self.config.ppu_lanes;
        let target = self.outputs.get_mut(start..start + bytes.len());
        target.ok_or(Fault::BeyondBuffer { what: "granule", position: granule })?.copy_from_slice(bytes);
        Ok(())
    }
}
