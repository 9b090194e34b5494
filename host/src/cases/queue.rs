//! The rings without the driver, which would refuse what these cases ask for.

use cbp_isa::Field;
use cbp_isa::registers::{self, Register, control};
use cbp_isa::ring::{COMMAND_BYTES, COMPLETION_BYTES, ErrorCode, command, completion};
use cbp_numerics::random::Random;
use cbp_sim::{SimDevice, SimError};

/// Cycles that one command may take.
const LIMIT: u64 = 10_000_000;

/// A command entry.
#[derive(Clone, Debug)]
pub struct Command(pub [u64; COMMAND_BYTES / 8]);

impl Command {
    /// A random cookie and interrupt flag, one run, no segments.
    pub fn new(random: &mut Random) -> Self {
        let mut command = Self([0; COMMAND_BYTES / 8]);
        command.set(command::COOKIE, random.bits());
        // Only one flag means something.
        command.set(command::FLAGS, random.bits());
        command.set(command::REPEAT, 1);
        command
    }

    /// Sets a field to the low bits of `value`.
    pub const fn set(&mut self, field: Field, value: u64) {
        put(&mut self.0, field, value);
    }

    /// A field.
    #[must_use]
    pub const fn get(&self, field: Field) -> u64 {
        get(&self.0, field)
    }
}

/// Fields of entries lie in one 64-bit word each.
const fn put(words: &mut [u64], field: Field, value: u64) {
    let (word, shift) = (field.lsb / 64, field.lsb % 64);
    words[word] = words[word] & !(field.max() << shift) | (value & field.max()) << shift;
}

const fn get(words: &[u64], field: Field) -> u64 {
    words[field.lsb / 64] >> (field.lsb % 64) & field.max()
}

/// Both rings, in memory of their own.
pub struct Queue {
    commands: u64,
    completions: u64,
    log2: u32,
    index: u32,
}

/// What a completion says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// 0, or an error code.
    pub status: Option<ErrorCode>,
    /// Steps of the array.
    pub mac_active: u64,
    /// Cycles COMPUTE waited for LOAD.
    pub wait_load: u64,
    /// And for STORE.
    pub wait_store: u64,
}

impl Queue {
    /// Resets the device and gives it rings of a random size.
    ///
    /// # Errors
    /// A register that does not answer.
    pub fn start(sim: &mut SimDevice, random: &mut Random) -> Result<Self, SimError> {
        let log2 = if random.once_in(4) { random.below(16) } else { random.below(5) } as u32;
        Self::with_entries(sim, log2, random)
    }

    /// As [`Queue::start`], with rings of 2^`log2` entries.
    ///
    /// # Errors
    /// A register that does not answer.
    pub fn with_entries(sim: &mut SimDevice, log2: u32, random: &mut Random) -> Result<Self, SimError> {
        sim.reset()?;
        let entries = 1 << log2;
        let commands = sim.memory().allocate(entries * COMMAND_BYTES);
        let completions = sim.memory().allocate(entries * COMPLETION_BYTES);
        let mut write = |register: Register, value| sim.write32(register.offset, value);
        write(registers::QUEUE_COMMAND_BASE_LO, commands as u32)?;
        write(registers::QUEUE_COMMAND_BASE_HI, (commands >> 32) as u32)?;
        write(registers::QUEUE_COMMAND_LOG2, log2)?;
        write(registers::QUEUE_COMPLETION_BASE_LO, completions as u32)?;
        write(registers::QUEUE_COMPLETION_BASE_HI, (completions >> 32) as u32)?;
        write(registers::QUEUE_COMPLETION_LOG2, log2)?;
        write(registers::BURST_LIMIT, 256 << random.below(5))?;
        write(registers::IRQ_ENABLE, 7)?;
        write(registers::QUEUE_ENABLE, 1)?;
        Ok(Self { commands, completions, log2, index: 0 })
    }

    /// Runs one command to its completion.
    ///
    /// # Errors
    /// None comes, or it belongs to another command, or the interrupt is not as asked for.
    pub fn run(&mut self, sim: &mut SimDevice, entry: &Command) -> Result<Done, String> {
        let failed = |e: SimError| e.to_string();
        let index = self.submit(sim, std::slice::from_ref(entry))?;
        let done = self.wait(sim, entry, index)?;
        sim.run(4).map_err(failed)?;
        let irq = u64::from(sim.irq());
        let cause = entry.get(command::FLAGS) & 1 | u64::from(done.status != Some(ErrorCode::None)) << 1;
        if irq != cause {
            return Err(format!("interrupts {irq:#b} instead of {cause:#b}"));
        }
        sim.write32(registers::IRQ_STATUS.offset, 7).map_err(failed)?;
        Ok(done)
    }

    /// Rings once for these commands, for which there must be room; gives the index of the first.
    ///
    /// # Errors
    /// The device does not answer.
    pub fn submit(&mut self, sim: &mut SimDevice, entries: &[Command]) -> Result<u32, String> {
        let first = self.index;
        for entry in entries {
            let bytes: Vec<u8> = entry.0.iter().flat_map(|word| word.to_le_bytes()).collect();
            let at = self.commands + self.slot(self.index) * COMMAND_BYTES as u64;
            sim.memory().slice_mut(at, COMMAND_BYTES).copy_from_slice(&bytes);
            self.index = self.index.wrapping_add(1);
        }
        let producer = registers::QUEUE_COMMAND_PRODUCER.offset;
        sim.write32(producer, self.index).map_err(|e| e.to_string())?;
        Ok(first)
    }

    /// Waits for the completion of the command with this index, and gives its place back.
    ///
    /// # Errors
    /// None comes, or it belongs to another command.
    pub fn wait(&self, sim: &mut SimDevice, entry: &Command, index: u32) -> Result<Done, String> {
        let failed = |e: SimError| e.to_string();
        let phase = u64::from(index >> self.log2 & 1 == 0);
        let at = self.completions + self.slot(index) * COMPLETION_BYTES as u64;
        let completion = |sim: &SimDevice| {
            let mut bytes = [0; COMPLETION_BYTES];
            sim.memory().read(at, &mut bytes);
            let mut words = [0; COMPLETION_BYTES / 8];
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            words
        };
        sim.run_until(|sim| get(&completion(sim), completion::PHASE) == phase, LIMIT).map_err(failed)?;
        // The device counts the completion when its response has arrived.
        let counted = registers::QUEUE_COMPLETION_PRODUCER.offset;
        while sim.read32(counted).map_err(failed)?.wrapping_sub(index).cast_signed() <= 0 {}
        let words = completion(sim);
        let found = (get(&words, completion::COOKIE), get(&words, completion::SEQUENCE));
        let expected = (entry.get(command::COOKIE), u64::from(index));
        if found != expected {
            return Err(format!("cookie and sequence are {found:x?}, not {expected:x?}"));
        }
        let consumer = registers::QUEUE_COMPLETION_CONSUMER.offset;
        sim.write32(consumer, index.wrapping_add(1)).map_err(failed)?;
        Ok(Done {
            status: ErrorCode::from_u32(get(&words, completion::STATUS) as u32),
            mac_active: get(&words, completion::MAC_ACTIVE),
            wait_load: get(&words, completion::WAIT_LOAD),
            wait_store: get(&words, completion::WAIT_STORE),
        })
    }

    fn slot(&self, index: u32) -> u64 {
        u64::from(index & ((1 << self.log2) - 1))
    }
}

/// Lets a halted device go on.
///
/// # Errors
/// It does not answer.
pub fn resume(sim: &mut SimDevice) -> Result<(), String> {
    let failed = |e: SimError| e.to_string();
    sim.write32(registers::CONTROL.offset, control::RESUME).map_err(failed)?;
    sim.run(8).map_err(failed)?;
    sim.write32(registers::IRQ_STATUS.offset, 7).map_err(failed)
}
