//! The small test device with the numbers of the table.
#![allow(dead_code)] // every test file uses a part

use std::fmt::Write;

use cbp_driver::{Device, DeviceBuffer, DmaMemory, Job, Options, Segment, Transport};
use cbp_hdl::TOP;
use cbp_isa::registers::{MAGIC_VALUE, REGISTERS};
use cbp_isa::{Config, ISA_VERSION, Preset, WeightSet};
use cbp_sim::{SimDma, SimOptions, SimTransport, Timing};

pub type SimulatedDevice = Device<SimTransport>;
pub type Memory = DeviceBuffer<SimDma>;

pub fn config() -> Config {
    Preset::named("tiny").unwrap().config(WeightSet::OneBitShift)
}

/// `tests/device.v` with its registers.
pub fn text() -> String {
    let mut text = String::new();
    for r in REGISTERS {
        writeln!(text, "`define {} 16'h{:x}", r.name, r.offset).unwrap();
    }
    let [array, set, activations, weights, parameters, outputs, residuals, lines] = config().to_registers();
    for (name, value) in [
        ("MAGIC", MAGIC_VALUE),
        ("ISA_VERSION", ISA_VERSION),
        ("CONFIG_ARRAY", array),
        ("CONFIG_SET", set),
        ("CONFIG_ACTIVATIONS", activations),
        ("CONFIG_WEIGHTS", weights),
        ("CONFIG_PARAMETERS", parameters),
        ("CONFIG_OUTPUTS", outputs),
        ("CONFIG_RESIDUALS", residuals),
        ("CONFIG_LINES", lines),
    ] {
        writeln!(text, "`define {name}_VALUE 32'h{value:x}").unwrap();
    }
    text + include_str!("../device.v")
}

pub fn transport(timing: Timing) -> SimTransport {
    let options = SimOptions { timing, ..SimOptions::default() };
    SimTransport::new(&text(), TOP, &config(), &options).unwrap()
}

pub fn open(timing: Timing, options: Options) -> SimulatedDevice {
    Device::open(transport(timing), options).unwrap()
}

pub fn quick() -> Timing {
    Timing::Fixed { read_latency: 20, write_latency: 10 }
}

/// Memory with these bytes, for a job.
pub fn lend<T: Transport>(device: &mut Device<T>, bytes: &[u8]) -> DeviceBuffer<T::Dma> {
    let mut memory = device.allocate(bytes.len()).unwrap();
    memory.write(0, bytes).unwrap();
    memory.lend()
}

/// A job that copies one memory to another.
pub fn copy<T: Transport>(
    device: &mut Device<T>,
    from: &DeviceBuffer<T::Dma>,
    to: &DeviceBuffer<T::Dma>,
) -> Job<T::Dma> {
    let mut job = Job::new(Segment::all(lend(device, &[0; 64])), 1);
    job.segments[1] = Some(Segment::all(from.clone()));
    job.segments[2] = Some(Segment::all(to.clone()));
    job
}

/// Bytes that differ from address to address.
pub fn pattern(bytes: usize, seed: u32) -> Vec<u8> {
    (0..bytes as u32).map(|i| ((i ^ seed).wrapping_mul(0x9e37_79b9) >> 24) as u8).collect()
}

/// What is in a memory that no job has any more.
pub fn contents(memory: DeviceBuffer<impl DmaMemory>) -> Vec<u8> {
    let memory = memory.reclaim().unwrap();
    let mut bytes = vec![0; memory.size()];
    memory.read(0, &mut bytes).unwrap();
    bytes
}
