//! LOAD: host memory to a buffer.

use cbp_isa::FieldOverflow;
use cbp_isa::instruction::{Destination, Instruction, Opcode, load};

use super::{DecodeError, Rows, check_reserved, encode};

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

impl Load {
    pub(super) fn encode(&self) -> Result<Instruction, FieldOverflow> {
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

    pub(super) fn decode(word: &Instruction) -> Result<Self, DecodeError> {
        check_reserved(word, load::FIELDS)?;
        let get = |field| word.get(field) as usize;
        let unknown =
            DecodeError::Value { field: load::DESTINATION.name, value: word.get(load::DESTINATION) };
        Ok(Self {
            wait_compute: word.get(load::WAIT_COMPUTE) as u8,
            wait_store: word.get(load::WAIT_STORE) as u8,
            signal_compute: word.get(load::SIGNAL_COMPUTE) as u8,
            destination: *Destination::ALL.get(get(load::DESTINATION)).ok_or(unknown)?,
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
