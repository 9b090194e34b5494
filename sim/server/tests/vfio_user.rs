//! The driver in one process or thread, the simulated card in another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

#[path = "../../tests/common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cbp_driver::backends::vfio_user::{VfioUserError, VfioUserTransport};
use cbp_driver::{Device, Error, Options, Transport, TransportError, quarantined};
use cbp_hdl::TOP;
use cbp_isa::pci;
use cbp_isa::ring::ErrorCode;
use cbp_sim::{SimDevice, SimOptions, Timing};
use cbp_sim_server::vfio_user::Server;
use cbp_sim_server::{CardOptions, ServerError};
use common::{config, contents, copy, lend, pattern, quick, text};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

const DEADLINE: Duration = Duration::from_secs(20);
/// Where a process of this test serves a device.
const SOCKET: &str = "CBP_TEST_SERVES_AT";

fn server(path: &Path, timing: Timing, options: CardOptions) -> Server {
    let sim = SimOptions { timing, ..SimOptions::default() };
    let device = SimDevice::new(&text(), TOP, &config(), &sim).unwrap();
    Server::new(path, device, options).unwrap()
}

/// Runs a test against a card in a thread of its own; a hang is a failure.
fn with_card(
    timing: Timing,
    options: CardOptions,
    test: impl FnOnce(&mut Device<VfioUserTransport>) + Send + 'static,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    let window = options.endpoint.window_offset;
    let mut server = server(&path, timing, options);
    let (ended, end) = mpsc::channel();
    let served = ended.clone();
    thread::spawn(move || served.send(server.serve().map_err(|error| error.to_string())));
    thread::spawn(move || {
        let transport = VfioUserTransport::open(&path, window).unwrap();
        let mut device = Device::open(transport, Options::default()).unwrap();
        test(&mut device);
        drop(device);
        ended.send(Ok(()))
    });
    for _ in 0..2 {
        // A test that panics closes its socket, and then both ends are heard of.
        end.recv_timeout(2 * DEADLINE).expect("the test panicked or hangs").unwrap();
    }
}

fn run_copy(device: &mut Device<VfioUserTransport>, bytes: usize, seed: u32) {
    let from = lend(device, &pattern(bytes, seed));
    let to = lend(device, &vec![0; bytes]);
    let job = copy(device, &from, &to);
    let ticket = device.submit(&job).unwrap();
    device.wait(ticket, DEADLINE).unwrap();
    drop(job);
    assert_eq!(contents(to), pattern(bytes, seed));
}

#[test]
fn jobs_copy_over_a_socket() {
    with_card(quick(), CardOptions::default(), |device| {
        assert_eq!(*device.config(), config());
        let identity = device.identity();
        assert_eq!((identity.vendor, identity.device), (pci::VENDOR, pci::DEVICE));
        for round in 0..20 {
            run_copy(device, 8 * (1 + round as usize * 97), round);
        }
    });
}

/// Memory behind a link, everything in disorder, one vector, the window elsewhere, 32 address bits.
#[test]
fn jobs_copy_behind_a_link() {
    let mut options = CardOptions { dma_bits: 32, ..CardOptions::default() };
    (options.endpoint.vectors, options.endpoint.window_offset) = (1, 0x2_0000);
    let link = "gen2x4,payload=128,reorder,seed=3".parse().unwrap();
    with_card(Timing::Link(link), options, |device| {
        assert_eq!(device.info().dma_address_bits, 32);
        for round in 0..5 {
            run_copy(device, 20_000, round);
        }
    });
}

/// An interrupt ends a wait long before the time after which it would look by itself.
#[test]
fn interrupts_arrive() {
    with_card(quick(), CardOptions::default(), |device| {
        let memory = lend(device, &[0; 64]);
        let mut shortest = Duration::MAX;
        for _ in 0..20 {
            let job = copy(device, &memory, &memory);
            let _ = device.submit(&job).unwrap();
            let transport = device.transport();
            let start = Instant::now();
            let until = transport.now() + DEADLINE;
            transport.wait_interrupt(until).unwrap();
            shortest = shortest.min(start.elapsed());
            device.reset().unwrap();
        }
        assert!(shortest < Duration::from_millis(40), "{shortest:?}");
    });
}

#[test]
fn memory_that_is_not_there() {
    with_card(quick(), CardOptions::default(), |device| {
        // Large enough to be mapped apart.
        let bytes = 64 << 10;
        let [from, to] = [bytes; 2].map(|bytes| device.allocate(bytes).unwrap().lend());
        let job = copy(device, &from, &to);
        device.transport().revoke(to.bus_address(), to.size()).unwrap();
        let ticket = device.submit(&job).unwrap();
        match device.wait(ticket, DEADLINE) {
            Err(Error::JobFailed { code: ErrorCode::WriteResponse, address, .. }) => {
                assert_eq!(address, to.bus_address());
            }
            other => panic!("{other:?}"),
        }
        device.reset().unwrap();
        run_copy(device, 4096, 5);

        // Without bus mastering not even the command arrives.
        let job = copy(device, &from, &from);
        device.transport().set_bus_master(false).unwrap();
        let ticket = device.submit(&job).unwrap();
        let error = device.wait(ticket, Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, Error::LostCompletion { .. }), "{error:?}");
        device.transport().set_bus_master(true).unwrap();
        device.reset().unwrap();
        run_copy(device, 64, 6);

        // What a process that was killed leaves behind: transfers in flight of a device that may not make them.
        let [from, to] = [1 << 20; 2].map(|bytes| device.allocate(bytes).unwrap().lend());
        let job = copy(device, &from, &to);
        let _ = device.submit(&job).unwrap();
        device.transport().set_bus_master(false).unwrap();
        device.reset().unwrap();
        run_copy(device, 64, 8);

        // A reset from outside, as after a soft reset that does not end.
        device.transport().reset(cbp_driver::Reset::Function).unwrap();
        device.reset().unwrap();
        run_copy(device, 64, 7);
    });
}

/// Not a test: the other process of the one below.
#[test]
#[ignore = "serves a device for another test"]
fn serve() {
    if let Some(path) = std::env::var_os(SOCKET) {
        let mut server = server(Path::new(&path), Timing::default(), CardOptions::default());
        // As `cbp sim-server` does: a client that leaves in the middle of a message is no reason to end.
        while let Ok(()) | Err(ServerError::Client(_)) = server.serve() {}
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serving_process(path: &PathBuf) -> Killed {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "serve", "--ignored"]).env(SOCKET, path);
    let child = command.spawn().unwrap();
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < DEADLINE, "the server does not start");
        thread::sleep(Duration::from_millis(5));
    }
    Killed(child)
}

fn connect(path: &Path) -> Device<VfioUserTransport> {
    Device::open(VfioUserTransport::open(path, 0).unwrap(), Options::default()).unwrap()
}

#[test]
fn one_client_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    let _server = serving_process(&path);
    let mut device = connect(&path);
    for round in 0..2 {
        let start = Instant::now();
        let error = VfioUserTransport::open(&path, 0).err().unwrap();
        assert!(matches!(error, VfioUserError::Busy(_)), "{error:?}");
        assert!(error.to_string().contains("one at a time"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(3), "at once");
        run_copy(&mut device, 4096, round);
    }
    for round in 0..4 {
        // The next one need not wait until the server has noticed.
        drop(device);
        device = connect(&path);
        run_copy(&mut device, 4096, round);
    }
}

#[test]
fn a_server_that_stops_answering() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    let server = serving_process(&path);
    let process = Pid::from_child(&server.0);
    let mut device = connect(&path);
    device.transport().set_patience(Duration::from_millis(200)).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    waitpid(Some(process), WaitOptions::UNTRACED).unwrap();
    let start = Instant::now();
    match device.counters() {
        Err(Error::Transport(TransportError::Other(error))) => {
            let error = error.downcast_ref();
            assert!(matches!(error, Some(VfioUserError::Silent { .. })), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(device.counters(), Err(Error::DeviceGone)));
    drop(device);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(quarantined(), 1, "no reset was confirmed");

    // What is kept of it keeps nobody out.
    kill_process(process, Signal::CONT).unwrap();
    run_copy(&mut connect(&path), 4096, 1);
}

#[test]
fn a_server_that_dies_is_a_device_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    let mut server = serving_process(&path);
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        let transport = VfioUserTransport::open(&path, 0).unwrap();
        let mut device = Device::open(transport, Options::default()).unwrap();
        let bytes = 16 << 20;
        let [from, to] = [bytes; 2].map(|bytes| device.allocate(bytes).unwrap().lend());
        let job = copy(&mut device, &from, &to);
        let ticket = device.submit(&job).unwrap();
        let killer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            server.0.kill().unwrap();
            server
        });
        let start = Instant::now();
        let error = device.wait(ticket, DEADLINE).unwrap_err();
        assert!(matches!(error, Error::DeviceGone), "{error:?}");
        assert!(start.elapsed() > Duration::from_millis(90), "the job was still running");
        assert!(matches!(device.submit(&job), Err(Error::DeviceGone)));
        killer.join().unwrap();
        ended.send(start.elapsed())
    });
    let waited = end.recv_timeout(DEADLINE).expect("the test panicked or hangs");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
}
