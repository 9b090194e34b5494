//! Clients that this project did not write: the server survives whatever they send, says what was wrong, and serves the
//! next.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

#[path = "../../tests/common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use cbp_driver::backends::vfio_user::{VfioUserError, VfioUserTransport};
use cbp_driver::{Device, Options};
use cbp_hdl::TOP;
use cbp_isa::registers::{MAGIC, MAGIC_VALUE};
use cbp_sim::{SimDevice, SimOptions};
use cbp_sim_server::vfio_user::Server;
use cbp_sim_server::{CardOptions, ServerError};
use common::{config, contents, copy, lend, pattern, quick, text};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

const DEADLINE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(5);
/// Commands.
const VERSION: u16 = 1;
const DMA_MAP: u16 = 2;
const GET_INFO: u16 = 4;
const GET_REGION_INFO: u16 = 5;
const GET_IRQ_INFO: u16 = 7;
const SET_IRQS: u16 = 8;
const REGION_READ: u16 = 9;
const REGION_WRITE: u16 = 10;
/// Regions.
const BAR0: u32 = 0;
const CONFIG: u32 = 7;
const MSIX: u32 = 2;

/// A server that serves until its process ends, and what it said of each client.
struct Served {
    path: PathBuf,
    said: Receiver<Option<String>>,
    _folder: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        let sim = SimOptions { timing: quick(), ..SimOptions::default() };
        let device = SimDevice::new(&text(), TOP, &config(), &sim).unwrap();
        let mut server = Server::new(&path, device, CardOptions::default()).unwrap();
        let (says, said) = mpsc::channel();
        thread::spawn(move || {
            loop {
                let said = match server.serve() {
                    Ok(()) => None,
                    Err(error @ ServerError::Client(_)) => Some(error.to_string()),
                    Err(error) => panic!("{error}"),
                };
                if says.send(said).is_err() {
                    return;
                }
            }
        });
        Self { path, said, _folder: folder }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A client that agreed on the version.
    fn agree(&self) -> UnixStream {
        let mut stream = self.connect();
        let (error, _) = ask(&mut stream, VERSION, b"\0\0\x01\0{}\0");
        assert_eq!(error, 0);
        stream
    }

    /// What is said of a client that sends this and leaves.
    fn says(&self, bytes: &[u8]) -> Option<String> {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes); // the server may have had enough
        drop(stream);
        self.left()
    }

    /// What is said of the client that has just left.
    fn left(&self) -> Option<String> {
        self.said.recv_timeout(DEADLINE).expect("the server died, or does not see that its client left")
    }

    /// A client of this project, and a job.
    fn still_works(&self) {
        let mut device = open(&self.path).unwrap();
        let (from, to) = (lend(&mut device, &pattern(4096, 7)), lend(&mut device, &[0; 4096]));
        let job = copy(&mut device, &from, &to);
        let ticket = device.submit(&job).unwrap();
        device.wait(ticket, DEADLINE).unwrap();
        drop(job);
        assert_eq!(contents(to), pattern(4096, 7));
        drop(device);
        assert_eq!(self.left(), None);
    }
}

fn open(path: &Path) -> Result<Device<VfioUserTransport>, VfioUserError> {
    let transport = VfioUserTransport::open(path, 0)?;
    Ok(Device::open(transport, Options::default()).unwrap())
}

fn header(command: u16, size: u32, flags: u32) -> Vec<u8> {
    let numbers = [7, command].map(u16::to_ne_bytes);
    [numbers.as_flattened(), [size, flags, 0].map(u32::to_ne_bytes).as_flattened()].concat()
}

fn message(command: u16, body: &[u8]) -> Vec<u8> {
    [header(command, 16 + body.len() as u32, 0), body.to_vec()].concat()
}

fn words<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.map(u32::to_ne_bytes).as_flattened().to_vec()
}

/// An access: where it begins, its region, its bytes.
fn access(offset: u64, region: u32, count: u32) -> Vec<u8> {
    words([offset as u32, (offset >> 32) as u32, region, count])
}

/// Error and body of the reply.
fn ask(stream: &mut UnixStream, command: u16, body: &[u8]) -> (i32, Vec<u8>) {
    stream.write_all(&message(command, body)).unwrap();
    let mut header = [[0; 4]; 4];
    stream.read_exact(header.as_flattened_mut()).unwrap();
    let [_, size, flags, error] = header.map(u32::from_ne_bytes);
    assert_eq!(flags, if error == 0 { 1 } else { 0x21 }, "a refusal has its reason");
    let mut body = vec![0; size as usize - 16];
    stream.read_exact(&mut body).unwrap();
    (error.cast_signed(), body)
}

#[test]
fn what_is_no_message_ends_the_connection() {
    let served = Served::new();
    for (bytes, expected) in [
        (vec![1, 0, 1], "in the middle of a header"),
        (header(VERSION, 3, 0), "has 3 bytes"),
        (header(VERSION, u32::MAX, 0), "has 4294967295 bytes"),
        (vec![0; 64], "has 0 bytes"),
        (vec![0xff; 64], "flags 0xffffffff"),
        (header(VERSION, 16, 1), "flags 0x1"),
        (header(VERSION, 40, 0), "client: "), // and nothing behind it
        (header(VERSION, 16, 0), "first message"),
        (message(VERSION, b"\0\0\x01\0{}"), "first message"), // no end of the text
        (message(VERSION, b"\0\0\x01\0{\0}\0"), "first message"), // two ends
        (message(VERSION, b"\x07\0\x01\0{}\0"), "first message"), // version 7
        (message(REGION_READ, &access(0, CONFIG, 4)), "first message, command 9"),
    ] {
        let said = served.says(&bytes).unwrap_or_default();
        assert!(said.contains(expected), "{bytes:02x?}: {said}");
    }
    // Its text is not needed, so it is not read.
    let (error, _) = ask(&mut served.connect(), VERSION, b"\0\0\x01\0{[no JSON\0");
    assert_eq!((error, served.left()), (0, None));
    assert_eq!(served.says(&[]), None);
    served.still_works();
}

#[test]
fn any_bytes() {
    let served = Served::new();
    for seed in 0..300 {
        let noise = pattern(1 + seed as usize % 96, seed * 1000);
        if seed % 2 == 0 {
            served.says(&noise);
            continue;
        }
        // Whatever a command may be followed by.
        let mut stream = served.agree();
        stream.write_all(&message(seed as u16 / 2 % 16, &noise)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        drop(stream);
        served.left();
    }
    served.still_works();
}

#[test]
fn what_cannot_be_done_is_refused_with_a_reason() {
    let served = Served::new();
    let mut stream = served.agree();
    let invalid = Errno::INVAL.raw_os_error();
    for (command, body, expected) in [
        (999, vec![1, 2, 3], Errno::OPNOTSUPP.raw_os_error()),
        (VERSION, b"\0\0\x01\0{}\0".to_vec(), Errno::OPNOTSUPP.raw_os_error()),
        (GET_REGION_INFO, words([32, 0, 99, 0, 0, 0, 0, 0]), invalid),
        (GET_REGION_INFO, vec![0; 3], invalid),
        (GET_IRQ_INFO, words([16, 0, 5, 0]), invalid),
        (SET_IRQS, words([20, 1 << 5 | 1 << 2, MSIX, 3, 2]), invalid),
        (SET_IRQS, words([20, 1 << 5 | 1 << 2, MSIX, u32::MAX, 1]), invalid),
        (REGION_READ, access(0, 99, 4), invalid),
        (REGION_READ, access(256, CONFIG, 1), invalid),
        (REGION_READ, access(u64::MAX, BAR0, 4), invalid),
        (REGION_READ, access(0, BAR0, u32::MAX), invalid),
        (REGION_READ, [access(0, CONFIG, 4), vec![0; 4]].concat(), invalid),
        (REGION_WRITE, access(4, CONFIG, 2), invalid),
        (REGION_WRITE, [access(u64::MAX - 1, BAR0, 4), vec![0; 4]].concat(), invalid),
        (DMA_MAP, words([32, 3, 0, 0, 0, 0, 4096, 0]), invalid), // no file
    ] {
        assert_eq!(ask(&mut stream, command, &body), (expected, Vec::new()), "{command}: {body:02x?}");
    }
    assert_eq!(ask(&mut stream, GET_INFO, &words([16, 0, 0, 0])), (0, words([16, 3, 9, 5])));
    drop(stream);
    assert_eq!(served.left(), None);
    served.still_works();
}

/// Whoever connects has the device, whatever it does with it, and others hear so.
#[test]
fn a_client_that_does_nothing_keeps_others_out() {
    let served = Served::new();
    for connect in [Served::connect, Served::agree] {
        let first = connect(&served);
        let start = Instant::now();
        let error = open(&served.path).err().unwrap();
        assert!(matches!(error, VfioUserError::Busy(_)), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        drop(first);
        served.left();
        served.still_works();
    }
}

/// The client of another implementation of the protocol.
#[test]
fn a_client_of_others() {
    let served = Served::new();
    let mut client = vfio_user::Client::new(&served.path).unwrap();
    assert_eq!(client.region(CONFIG).unwrap().size, 256);
    assert_eq!(client.region(BAR0).unwrap().size, 0x1_0000);
    assert_eq!(client.get_irq_info(MSIX).unwrap().count, 4);
    client.region_write(CONFIG, 4, &[2, 0]).unwrap();
    let mut magic = [0; 4];
    client.region_read(BAR0, MAGIC.offset.into(), &mut magic).unwrap();
    assert_eq!(u32::from_le_bytes(magic), MAGIC_VALUE);

    let file = tempfile::tempfile().unwrap();
    file.set_len(8192).unwrap();
    client.dma_map(0, 0x10_0000, 8192, file.as_raw_fd()).unwrap();
    client.dma_unmap(0x10_0000, 8192).unwrap();

    // All vectors in one message.
    let events: Vec<_> = (0..4).map(|_| eventfd(0, EventfdFlags::empty()).unwrap()).collect();
    let files: Vec<_> = events.iter().map(AsRawFd::as_raw_fd).collect();
    client.set_irqs(MSIX, 1 << 5 | 1 << 2, 0, 4, &files).unwrap();
    client.reset().unwrap();
    client.region_read(CONFIG, 0, &mut magic).unwrap();
    client.shutdown().unwrap();
    assert_eq!(served.left(), None);
    served.still_works();
}
