//! Programs that must not run, and memory that fails: a typed error each, and the next job works.

use cbp_compiler::{Keep, Options, Program, compile};
use cbp_driver::{Device, Error};
use cbp_isa::Field;
use cbp_isa::instruction::{INSTRUCTION_BYTES, Instruction, Opcode, compute, load, store};
use cbp_isa::registers::DMA_TIMEOUT;
use cbp_isa::ring::ErrorCode;
use cbp_numerics::random::{Random, Shape, network};
use cbp_sim::{Answer, Direction, SimTransport};

use super::layer_sets;
use crate::compare::{compare, scalar_model};
use crate::runtime::{RunError, Session};

/// Cycles after which the watchdog gives a lost answer up.
const PATIENCE: u32 = 3000;

/// What makes a job fail.
#[derive(Debug)]
enum Fault {
    /// A field of the first instruction of this kind.
    Field(Opcode, Field, u64),
    /// The answer to a burst after so many others.
    Answer(Direction, u64, Answer),
}

fn faults() -> Vec<(Fault, ErrorCode)> {
    let field = Fault::Field;
    vec![
        (field(Opcode::Compute, compute::COUNT0, 0), ErrorCode::BadInstruction),
        (field(Opcode::Compute, compute::COUNT3, 0), ErrorCode::BadInstruction),
        (field(Opcode::Compute, compute::PASSES, 0), ErrorCode::BadInstruction),
        (field(Opcode::Compute, compute::PASSES, 10), ErrorCode::BadInstruction),
        (field(Opcode::Compute, compute::GROUPS, 3), ErrorCode::BadInstruction),
        (field(Opcode::Compute, compute::ACC_LOAD, 1), ErrorCode::BadInstruction),
        (field(Opcode::Compute, compute::OPCODE, 9), ErrorCode::BadInstruction),
        (field(Opcode::Load, load::LENGTH, 0), ErrorCode::BadInstruction),
        (field(Opcode::Load, load::OFFSET, 4), ErrorCode::BadInstruction),
        (field(Opcode::Load, load::DESTINATION, 6), ErrorCode::BadInstruction),
        (field(Opcode::Load, load::OFFSET, 1 << 39), ErrorCode::OutOfSegment),
        (field(Opcode::Load, load::SEGMENT, 9), ErrorCode::OutOfSegment),
        (field(Opcode::Store, store::OFFSET, 1 << 30), ErrorCode::OutOfSegment),
        (field(Opcode::Store, store::COUNT1, 0), ErrorCode::BadInstruction),
        (Fault::Answer(Direction::Read, 3, Answer::SlaveError), ErrorCode::ReadResponse),
        (Fault::Answer(Direction::Read, 4, Answer::DecodeError), ErrorCode::ReadResponse),
        (Fault::Answer(Direction::Write, 0, Answer::SlaveError), ErrorCode::WriteResponse),
        (Fault::Answer(Direction::Write, 1, Answer::DecodeError), ErrorCode::WriteResponse),
    ]
}

/// `program` with one field of its first instruction of this kind changed.
fn patched(program: &Program, opcode: Opcode, field: Field, value: u64) -> Result<Program, String> {
    let mut program = program.clone();
    for bytes in program.image.chunks_exact_mut(INSTRUCTION_BYTES).take(program.instructions.len()) {
        let mut words = [0; INSTRUCTION_BYTES / 8];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let mut instruction = Instruction(words);
        if instruction.opcode() == Some(opcode) {
            instruction.set(field, value).map_err(|e| e.to_string())?;
            bytes.copy_from_slice(&instruction.to_bytes());
            return Ok(program);
        }
    }
    Err(format!("the program has no {opcode:?}"))
}

/// A small layer as a program, its input, and what the model gives for it.
struct Healthy {
    program: Program,
    input: Vec<i8>,
    model: Vec<cbp_numerics::LayerResult>,
    keep: Keep,
}

impl Healthy {
    /// `resident`: a job of its own loads the weights, else every run does.
    fn new(device: &Device<SimTransport>, seed: u64, resident: bool) -> Result<Self, String> {
        let set = layer_sets(device.config().weight_set)[0];
        let shape = Shape { outputs: 20, set, raw: false, extreme: false };
        let network = network(40, &[shape], seed).map_err(|e| e.to_string())?;
        let keep = Keep::ActivationsAndMasks;
        let options = Options { batch: 5, keep, resident, ..Options::default() };
        let program = compile(&network, device.config(), options).map_err(|e| e.to_string())?;
        let input = Random(seed + 1).bytes(5 * 40);
        let model = scalar_model(&network, &input).map_err(|e| e.to_string())?;
        Ok(Self { program, input, model, keep: options.keep })
    }

    fn run(&self, device: &mut Device<SimTransport>) -> Result<(), String> {
        let mut session = Session::new(device, self.program.clone(), self.keep).map_err(|e| e.to_string())?;
        let run = session.run(&self.input).map_err(|e| e.to_string())?;
        let comparison = compare(&run.layers, &self.model, self.keep);
        if comparison.mismatches == 0 { Ok(()) } else { Err(format!("{comparison:?}")) }
    }
}

/// Every fault is named, and the job after it works. Gives the number of faults.
///
/// # Errors
/// A fault that was named otherwise or not at all, or a job after it that failed.
pub fn named(device: &mut Device<SimTransport>) -> Result<usize, String> {
    let healthy = Healthy::new(device, 7, false)?;
    let faults = faults();
    let count = faults.len();
    for (fault, expected) in faults {
        let context = |e: String| format!("{fault:?}: {e}");
        let bad = match &fault {
            Fault::Field(opcode, field, value) => patched(&healthy.program, *opcode, *field, *value)?,
            Fault::Answer(direction, skip, answer) => {
                device.transport().sim().inject(*direction, *skip, *answer);
                healthy.program.clone()
            }
        };
        let mut session = Session::new(device, bad, healthy.keep).map_err(|e| context(e.to_string()))?;
        match session.run(&healthy.input) {
            Err(RunError::Driver(Error::JobFailed { code, .. })) if code == expected => {}
            other => return Err(context(format!("{other:?}"))),
        }
        device.resume().map_err(|e| context(e.to_string()))?;
        healthy.run(device).map_err(context)?;
    }
    Ok(count)
}

/// A transfer that is never answered wedges the device until it is reset.
///
/// # Errors
/// It does not, or the job after the reset failed.
pub fn lost(device: &mut Device<SimTransport>) -> Result<(), String> {
    let healthy = Healthy::new(device, 9, false)?;
    for direction in [Direction::Read, Direction::Write] {
        let sim = device.transport().sim();
        sim.write32(DMA_TIMEOUT.offset, PATIENCE).map_err(|e| e.to_string())?;
        sim.inject(direction, 0, Answer::Lost);
        let mut session =
            Session::new(device, healthy.program.clone(), healthy.keep).map_err(|e| e.to_string())?;
        match session.run(&healthy.input) {
            Err(RunError::Driver(Error::Wedged { .. })) => {}
            other => return Err(format!("{direction:?}: {other:?}")),
        }
        if !device.transport().sim().wrapper_reset_requested() {
            return Err("the device does not ask its wrapper for a reset".to_owned());
        }
        device.reset().map_err(|e| e.to_string())?;
        if device.transport().sim().wrapper_reset_requested() {
            return Err("the device still asks for a reset after it".to_owned());
        }
        healthy.run(device)?;
    }
    Ok(())
}

/// A completion whose write fails ends the wait for it, and the device works again after a reset.
///
/// # Errors
/// It does not, or the job after the reset failed.
pub fn unwritten(device: &mut Device<SimTransport>) -> Result<(), String> {
    // The first job stores nothing: the first write of all is its completion.
    let healthy = Healthy::new(device, 11, true)?;
    device.transport().sim().inject(Direction::Write, 0, Answer::SlaveError);
    let session = Session::new(device, healthy.program.clone(), healthy.keep);
    match session.map_err(|e| e.to_string())?.run(&healthy.input) {
        Err(RunError::Driver(Error::LostCompletion { index: 0, .. })) => {}
        other => return Err(format!("{other:?}")),
    }
    device.reset().map_err(|e| e.to_string())?;
    healthy.run(device)
}
