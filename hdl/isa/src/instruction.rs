//! Instructions: 512 bits each, one engine each, in program order per engine.
//!
//! Engines run at the same time. What must wait says so with tokens: an instruction first takes its `WAIT`
//! tokens, runs, and gives its `SIGNAL` tokens when its effects are visible (data in the buffer; write
//! responses arrived). Token counters start at 0 in every job and hold up to [`TOKEN_MAX`].

use crate::field::{Field, FieldOverflow, fields};

/// Bytes of one instruction.
pub const INSTRUCTION_BYTES: usize = 64;
/// Tokens that one counter can hold.
pub const TOKEN_MAX: u64 = 255;

/// Which engine runs an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// End of the program: waits until every engine is idle and every write has its response.
    End = 0,
    /// Host memory to an on-chip buffer.
    Load = 1,
    /// Array and post-processing.
    Compute = 2,
    /// Output buffer to host memory.
    Store = 3,
    /// Line buffer to packed activation words; runs in the LOAD engine.
    Pack = 4,
}

impl Opcode {
    /// All opcodes.
    pub const ALL: [Self; 5] = [Self::End, Self::Load, Self::Compute, Self::Store, Self::Pack];
}

/// Where a LOAD writes, and how it unpacks ([`load::DESTINATION`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Destination {
    /// Activation buffer: words of K bytes.
    Activations = 0,
    /// Weight buffer, codes as stored: words of K·N codes in bit planes.
    Weights = 1,
    /// Weight buffer, from 8-bit weights recoded into digits, one word per digit.
    WeightsInt8 = 2,
    /// Parameter buffer: words of one record per PPU lane.
    Parameters = 3,
    /// Residual buffer: words of max(beat, P) bytes.
    Residuals = 4,
    /// Line buffer of the packer: words of one beat.
    Lines = 5,
}

impl Destination {
    /// All destinations.
    pub const ALL: [Self; 6] =
        [Self::Activations, Self::Weights, Self::WeightsInt8, Self::Parameters, Self::Residuals, Self::Lines];
}

/// What a COMPUTE writes for every output ([`compute::MODE`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OutputMode {
    /// The requantised 8-bit value.
    Requantised = 0,
    /// The raw 32-bit accumulator, little endian.
    Raw = 1,
}

fields! {
    /// Fields of LOAD. Rows of `LENGTH` beats are read from `SEGMENT` at
    /// `OFFSET + i·STRIDE0 + j·STRIDE1`, i < `COUNT0` (inner), j < `COUNT1`, and written from word
    /// `BASE + i·STEP0 + j·STEP1` on, each row from the word's first beat. Word addresses wrap at the buffer's depth.
    load {
        OPCODE: 4, "1";
        WAIT_COMPUTE: 4, "tokens to take from COMPUTE (a buffer is free)";
        WAIT_STORE: 4, "tokens to take from STORE (data is in host memory)";
        SIGNAL_COMPUTE: 4, "tokens to give to COMPUTE";
        DESTINATION: 4, "0 activations, 1 weights, 2 int8 weights recoded to digits, 3 parameters, 4 residuals, 5 lines";
        SEGMENT: 4, "segment of the job's descriptor";
        OFFSET: 40, "byte offset in the segment, a multiple of the beat";
        LENGTH: 16, "beats of a row";
        COUNT0: 16, "rows, inner loop (at least 1)";
        STRIDE0: 32, "bytes from row to row, a multiple of the beat";
        COUNT1: 16, "rows, outer loop (at least 1)";
        STRIDE1: 32, "bytes from outer row to outer row, a multiple of the beat";
        BASE: 16, "first word in the buffer";
        STEP0: 16, "words from row to row";
        STEP1: 16, "words from outer row to outer row";
        DIGIT_STEP: 16, "int8 weights: words from one digit's plane to the next";
    }
}

fields! {
    /// Fields of PACK: kernel windows of lines with few channels, packed densely into activation words. For every
    /// position (x, y), x < `COUNT0` inner, y < `COUNT1`, the `PIECES` pieces r = 0 … of `PIECE` bytes are put one
    /// behind the other from the first byte of a fresh word on; the next position takes the next word. Piece r are the
    /// bytes from `COLUMN + x·COLUMN_STEP` on of line `LINE + y·LINE_STEP + r·PIECE_STEP`. A byte before its line's
    /// first or from `LINE_BYTES` on, and every byte of a line before 0 or from `LINES` on, is `FILL`. Line l begins at
    /// beat `LINE_BASE + l·LINE_PITCH` of the line buffer, which wraps at its depth. What is left of a position's last
    /// word, or of its last beat, is undefined.
    pack {
        OPCODE: 4, "4";
        WAIT_COMPUTE: 4, "tokens to take from COMPUTE (words are free)";
        WAIT_STORE: 4, "tokens to take from STORE";
        SIGNAL_COMPUTE: 4, "tokens to give to COMPUTE";
        FILL: 8, "padding";
        PIECE: 12, "bytes of a kernel row: kernel width · channels (at least 1)";
        PIECES: 8, "kernel rows (at least 1)";
        PIECE_STEP: 8, "lines from kernel row to kernel row: vertical dilation";
        COUNT0: 16, "output columns (at least 1)";
        COUNT1: 16, "output rows (at least 1)";
        COLUMN: 16, "signed: first byte of the first window in its lines";
        COLUMN_STEP: 16, "bytes from output column to output column";
        LINE_BYTES: 16, "bytes of a line, unsigned";
        LINE: 16, "signed: first line of the first window";
        LINE_STEP: 8, "lines from output row to output row";
        LINES: 16, "lines, unsigned";
        LINE_BASE: 16, "beat of line 0 in the line buffer, modulo 2^16";
        LINE_PITCH: 16, "beats from line to line";
        BASE: 16, "first activation word";
    }
}

fields! {
    /// Fields of COMPUTE. For every output position (i3, i4) and every pass, the array runs the steps
    /// (i2, i1, i0) with i0 innermost: activation word `ACT_BASE + i0 + i1·ACT_STEP1 + … + i4·ACT_STEP4` modulo the
    /// buffer's depth, weight word `WEIGHT_BASE` + the number of steps done for this position. A step lies at column
    /// `X + i1·X_STEP1 + i3·X_STEP3` and row `Y + i2·Y_STEP2 + i4·Y_STEP4` of its tensor; outside 0 ≤ column < `WIDTH`,
    /// 0 ≤ row < `HEIGHT` all its lanes read `FILL` (then `LANE_FIRST` and `LANE_COUNT` apply as ever). With `MAXIMUM` the
    /// array rests: lane k gives the largest q of all steps, and lanes stand for columns in everything that follows.
    /// Output group g of position number j (i3 fastest) goes to granule `OUT_BASE + i3·OUT_STEP3 + i4·OUT_STEP4 + g`
    /// of the output buffer (raw: 4 granules per group) and, or instead, to granule `KEEP_BASE + j·KEEP_STEP + g` of
    /// the activation buffer, K/P granules to a word; its residual operand is granule
    /// `RESIDUAL_BASE + j·RESIDUAL_STEP + g` of the residual buffer.
    compute {
        OPCODE: 4, "2";
        WAIT_LOAD: 4, "tokens to take from LOAD (operands are in the buffers)";
        WAIT_STORE: 4, "tokens to take from STORE (output buffer is free)";
        SIGNAL_LOAD: 4, "tokens to give to LOAD";
        SIGNAL_STORE: 4, "tokens to give to STORE";
        MODE: 1, "0 requantised 8-bit, 1 raw 32-bit";
        MASK: 1, "also write sign masks";
        RESIDUAL: 1, "add the residual operand";
        MAXIMUM: 1, "maximum of the steps instead of a sum of products";
        TARGET: 2, "bit 0: output buffer; bit 1: activation buffer (not raw); at least one";
        ACC_LOAD: 1, "accumulators start from memory" reserved;
        PASSES: 4, "digit passes, 1…9";
        DIGIT_SHIFTS: 18, "2 bits per pass, pass 0 lowest: accumulator shift before that pass";
        LANE_FIRST: 8, "last word of each i0 run: first lane that counts";
        LANE_COUNT: 8, "last word of each i0 run: lanes that count; other lanes read 0";
        GROUPS: 8, "groups of P columns that are written (1…N/P; with MAXIMUM 1…K/P)";
        ACT_BASE: 16, "activation word of the first step";
        WEIGHT_BASE: 16, "weight word of the first step";
        PARAMETER_BASE: 16, "parameter word of the first group";
        COUNT0: 16, "i0: words along the channels (kernel row)";
        COUNT1: 8, "i1: kernel columns";
        ACT_STEP1: 16, "words";
        COUNT2: 8, "i2: kernel rows";
        ACT_STEP2: 16, "words";
        COUNT3: 16, "i3: output columns, or images of a batch";
        ACT_STEP3: 16, "words";
        COUNT4: 16, "i4: output rows";
        ACT_STEP4: 16, "words";
        OUT_BASE: 16, "first granule of P bytes in the output buffer";
        OUT_STEP3: 16, "granules";
        OUT_STEP4: 16, "granules";
        MASK_BASE: 16, "first granule of the packed sign masks";
        LO: 8, "clamp, signed: ReLU has `LO` = `Z_OUT`";
        HI: 8, "clamp, signed";
        Z_OUT: 8, "output zero point, signed";
        FILL: 8, "padding, signed";
        X: 16, "signed: column of the first step";
        X_STEP1: 8, "columns from kernel column to kernel column: dilation";
        X_STEP3: 8, "columns from output column to output column: stride";
        WIDTH: 16, "columns of the tensor, unsigned";
        Y: 16, "signed: row of the first step";
        Y_STEP2: 8, "rows from kernel row to kernel row";
        Y_STEP4: 8, "rows from output row to output row";
        HEIGHT: 16, "rows of the tensor, unsigned";
        KEEP_BASE: 16, "first granule in the activation buffer";
        KEEP_STEP: 8, "granules from position to position";
        RESIDUAL_BASE: 16, "first granule in the residual buffer";
        RESIDUAL_STEP: 8, "granules from position to position";
    }
}

fields! {
    /// Fields of STORE: the mirror of LOAD, from granules of P bytes in the output buffer.
    store {
        OPCODE: 4, "3";
        WAIT_COMPUTE: 4, "tokens to take from COMPUTE (results are in the buffer)";
        SIGNAL_COMPUTE: 4, "tokens to give to COMPUTE (the buffer is free)";
        SIGNAL_LOAD: 4, "tokens to give to LOAD (data is in host memory)";
        SOURCE: 4, "0 output buffer";
        SEGMENT: 4, "segment of the job's descriptor";
        OFFSET: 40, "byte offset in the segment, a multiple of the beat";
        LENGTH: 16, "beats of a row";
        COUNT0: 16, "rows, inner loop (at least 1)";
        STRIDE0: 32, "bytes from row to row, a multiple of the beat";
        COUNT1: 16, "rows, outer loop (at least 1)";
        STRIDE1: 32, "bytes from outer row to outer row, a multiple of the beat";
        BASE: 16, "first beat in the output buffer";
        STEP0: 16, "beats from row to row";
        STEP1: 16, "beats from outer row to outer row";
    }
}

/// One encoded instruction, as 64-bit words, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction(pub [u64; INSTRUCTION_BYTES / 8]);

impl Instruction {
    /// An instruction of this kind with every other field 0.
    #[must_use]
    pub const fn new(opcode: Opcode) -> Self {
        let mut words = [0; INSTRUCTION_BYTES / 8];
        words[0] = opcode as u64;
        Self(words)
    }

    /// The opcode, if it is one.
    #[must_use]
    pub fn opcode(&self) -> Option<Opcode> {
        Opcode::ALL.into_iter().find(|&o| o as u64 == self.get(load::OPCODE))
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: Field) -> u64 {
        let (word, bit) = (field.lsb / 64, field.lsb % 64);
        let low = self.0[word] >> bit;
        let high = if bit + field.width > 64 { self.0[word + 1] << (64 - bit) } else { 0 };
        (low | high) & field.max()
    }

    /// Sets a field.
    ///
    /// # Errors
    /// The value does not fit.
    pub fn set(&mut self, field: Field, value: u64) -> Result<&mut Self, FieldOverflow> {
        if value > field.max() {
            return Err(FieldOverflow { field: field.name, value, max: field.max() });
        }
        let (word, bit) = (field.lsb / 64, field.lsb % 64);
        self.0[word] = self.0[word] & !(field.max() << bit) | value << bit;
        if bit + field.width > 64 {
            let done = 64 - bit;
            self.0[word + 1] = self.0[word + 1] & !(field.max() >> done) | value >> done;
        }
        Ok(self)
    }

    /// The bytes in host memory, little endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; INSTRUCTION_BYTES] {
        let mut bytes = [0; INSTRUCTION_BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}
