//! The back end against servers that refuse, are silent, die, or send anything at all.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use bytemuck::bytes_of;
use proptest::prelude::*;

use super::client::Client;
use super::message::{
    Command, DeviceInfo, ERROR, HEADER_BYTES, Header, IrqInfo, REPLY, RegionAccess, RegionInfo, Version,
};
use super::*;
use crate::transport::DmaMemory;

const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(40);
const COMMANDS: [Command; 10] = [
    Command::Version,
    Command::DmaMap,
    Command::DmaUnmap,
    Command::DeviceGetInfo,
    Command::DeviceGetRegionInfo,
    Command::DeviceGetIrqInfo,
    Command::DeviceSetIrqs,
    Command::RegionRead,
    Command::RegionWrite,
    Command::DeviceReset,
];

/// A reply, and what follows its header.
type Reply = (Header, Vec<u8>);

/// What a good server answers.
fn answer(header: Header, request: &[u8]) -> Reply {
    let access = size_of::<RegionAccess>();
    let body = match header.command {
        1 => [bytes_of(&Version { major: 0, minor: 0 }), b"{}\0"].concat(),
        4 => bytes_of(&DeviceInfo { argsz: 16, flags: 3, regions: 9, irqs: 5 }).to_vec(),
        5 => {
            let mut info: RegionInfo = bytemuck::pod_read_unaligned(request);
            info.size = 1 << 20;
            bytes_of(&info).to_vec()
        }
        7 => {
            let mut info: IrqInfo = bytemuck::pod_read_unaligned(request);
            info.count = u32::MAX;
            bytes_of(&info).to_vec()
        }
        9 => {
            let asked: RegionAccess = bytemuck::pod_read_unaligned(request);
            [request, &vec![7; asked.count as usize]].concat()
        }
        10 => request[..access].to_vec(),
        3 => request.to_vec(),
        _ => Vec::new(),
    };
    let size = (HEADER_BYTES + body.len()) as u32;
    (Header { size, flags: REPLY, ..header }, body)
}

/// A server whose replies are changed; it dies after one that is shorter than it says. What it was asked is heard of
/// until its client has left.
fn serve(change: impl Fn(&mut Reply) + Send + 'static) -> (UnixStream, Receiver<(u16, Vec<u8>)>) {
    let (client, mut server) = UnixStream::pair().unwrap();
    let (heard, hear) = channel();
    thread::spawn(move || {
        let mut header = Header::default();
        while server.read_exact(bytemuck::bytes_of_mut(&mut header)).is_ok() {
            let mut request = vec![0; header.size as usize - HEADER_BYTES];
            server.read_exact(&mut request).unwrap();
            let mut reply = answer(header, &request);
            heard.send((header.command, request)).unwrap();
            change(&mut reply);
            let _ = server.write_all(&[bytes_of(&reply.0), &reply.1].concat());
            if reply.0.size as usize > HEADER_BYTES + reply.1.len() {
                return;
            }
        }
    });
    (client, hear)
}

fn open(stream: UnixStream, patience: Duration) -> Result<VfioUserTransport, VfioUserError> {
    let client = Client::negotiate(stream, patience)?;
    VfioUserTransport::set_up(client, Clock::from_environment().unwrap(), "test".to_owned(), 0)
}

/// Uses every command.
fn everything(stream: UnixStream, patience: Duration) -> Result<(), VfioUserError> {
    let mut transport = open(stream, patience)?;
    let buffer = transport.allocate(100_000).map_err(ours)?;
    transport.write32(0, 1).map_err(ours)?;
    assert_eq!(transport.read32(0).map_err(ours)?, 0x0707_0707);
    transport.revoke(buffer.bus_address(), buffer.size()).map_err(ours)?;
    transport.reset(Reset::Function).map_err(ours)
}

fn ours(error: TransportError) -> VfioUserError {
    match error {
        TransportError::Gone => VfioUserError::Closed,
        TransportError::Other(error) => *error.downcast().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_listens() {
    let error = VfioUserTransport::open(Path::new("/nonexistent/socket"), 0).err().unwrap();
    assert!(matches!(error, VfioUserError::Connect { .. }));
    assert!(error.to_string().contains("cbp sim-server"), "{error}");
    let long = "x".repeat(300);
    assert!(matches!(VfioUserTransport::open(Path::new(&long), 0), Err(VfioUserError::Connect { .. })));
}

#[test]
fn a_good_server() {
    everything(serve(|_| ()).0, PATIENCE).unwrap();
}

#[test]
fn every_refusal_is_an_error() {
    for refused in COMMANDS {
        for errno in [0, 22] {
            let (stream, _heard) = serve(move |(header, body)| {
                if header.command == refused as u16 {
                    (header.flags, header.error, header.size) = (REPLY | ERROR, errno, HEADER_BYTES as u32);
                    body.clear();
                }
            });
            match everything(stream, PATIENCE) {
                Err(error @ VfioUserError::Refused { .. }) => {
                    let text = error.to_string();
                    assert!(text.contains(refused.name()), "{text}");
                    assert!(
                        text.contains(if errno == 0 { "no reason" } else { "Invalid argument" }),
                        "{text}"
                    );
                }
                other => panic!("{refused:?}: {other:?}"),
            }
        }
    }
}

/// What is wrong with a reply.
const WRONGS: [fn(&mut Reply); 11] = [
    |(header, _)| header.id ^= 1,
    |(header, _)| header.command ^= 1,
    |(header, _)| header.flags = 0,
    |(header, _)| header.flags = REPLY | 1 << 4,
    |(header, _)| header.flags = ERROR,
    |(header, _)| header.size = 0,
    |(header, _)| header.size = HEADER_BYTES as u32 - 1,
    |(header, _)| header.size = u32::MAX,
    |(header, _)| header.size = 16 << 20,
    |(header, body)| {
        body.extend([0; 4]);
        header.size += if header.command == 1 { 1 << 16 } else { 4 };
    },
    |(header, body)| {
        body.truncate(if header.command == 1 { 3 } else { body.len().saturating_sub(1) });
        // Where there is nothing to leave out, a byte too many.
        body.resize(body.len().max(1), 0);
        header.size = (HEADER_BYTES + body.len()) as u32;
    },
];

#[test]
fn every_wrong_reply_is_a_violation() {
    for wrong in WRONGS {
        for command in COMMANDS {
            let (stream, _heard) = serve(move |reply| {
                if reply.0.command == command as u16 {
                    wrong(reply);
                }
            });
            match everything(stream, PATIENCE) {
                Err(VfioUserError::Protocol { command: named, .. }) => assert_eq!(named, command.name()),
                other => panic!("{command:?}: {other:?}"),
            }
        }
    }
}

/// Replies of the right form about something else.
#[test]
fn echoes_are_compared() {
    for (command, byte) in [
        (Command::Version, 0),
        (Command::Version, 2),
        (Command::DmaUnmap, 9),
        (Command::DeviceGetInfo, 4),
        (Command::DeviceGetRegionInfo, 8),
        (Command::DeviceGetIrqInfo, 8),
        (Command::RegionRead, 0),
        (Command::RegionWrite, 12),
    ] {
        let (stream, _heard) = serve(move |(header, body)| {
            if header.command == command as u16 {
                body[byte] ^= 6;
            }
        });
        let result = everything(stream, PATIENCE);
        assert!(matches!(result, Err(VfioUserError::Protocol { .. })), "{command:?}: {result:?}");
    }
}

/// One time-out, and then nothing waits any more.
#[test]
fn a_silent_server() {
    let (stream, _server) = UnixStream::pair().unwrap();
    assert!(matches!(open(stream, SHORT), Err(VfioUserError::Silent { command: "VERSION", .. })));

    let (stream, heard) = serve(|(header, body)| {
        if header.command == Command::DeviceReset as u16 {
            (header.size, *body) = (0, Vec::new());
            thread::sleep(50 * SHORT);
        }
    });
    let mut transport = open(stream, PATIENCE).unwrap();
    let buffer = transport.allocate(4096).unwrap();
    transport.set_patience(SHORT).unwrap();
    let start = Instant::now();
    let error = transport.reset(Reset::Bus).unwrap_err();
    assert!(error.to_string().contains("DEVICE_RESET in"), "{error}");
    assert!(matches!(transport.read32(0), Err(TransportError::Gone)));
    assert!(matches!(transport.allocate(1 << 20), Err(TransportError::Gone)));
    drop(transport);
    assert!((SHORT..PATIENCE / 2).contains(&start.elapsed()), "{:?}", start.elapsed());
    drop((buffer, heard));
}

/// Bytes that come one by one are no answer either.
#[test]
fn a_server_that_trickles() {
    let (stream, mut server) = UnixStream::pair().unwrap();
    let trickling = thread::spawn(move || {
        while server.write_all(&[1]).is_ok() {
            thread::sleep(SHORT / 8);
        }
    });
    let start = Instant::now();
    let error = Client::negotiate(stream, SHORT).unwrap_err();
    assert!(matches!(error, VfioUserError::Silent { .. }), "{error:?}");
    assert!(start.elapsed() < PATIENCE / 2);
    trickling.join().unwrap();
}

#[test]
fn a_server_that_dies_in_an_answer() {
    for command in COMMANDS {
        let (stream, _heard) = serve(move |(header, _)| {
            if header.command == command as u16 {
                header.size += 1;
            }
        });
        let result = everything(stream, PATIENCE);
        assert!(matches!(result, Err(VfioUserError::Closed)), "{command:?}: {result:?}");
    }
    assert!(matches!(VfioUserError::Closed.into(), TransportError::Gone));
}

#[test]
fn small_buffers_share_a_region() {
    let (stream, heard) = serve(|_| ());
    let mut transport = open(stream, PATIENCE).unwrap();
    let buffers: Vec<_> = (0..8).map(|_| transport.allocate(100).unwrap()).collect();
    assert_eq!(buffers[1].bus_address() - buffers[0].bus_address(), 4096);
    drop(buffers);
    drop(transport);
    let count =
        |command: Command, all: &[(u16, Vec<u8>)]| all.iter().filter(|m| m.0 == command as u16).count();
    let all: Vec<_> = heard.iter().collect();
    assert_eq!((count(Command::DmaMap, &all), count(Command::DmaUnmap, &all)), (1, 1));
    assert_eq!(count(Command::DeviceSetIrqs, &all), 4 + 1, "a vector for each line, and none at the end");
}

/// Memory that outlives the transport keeps neither the connection nor the device's access.
#[test]
fn closing_does_not_wait_for_buffers() {
    let (stream, heard) = serve(|_| ());
    let mut transport = open(stream, PATIENCE).unwrap();
    let buffer = transport.allocate(64).unwrap();
    drop(transport);
    // This ends because the socket is closed.
    let all: Vec<_> = heard.iter().collect();
    let [.., (write, access), (irqs, _)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((*write, *irqs), (Command::RegionWrite as u16, Command::DeviceSetIrqs as u16));
    assert_eq!(access[size_of::<RegionAccess>()..], [2, 0], "no bus master");
    buffer.write(0, &[1; 64]).unwrap();
}

#[test]
fn messages_say_what_to_do() {
    let command = "VERSION";
    for error in [
        VfioUserError::Busy("/tmp/x".into()),
        VfioUserError::Window { size: 1, offset: 2 },
        VfioUserError::Refused { command, errno: 1 },
        VfioUserError::Protocol { command, found: "another version" },
        VfioUserError::Silent { command, waited: SHORT },
        VfioUserError::Closed,
        VfioUserError::Socket(std::io::ErrorKind::Other.into()),
    ] {
        let text = error.to_string();
        assert!(text.contains("; ") && !text.contains(['\n', '{']) && !text.contains("  "), "{text}");
    }
}

proptest! {
    /// Whatever comes as an answer to whatever command, with or without an end: an error, in time.
    #[test]
    fn any_bytes(
        which in 0_usize..COMMANDS.len(),
        prefix in 0_usize..=HEADER_BYTES,
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0)], 0..200),
        ends: bool,
    ) {
        let command = COMMANDS[which];
        let (stream, mut server) = UnixStream::pair().unwrap();
        // So many bytes of the header are right. Those behind are not: a size of more bytes than come, at least.
        let header = Header { id: u16::from(which > 0), command: command as u16, size: 4000, flags: REPLY, error: 0 };
        let good = answer(Header { id: 0, command: 1, ..Header::default() }, &[]);
        if which > 0 {
            server.write_all(&[bytes_of(&good.0), &good.1].concat()).unwrap();
        }
        server.write_all(&bytes_of(&header)[..prefix]).unwrap();
        server.write_all(&bytes).unwrap();
        if ends {
            server.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let start = Instant::now();
        let patience = Duration::from_millis(2);
        let result = Client::negotiate(stream, patience).and_then(|mut client| match command {
            Command::Version => Ok(()),
            Command::DmaMap => client.map(&std::fs::File::open("/dev/null").unwrap(), 0, 1),
            Command::DmaUnmap => client.unmap(0, 1),
            Command::DeviceGetInfo => client.device_info().map(drop),
            Command::DeviceGetRegionInfo => client.region_size(0).map(drop),
            Command::DeviceGetIrqInfo => client.vectors(0).map(drop),
            Command::DeviceSetIrqs => client.disconnect_vectors(0),
            Command::RegionRead => client.region_read::<4>(0, 0).map(drop),
            Command::RegionWrite => client.region_write(0, 0, &[1]),
            Command::DeviceReset => client.reset(),
        });
        prop_assert!(result.is_err() && start.elapsed() < Duration::from_secs(2), "{result:?}");
    }
}
