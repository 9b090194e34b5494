//! Ring entries as bytes.

use cbp_isa::Field;
use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES, ErrorCode, FLAG_INTERRUPT, command, completion};

use crate::job::{Completion, Job, Ticket};
use crate::transport::DmaMemory;

/// Reads a field of an entry.
pub(crate) fn get(entry: &[u8], field: Field) -> u64 {
    let mut value = 0;
    for bit in 0..field.width {
        let at = field.lsb + bit;
        value |= u64::from(entry[at / 8] >> (at % 8) & 1) << bit;
    }
    value
}

/// Writes a field of an entry whose bits are still 0.
fn put(entry: &mut [u8], field: Field, value: u64) {
    for bit in 0..field.width {
        let at = field.lsb + bit;
        entry[at / 8] |= ((value >> bit & 1) as u8) << (at % 8);
    }
}

/// The command entry of a checked job.
pub(crate) fn command<M: DmaMemory>(job: &Job<M>, ticket: Ticket) -> [u8; COMMAND_BYTES] {
    const SEGMENT: [(Field, Field, Field); 4] = [
        (command::SEGMENT0_BASE, command::SEGMENT0_LENGTH, command::STRIDE0),
        (command::SEGMENT1_BASE, command::SEGMENT1_LENGTH, command::STRIDE1),
        (command::SEGMENT2_BASE, command::SEGMENT2_LENGTH, command::STRIDE2),
        (command::SEGMENT3_BASE, command::SEGMENT3_LENGTH, command::STRIDE3),
    ];
    let mut entry = [0; COMMAND_BYTES];
    put(&mut entry, command::COOKIE, ticket.cookie());
    put(&mut entry, command::FLAGS, if job.interrupt { FLAG_INTERRUPT } else { 0 });
    put(&mut entry, command::PROGRAM_OFFSET, job.program_offset);
    put(&mut entry, command::PROGRAM_LENGTH, u64::from(job.instructions));
    put(&mut entry, command::REPEAT, u64::from(job.repeat));
    for (segment, (base, length, stride)) in job.segments.iter().zip(SEGMENT) {
        if let Some(segment) = segment {
            put(&mut entry, base, segment.base());
            put(&mut entry, length, u64::from(segment.length));
            put(&mut entry, stride, u64::from(segment.stride));
        }
    }
    entry
}

/// A completion entry that must be the one of `ticket`, or what is wrong with it.
pub(crate) fn completion(entry: &[u8; COMPLETION_BYTES], ticket: Ticket) -> Result<Completion, &'static str> {
    if get(entry, completion::SEQUENCE) != u64::from(ticket.index) {
        return Err("wrong sequence number");
    }
    let cookie = get(entry, completion::COOKIE);
    if cookie != ticket.cookie() {
        return Err("wrong cookie");
    }
    let word = |field| get(entry, field) as u32;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_round_trip() {
        let mut entry = [0; COMPLETION_BYTES];
        for (i, &field) in completion::FIELDS.iter().enumerate() {
            put(&mut entry, field, 0x0123_4567_89ab_cdef_u64.rotate_left(i as u32) | 1);
        }
        for (i, &field) in completion::FIELDS.iter().enumerate() {
            let expected = (0x0123_4567_89ab_cdef_u64.rotate_left(i as u32) | 1) & field.max();
            assert_eq!(get(&entry, field), expected, "{}", field.name);
        }
        assert_eq!(completion::PHASE.lsb, COMPLETION_BYTES * 8 - 1);
    }
}
