//! Jobs that are long in something: in cycles, in tokens, in instructions; and many jobs.

use cbp_driver::Device;
use cbp_isa::instruction::{INSTRUCTION_BYTES, Instruction, Opcode, TOKEN_MAX, compute, load, store};
use cbp_isa::registers::{DMA_TIMEOUT, WAIT_PPU_LO};
use cbp_isa::ring::{ErrorCode, command};
use cbp_isa::{Config, Field};
use cbp_numerics::random::Random;
use cbp_sim::{SimDevice, SimTransport, Timing};

use super::queue::{Command, Done, Queue};

/// Cycles of an answer of slow memory, and steps and positions that take about as long.
const SLOW: u32 = 140_000;
/// Instructions of a long program.
const INSTRUCTIONS: usize = 1 << 14;
/// Jobs without a reset.
const JOBS: usize = (1 << 12) + 1;
/// Entries of the rings that they go through.
const LOG2: u32 = 15;
/// Most tokens that an instruction gives or takes.
const HANDFUL: u64 = 15;

/// Runs all of them; the memory answers at once afterwards.
///
/// # Errors
/// A job fails, or its counters are wrong.
pub fn all(device: &mut Device<SimTransport>) -> Result<(), String> {
    let config = device.config().clone();
    let sim = device.transport().sim();
    let mut random = Random(0);
    let fast = Timing::Fixed { read_latency: 4, write_latency: 4 };
    let slow = Timing::Fixed { read_latency: SLOW, write_latency: SLOW };
    let failed = |e: cbp_sim::SimError| e.to_string();
    sim.set_timing(slow).map_err(failed)?;
    let mut queue = Queue::start(sim, &mut random).map_err(failed)?;
    waits(sim, &mut queue, &config, &mut random).map_err(|e| format!("long waits: {e}"))?;
    sim.set_timing(fast).map_err(failed)?;
    queue = Queue::start(sim, &mut random).map_err(failed)?;
    tokens(sim, &mut queue, &config, &mut random).map_err(|e| format!("many tokens: {e}"))?;
    instructions(sim, &mut queue, &config, &mut random).map_err(|e| format!("many instructions: {e}"))?;
    queue = Queue::with_entries(sim, LOG2, &mut random).map_err(failed)?;
    for job in 0..JOBS {
        let done = run(sim, &mut queue, &[], &mut random);
        done.map_err(|e| format!("job {job} of many: {e}"))?;
    }
    device.reset().map_err(|e| e.to_string())
}

/// Every engine waits long for memory that is slow, and COMPUTE for the drain register.
fn waits(sim: &mut SimDevice, queue: &mut Queue, config: &Config, random: &mut Random) -> Result<(), String> {
    // The watchdog sees progress before it gives up.
    sim.write32(DMA_TIMEOUT.offset, 3 * SLOW).map_err(|e| e.to_string())?;
    let long = u64::from(SLOW);
    // In two loops: none counts so far.
    let [steps, positions] = [[long / 10, 10]; 2];
    let program = [
        rows(Opcode::Load, 1, &[(load::SIGNAL_COMPUTE, 1)])?,
        compute(
            config,
            &[
                (compute::WAIT_LOAD, 1),
                (compute::SIGNAL_STORE, 1),
                (compute::COUNT0, steps[0]),
                (compute::COUNT3, steps[1]),
            ],
        )?,
        // More bursts than may be in flight.
        rows(Opcode::Store, 64, &[(store::WAIT_COMPUTE, 1), (store::SIGNAL_COMPUTE, 1)])?,
        compute(
            config,
            &[
                (compute::WAIT_STORE, 1),
                (compute::COUNT3, positions[0]),
                (compute::COUNT4, positions[1]),
                (compute::GROUPS, config.ppu_groups() as u64),
            ],
        )?,
    ];
    let done = run(sim, queue, &program, random)?;
    let ppu = sim.read32(WAIT_PPU_LO.offset).map_err(|e| e.to_string())?;
    // Some cycles of an answer are over before COMPUTE waits.
    let counted = [done.wait_load, done.wait_store, u64::from(ppu)];
    if done.mac_active != 2 * long || counted.into_iter().any(|cycles| cycles < long - 1000) {
        return Err(format!("{done:?}, {ppu} cycles for the drain register"));
    }
    Ok(())
}

/// As many tokens as a counter holds, then they are taken.
fn tokens(
    sim: &mut SimDevice,
    queue: &mut Queue,
    config: &Config,
    random: &mut Random,
) -> Result<(), String> {
    let handfuls = (TOKEN_MAX / HANDFUL) as usize;
    // COMPUTE is busy while LOAD gives.
    let mut program = vec![compute(config, &[(compute::COUNT0, 5000)])?];
    let give = rows(Opcode::Load, 1, &[(load::SIGNAL_COMPUTE, HANDFUL)])?;
    let take = compute(config, &[(compute::WAIT_LOAD, HANDFUL)])?;
    program.extend([give].repeat(handfuls));
    program.extend([take].repeat(handfuls));
    let done = run(sim, queue, &program, random)?;
    if done.mac_active == 5000 + handfuls as u64 { Ok(()) } else { Err(format!("{done:?}")) }
}

fn instructions(
    sim: &mut SimDevice,
    queue: &mut Queue,
    config: &Config,
    random: &mut Random,
) -> Result<(), String> {
    let program = [compute(config, &[])?].repeat(INSTRUCTIONS);
    let done = run(sim, queue, &program, random)?;
    if done.mac_active == INSTRUCTIONS as u64 { Ok(()) } else { Err(format!("{done:?}")) }
}

/// Runs a program in a segment of its own, whose last 4 KiB are for data.
fn run(
    sim: &mut SimDevice,
    queue: &mut Queue,
    program: &[Instruction],
    random: &mut Random,
) -> Result<Done, String> {
    let end = Instruction::new(Opcode::End);
    let mut image = vec![0; DATA];
    image.extend(program.iter().chain([&end]).flat_map(Instruction::to_bytes));
    let at = sim.memory().allocate(image.len());
    sim.memory().slice_mut(at, image.len()).copy_from_slice(&image);
    let mut entry = Command::new(random);
    entry.set(command::PROGRAM_OFFSET, DATA as u64);
    entry.set(command::PROGRAM_LENGTH, ((image.len() - DATA) / INSTRUCTION_BYTES) as u64);
    entry.set(command::SEGMENT0_BASE, at);
    entry.set(command::SEGMENT0_LENGTH, image.len() as u64);
    let done = queue.run(sim, &entry);
    sim.memory().free(at);
    match done? {
        done if done.status == Some(ErrorCode::None) => Ok(done),
        done => Err(format!("{done:?}")),
    }
}

/// Bytes of data before the program.
const DATA: usize = 4096;

/// A LOAD or STORE, whose fields are alike, of rows of one beat, all of them in one place.
fn rows(opcode: Opcode, count: u64, fields: &[(Field, u64)]) -> Result<Instruction, String> {
    let shape = [(load::LENGTH, 1), (load::COUNT0, count), (load::COUNT1, 1)];
    instruction(opcode, &[&shape, fields].concat())
}

/// A raw COMPUTE of one step.
fn compute(config: &Config, fields: &[(Field, u64)]) -> Result<Instruction, String> {
    let one = [
        (compute::MODE, 1),
        (compute::TARGET, 1),
        (compute::PASSES, 1),
        (compute::GROUPS, 1),
        (compute::LANE_COUNT, config.lanes as u64),
        (compute::COUNT0, 1),
        (compute::COUNT1, 1),
        (compute::COUNT2, 1),
        (compute::COUNT3, 1),
        (compute::COUNT4, 1),
    ];
    instruction(Opcode::Compute, &[&one, fields].concat())
}

fn instruction(opcode: Opcode, fields: &[(Field, u64)]) -> Result<Instruction, String> {
    let mut instruction = Instruction::new(opcode);
    for &(field, value) in fields {
        instruction.set(field, value).map_err(|e| e.to_string())?;
    }
    Ok(instruction)
}
