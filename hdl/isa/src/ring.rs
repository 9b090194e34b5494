//! Ring entries: commands of 128 bytes, completions of 32 bytes.

use crate::field::fields;

/// Bytes of a command entry.
pub const COMMAND_BYTES: usize = 128;
/// Bytes of a completion entry.
pub const COMPLETION_BYTES: usize = 32;
/// Segments of a job.
pub const SEGMENTS: usize = 4;

fields! {
    /// Fields of a command entry. The program is read from segment 0. It runs `REPEAT` times; before each
    /// further run every segment's base grows by its `STRIDE`.
    command {
        COOKIE: 64, "returned in the completion";
        FLAGS: 32, "bit 0: interrupt when complete";
        RESERVED0: 32, "0";
        PROGRAM_OFFSET: 64, "byte offset of the program in segment 0, a multiple of 64";
        PROGRAM_LENGTH: 32, "instructions, END included";
        REPEAT: 32, "runs of the program, at least 1";
        SEGMENT0_BASE: 64, "bus address, a multiple of the beat";
        SEGMENT0_LENGTH: 32, "bytes";
        SEGMENT0_PAGE: 32, "0: contiguous; p: the base is a table of 2^p-byte pages (capability PAGED)";
        SEGMENT1_BASE: 64, "as segment 0";
        SEGMENT1_LENGTH: 32, "bytes";
        SEGMENT1_PAGE: 32, "as segment 0";
        SEGMENT2_BASE: 64, "as segment 0";
        SEGMENT2_LENGTH: 32, "bytes";
        SEGMENT2_PAGE: 32, "as segment 0";
        SEGMENT3_BASE: 64, "as segment 0";
        SEGMENT3_LENGTH: 32, "bytes";
        SEGMENT3_PAGE: 32, "as segment 0";
        STRIDE0: 32, "bytes added to segment 0's base per run; 0 keeps program and weights";
        STRIDE1: 32, "the same for segment 1";
        STRIDE2: 32, "the same for segment 2";
        STRIDE3: 32, "the same for segment 3";
        RESERVED1: 64, "0";
        RESERVED2: 64, "0";
    }
}

/// Bit of [`command::FLAGS`]: interrupt when the completion is written.
pub const FLAG_INTERRUPT: u64 = 1;

fields! {
    /// Fields of a completion entry, one aligned burst. The phase bit is the last bit of the entry.
    completion {
        COOKIE: 64, "of the command";
        STATUS: 32, "0, or an error code";
        SEQUENCE: 32, "free-running index of the command";
        CYCLES: 32, "clock cycles from the first instruction fetch to the last write response";
        MAC_ACTIVE: 32, "steps issued to the array";
        WAIT_LOAD: 32, "cycles COMPUTE waited for LOAD";
        WAIT_STORE: 31, "cycles COMPUTE waited for STORE";
        PHASE: 1, "toggles each time the ring wraps; 1 in the first round";
    }
}

/// Why a job failed: [`completion::STATUS`] and the `ERROR_CODE` register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorCode {
    /// No error.
    None = 0,
    /// A read was answered with SLVERR or DECERR.
    ReadResponse = 1,
    /// A write was answered with SLVERR or DECERR.
    WriteResponse = 2,
    /// An opcode or a reserved field that this device does not know.
    BadInstruction = 3,
    /// A program or descriptor that cannot be run (empty program, no runs, unaligned, paged).
    BadDescriptor = 4,
    /// An access beyond its segment.
    OutOfSegment = 5,
    /// The job was behind a failed one.
    Aborted = 6,
    /// A transfer never finished.
    Wedged = 7,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::ReadResponse,
        Self::WriteResponse,
        Self::BadInstruction,
        Self::BadDescriptor,
        Self::OutOfSegment,
        Self::Aborted,
        Self::Wedged,
    ];

    /// The code with this number.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        if (value as usize) < Self::ALL.len() { Some(Self::ALL[value as usize]) } else { None }
    }

    /// What it means.
    #[must_use]
    pub const fn doc(self) -> &'static str {
        match self {
            Self::None => "no error",
            Self::ReadResponse => "a read was answered with an error",
            Self::WriteResponse => "a write was answered with an error",
            Self::BadInstruction => "an instruction this device does not know",
            Self::BadDescriptor => "a command that cannot be run",
            Self::OutOfSegment => "an access beyond its segment",
            Self::Aborted => "behind a job that failed",
            Self::Wedged => "a transfer that never finished",
        }
    }
}
