//! Commands and instructions that no device runs: whatever else they say, they are refused, and nothing is written.

use cbp_driver::Device;
use cbp_isa::Field;
use cbp_isa::instruction::{INSTRUCTION_BYTES, Instruction, Opcode, compute, load, pack, store};
use cbp_isa::registers;
use cbp_isa::ring::{ErrorCode, command};
use cbp_numerics::random::Random;
use cbp_sim::{Answer, Direction, SimDevice, SimTransport};

use super::queue::{Command, Queue, resume};

/// Bytes of the segments; both hold the same memory.
const BYTES: usize = 1 << 16;

const BASES: [Field; 4] =
    [command::SEGMENT0_BASE, command::SEGMENT1_BASE, command::SEGMENT2_BASE, command::SEGMENT3_BASE];
const LENGTHS: [Field; 4] =
    [command::SEGMENT0_LENGTH, command::SEGMENT1_LENGTH, command::SEGMENT2_LENGTH, command::SEGMENT3_LENGTH];
const PAGES: [Field; 4] =
    [command::SEGMENT0_PAGE, command::SEGMENT1_PAGE, command::SEGMENT2_PAGE, command::SEGMENT3_PAGE];
const STRIDES: [Field; 4] = [command::STRIDE0, command::STRIDE1, command::STRIDE2, command::STRIDE3];

/// Random bits everywhere, or one defect in a command that would run.
fn bad_command(good: &Command, random: &mut Random) -> Command {
    let mut bad = good.clone();
    match random.below(10) {
        0 => bad.set(PAGES[random.below(4)], 1 << random.below(32)),
        1 => {
            let field = BASES[random.below(4)];
            bad.set(field, good.get(field) | 1 << random.below(3));
        }
        2 => bad.set(STRIDES[random.below(4)], 1 << random.below(3)),
        3 => bad.set(command::PROGRAM_OFFSET, 1 << random.below(3)),
        4 => bad.set(command::PROGRAM_LENGTH, 0),
        5 => bad.set(command::REPEAT, 0),
        6 => bad.set(command::SEGMENT0_LENGTH, good.get(command::PROGRAM_LENGTH) * 64 - 1),
        // The program's end is beyond 2^64, and looks small.
        7 => bad.set(command::PROGRAM_OFFSET, 64u64.wrapping_neg()),
        // More instructions than the device counts.
        8 => {
            bad.set(command::PROGRAM_LENGTH, 1 << 21 | random.bits() >> 44);
            bad.set(command::SEGMENT0_LENGTH, u64::MAX);
        }
        _ => {
            bad.0.fill_with(|| random.bits());
            bad.set(PAGES[random.below(4)], random.bits() | 1 << random.below(32));
        }
    }
    bad
}

/// Random bits, and a field that makes sure.
fn bad_instruction(random: &mut Random) -> Instruction {
    let mut bits = || random.bits();
    let mut bad = Instruction(std::array::from_fn(|_| bits()));
    let none: &[(Field, u64)] = &[];
    let zero = |fields: &[Field], random: &mut Random| vec![(fields[random.below(fields.len())], 0)];
    let (opcode, defects) = match random.below(5) {
        0 => {
            let fields = [load::LENGTH, load::COUNT0, load::COUNT1];
            (Opcode::Load as u64, zero(&fields, random))
        }
        1 => {
            let fields =
                [compute::COUNT0, compute::COUNT1, compute::COUNT2, compute::COUNT3, compute::COUNT4];
            let more = [compute::PASSES, compute::GROUPS, compute::TARGET];
            (Opcode::Compute as u64, zero(&[&fields[..], &more[..]].concat(), random))
        }
        2 => {
            let fields = [store::LENGTH, store::COUNT0, store::COUNT1];
            (Opcode::Store as u64, zero(&fields, random))
        }
        3 => {
            let fields = [pack::PIECE, pack::PIECES, pack::COUNT0, pack::COUNT1];
            (Opcode::Pack as u64, zero(&fields, random))
        }
        _ => (5 + random.below(11) as u64, none.to_vec()),
    };
    // Without tokens to wait for: nobody gives any.
    let waits = [load::WAIT_COMPUTE, load::WAIT_STORE, compute::WAIT_LOAD, compute::WAIT_STORE];
    let all = waits.iter().map(|&f| (f, 0)).chain(defects).chain([(load::OPCODE, opcode)]);
    for (field, value) in all {
        // Values fit: they are 0, or an opcode.
        let _ = bad.set(field, value);
    }
    bad
}

/// A job whose program is this instruction and END, in all four segments.
fn command(sim: &mut SimDevice, at: u64, instruction: &Instruction, random: &mut Random) -> Command {
    let mut program = instruction.to_bytes().to_vec();
    program.extend(Instruction::new(Opcode::End).to_bytes());
    sim.memory().slice_mut(at, program.len()).copy_from_slice(&program);
    let mut command = Command::new(random);
    command.set(command::PROGRAM_LENGTH, (program.len() / INSTRUCTION_BYTES) as u64);
    for (base, length) in BASES.into_iter().zip(LENGTHS) {
        command.set(base, at);
        command.set(length, BYTES as u64);
    }
    command
}

fn contents(sim: &SimDevice, at: u64) -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    sim.memory().read(at, &mut bytes);
    bytes
}

/// `count` bad commands and `count` bad instructions are refused, each with its error code.
///
/// # Errors
/// One is not, or memory was written.
pub fn all(device: &mut Device<SimTransport>, count: usize, seed: u64) -> Result<(), String> {
    let mut random = Random(seed);
    let sim = device.transport().sim();
    let mut queue = Queue::start(sim, &mut random).map_err(|e| e.to_string())?;
    let at = sim.memory().allocate(BYTES);
    let end = Instruction::new(Opcode::End);
    for case in 0..2 * count {
        let is_command = case % 2 == 0;
        let instruction = if is_command { end } else { bad_instruction(&mut random) };
        let good = command(sim, at, &instruction, &mut random);
        let entry = if is_command { bad_command(&good, &mut random) } else { good.clone() };
        let before = contents(sim, at);
        let done = queue.run(sim, &entry).map_err(|e| format!("{instruction:x?}, {entry:x?}: {e}"))?;
        // An instruction may also name a segment that is not there.
        let expected: &[_] = if is_command {
            &[Some(ErrorCode::BadDescriptor)]
        } else {
            &[Some(ErrorCode::BadInstruction), Some(ErrorCode::OutOfSegment)]
        };
        if !expected.contains(&done.status) {
            return Err(format!("{instruction:x?}, {entry:x?}: {:?}, not {expected:?}", done.status));
        }
        if contents(sim, at) != before {
            return Err(format!("{instruction:x?}, {entry:x?}: memory was written"));
        }
        resume(sim)?;
        // What follows runs.
        let good = command(sim, at, &end, &mut random);
        let done = queue.run(sim, &good)?;
        if done.status != Some(ErrorCode::None) {
            return Err(format!("an empty program after {entry:x?}: {:?}", done.status));
        }
    }
    device.reset().map_err(|e| e.to_string())
}

/// `count` times, commands wait behind one that fails or that cannot even be read: they complete as aborted when the
/// device may go on, and what comes after them runs.
///
/// # Errors
/// They do not.
pub fn behind(device: &mut Device<SimTransport>, count: usize, seed: u64) -> Result<(), String> {
    let mut random = Random(seed);
    let sim = device.transport().sim();
    let at = sim.memory().allocate(BYTES);
    let end = Instruction::new(Opcode::End);
    let mut queue = Queue::with_entries(sim, 4, &mut random).map_err(|e| e.to_string())?;
    for case in 0..count {
        let mut good = || command(sim, at, &end, &mut random);
        let mut entries: Vec<_> = (0..2 + case % 14).map(|_| good()).collect();
        let after = good();
        let expected = if random.below(2) == 0 {
            entries[0] = bad_command(&entries[0], &mut random);
            ErrorCode::BadDescriptor
        } else {
            sim.inject(Direction::Read, 0, Answer::SlaveError);
            ErrorCode::ReadResponse
        };
        let first = queue.submit(sim, &entries)?;
        for ((index, entry), place) in (first..).zip(&entries).zip(0..) {
            let done = queue.wait(sim, entry, index).map_err(|e| format!("{place} of {case}: {e}"))?;
            let expected = if place == 0 { expected } else { ErrorCode::Aborted };
            if done.status != Some(expected) {
                return Err(format!("{place} of {case}: {:?}, not {expected:?}", done.status));
            }
            if place == 0 {
                resume(sim)?;
            }
        }
        sim.run(8).map_err(|e| e.to_string())?;
        sim.write32(registers::IRQ_STATUS.offset, 7).map_err(|e| e.to_string())?;
        let done = queue.run(sim, &after)?;
        if done.status != Some(ErrorCode::None) {
            return Err(format!("after {case}: {:?}", done.status));
        }
    }
    device.reset().map_err(|e| e.to_string())
}
