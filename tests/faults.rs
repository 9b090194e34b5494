//! Programs that must not run, and memory that fails: a typed error each, and the next job works.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_compiler::{Keep, Options, Program, compile};
use cbp_driver::{Device, Error, Options as DriverOptions};
use cbp_host::compare::{compare, scalar_model};
use cbp_host::runtime::{RunError, Session, simulator};
use cbp_isa::instruction::{INSTRUCTION_BYTES, Instruction, Opcode, compute, load, store};
use cbp_isa::ring::ErrorCode;
use cbp_isa::{Field, Preset, WeightSet};
use cbp_numerics::random::{Random, Shape, network};
use cbp_sim::{Answer, Direction, SimOptions, SimTransport};

/// What makes a job fail.
enum Fault {
    /// A field of the first instruction of this kind.
    Field(Opcode, Field, u64),
    /// The answer to a burst after so many others.
    Answer(Direction, u64, Answer),
}

/// `program` with one field of its first instruction of this kind changed.
fn patched(program: &Program, opcode: Opcode, field: Field, value: u64) -> Program {
    let mut program = program.clone();
    for bytes in program.image.chunks_exact_mut(INSTRUCTION_BYTES).take(program.instructions.len()) {
        let mut words = [0; INSTRUCTION_BYTES / 8];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let mut instruction = Instruction(words);
        if instruction.opcode() == Some(opcode) {
            instruction.set(field, value).unwrap();
            bytes.copy_from_slice(&instruction.to_bytes());
            return program;
        }
    }
    panic!("no {opcode:?}");
}

#[test]
fn every_fault_is_named_and_the_next_job_works() {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let shape = Shape { outputs: 20, set: Some(WeightSet::Ternary), raw: false, extreme: false };
    let network = network(40, &[shape], 7).unwrap();
    let options =
        Options { batch: 5, keep: Keep::ActivationsAndMasks, resident: false, ..Options::default() };
    let program = compile(&network, &config, options).unwrap();
    let input = Random(8).bytes(5 * 40);
    let model = scalar_model(&network, &input).unwrap();
    let mut device = simulator(&config, &SimOptions::default()).unwrap();
    let field = Fault::Field;
    let faults = [
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
    ];
    for (index, (fault, expected)) in faults.into_iter().enumerate() {
        let bad = match fault {
            Fault::Field(opcode, field, value) => patched(&program, opcode, field, value),
            Fault::Answer(direction, skip, answer) => {
                device.transport().sim().inject(direction, skip, answer);
                program.clone()
            }
        };
        let result = Session::new(&mut device, bad, options.keep).unwrap().run(&input);
        match result {
            Err(RunError::Driver(Error::JobFailed { code, .. })) => {
                assert_eq!(code, expected, "fault {index}");
            }
            other => panic!("fault {index}: {other:?}"),
        }
        device.resume().unwrap();
        let run = Session::new(&mut device, program.clone(), options.keep).unwrap().run(&input).unwrap();
        assert_eq!(compare(&run.layers, &model, options.keep).mismatches, 0, "after fault {index}");
    }
}

#[test]
fn a_completion_that_cannot_be_written_ends_the_wait() {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let shape = Shape { outputs: 20, set: None, raw: true, extreme: false };
    let network = network(40, &[shape], 9).unwrap();
    let program = compile(&network, &config, Options::default()).unwrap();
    let input = Random(10).bytes(40);
    let model = scalar_model(&network, &input).unwrap();
    let mut device = simulator(&config, &SimOptions::default()).unwrap();
    // The first write of all is the completion of the prologue, which loads weights.
    assert!(program.prologue_job().is_some());
    device.transport().sim().inject(Direction::Write, 0, Answer::SlaveError);
    let result = Session::new(&mut device, program.clone(), Keep::Output).unwrap().run(&input);
    assert!(matches!(result, Err(RunError::Driver(Error::LostCompletion { index: 0, .. }))), "{result:?}");
    device.reset().unwrap();
    let run = Session::new(&mut device, program, Keep::Output).unwrap().run(&input).unwrap();
    assert_eq!(compare(&run.layers, &model, Keep::Output).mismatches, 0);
}

#[test]
fn a_read_that_never_completes_wedges_the_device_until_it_is_reset() {
    let config = Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift);
    let shape = Shape { outputs: 20, set: None, raw: true, extreme: false };
    let network = network(40, &[shape], 9).unwrap();
    let options = Options { batch: 3, keep: Keep::Output, ..Options::default() };
    let program = compile(&network, &config, options).unwrap();
    let input = Random(10).bytes(3 * 40);
    let model = scalar_model(&network, &input).unwrap();
    let transport = SimTransport::accelerator(&config, &SimOptions::default()).unwrap();
    let driver = DriverOptions { dma_timeout: Some(3000), ..DriverOptions::default() };
    let mut device = Device::open(transport, driver).unwrap();
    for direction in [Direction::Read, Direction::Write] {
        device.transport().sim().inject(direction, 0, Answer::Lost);
        let result = Session::new(&mut device, program.clone(), options.keep).unwrap().run(&input);
        assert!(matches!(result, Err(RunError::Driver(Error::Wedged { .. }))), "{result:?}");
        assert!(device.transport().sim().wrapper_reset_requested());
        device.reset().unwrap();
        assert!(!device.transport().sim().wrapper_reset_requested());
        let run = Session::new(&mut device, program.clone(), options.keep).unwrap().run(&input).unwrap();
        assert_eq!(compare(&run.layers, &model, options.keep).mismatches, 0);
    }
}
