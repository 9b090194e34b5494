//! Random COMPUTEs.

use std::collections::BTreeSet;

use cbp_compiler::operation::{Compute, Operation};
use cbp_isa::instruction::{Instruction, Opcode, compute};
use cbp_numerics::random::Random;

use super::{Draw, coordinates, set};

/// Steps and positions, usually and once in a while.
const STEPS: [usize; 2] = [1500, 70_000];
/// The last coordinate: they have 16 bits and a sign.
const COORDINATE_MAX: usize = 32767;

impl Draw<'_> {
    pub(super) fn compute(&self, random: &mut Random) -> Result<Instruction, String> {
        loop {
            let i = self.any_compute(random);
            match Operation::decode(&i).map_err(|e| e.to_string())? {
                Operation::Compute(op) if self.is_defined(&op) => return Ok(i),
                _ => {}
            }
        }
    }

    fn any_compute(&self, random: &mut Random) -> Instruction {
        let c = self.config;
        let mut i = Instruction::new(Opcode::Compute);
        // Every field may say anything, except those below.
        for &field in compute::FIELDS.iter().filter(|f| !f.reserved) {
            set(&mut i, field, random.bits());
        }
        let (maximum, raw) = (random.once_in(4), random.once_in(4));
        let passes = if random.once_in(2) { 1 } else { 1 + random.below(9) };
        let shifts = (0..9).map(|j| (random.below(if passes > 4 { 2 } else { 3 }) as u64) << (2 * j)).sum();
        let groups = if maximum { c.activation_granules() } else { c.ppu_groups() };
        let first = random.below(c.lanes);
        let mut counts: [usize; 5] = std::array::from_fn(|_| 1 + random.below(3));
        let most = STEPS[usize::from(random.once_in(40))];
        let long = random.below(5);
        counts[long] = 1 + random.below(most.min([65535, 255, 255, 65535, 65535][long]));
        for other in (0..5).filter(|&other| other != long) {
            if counts.iter().product::<usize>() * passes > most {
                counts[other] = 1;
            }
        }
        let bytes = [random.byte(), random.byte()];
        let wide = random.once_in(2);
        let [low, high] = if wide { [-128, 127] } else { [bytes[0].min(bytes[1]), bytes[0].max(bytes[1])] };
        for (field, value) in [
            (compute::OPCODE, Opcode::Compute as u64),
            (compute::MAXIMUM, maximum.into()),
            (compute::MODE, raw.into()),
            (compute::MASK, (!maximum && random.once_in(2)).into()),
            (compute::TARGET, if raw { 1 } else { 1 + random.below(3) as u64 }),
            (compute::PASSES, passes as u64),
            (compute::DIGIT_SHIFTS, shifts),
            (compute::LANE_FIRST, first as u64),
            (compute::LANE_COUNT, random.below(c.lanes - first + 1) as u64),
            (compute::GROUPS, 1 + random.below(groups) as u64),
            (compute::COUNT0, counts[0] as u64),
            (compute::COUNT1, counts[1] as u64),
            (compute::COUNT2, counts[2] as u64),
            (compute::COUNT3, counts[3] as u64),
            (compute::COUNT4, counts[4] as u64),
            (compute::LO, u64::from(low.cast_unsigned())),
            (compute::HI, u64::from(high.cast_unsigned())),
        ] {
            set(&mut i, field, value);
        }
        if raw {
            for field in [compute::OUT_BASE, compute::OUT_STEP3, compute::OUT_STEP4] {
                let value = i.get(field) & !3;
                set(&mut i, field, value);
            }
        }
        let place = (!random.once_in(4), COORDINATE_MAX);
        let columns = [(compute::X_STEP1, counts[1]), (compute::X_STEP3, counts[3])];
        coordinates(&mut i, random, place, [compute::X, compute::WIDTH], &columns);
        let rows = [(compute::Y_STEP2, counts[2]), (compute::Y_STEP4, counts[4])];
        coordinates(&mut i, random, place, [compute::Y, compute::HEIGHT], &rows);
        i
    }

    /// Whether its order of accesses does not matter: it keeps nothing where it reads, and its masks lie beside its
    /// results.
    fn is_defined(&self, op: &Compute) -> bool {
        let c = self.config;
        let positions = || (0..op.count[4]).flat_map(|i4| (0..op.count[3]).map(move |i3| [i3, i4]));
        if let Some([base, step]) = op.target.keep {
            let granules = c.activation_depth * c.activation_granules();
            let kept: BTreeSet<usize> = (0..op.positions())
                .flat_map(|j| (0..op.groups).map(move |g| (base + j * step + g) % granules))
                .map(|granule| granule / c.activation_granules())
                .collect();
            let [d1, d2, d3, d4] = op.act_step;
            let reads = |[i3, i4]: [usize; 2]| {
                (0..op.count[2])
                    .flat_map(move |i2| (0..op.count[1]).map(move |i1| [i1, i2]))
                    .flat_map(|[i1, i2]| (0..op.count[0]).map(move |i0| [i0, i1, i2]))
                    .any(|[i0, i1, i2]| {
                        let word = op.act_base + i0 + i1 * d1 + i2 * d2 + i3 * d3 + i4 * d4;
                        kept.contains(&(word % c.activation_depth))
                    })
            };
            if positions().any(reads) {
                return false;
            }
        }
        if op.mask && op.target.outputs {
            let per_group = if op.mode as u64 == 1 { 4 } else { 1 };
            let written: BTreeSet<usize> = positions()
                .flat_map(|[i3, i4]| {
                    let out = op.out_base + i3 * op.out_step[0] + i4 * op.out_step[1];
                    (0..op.groups * per_group).map(move |g| (out + g) % c.output_depth)
                })
                .collect();
            let masks = (op.positions() * c.columns).div_ceil(8 * c.ppu_lanes);
            return masks <= c.output_depth
                && (0..masks).all(|m| !written.contains(&((op.mask_base + m) % c.output_depth)));
        }
        true
    }
}
