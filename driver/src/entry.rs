//! Ring entries: little-endian 64-bit words, in which no field crosses a word.

use cbp_isa::Field;
use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES, ErrorCode, FLAG_INTERRUPT, command, completion};

use crate::job::{Completion, Job, Ticket};
use crate::transport::DmaMemory;

/// Bytes of a word.
const WORD: usize = 8;

/// A ring entry in the making, or read back.
#[derive(Clone, Copy)]
struct Words<const N: usize>([u64; N]);

impl<const N: usize> Words<N> {
    #[inline]
    const fn get(self, field: Field) -> u64 {
        self.0[field.lsb / 64] >> (field.lsb % 64) & field.max()
    }

    /// Writes a field that is still 0; the value fits.
    #[inline]
    const fn put(&mut self, field: Field, value: u64) {
        self.0[field.lsb / 64] |= (value & field.max()) << (field.lsb % 64);
    }
}

/// What [`Words`] rests on.
const _: () = {
    let mut i = 0;
    while i < command::FIELDS.len() {
        assert!(command::FIELDS[i].lsb % 64 + command::FIELDS[i].width <= 64);
        i += 1;
    }
    i = 0;
    while i < completion::FIELDS.len() {
        assert!(completion::FIELDS[i].lsb % 64 + completion::FIELDS[i].width <= 64);
        i += 1;
    }
};

/// Words of a command entry.
pub(crate) const COMMAND_WORDS: usize = COMMAND_BYTES / WORD;
/// Words of a completion entry.
pub(crate) const COMPLETION_WORDS: usize = COMPLETION_BYTES / WORD;

/// The command entry of a checked job.
#[inline]
pub(crate) fn command<M: DmaMemory>(job: &Job<M>, ticket: Ticket) -> [u64; COMMAND_WORDS] {
    const SEGMENT: [(Field, Field, Field); 4] = [
        (command::SEGMENT0_BASE, command::SEGMENT0_LENGTH, command::STRIDE0),
        (command::SEGMENT1_BASE, command::SEGMENT1_LENGTH, command::STRIDE1),
        (command::SEGMENT2_BASE, command::SEGMENT2_LENGTH, command::STRIDE2),
        (command::SEGMENT3_BASE, command::SEGMENT3_LENGTH, command::STRIDE3),
    ];
    let mut entry = Words([0; COMMAND_WORDS]);
    entry.put(command::COOKIE, ticket.cookie());
    entry.put(command::FLAGS, if job.interrupt { FLAG_INTERRUPT } else { 0 });
    entry.put(command::PROGRAM_OFFSET, job.program_offset);
    entry.put(command::PROGRAM_LENGTH, u64::from(job.instructions));
    entry.put(command::REPEAT, u64::from(job.repeat));
    for (segment, (base, length, stride)) in job.segments.iter().zip(SEGMENT) {
        if let Some(segment) = segment {
            entry.put(base, segment.base());
            entry.put(length, u64::from(segment.length));
            entry.put(stride, u64::from(segment.stride));
        }
    }
    entry.0
}

/// The phase bit of a completion entry.
#[inline]
pub(crate) fn phase(entry: [u64; COMPLETION_WORDS]) -> u64 {
    Words(entry).get(completion::PHASE)
}

/// A completion entry that must be the one of `ticket`, or what is wrong with it.
#[inline]
pub(crate) fn completion(entry: [u64; COMPLETION_WORDS], ticket: Ticket) -> Result<Completion, &'static str> {
    let entry = Words(entry);
    if entry.get(completion::SEQUENCE) != u64::from(ticket.index) {
        return Err("wrong sequence number");
    }
    let cookie = entry.get(completion::COOKIE);
    if cookie != ticket.cookie() {
        return Err("wrong cookie");
    }
    let word = |field| entry.get(field) as u32;
    Ok(Completion {
        cookie,
        status: ErrorCode::from_u32(word(completion::STATUS)).ok_or("unknown status")?,
        cycles: word(completion::CYCLES),
        mac_active: word(completion::MAC_ACTIVE),
        wait_load: word(completion::WAIT_LOAD),
        wait_store: word(completion::WAIT_STORE),
        error_address: 0,
    })
}

/// An entry as it lies in memory.
pub(crate) fn bytes<const N: usize>(words: [u64; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, as the fields are defined.
    fn slow(entry: &[u8], field: Field) -> u64 {
        let bit = |i: usize| u64::from(entry[(field.lsb + i) / 8] >> ((field.lsb + i) % 8) & 1) << i;
        (0..field.width).map(bit).sum()
    }

    #[test]
    fn fields_are_where_the_table_says() {
        let value =
            |i: usize, field: Field| (0x0123_4567_89ab_cdef_u64.rotate_left(i as u32) | 1) & field.max();
        let mut entry = Words([0; COMMAND_WORDS]);
        for (i, &field) in command::FIELDS.iter().enumerate() {
            entry.put(field, value(i, field));
        }
        let written = bytes(entry.0);
        for (i, &field) in command::FIELDS.iter().enumerate() {
            assert_eq!(slow(&written, field), value(i, field), "{}", field.name);
            assert_eq!(entry.get(field), value(i, field), "{}", field.name);
        }
        let entry: [u64; COMPLETION_WORDS] =
            std::array::from_fn(|i| 0x0123_4567_89ab_cdef_u64.rotate_left(7 * i as u32 + 1));
        for &field in completion::FIELDS {
            assert_eq!(Words(entry).get(field), slow(&bytes(entry), field), "{}", field.name);
        }
        assert_eq!(completion::PHASE.lsb, COMPLETION_BYTES * 8 - 1);
    }
}
