//! Random programs: whatever their fields say, the RTL does what the interpreter of the instruction set does.

use cbp_compiler::interpreter::{Job, Machine, Order, Segments};
use cbp_driver::Device;
use cbp_isa::instruction::{INSTRUCTION_BYTES, Instruction, Opcode};
use cbp_isa::parameters::{encode_parameter, parameter};
use cbp_isa::ring::{ErrorCode, SEGMENTS, command};
use cbp_isa::{Config, Field};
use cbp_numerics::random::Random;
use cbp_sim::{SimDevice, SimTransport};

use super::buffers;
use super::program::{Draw, Engine, RESULTS, SIZES, moved};
use super::queue::{Command, Queue};

const BASES: [Field; 4] =
    [command::SEGMENT0_BASE, command::SEGMENT1_BASE, command::SEGMENT2_BASE, command::SEGMENT3_BASE];
const LENGTHS: [Field; 4] =
    [command::SEGMENT0_LENGTH, command::SEGMENT1_LENGTH, command::SEGMENT2_LENGTH, command::SEGMENT3_LENGTH];
const STRIDES: [Field; 4] = [command::STRIDE0, command::STRIDE1, command::STRIDE2, command::STRIDE3];
/// Segments begin so far below their memory at most, so that offsets use all bits of a segment's length.
const BELOW: u64 = 0xfff0_0000;

/// Instructions with the tokens that put them in order.
pub(super) struct Program {
    instructions: Vec<(Engine, Instruction)>,
    /// Tokens that every instruction gives to every engine that can take them.
    tokens: u64,
    /// Instructions of each engine since the last of each other one.
    since: [[u64; 3]; 3],
}

impl Program {
    pub(super) const fn new(tokens: u64) -> Self {
        Self { instructions: Vec::new(), tokens, since: [[0; 3]; 3] }
    }

    /// Most instructions of one engine that another may wait for.
    const fn most(&self) -> u64 {
        15 / self.tokens
    }

    /// Whether one more fits, if it and all before it are to run in order.
    fn takes(&self, engine: Engine) -> bool {
        Engine::ALL
            .into_iter()
            .filter(|&other| engine.signals(other).is_some())
            .all(|other| self.since[engine as usize][other as usize] < self.most())
    }

    pub(super) fn push(&mut self, engine: Engine, mut instruction: Instruction) -> Result<(), String> {
        let e = engine as usize;
        for other in Engine::ALL {
            let waiting = self.since[other as usize][e] * self.tokens;
            self.since[other as usize][e] = 0;
            self.since[e][other as usize] += 1;
            let [wait, signal] = [engine.waits_for(other), engine.signals(other)];
            for (field, value) in [(wait, waiting), (signal, self.tokens)] {
                if let Some(field) = field {
                    instruction.set(field, value).map_err(|e| e.to_string())?;
                }
            }
        }
        self.instructions.push((engine, instruction));
        Ok(())
    }
}

/// The device, its memory, and the interpreter with the same buffers.
struct Bench<'a> {
    sim: &'a mut SimDevice,
    queue: Queue,
    machine: Machine,
    places: [u64; SEGMENTS],
    memory: Segments,
    random: Random,
}

impl Bench<'_> {
    /// Runs a program on both and compares what STORE wrote and the steps that were counted.
    fn run(&mut self, program: &Program) -> Result<(), String> {
        let random = &mut self.random;
        let repeat = if random.once_in(4) { 2 } else { 1 };
        let mut command = Command::new(random);
        command.set(command::REPEAT, repeat);
        let mut strides = [0; SEGMENTS];
        let below: [u64; SEGMENTS] = std::array::from_fn(|_| (random.bits() % BELOW) & !63);
        for s in 0..SEGMENTS {
            command.set(BASES[s], self.places[s].wrapping_sub(below[s]));
            command.set(LENGTHS[s], below[s] + SIZES[s] as u64 + (random.bits() & 0xffff));
            strides[s] = if repeat == 1 { random.bits() as u32 & !7 } else { 16 * random.below(5) as u32 };
        }
        if repeat > 1 {
            strides[0] = 0;
        }
        for (field, stride) in STRIDES.into_iter().zip(strides) {
            command.set(field, stride.into());
        }
        let end = Instruction::new(Opcode::End);
        let count = program.instructions.len() + 1;
        let start = INSTRUCTION_BYTES * random.below(SIZES[0] / INSTRUCTION_BYTES - count);
        command.set(command::PROGRAM_OFFSET, below[0] + start as u64);
        command.set(command::PROGRAM_LENGTH, count as u64);
        // The device's offsets begin below; the interpreter's segments hold their memory only.
        let (mut image, mut local) = (Vec::new(), Vec::new());
        for (_, instruction) in &program.instructions {
            local.extend(instruction.to_bytes());
            image.extend(moved(instruction, &below)?.to_bytes());
        }
        local.extend(end.to_bytes());
        image.extend(end.to_bytes());
        for (s, place) in self.places.iter().enumerate() {
            self.sim.memory().slice_mut(*place, SIZES[s]).copy_from_slice(&self.memory[s]);
        }
        self.sim.memory().slice_mut(self.places[0] + start as u64, image.len()).copy_from_slice(&image);
        self.memory[0][start..start + local.len()].copy_from_slice(&local);
        let job =
            Job { program_offset: start as u64, program_length: count, repeat: repeat as usize, strides };
        let report = self.machine.run(&job, &mut self.memory, Order::LoadFirst).map_err(|e| e.to_string())?;
        let done = self.queue.run(self.sim, &command)?;
        if done.status != Some(ErrorCode::None) {
            return Err(format!("the device says {:?}", done.status));
        }
        if done.mac_active != report.steps {
            return Err(format!("{} steps instead of {}", done.mac_active, report.steps));
        }
        let mut found = vec![0; SIZES[RESULTS]];
        self.sim.memory().read(self.places[RESULTS], &mut found);
        match found.iter().zip(&self.memory[RESULTS]).position(|(f, e)| f != e) {
            Some(at) => Err(format!("byte {at} is {}, not {}", found[at], self.memory[RESULTS][at])),
            None => Ok(()),
        }
    }
}

/// Parameter records whose sums stay in 48 bits; the bits behind their fields mean nothing.
fn records(bytes: &mut [u8], random: &mut Random) {
    for record in bytes.chunks_exact_mut(16) {
        let shift = 1 + random.below(47) as u8;
        let multiplier = (random.bits() as i16) >> random.below(16);
        let bias = (random.bits().cast_signed() >> 18) >> random.below(46);
        let factor = (random.bits().cast_signed() >> 25) >> random.below(39);
        record.copy_from_slice(&encode_parameter(multiplier, bias, shift, factor));
        let used = parameter::FIELDS.iter().map(|f| f.lsb + f.width).max().unwrap_or(0);
        record[used / 8] |= random.byte().cast_unsigned() << (used % 8);
        record[used.div_ceil(8)..].fill_with(|| random.byte().cast_unsigned());
    }
}

/// `count` random programs, on buffers full of random bytes, do what the interpreter does.
///
/// # Errors
/// One does not.
pub fn as_interpreted(device: &mut Device<SimTransport>, count: u64, seed: u64) -> Result<(), String> {
    let config = device.config().clone();
    let mut random = Random(seed);
    let sim = device.transport().sim();
    let queue = Queue::start(sim, &mut random).map_err(|e| e.to_string())?;
    let places = SIZES.map(|size| sim.memory().allocate(size));
    let memory = SIZES.map(|size| vec![0; size]);
    let machine = Machine::new(&config, 0);
    let mut bench = Bench { sim, queue, machine, places, memory, random };
    for index in 0..=count {
        let random = &mut bench.random;
        bench.memory[1].fill_with(|| random.byte().cast_unsigned());
        records(&mut bench.memory[3], random);
        let program = if index == 0 { buffers::filling(&config)? } else { random_program(&config, random)? };
        let failed = |what: &str, e| {
            let words: Vec<_> = program.instructions.iter().map(|(engine, i)| (engine, i.0)).collect();
            format!("program {index}{what}: {e}\n{words:x?}")
        };
        bench.run(&program).map_err(|e| failed("", e))?;
        bench.run(&buffers::weights(&config)?).map_err(|e| failed(", weights", e))?;
        for part in buffers::activations(&config)? {
            bench.run(&part).map_err(|e| failed(", activations", e))?;
        }
    }
    device.reset().map_err(|e| e.to_string())
}

fn random_program(config: &Config, random: &mut Random) -> Result<Program, String> {
    let mut program = Program::new([1, 1, 2, 3, 5, 7, 15][random.below(7)]);
    let draw = Draw { config };
    for _ in 0..=random.below(8) {
        let (engine, instruction) = draw.instruction(random)?;
        if program.takes(engine) {
            program.push(engine, instruction)?;
        }
    }
    if program.takes(Engine::Store) {
        program.push(Engine::Store, buffers::storing(config)?)?;
    }
    Ok(program)
}
