//! A job as a folder that other testbenches read: `job.json` and `.bin` files (see tests/cocotb/README.md).

use std::error::Error;
use std::path::Path;

use cbp_isa::registers::{MAGIC_VALUE, REGISTERS};
use cbp_isa::ring::{COMMAND_BYTES, FLAG_INTERRUPT, SEGMENTS, command};
use cbp_isa::{Config, Field, ISA_VERSION};
use serde_json::{Value, json};

/// What a job reads or writes.
pub enum Memory {
    Contents(Vec<u8>),
    /// Zeros before, these bytes after the job.
    Expected(Vec<u8>),
}

impl Memory {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Contents(bytes) | Self::Expected(bytes) => bytes,
        }
    }
}

/// A job: segment 0 begins with the program.
pub struct JobFolder<'a> {
    pub config: &'a Config,
    pub instructions: usize,
    pub segments: Vec<(&'static str, Memory)>,
}

/// Beyond 4 GiB, so that addresses need their high halves.
const BASE: u64 = 0x12_3450_0000;
const PAGE: u64 = 4096;
/// Bytes behind every segment that must stay 0.
const GUARD: u64 = 4096;

impl JobFolder<'_> {
    /// Writes the folder.
    pub fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        std::fs::create_dir_all(folder)?;
        let mut address = BASE;
        let mut place = |bytes: u64| {
            let here = address;
            address += (bytes + GUARD).next_multiple_of(PAGE);
            here
        };
        let (command_ring, completion_ring) = (place(PAGE), place(PAGE));
        let mut entry = [0_u64; COMMAND_BYTES / 8];
        let mut set = |field: Field, value: u64| entry[field.lsb / 64] |= value << (field.lsb % 64);
        let cookie = 0x0123_4567_89ab_cdef;
        set(command::COOKIE, cookie);
        set(command::FLAGS, FLAG_INTERRUPT);
        set(command::PROGRAM_LENGTH, self.instructions as u64);
        set(command::REPEAT, 1);
        let fields: [(Field, Field); SEGMENTS] = [
            (command::SEGMENT0_BASE, command::SEGMENT0_LENGTH),
            (command::SEGMENT1_BASE, command::SEGMENT1_LENGTH),
            (command::SEGMENT2_BASE, command::SEGMENT2_LENGTH),
            (command::SEGMENT3_BASE, command::SEGMENT3_LENGTH),
        ];
        let mut memories: Vec<Value> = Vec::new();
        for ((name, memory), (base, length)) in self.segments.iter().zip(fields) {
            let bytes = memory.bytes();
            let address = place(bytes.len() as u64);
            set(base, address);
            set(length, bytes.len() as u64);
            let file = format!("{name}.bin");
            std::fs::write(folder.join(&file), bytes)?;
            let (contents, expected) = match memory {
                Memory::Contents(_) => (Some(&file), None),
                Memory::Expected(_) => (None, Some(&file)),
            };
            memories.push(json!({
                "name": name, "address": address, "bytes": bytes.len(), "contents": contents, "expected": expected,
            }));
        }
        let entry: Vec<u8> = entry.iter().flat_map(|word| word.to_le_bytes()).collect();
        std::fs::write(folder.join("command.bin"), entry)?;
        let registers: serde_json::Map<String, Value> =
            REGISTERS.iter().map(|r| (r.name.to_owned(), r.offset.into())).collect();
        let job = json!({
            "axi_bits": self.config.axi_bits,
            "memory": {"base": BASE, "bytes": (address - BASE).next_power_of_two()},
            "command_ring": command_ring,
            "completion_ring": completion_ring,
            "command": "command.bin",
            "cookie": cookie,
            "memories": memories,
            "registers": registers,
            "identity": self.identity(),
        });
        std::fs::write(folder.join("job.json"), serde_json::to_string_pretty(&job)? + "\n")?;
        Ok(())
    }

    /// What the first registers must read.
    fn identity(&self) -> Value {
        let [array, set, activations, weights, parameters, outputs, residuals, lines] =
            self.config.to_registers();
        json!({
            "MAGIC": MAGIC_VALUE,
            "ISA_VERSION": ISA_VERSION,
            "CONFIG_ARRAY": array,
            "CONFIG_SET": set,
            "CONFIG_ACTIVATIONS": activations,
            "CONFIG_WEIGHTS": weights,
            "CONFIG_PARAMETERS": parameters,
            "CONFIG_OUTPUTS": outputs,
            "CONFIG_RESIDUALS": residuals,
            "CONFIG_LINES": lines,
        })
    }
}
