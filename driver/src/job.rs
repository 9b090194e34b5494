//! Jobs and what comes back.

use cbp_isa::instruction::INSTRUCTION_BYTES;
use cbp_isa::ring::{ErrorCode, SEGMENTS};

use crate::buffer::{DeviceBuffer, DeviceId};
use crate::error::Error;
use crate::transport::DmaMemory;

/// A part of a lent memory that a job may access. The job holds the memory while it runs.
#[derive(Debug)]
pub struct Segment<M> {
    /// The memory.
    pub memory: DeviceBuffer<M>,
    /// First byte of the segment in it.
    pub offset: u64,
    /// Bytes the program may access; accesses beyond them fail the job.
    pub length: u32,
    /// Bytes by which the segment moves on for each further run of the program.
    pub stride: u32,
}

impl<M: DmaMemory> Segment<M> {
    /// All of a memory, the same for every run. Of one of 4 GiB or more the first 4 GiB - 1, which is the most that a
    /// segment holds.
    #[must_use]
    pub fn all(memory: DeviceBuffer<M>) -> Self {
        let length = u32::try_from(memory.size()).unwrap_or(u32::MAX);
        Self { memory, offset: 0, length, stride: 0 }
    }

    /// Where the device sees it.
    pub(crate) fn base(&self) -> u64 {
        self.memory.bus_address().wrapping_add(self.offset)
    }

    /// Every byte of every run lies in the memory, and that is the device's.
    #[inline]
    fn check(&self, repeat: u32, beat: u64, device: DeviceId) -> Result<(), Error> {
        if !self.memory.is_of(device) {
            return Err(Error::BadJob(
                "a segment is memory of another device, or of this one opened earlier",
            ));
        }
        let travel = u64::from(self.stride) * u64::from(repeat - 1);
        let end = self.offset.checked_add(travel).and_then(|o| o.checked_add(u64::from(self.length)));
        if end.is_none_or(|end| end > self.memory.size() as u64) {
            return Err(Error::BadJob("a segment goes beyond its memory"));
        }
        // Beats are powers of two.
        if (self.base() | u64::from(self.stride)) & (beat - 1) != 0 {
            return Err(Error::BadJob("a segment or its stride is not a multiple of the AXI beat"));
        }
        Ok(())
    }
}

impl<M> Clone for Segment<M> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), ..*self }
    }
}

/// One command: a program, run `repeat` times over its segments.
#[derive(Debug)]
pub struct Job<M> {
    /// Byte offset of the program in segment 0.
    pub program_offset: u64,
    /// Instructions, END included.
    pub instructions: u32,
    /// Runs of the program.
    pub repeat: u32,
    /// What it may access; segment 0 holds the program.
    pub segments: [Option<Segment<M>>; SEGMENTS],
    /// Whether the completion raises an interrupt.
    pub interrupt: bool,
}

impl<M: DmaMemory> Job<M> {
    /// One run of `instructions` instructions at the start of `segment0`.
    #[must_use]
    pub const fn new(segment0: Segment<M>, instructions: u32) -> Self {
        Self {
            program_offset: 0,
            instructions,
            repeat: 1,
            segments: [Some(segment0), None, None, None],
            interrupt: true,
        }
    }

    /// Refuses what the device would refuse, and what would let it access memory that is not the job's.
    #[inline]
    pub(crate) fn check(&self, beat: u64, device: DeviceId) -> Result<(), Error> {
        if self.repeat == 0 || self.instructions == 0 {
            return Err(Error::BadJob("an empty program or no runs"));
        }
        let Some(program) = &self.segments[0] else {
            return Err(Error::BadJob("no segment 0, which holds the program"));
        };
        let bytes = u64::from(self.instructions) * INSTRUCTION_BYTES as u64;
        if !self.program_offset.is_multiple_of(INSTRUCTION_BYTES as u64) {
            return Err(Error::BadJob("the program's offset is not a multiple of an instruction"));
        }
        if self.program_offset.checked_add(bytes).is_none_or(|end| end > u64::from(program.length)) {
            return Err(Error::BadJob("the program goes beyond segment 0"));
        }
        self.segments.iter().flatten().try_for_each(|s| s.check(self.repeat, beat, device))
    }
}

impl<M> Clone for Job<M> {
    fn clone(&self) -> Self {
        Self { segments: self.segments.clone(), ..*self }
    }
}

/// A submitted job. Its ring entry is free again when the ticket was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a ring entry stays in use until its ticket is waited for"]
pub struct Ticket {
    pub(crate) generation: u32,
    pub(crate) index: u32,
}

impl Ticket {
    /// What the device returns in the completion.
    #[must_use]
    pub const fn cookie(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }
}

impl Completion {
    /// Of no job.
    pub(crate) const NONE: Self = Self {
        cookie: 0,
        status: ErrorCode::None,
        cycles: 0,
        mac_active: 0,
        wait_load: 0,
        wait_store: 0,
        error_address: 0,
    };
}

/// What the device says about a job that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The cookie of the ticket.
    pub cookie: u64,
    /// Why it failed, or [`ErrorCode::None`].
    pub status: ErrorCode,
    /// Clock cycles from the first instruction fetch to the last write response.
    pub cycles: u32,
    /// Steps issued to the array.
    pub mac_active: u32,
    /// Cycles the array waited for data.
    pub wait_load: u32,
    /// Cycles the array waited for space.
    pub wait_store: u32,
    /// Bus address or instruction index of the error; 0 without one and for aborted jobs.
    pub error_address: u64,
}
