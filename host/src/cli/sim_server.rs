//! `cbp sim-server`.

use std::ffi::OsString;
use std::num::ParseIntError;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbp_sim::{Link, SimDevice, SimOptions, Timing};
use cbp_sim_server::vfio_user::Server;
use cbp_sim_server::{CardOptions, Options, ServerError, qemu};
use clap::{ArgGroup, Args};

use super::array::Array;

pub const EXAMPLES: &str = "Examples:
  cbp sim-server --vfio-user /tmp/cbp.sock --preset tiny
  cbp sim-server --preset tiny --link gen2x4 --qemu -- qemu-system-x86_64 -accel tcg \\
    -machine q35,memory-backend=m -object memory-backend-memfd,id=m,size=256M,share=on …
The guest needs a q35 machine with shared memory, as above; add `-device intel-iommu,intremap=off` for an IOMMU.";

/// Exit status if QEMU was ended by a signal.
const KILLED: u8 = 2;

#[derive(Args)]
#[command(group = ArgGroup::new("client").required(true))]
pub struct SimServer {
    /// Listen on a socket; serves one client after another
    #[arg(long, value_name = "SOCKET", group = "client")]
    vfio_user: Option<PathBuf>,
    /// Start the command behind `--`, a QEMU, with the device in slot 5 of its bus
    #[arg(long, group = "client", requires = "command")]
    qemu: bool,
    #[command(flatten)]
    array: Array,
    /// Cycles from a read request to its first beat, and from a write to its response
    #[arg(long, default_value_t = 200)]
    latency: u32,
    /// A PCIe link instead: gen2x4, or with options such as gen3x4,latency=800,payload=128,reorder,seed=7
    #[arg(long)]
    link: Option<Link>,
    /// Where in BAR0 the register window begins, as behind wrappers with registers of their own
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = number)]
    window_offset: u32,
    /// MSI-X vectors: 4, or 1 that all interrupts share
    #[arg(long, default_value_t = 4)]
    vectors: u16,
    /// Bits of a bus address that the device can drive
    #[arg(long, value_name = "BITS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(32..=64))]
    dma_bits: u32,
    /// QEMU and its arguments
    #[arg(last = true, requires = "qemu")]
    command: Vec<OsString>,
}

/// A number, also a hexadecimal one.
fn number(text: &str) -> Result<u32, ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    }
}

impl SimServer {
    pub fn run(&self) -> Result<ExitCode> {
        let read_latency = self.latency;
        let timing = match &self.link {
            Some(link) => Timing::Link(link.clone()),
            None => Timing::Fixed { read_latency, write_latency: read_latency.div_ceil(2) },
        };
        let sim = SimOptions { timing, ..SimOptions::default() };
        let device = SimDevice::accelerator(&self.array.config()?, &sim)?;
        match &self.vfio_user {
            Some(path) => self.serve_socket(path, device),
            None => self.serve_qemu(device),
        }
    }

    fn options(&self) -> CardOptions {
        let Options { generation, lanes, .. } = Options::default();
        let (generation, lanes) = self.link.as_ref().map_or((generation, lanes), |l| (l.generation, l.lanes));
        let endpoint =
            Options { vectors: self.vectors, window_offset: self.window_offset, generation, lanes };
        CardOptions { endpoint, dma_bits: self.dma_bits }
    }

    fn serve_socket(&self, path: &Path, device: SimDevice) -> Result<ExitCode> {
        let mut server = Server::new(path, device, self.options())?;
        eprintln!("serving at {}", path.display());
        loop {
            match server.serve() {
                // A client that dies in the middle of a message is no reason to leave the next without a device.
                Err(error @ ServerError::Client(_)) => eprintln!("{error}"),
                other => other?,
            }
        }
    }

    fn serve_qemu(&self, device: SimDevice) -> Result<ExitCode> {
        let (program, arguments) = self.command.split_first().context("no command behind --")?;
        let served = qemu::run(device, self.options(), &program.to_string_lossy(), arguments)?;
        eprintln!(
            "served {} accesses and {} interrupts; the device moved {} bytes, and {} of its accesses hit no memory",
            served.accesses, served.interrupts, served.bytes, served.faults
        );
        let code = served.status.code().and_then(|code| u8::try_from(code).ok());
        Ok(ExitCode::from(code.unwrap_or(KILLED)))
    }
}
