//! Instructions as plain structures: the fields of `cbp_isa::instruction` by name, encoded and decoded in one
//! place. Fields that are reserved must be 0; decoding refuses them, as the device does.

mod compute;
mod load;
mod pack;
mod rows;
mod store;

use cbp_isa::instruction::{Instruction, Opcode};
use cbp_isa::{Field, FieldOverflow};

pub use compute::{Compute, Coordinates, Target};
pub use load::Load;
pub use pack::Pack;
pub use rows::Rows;
pub use store::Store;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Waits until every engine is idle, then the run is over.
    End,
    /// Host memory to a buffer.
    Load(Load),
    /// Line buffer to packed activation words.
    Pack(Pack),
    /// Array and post-processing.
    Compute(Compute),
    /// Output buffer to host memory.
    Store(Store),
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
            Self::Pack(op) => op.encode(),
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
            None => Err(DecodeError::Opcode(word.get(cbp_isa::instruction::load::OPCODE))),
            Some(Opcode::End) => {
                let mut rest = *word;
                rest.0[0] &= !0xf;
                let value = rest.0.iter().fold(0, |all, w| all | w);
                if value == 0 { Ok(Self::End) } else { Err(DecodeError::Value { field: "END", value }) }
            }
            Some(Opcode::Load) => Load::decode(word).map(Self::Load),
            Some(Opcode::Pack) => Pack::decode(word).map(Self::Pack),
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

/// A signed number in a 16-bit field.
fn signed16(field: Field, value: i64) -> Result<u64, FieldOverflow> {
    let fits = i16::try_from(value);
    let overflow = FieldOverflow { field: field.name, value: value.unsigned_abs(), max: 0x7fff };
    fits.map(|v| u64::from(v.cast_unsigned())).map_err(|_| overflow)
}

fn check_reserved(word: &Instruction, fields: &[Field]) -> Result<(), DecodeError> {
    match fields.iter().find(|f| f.reserved && word.get(**f) != 0) {
        Some(&f) => Err(DecodeError::Value { field: f.name, value: word.get(f) }),
        None => Ok(()),
    }
}
