//! What can go wrong when a program runs.

use crate::operation::DecodeError;

/// An instruction that cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The device would answer `BadInstruction`.
    #[error(transparent)]
    BadInstruction(#[from] DecodeError),
    /// An access beyond its segment, or to a segment that does not exist.
    #[error("an access to segment {segment} ends at byte {end}, beyond the segment")]
    Segment {
        /// The segment.
        segment: usize,
        /// Where the access ends.
        end: u64,
    },
    /// An offset or stride that is not a multiple of the beat, or a raw granule that is not a multiple of 4.
    #[error("{what} = {value} is not aligned to {to}")]
    Unaligned {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: u64,
        /// What it must be a multiple of.
        to: usize,
    },
    /// A count that must be at least 1, or a lane range or group count beyond the array.
    #[error("{what} = {value} is out of range")]
    Range {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// A parameter record with a shift outside 1…47.
    #[error("parameter word {word} holds a shift of {shift}, expected 1 to 47")]
    Shift {
        /// The word.
        word: usize,
        /// Its shift.
        shift: u64,
    },
    /// A token counter above its largest value.
    #[error("a token counter overflows")]
    TokenOverflow,
}

/// A run that does not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// An instruction cannot run.
    #[error("instruction {index}: {fault}")]
    Fault {
        /// Its index in the program.
        index: usize,
        /// Why.
        fault: Fault,
    },
    /// The program's length ends before END.
    #[error("no END in {instructions} instructions")]
    NoEnd {
        /// Instructions.
        instructions: usize,
    },
    /// Every engine waits for a token that nobody will give.
    #[error(
        "deadlock: LOAD, COMPUTE and STORE wait at instructions {heads:?} with tokens {tokens:?} (from, to)"
    )]
    Deadlock {
        /// Index of each engine's next instruction.
        heads: [Option<usize>; 3],
        /// Counters, by giver and taker.
        tokens: [[u64; 3]; 3],
    },
}
