//! A card on the bus of a QEMU guest, by QEMU's multi-process protocol (device `x-pci-proxy-dev`).
//!
//! - [`run`]: starts QEMU and serves it until it ends; [`Served`] says what went to and fro
//!
//! Below: `message` (the protocol), `memory` (guest memory), `qtest` (the test socket), `interrupt` and `iommu` (what
//! goes over it).
//!
//! The guest needs shared memory, and the machine q35:
//!
//! ```text
//! qemu-system-x86_64 -accel tcg -machine q35,memory-backend=m -object memory-backend-memfd,id=m,size=256M,share=on …
//! ```
//!
//! Interrupts go over the test socket, because the protocol has none that work without hardware virtualisation.

mod interrupt;
mod iommu;
mod memory;
mod message;
mod qtest;

use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cbp_sim::SimDevice;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::card::{Card, CardOptions, Interrupts};
use crate::dma::ClientMemory;
use crate::error::ServerError;
use interrupt::GuestInterrupts;
use iommu::{Iommu, Requester};
use memory::GuestMemory;
use message::{Message, answer, receive};
use qtest::Qtest;

/// Slot of the card on the root bus; the interrupt line and the IOMMU's tables depend on it.
const SLOT: u8 = 5;
/// How long QEMU may take to connect.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a read of nothing gives.
const ALL_ONES: u64 = u64::MAX;

/// What a guest did with its card.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// How QEMU ended.
    pub status: ExitStatus,
    /// Reads and writes of BARs.
    pub accesses: u64,
    /// Interrupts: messages, and times the line was raised.
    pub interrupts: u64,
    /// Bytes that the device read and wrote.
    pub bytes: u64,
    /// Accesses of the device that hit no memory.
    pub faults: u64,
}

/// Starts QEMU with the card in slot 5 of its bus, and serves it until it ends.
///
/// # Errors
/// QEMU cannot be started, breaks the protocol, or the model stopped.
pub fn run(
    device: SimDevice,
    options: CardOptions,
    program: &str,
    arguments: &[OsString],
) -> Result<Served, ServerError> {
    let folder = tempfile::tempdir().map_err(ServerError::io("cannot make a folder for a socket"))?;
    let path = folder.path().join("qtest");
    let listener = UnixListener::bind(&path)
        .map_err(|error| ServerError::Listen { path: path.clone(), cause: error.into() })?;
    let (ours, theirs) = UnixStream::pair().map_err(ServerError::io("cannot make a socket pair"))?;
    // QEMU inherits its end.
    fcntl_setfd(&theirs, FdFlags::empty()).map_err(ServerError::io("cannot hand a socket on"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg("-device")
        .arg(format!("x-pci-proxy-dev,id=cbp,fd={},addr={SLOT:#x}", theirs.as_raw_fd()))
        .arg("-qtest")
        .arg(format!("unix:{}", path.display()))
        .args(["-qtest-log", "none"]);
    let child = command.spawn().map_err(|error| ServerError::Start { program: program.to_owned(), error })?;
    let mut qemu = Qemu(child);
    drop(theirs);
    let qtest = accept(&listener, &mut qemu.0).and_then(Qtest::new);
    let qtest = Arc::new(qtest.map_err(|error| ServerError::NoConnection(error.to_string()))?);

    let requester = Requester { bus: 0, function: SLOT << 3 };
    let iommu = Box::new(Iommu::new(Arc::clone(&qtest), requester));
    let memory = Arc::new(ClientMemory::new(options.dma_bits, Some(iommu)));
    let interrupts = Arc::new(GuestInterrupts::new(qtest));
    let card = Card::new(device, options, memory, Arc::clone(&interrupts) as Arc<dyn Interrupts>)?;
    let accesses = serve(&card, ours)?;
    let status = qemu.0.wait().map_err(ServerError::io("cannot wait for QEMU"))?;
    let memory = card.memory();
    let (bytes, faults) = (memory.bytes(), memory.faults());
    Ok(Served { status, accesses, interrupts: interrupts.sent(), bytes, faults })
}

/// QEMU, which does not outlive its card.
struct Qemu(Child);

impl Drop for Qemu {
    fn drop(&mut self) {
        // Both fail if it has ended, which is all that is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for QEMU to connect, unless it ends before.
fn accept(listener: &UnixListener, qemu: &mut Child) -> io::Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) => {}
        }
        if let Some(status) = qemu.try_wait()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        if start.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Answers QEMU until it ends; gives the number of BAR accesses.
fn serve(card: &Card, mut stream: UnixStream) -> Result<u64, ServerError> {
    let mut guest = GuestMemory::default();
    let mut accesses = 0;
    while let Some(message) = receive(&mut stream)? {
        let value = match message {
            Message::Memory(sections) => {
                guest.update(card.memory(), sections)?;
                continue;
            }
            Message::SetIrqFd => continue,
            Message::ConfigRead { at, length } => u64::from(card.config_read(at, length)),
            Message::ConfigWrite { at, length, value } => {
                card.config_write(at, length, value)?;
                0
            }
            Message::BarRead { address, length } => {
                accesses += 1;
                let mut bytes = ALL_ONES.to_le_bytes();
                if let Some((bar, offset)) = card.decode(address) {
                    card.bar_read(bar, offset, &mut bytes[..length]);
                }
                u64::from_le_bytes(bytes) & ALL_ONES >> (64 - 8 * length)
            }
            Message::BarWrite { address, length, value } => {
                accesses += 1;
                if let Some((bar, offset)) = card.decode(address) {
                    card.bar_write(bar, offset, &value.to_le_bytes()[..length])?;
                }
                0
            }
            Message::Reset => {
                card.reset()?;
                0
            }
        };
        answer(&mut stream, value)?;
    }
    Ok(accesses)
}
