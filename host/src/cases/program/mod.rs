//! Random instructions that a device runs.

mod compute;

use cbp_isa::instruction::{Destination, Instruction, Opcode, compute as compute_fields, load, pack, store};
use cbp_isa::ring::SEGMENTS;
use cbp_isa::{Config, Field};
use cbp_numerics::random::Random;

/// Bytes of the segments: program, random bytes, results, parameter records. The last 64 of each are for strides.
pub const SIZES: [usize; SEGMENTS] = [4096, (32 << 10) + 64, (24 << 10) + 64, (8 << 10) + 64];
/// The segment that STORE writes, and nobody reads.
pub const RESULTS: usize = 2;
const SLACK: usize = 64;
/// PACK's places of bytes in lines, and of lines, end here.
const PLACES: usize = 1 << 19;

/// Which engine runs an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// LOAD and PACK.
    Load = 0,
    /// COMPUTE.
    Compute = 1,
    /// STORE.
    Store = 2,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Load, Self::Compute, Self::Store];

    /// The field with the tokens to take from `other`.
    pub const fn waits_for(self, other: Self) -> Option<Field> {
        match (self, other) {
            (Self::Load, Self::Compute) => Some(load::WAIT_COMPUTE),
            (Self::Load, Self::Store) => Some(load::WAIT_STORE),
            (Self::Compute, Self::Load) => Some(compute_fields::WAIT_LOAD),
            (Self::Compute, Self::Store) => Some(compute_fields::WAIT_STORE),
            (Self::Store, Self::Compute) => Some(store::WAIT_COMPUTE),
            _ => None,
        }
    }

    /// The field with the tokens to give to `other`.
    pub const fn signals(self, other: Self) -> Option<Field> {
        match (self, other) {
            (Self::Load, Self::Compute) => Some(load::SIGNAL_COMPUTE),
            (Self::Compute, Self::Load) => Some(compute_fields::SIGNAL_LOAD),
            (Self::Compute, Self::Store) => Some(compute_fields::SIGNAL_STORE),
            (Self::Store, Self::Compute) => Some(store::SIGNAL_COMPUTE),
            (Self::Store, Self::Load) => Some(store::SIGNAL_LOAD),
            _ => None,
        }
    }
}

/// The instruction for segments that begin so many bytes below their memory.
///
/// # Errors
/// The offset does not fit.
pub fn moved(instruction: &Instruction, below: &[u64; SEGMENTS]) -> Result<Instruction, String> {
    let mut moved = *instruction;
    // LOAD and STORE have the same fields here.
    if matches!(instruction.opcode(), Some(Opcode::Load | Opcode::Store)) {
        let segment = instruction.get(load::SEGMENT) as usize;
        let offset = instruction.get(load::OFFSET) + below[segment];
        moved.set(load::OFFSET, offset).map_err(|e| e.to_string())?;
    }
    Ok(moved)
}

/// Sets a field to the low bits of a value.
fn set(instruction: &mut Instruction, field: Field, value: u64) {
    // Cut to the field's width, so it fits.
    let _ = instruction.set(field, value & field.max());
}

/// A first coordinate, how many there are to be inside, and steps with their counts: around the edge of a small tensor
/// or anywhere up to the coordinate `last`.
fn coordinates(
    i: &mut Instruction,
    random: &mut Random,
    (near, last): (bool, usize),
    [first, size]: [Field; 2],
    steps: &[(Field, usize)],
) {
    let start = if near { random.below(91) as i16 - 80 } else { random.bits() as i16 };
    set(i, first, u64::from(start.cast_unsigned()));
    set(i, size, if near { random.below(300) as u64 } else { random.bits() });
    let mut left = (last as i64 - i64::from(start)) as usize;
    for &(step, count) in steps {
        let most = (left / count).min(if near { 20 } else { step.max() as usize });
        let value = random.below(most + 1);
        set(i, step, value as u64);
        left -= value * (count - 1);
    }
}

/// Draws instructions for a configuration.
pub struct Draw<'a> {
    /// The device's.
    pub config: &'a Config,
}

impl Draw<'_> {
    /// Any instruction.
    ///
    /// # Errors
    /// A fault of this function.
    pub fn instruction(&self, random: &mut Random) -> Result<(Engine, Instruction), String> {
        Ok(match random.below(8) {
            0 | 1 => (Engine::Load, self.load(random)),
            2 => (Engine::Load, self.pack(random)),
            3 => (Engine::Store, self.store(random)),
            _ => (Engine::Compute, self.compute(random)?),
        })
    }

    /// Rows of up to `most` beats in a segment, `from` its byte on, in units of `unit` bytes.
    fn rows(&self, i: &mut Instruction, random: &mut Random, place: [usize; 2], most: usize, unit: usize) {
        let [segment, from] = place;
        let beat = self.config.beat_bytes();
        let bytes = SIZES[segment] - SLACK - from;
        let long = if random.once_in(20) { bytes / beat / 8 } else { 40 };
        let length = (1 + random.below(most.min(long))) * unit / beat;
        let mut left = bytes - length * beat;
        set(i, load::SEGMENT, segment as u64);
        set(i, load::LENGTH, length as u64);
        for (count, stride) in [(load::COUNT0, load::STRIDE0), (load::COUNT1, load::STRIDE1)] {
            let rows = if random.once_in(2) { 1 } else { 1 + random.below(5) };
            set(i, count, rows as u64);
            if rows == 1 {
                // Not used.
                set(i, stride, random.bits() & !(unit as u64 - 1));
            } else {
                let step = random.below(left / (rows - 1) / unit + 1) * unit;
                set(i, stride, step as u64);
                left -= step * (rows - 1);
            }
        }
        let offset = from + random.below(left / unit + 1) * unit;
        set(i, load::OFFSET, offset as u64);
        for field in [load::BASE, load::STEP0, load::STEP1] {
            set(i, field, random.bits());
        }
    }

    fn load(&self, random: &mut Random) -> Instruction {
        let mut i = Instruction::new(Opcode::Load);
        let destination = Destination::ALL[random.below(Destination::ALL.len())];
        let beat = self.config.beat_bytes();
        let (segment, most, unit) = match destination {
            Destination::Parameters => (3, 20, 16),
            Destination::WeightsInt8 => (1, 12, 8 * beat),
            _ => (1, usize::MAX, beat),
        };
        set(&mut i, load::DESTINATION, destination as u64);
        self.rows(&mut i, random, [segment, 0], most, unit);
        set(&mut i, load::DIGIT_STEP, random.bits());
        if destination == Destination::WeightsInt8 {
            // One row whose digits lie beside each other, wherever the buffer wraps.
            let words = i.get(load::LENGTH) as usize / 8;
            let step = words + random.below(self.config.weight_depth / 9 - 2 * words);
            let turns = random.bits() as usize % (0xffff / self.config.weight_depth);
            set(&mut i, load::DIGIT_STEP, (step + turns * self.config.weight_depth) as u64);
            set(&mut i, load::COUNT0, 1);
            set(&mut i, load::COUNT1, 1);
        }
        i
    }

    fn store(&self, random: &mut Random) -> Instruction {
        let mut i = Instruction::new(Opcode::Store);
        // Behind the place of all outputs.
        let outputs = self.config.output_depth * self.config.ppu_lanes;
        self.rows(&mut i, random, [RESULTS, outputs], usize::MAX, self.config.beat_bytes());
        i
    }

    /// Windows that fill whole words, in the lines or beside them: what else is in the last word of a window is not
    /// defined.
    fn pack(&self, random: &mut Random) -> Instruction {
        let mut i = Instruction::new(Opcode::Pack);
        let lanes = self.config.lanes;
        for &field in pack::FIELDS.iter().filter(|f| !f.reserved) {
            set(&mut i, field, random.bits());
        }
        set(&mut i, pack::OPCODE, Opcode::Pack as u64);
        let long = random.once_in(8);
        let (piece, pieces) = match random.below(3) {
            0 => (lanes * (1 + random.below(if long { 500 } else { 4 })), 1 + random.below(7)),
            1 => (1 + random.below(20), lanes * (1 + random.below(if long { 31 } else { 3 }))),
            _ => (lanes / 2 * (1 + random.below(9)), 2 * (1 + random.below(5))),
        };
        set(&mut i, pack::PIECE, piece as u64);
        set(&mut i, pack::PIECES, pieces as u64);
        let most = (20_000 / (piece * pieces)).max(1);
        let count0 = 1 + random.below(most.min(if long { 1000 } else { 9 }));
        let count1 = 1 + random.below((most / count0).clamp(1, 9));
        set(&mut i, pack::COUNT0, count0 as u64);
        set(&mut i, pack::COUNT1, count1 as u64);
        // A window ends with its last beat.
        let last = PLACES - 1 - piece - self.config.beat_bytes();
        let [near_column, near_line] = [!random.once_in(4), !random.once_in(4)];
        let columns = [(pack::COLUMN_STEP, count0)];
        coordinates(&mut i, random, (near_column, last), [pack::COLUMN, pack::LINE_BYTES], &columns);
        let lines = [(pack::LINE_STEP, count1), (pack::PIECE_STEP, pieces)];
        coordinates(&mut i, random, (near_line, PLACES - 1), [pack::LINE, pack::LINES], &lines);
        i
    }
}
