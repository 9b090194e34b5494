//! The server for QEMU without QEMU: another process of this test sends its messages, and runs the driver over them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

#[path = "../../tests/common/mod.rs"]
mod common;

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cbp_driver::memory::Mapped;
use cbp_driver::{Device, DmaMemory, Error, Identity, Options, OutOfRange, Reset, Transport, TransportError};
use cbp_hdl::TOP;
use cbp_isa::ring::ErrorCode;
use cbp_sim::{SimDevice, SimOptions};
use cbp_sim_server::{CardOptions, qemu};
use common::{config, contents, copy, lend, pattern, quick, text};
use memmap2::MmapOptions;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

const DEADLINE: Duration = Duration::from_secs(20);
/// Guest memory: page tables first, the device's memory from its second 2 MiB on.
const MEMORY: usize = 4 << 20;
const DATA: usize = 2 << 20;
/// Where the device sees guest memory, and where it sees none.
const SEEN: u64 = 1 << 30;
const UNSEEN: u64 = 2 << 30;
const BAR0: u64 = 0xfe00_0000;
const BAR2: u64 = 0xfd00_0000;
const MESSAGE: (u64, u32) = (0xfee0_1000, 0x4021);

/// What QEMU's end of the socket sends.
struct Wire(UnixStream);

impl Wire {
    fn send(&mut self, command: u32, payload: &[u8], file: Option<&File>) {
        let mut header = [0; 16];
        header[0..4].copy_from_slice(&command.to_le_bytes());
        header[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        let fds: Vec<_> = file.iter().map(|file| file.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        }
        sendmsg(&self.0, &[IoSlice::new(&header)], &mut ancillary, SendFlags::empty()).unwrap();
        self.0.write_all(payload).unwrap();
    }

    fn answer(&mut self) -> Result<u64, TransportError> {
        let mut bytes = [0; 24];
        self.0.read_exact(&mut bytes).map_err(|_| TransportError::Gone)?;
        Ok(u64::from_le_bytes(*bytes.last_chunk().unwrap()))
    }

    fn config(&mut self, at: u32, value: u32, length: u32) {
        let words = [at, value, length].map(u32::to_le_bytes);
        self.send(2, words.as_flattened(), None);
        self.answer().unwrap();
    }

    fn bar(&mut self, command: u32, address: u64, value: u32) -> Result<u32, TransportError> {
        let words = [address, u64::from(value), 4 | 1 << 32].map(u64::to_le_bytes);
        self.send(command, words.as_flattened(), None);
        Ok(self.answer()? as u32)
    }

    /// What a kernel and vfio-pci do: addresses, memory accesses, MSI-X with its first vector.
    fn set_up(&mut self) {
        self.config(0x10, BAR0 as u32, 4);
        self.config(0x18, BAR2 as u32, 4);
        self.config(4, 2, 2);
        for (at, value) in [(0, MESSAGE.0 as u32), (4, 0), (8, MESSAGE.1), (12, 0)] {
            self.bar(4, BAR2 + at, value).unwrap();
        }
        self.config(0x52, 0x8000, 2);
    }
}

/// The driver's way to the card.
struct Guest {
    wire: Wire,
    memory: Arc<Mapped>,
    next: usize,
    seen: u64,
    start: Instant,
    interrupts: Arc<AtomicU32>,
    heard: u32,
}

struct GuestDma {
    memory: Arc<Mapped>,
    offset: usize,
    size: usize,
    seen: u64,
}

impl DmaMemory for GuestDma {
    fn bus_address(&self) -> u64 {
        self.seen + self.offset as u64
    }
    fn size(&self) -> usize {
        self.size
    }
    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        self.memory.read(self.offset + offset, bytes)
    }
    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        self.memory.write(self.offset + offset, bytes)
    }
    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        self.memory.read_u32(self.offset + offset)
    }
}

impl Transport for Guest {
    type Dma = GuestDma;

    fn identity(&self) -> Identity {
        Identity { name: "guest".to_owned(), vendor: 0, device: 0 }
    }
    fn read32(&mut self, offset: u32) -> Result<u32, TransportError> {
        self.wire.bar(5, BAR0 + u64::from(offset), 0)
    }
    fn write32(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        self.wire.bar(4, BAR0 + u64::from(offset), value).map(|_| ())
    }
    fn allocate(&mut self, bytes: usize) -> Result<GuestDma, TransportError> {
        let offset = self.next;
        self.next += bytes.next_multiple_of(4096);
        assert!(self.next <= MEMORY);
        Ok(GuestDma { memory: Arc::clone(&self.memory), offset, size: bytes, seen: self.seen })
    }
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
    /// Only an interrupt ends it.
    fn wait_interrupt(&mut self, until: Duration) -> Result<(), TransportError> {
        while self.interrupts.load(Ordering::Acquire) == self.heard && self.now() < until {
            thread::sleep(Duration::from_micros(100));
        }
        self.heard = self.interrupts.load(Ordering::Acquire);
        Ok(())
    }
    fn enable_dma(&mut self) -> Result<(), TransportError> {
        self.wire.config(4, 6, 2);
        Ok(())
    }
    fn reset(&mut self, _: Reset) -> Result<(), TransportError> {
        self.wire.config(0x68, 1 << 15, 2);
        assert_eq!(self.wire.bar(5, BAR0, 0)?, u32::MAX, "no BAR has an address after a reset");
        self.wire.set_up();
        Ok(())
    }
}

/// Answers the test socket: counts messages, says that the IOMMU translates.
fn answer_questions(stream: UnixStream, interrupts: &AtomicU32) {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap_or(0) > 0 {
        let answer = match line.trim() {
            "readl 0xfed9001c" => "OK 0x0000000080000000\n",
            "readq 0xfed90020" => "OK 0x0000000000001000\n",
            message => {
                assert_eq!(message, format!("writel {:#x} {:#x}", MESSAGE.0, MESSAGE.1));
                interrupts.fetch_add(1, Ordering::Release);
                "OK\n"
            }
        };
        if lines.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
        line.clear();
    }
}

/// Tables that show the second 2 MiB of memory to slot 5, at [`SEEN`].
fn write_tables(memory: &Mapped) {
    for (at, entry) in [
        (0x1000, 0x2001_u64),
        (0x2280, 0x3001),
        (0x2288, 1), // three levels
        (0x3008, 0x4003),
        (0x4008, DATA as u64 | 0x83),
    ] {
        memory.write(at, &entry.to_le_bytes()).unwrap();
    }
}

/// Not a test: what is started as QEMU by the one below.
#[test]
#[ignore = "plays QEMU for another test"]
fn play_qemu() {
    let arguments: Vec<String> = std::env::args().collect();
    let value =
        |name: &str| arguments.iter().find_map(|a| a.split(',').find_map(|part| part.strip_prefix(name)));
    let (Some(fd), Some(path)) = (value("fd="), value("unix:")) else { return };
    let interrupts = Arc::new(AtomicU32::new(0));
    let qtest = UnixStream::connect(path).unwrap();
    let counted = Arc::clone(&interrupts);
    thread::spawn(move || answer_questions(qtest, &counted));
    // SAFETY: the server made this descriptor for this process, and nothing else here owns it.
    #[allow(unsafe_code)]
    let mut wire = Wire(unsafe { UnixStream::from_raw_fd(fd.parse().unwrap()) });
    let file = tempfile::tempfile().unwrap();
    file.set_len(MEMORY as u64).unwrap();
    let memory = Arc::new(Mapped::new(MmapOptions::new().len(MEMORY).map_raw(&file).unwrap()));
    write_tables(&memory);
    let mut sections = [0; 192];
    sections[64..72].copy_from_slice(&(MEMORY as u64).to_le_bytes());
    wire.send(0, &sections, Some(&file));
    wire.send(7, &[], None);
    wire.answer().unwrap();
    wire.set_up();

    let start = Instant::now();
    let guest = Guest { wire, memory, next: DATA, seen: SEEN, start, interrupts, heard: 0 };
    let mut device = Device::open(guest, Options::default()).unwrap();
    run_copies(&mut device);
    let (from, good) = (lend(&mut device, &[0; 256]), lend(&mut device, &[0; 256]));
    device.transport().seen = UNSEEN;
    let nowhere = lend(&mut device, &[0; 256]);
    device.transport().seen = SEEN;
    let job = copy(&mut device, &from, &nowhere);
    let ticket = device.submit(&job).unwrap();
    let failed = device.wait(ticket, DEADLINE).unwrap_err();
    assert!(matches!(failed, Error::JobFailed { code: ErrorCode::WriteResponse, .. }), "{failed:?}");
    device.transport().reset(Reset::Function).unwrap();
    device.reset().unwrap();
    let job = copy(&mut device, &from, &good);
    let ticket = device.submit(&job).unwrap();
    device.wait(ticket, DEADLINE).unwrap();
}

fn run_copies(device: &mut Device<Guest>) {
    for round in 0..8 {
        let bytes = 8 * (1 + round as usize * 97);
        let (from, to) = (lend(device, &pattern(bytes, round)), lend(device, &vec![0; bytes]));
        let job = copy(device, &from, &to);
        let ticket = device.submit(&job).unwrap();
        device.wait(ticket, DEADLINE).unwrap();
        drop(job);
        assert_eq!(contents(to), pattern(bytes, round));
    }
}

#[test]
fn a_guest_runs_jobs() {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        let sim = SimOptions { timing: quick(), ..SimOptions::default() };
        let device = SimDevice::new(&text(), TOP, &config(), &sim).unwrap();
        let program = std::env::current_exe().unwrap();
        let arguments = ["--exact", "play_qemu", "--ignored", "--"].map(OsString::from);
        let served = qemu::run(device, CardOptions::default(), program.to_str().unwrap(), &arguments);
        ended.send(served.map_err(|error| error.to_string()))
    });
    let served = end.recv_timeout(3 * DEADLINE).expect("the server panicked or hangs").unwrap();
    assert!(served.status.success(), "{:?}", served.status);
    assert!(served.interrupts >= 9 && served.accesses > 100, "{served:?}");
    assert!(served.faults > 0 && served.bytes > 2 * 8 * 97 * 28, "{served:?}");
}

#[test]
fn a_program_that_is_no_qemu() {
    let sim = SimOptions { timing: quick(), ..SimOptions::default() };
    let device = || SimDevice::new(&text(), TOP, &config(), &sim).unwrap();
    let start = Instant::now();
    let missing = qemu::run(device(), CardOptions::default(), "/nonexistent/qemu", &[]).unwrap_err();
    assert!(missing.to_string().contains("install QEMU"), "{missing}");
    let other = qemu::run(device(), CardOptions::default(), "false", &[]).unwrap_err();
    assert!(other.to_string().contains("did not connect"), "{other}");
    assert!(start.elapsed() < DEADLINE);
}
