//! STORE: output buffer to host memory.

use cbp_isa::FieldOverflow;
use cbp_isa::instruction::{Instruction, Opcode, store};

use super::{DecodeError, Rows, check_reserved, encode};

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

impl Store {
    pub(super) fn encode(&self) -> Result<Instruction, FieldOverflow> {
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

    pub(super) fn decode(word: &Instruction) -> Result<Self, DecodeError> {
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
