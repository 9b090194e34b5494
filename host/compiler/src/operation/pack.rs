//! PACK: kernel windows of few channels to dense activation words.

use cbp_isa::FieldOverflow;
use cbp_isa::instruction::{Instruction, Opcode, pack};

use super::{DecodeError, check_reserved, encode, signed, signed16};

/// PACK. Piece r of position (x, y) are `piece` bytes from `column + x·column_step` on of line
/// `line + y·line_step + r·piece_step`; what lies outside the lines is `fill`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Tokens to take from COMPUTE.
    pub wait_compute: u8,
    /// Tokens to take from STORE.
    pub wait_store: u8,
    /// Tokens to give to COMPUTE.
    pub signal_compute: u8,
    /// Padding.
    pub fill: i8,
    /// Bytes of a kernel row.
    pub piece: usize,
    /// Kernel rows.
    pub pieces: usize,
    /// Lines from kernel row to kernel row.
    pub piece_step: usize,
    /// Output columns and rows.
    pub count: [usize; 2],
    /// First byte of the first window.
    pub column: i64,
    /// Bytes from output column to output column.
    pub column_step: usize,
    /// Bytes of a line.
    pub line_bytes: usize,
    /// First line of the first window.
    pub line: i64,
    /// Lines from output row to output row.
    pub line_step: usize,
    /// Lines of the image.
    pub lines: usize,
    /// Beat of line 0 in the line buffer, modulo 2^16.
    pub line_base: usize,
    /// Beats from line to line.
    pub line_pitch: usize,
    /// First activation word.
    pub base: usize,
}

impl Pack {
    /// Positions that are packed.
    #[must_use]
    pub const fn positions(&self) -> usize {
        self.count[0] * self.count[1]
    }

    /// Activation words of a position.
    #[must_use]
    pub const fn words(&self, lanes: usize) -> usize {
        (self.piece * self.pieces).div_ceil(lanes)
    }

    pub(super) fn encode(&self) -> Result<Instruction, FieldOverflow> {
        encode(
            Opcode::Pack,
            &[
                (pack::WAIT_COMPUTE, u64::from(self.wait_compute)),
                (pack::WAIT_STORE, u64::from(self.wait_store)),
                (pack::SIGNAL_COMPUTE, u64::from(self.signal_compute)),
                (pack::FILL, signed(self.fill)),
                (pack::PIECE, self.piece as u64),
                (pack::PIECES, self.pieces as u64),
                (pack::PIECE_STEP, self.piece_step as u64),
                (pack::COUNT0, self.count[0] as u64),
                (pack::COUNT1, self.count[1] as u64),
                (pack::COLUMN, signed16(pack::COLUMN, self.column)?),
                (pack::COLUMN_STEP, self.column_step as u64),
                (pack::LINE_BYTES, self.line_bytes as u64),
                (pack::LINE, signed16(pack::LINE, self.line)?),
                (pack::LINE_STEP, self.line_step as u64),
                (pack::LINES, self.lines as u64),
                (pack::LINE_BASE, self.line_base as u64),
                (pack::LINE_PITCH, self.line_pitch as u64),
                (pack::BASE, self.base as u64),
            ],
        )
    }

    pub(super) fn decode(word: &Instruction) -> Result<Self, DecodeError> {
        check_reserved(word, pack::FIELDS)?;
        let get = |field| word.get(field) as usize;
        let signed = |field| i64::from((word.get(field) as u16).cast_signed());
        Ok(Self {
            wait_compute: word.get(pack::WAIT_COMPUTE) as u8,
            wait_store: word.get(pack::WAIT_STORE) as u8,
            signal_compute: word.get(pack::SIGNAL_COMPUTE) as u8,
            fill: (word.get(pack::FILL) as u8).cast_signed(),
            piece: get(pack::PIECE),
            pieces: get(pack::PIECES),
            piece_step: get(pack::PIECE_STEP),
            count: [get(pack::COUNT0), get(pack::COUNT1)],
            column: signed(pack::COLUMN),
            column_step: get(pack::COLUMN_STEP),
            line_bytes: get(pack::LINE_BYTES),
            line: signed(pack::LINE),
            line_step: get(pack::LINE_STEP),
            lines: get(pack::LINES),
            line_base: get(pack::LINE_BASE),
            line_pitch: get(pack::LINE_PITCH),
            base: get(pack::BASE),
        })
    }
}
