//! Instructions as plain structures: the fields of `cbp_isa::instruction` by name, encoded and decoded in one
//! place. Fields that are reserved must be 0; decoding refuses them, as the device does.

use cbp_isa::instruction::{Destination, Instruction, Opcode, OutputMode, compute, load, store};
use cbp_isa::{Field, FieldOverflow};

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Waits until every engine is idle, then the run is over.
    End,
    /// Host memory to a buffer.
    Load(Load),
    /// Array and post-processing.
    Compute(Compute),
    /// Output buffer to host memory.
    Store(Store),
}

/// Rows in host memory and where they lie in a buffer. Row (i, j), i < `count[0]`, j < `count[1]`, is `length` beats
/// at `offset + i·stride[0] + j·stride[1]`, and buffer position `base + i·step[0] + j·step[1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Segment of the job.
    pub segment: usize,
    /// Byte offset of row (0, 0).
    pub offset: u64,
    /// Beats of a row.
    pub length: usize,
    /// Rows, inner and outer.
    pub count: [usize; 2],
    /// Bytes from row to row, inner and outer.
    pub stride: [u64; 2],
    /// Buffer position of row (0, 0): words of a LOAD, beats of a STORE.
    pub base: usize,
    /// Positions from row to row, inner and outer.
    pub step: [usize; 2],
}

impl Rows {
    /// All rows: (byte offset in the segment, buffer position), in the order in which they are moved.
    pub fn iter(self) -> impl Iterator<Item = (u64, usize)> {
        (0..self.count[1]).flat_map(move |j| {
            (0..self.count[0]).map(move |i| {
                let offset = self.offset + i as u64 * self.stride[0] + j as u64 * self.stride[1];
                (offset, self.base + i * self.step[0] + j * self.step[1])
            })
        })
    }

    /// All beats of all rows.
    #[must_use]
    pub const fn beats(&self) -> usize {
        self.length * self.count[0] * self.count[1]
    }
}

/// LOAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Tokens to take from COMPUTE.
    pub wait_compute: u8,
    /// Tokens to take from STORE.
    pub wait_store: u8,
    /// Tokens to give to COMPUTE.
    pub signal_compute: u8,
    /// Which buffer, and how rows are unpacked.
    pub destination: Destination,
    /// What moves.
    pub rows: Rows,
    /// Words from one digit's plane to the next.
    pub digit_step: usize,
}

/// COMPUTE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compute {
    /// Tokens to take from LOAD.
    pub wait_load: u8,
    /// Tokens to take from STORE.
    pub wait_store: u8,
    /// Tokens to give to LOAD.
    pub signal_load: u8,
    /// Tokens to give to STORE.
    pub signal_store: u8,
    /// What is written.
    pub mode: OutputMode,
    /// Whether sign masks are written too.
    pub mask: bool,
    /// Accumulator shift before each pass; one entry per pass.
    pub shifts: Vec<u8>,
    /// Lanes of the last word of each i0 run that count: first and number.
    pub lanes: [usize; 2],
    /// Groups of P columns that are written.
    pub groups: usize,
    /// Activation word of the first step.
    pub act_base: usize,
    /// Weight word of the first step.
    pub weight_base: usize,
    /// Parameter word of the first group.
    pub parameter_base: usize,
    /// i0…i4.
    pub count: [usize; 5],
    /// Activation words per step of i1…i4.
    pub act_step: [usize; 4],
    /// First output granule.
    pub out_base: usize,
    /// Output granules per step of i3, i4.
    pub out_step: [usize; 2],
    /// First granule of the packed sign masks.
    pub mask_base: usize,
    /// Clamp.
    pub low: i8,
    /// Clamp.
    pub high: i8,
    /// Output zero point.
    pub zero_point: i8,
}

impl Compute {
    /// Output positions.
    #[must_use]
    pub const fn positions(&self) -> usize {
        self.count[3] * self.count[4]
    }

    /// Array steps of one position, all passes.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.count[0] * self.count[1] * self.count[2] * self.shifts.len()
    }
}

/// STORE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Tokens to take from COMPUTE.
    pub wait_compute: u8,
    /// Tokens to give to COMPUTE.
    pub signal_compute: u8,
    /// Tokens to give to LOAD.
    pub signal_load: u8,
    /// What moves.
    pub rows: Rows,
}

/// An instruction that no device runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No such opcode.
    #[error("unknown opcode {0}")]
    Opcode(u64),
    /// A field has a value without meaning, or a reserved field is not 0.
    #[error("field {field} is {value}, which this device does not know")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
}

impl Operation {
    /// The instruction.
    ///
    /// # Errors
    /// A value does not fit its field.
    pub fn encode(&self) -> Result<Instruction, FieldOverflow> {
        match self {
            Self::End => Ok(Instruction::new(Opcode::End)),
            Self::Load(op) => op.encode(),
            Self::Compute(op) => op.encode(),
            Self::Store(op) => op.encode(),
        }
    }

    /// The operation of an instruction.
    ///
    /// # Errors
    /// The device would answer `BadInstruction`.
    pub fn decode(word: &Instruction) -> Result<Self, DecodeError> {
        match word.opcode() {
            None => Err(DecodeError::Opcode(word.get(load::OPCODE))),
            Some(Opcode::End) => {
                let mut rest = *word;
                rest.0[0] &= !0xf;
                let value = rest.0.iter().fold(0, |all, w| all | w);
                if value == 0 { Ok(Self::End) } else { Err(DecodeError::Value { field: "END", value }) }
            }
            Some(Opcode::Load) => Load::decode(word).map(Self::Load),
            Some(Opcode::Compute) => Compute::decode(word).map(Self::Compute),
            Some(Opcode::Store) => Store::decode(word).map(Self::Store),
        }
    }
}

/// Sets every (field, value) of a list.
fn encode(opcode: Opcode, fields: &[(Field, u64)]) -> Result<Instruction, FieldOverflow> {
    let mut word = Instruction::new(opcode);
    for &(field, value) in fields {
        word.set(field, value)?;
    }
    Ok(word)
}

fn signed(value: i8) -> u64 {
    u64::from(value.cast_unsigned())
}

fn check_reserved(word: &Instruction, fields: &[Field]) -> Result<(), DecodeError> {
    match fields.iter().find(|f| f.reserved && word.get(**f) != 0) {
        Some(&f) => Err(DecodeError::Value { field: f.name, value: word.get(f) }),
        None => Ok(()),
    }
}

impl Load {
    fn encode(&self) -> Result<Instruction, FieldOverflow> {
        let rows = &self.rows;
        encode(
            Opcode::Load,
            &[
                (load::WAIT_COMPUTE, u64::from(self.wait_compute)),
                (load::WAIT_STORE, u64::from(self.wait_store)),
                (load::SIGNAL_COMPUTE, u64::from(self.signal_compute)),
                (load::DESTINATION, self.destination as u64),
                (load::SEGMENT, rows.segment as u64),
                (load::OFFSET, rows.offset),
                (load::LENGTH, rows.length as u64),
                (load::COUNT0, rows.count[0] as u64),
                (load::STRIDE0, rows.stride[0]),
                (load::COUNT1, rows.count[1] as u64),
                (load::STRIDE1, rows.stride[1]),
                (load::BASE, rows.base as u64),
                (load::STEP0, rows.step[0] as u64),
                (load::STEP1, rows.step[1] as u64),
                (load::DIGIT_STEP, self.digit_step as u64),
            ],
        )
    }

    fn decode(word: &Instruction) -> Result<Self, DecodeError> {
        check_reserved(word, load::FIELDS)?;
        let get = |field| word.get(field) as usize;
        let destinations = [
            Destination::Activations,
            Destination::Weights,
            Destination::WeightsInt8,
            Destination::Parameters,
        ];
        let unknown =
            DecodeError::Value { field: load::DESTINATION.name, value: word.get(load::DESTINATION) };
        Ok(Self {
            wait_compute: word.get(load::WAIT_COMPUTE) as u8,
            wait_store: word.get(load::WAIT_STORE) as u8,
            signal_compute: word.get(load::SIGNAL_COMPUTE) as u8,
            destination: *destinations.get(get(load::DESTINATION)).ok_or(unknown)?,
            rows: Rows {
                segment: get(load::SEGMENT),
                offset: word.get(load::OFFSET),
                length: get(load::LENGTH),
                count: [get(load::COUNT0), get(load::COUNT1)],
                stride: [word.get(load::STRIDE0), word.get(load::STRIDE1)],
                base: get(load::BASE),
                step: [get(load::STEP0), get(load::STEP1)],
            },
            digit_step: get(load::DIGIT_STEP),
        })
    }
}

impl Compute {
    fn encode(&self) -> Result<Instruction, FieldOverflow> {
        let shifts = self.shifts.iter().rev().fold(0, |all, &shift| all << 2 | u64::from(shift & 3));
        encode(
            Opcode::Compute,
            &[
                (compute::WAIT_LOAD, u64::from(self.wait_load)),
                (compute::WAIT_STORE, u64::from(self.wait_store)),
                (compute::SIGNAL_LOAD, u64::from(self.signal_load)),
                (compute::SIGNAL_STORE, u64::from(self.signal_store)),
                (compute::MODE, self.mode as u64),
                (compute::MASK, u64::from(self.mask)),
                (compute::PASSES, self.shifts.len() as u64),
                (compute::DIGIT_SHIFTS, shifts),
                (compute::LANE_FIRST, self.lanes[0] as u64),
                (compute::LANE_COUNT, self.lanes[1] as u64),
                (compute::GROUPS, self.groups as u64),
                (compute::ACT_BASE, self.act_base as u64),
                (compute::WEIGHT_BASE, self.weight_base as u64),
                (compute::PARAMETER_BASE, self.parameter_base as u64),
                (compute::COUNT0, self.count[0] as u64),
                (compute::COUNT1, self.count[1] as u64),
                (compute::ACT_STEP1, self.act_step[0] as u64),
                (compute::COUNT2, self.count[2] as u64),
                (compute::ACT_STEP2, self.act_step[1] as u64),
                (compute::COUNT3, self.count[3] as u64),
                (compute::ACT_STEP3, self.act_step[2] as u64),
                (compute::COUNT4, self.count[4] as u64),
                (compute::ACT_STEP4, self.act_step[3] as u64),
                (compute::OUT_BASE, self.out_base as u64),
                (compute::OUT_STEP3, self.out_step[0] as u64),
                (compute::OUT_STEP4, self.out_step[1] as u64),
                (compute::MASK_BASE, self.mask_base as u64),
                (compute::LO, signed(self.low)),
                (compute::HI, signed(self.high)),
                (compute::Z_OUT, signed(self.zero_point)),
            ],
        )
    }

    fn decode(word: &Instruction) -> Result<Self, DecodeError> {
        check_reserved(word, compute::FIELDS)?;
        let get = |field| word.get(field) as usize;
        let unknown = |field: Field| DecodeError::Value { field: field.name, value: word.get(field) };
        let mode = match word.get(compute::MODE) {
            0 => OutputMode::Requantised,
            1 => OutputMode::Raw,
            _ => return Err(unknown(compute::MODE)),
        };
        let passes = get(compute::PASSES);
        if !(1..=9).contains(&passes) {
            return Err(unknown(compute::PASSES));
        }
        let shifts = word.get(compute::DIGIT_SHIFTS);
        Ok(Self {
            wait_load: word.get(compute::WAIT_LOAD) as u8,
            wait_store: word.get(compute::WAIT_STORE) as u8,
            signal_load: word.get(compute::SIGNAL_LOAD) as u8,
            signal_store: word.get(compute::SIGNAL_STORE) as u8,
            mode,
            mask: word.get(compute::MASK) != 0,
            shifts: (0..passes).map(|pass| (shifts >> (2 * pass) & 3) as u8).collect(),
            lanes: [get(compute::LANE_FIRST), get(compute::LANE_COUNT)],
            groups: get(compute::GROUPS),
            act_base: get(compute::ACT_BASE),
            weight_base: get(compute::WEIGHT_BASE),
            parameter_base: get(compute::PARAMETER_BASE),
            count: [compute::COUNT0, compute::COUNT1, compute::COUNT2, compute::COUNT3, compute::COUNT4]
                .map(get),
            act_step: [compute::ACT_STEP1, compute::ACT_STEP2, compute::ACT_STEP3, compute::ACT_STEP4]
                .map(get),
            out_base: get(compute::OUT_BASE),
            out_step: [compute::OUT_STEP3, compute::OUT_STEP4].map(get),
            mask_base: get(compute::MASK_BASE),
            low: (word.get(compute::LO) as u8).cast_signed(),
            high: (word.get(compute::HI) as u8).cast_signed(),
            zero_point: (word.get(compute::Z_OUT) as u8).cast_signed(),
        })
    }
}

impl Store {
    fn encode(&self) -> Result<Instruction, FieldOverflow> {
        let rows = &self.rows;
        encode(
            Opcode::Store,
            &[
                (store::WAIT_COMPUTE, u64::from(self.wait_compute)),
                (store::SIGNAL_COMPUTE, u64::from(self.signal_compute)),
                (store::SIGNAL_LOAD, u64::from(self.signal_load)),
                (store::SOURCE, 0),
                (store::SEGMENT, rows.segment as u64),
                (store::OFFSET, rows.offset),
                (store::LENGTH, rows.length as u64),
                (store::COUNT0, rows.count[0] as u64),
                (store::STRIDE0, rows.stride[0]),
                (store::COUNT1, rows.count[1] as u64),
                (store::STRIDE1, rows.stride[1]),
                (store::BASE, rows.base as u64),
                (store::STEP0, rows.step[0] as u64),
                (store::STEP1, rows.step[1] as u64),
            ],
        )
    }

    fn decode(word: &Instruction) -> Result<Self, DecodeError> {
        check_reserved(word, store::FIELDS)?;
        if word.get(store::SOURCE) != 0 {
            return Err(DecodeError::Value { field: store::SOURCE.name, value: word.get(store::SOURCE) });
        }
        let get = |field| word.get(field) as usize;
        Ok(Self {
            wait_compute: word.get(store::WAIT_COMPUTE) as u8,
            signal_compute: word.get(store::SIGNAL_COMPUTE) as u8,
            signal_load: word.get(store::SIGNAL_LOAD) as u8,
            rows: Rows {
                segment: get(store::SEGMENT),
                offset: word.get(store::OFFSET),
                length: get(store::LENGTH),
                count: [get(store::COUNT0), get(store::COUNT1)],
                stride: [word.get(store::STRIDE0), word.get(store::STRIDE1)],
                base: get(store::BASE),
                step: [get(store::STEP0), get(store::STEP1)],
            },
        })
    }
}
