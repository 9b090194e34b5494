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
}

impl Opcode {
    /// All opcodes.
    pub const ALL: [Self; 4] = [Self::End, Self::Load, Self::Compute, Self::Store];
}

/// Where a LOAD writes, and how it unpacks ([`load::DESTINATION`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// `BASE + i·STEP0 + j·STEP1` on, each row from the word's first beat.
    load {
        OPCODE: 4, "1";
        WAIT_COMPUTE: 4, "tokens to take from COMPUTE (a buffer is free)";
        WAIT_STORE: 4, "tokens to take from STORE (data is in host memory)";
        SIGNAL_COMPUTE: 4, "tokens to give to COMPUTE";
        DESTINATION: 4, "0 activations, 1 weights, 2 int8 weights recoded to digits, 3 parameters";
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
        FILL: 8, "padding: value written" reserved;
        PAD_BEFORE0: 8, "padding: rows before the inner loop" reserved;
        PAD_AFTER0: 8, "padding: rows after the inner loop" reserved;
        PAD_BEFORE1: 8, "padding: outer rows before" reserved;
        PAD_AFTER1: 8, "padding: outer rows after" reserved;
        PACK: 8, "kernel-row packing: bytes of a packed row piece" reserved;
    }
}

fields! {
    /// Fields of COMPUTE. For every output position (i3, i4) and every pass, the array runs the steps
    /// (i2, i1, i0) with i0 innermost: activation word `ACT_BASE + i0 + i1·ACT_STEP1 + … + i4·ACT_STEP4`,
    /// weight word `WEIGHT_BASE` + the number of steps done for this position. Output group g of a
    /// position goes to granule `OUT_BASE + i3·OUT_STEP3 + i4·OUT_STEP4 + g` (raw: 4 granules per group).
    compute {
        OPCODE: 4, "2";
        WAIT_LOAD: 4, "tokens to take from LOAD (operands are in the buffers)";
        WAIT_STORE: 4, "tokens to take from STORE (output buffer is free)";
        SIGNAL_LOAD: 4, "tokens to give to LOAD";
        SIGNAL_STORE: 4, "tokens to give to STORE";
        MODE: 2, "0 requantised 8-bit, 1 raw 32-bit";
        MASK: 1, "also write sign masks";
        ACC_LOAD: 1, "accumulators start from memory" reserved;
        RESIDUAL: 1, "add the residual operand" reserved;
        POOL: 2, "pooling" reserved;
        BYPASS: 1, "requantise without the array" reserved;
        TARGET: 2, "0 output buffer, 1 activation buffer" reserved;
        PASSES: 4, "digit passes, 1…9";
        DIGIT_SHIFTS: 18, "2 bits per pass, pass 0 lowest: accumulator shift before that pass";
        LANE_FIRST: 8, "last word of each i0 run: first lane that counts";
        LANE_COUNT: 8, "last word of each i0 run: lanes that count; other lanes read 0";
        GROUPS: 8, "groups of P columns that are written (1…N/P)";
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
        RESIDUAL_BASE: 16, "residual operand" reserved;
        RESIDUAL_STEP3: 16, "(later)" reserved;
        RESIDUAL_STEP4: 16, "(later)" reserved;
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
