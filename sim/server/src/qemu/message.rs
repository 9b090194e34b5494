//! QEMU's multi-process protocol: messages with file descriptors on a socket pair.
//!
//! Every message is a header of 16 bytes (command, padding, size of what follows) that carries the descriptors, then
//! its payload, little endian. There is no handshake.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};

use crate::error::ServerError;

const HEADER: usize = 16;
/// Most descriptors of a message.
pub(super) const MAX_FDS: usize = 8;
/// Most bytes of a payload.
const MAX_PAYLOAD: u64 = 4096;

/// Commands by their numbers.
mod number {
    pub const SYNC_MEMORY: u32 = 0;
    pub const ANSWER: u32 = 1;
    pub const CONFIG_WRITE: u32 = 2;
    pub const CONFIG_READ: u32 = 3;
    pub const BAR_WRITE: u32 = 4;
    pub const BAR_READ: u32 = 5;
    pub const SET_IRQ_FD: u32 = 6;
    pub const RESET: u32 = 7;
}

/// A part of guest memory: `size` bytes of `file` from `offset` on, at a guest-physical address.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) file: OwnedFd,
}

/// What QEMU wants.
#[derive(Debug)]
pub(super) enum Message {
    /// The guest's memory from now on; takes no answer.
    Memory(Vec<Section>),
    ConfigWrite {
        at: usize,
        length: usize,
        value: u32,
    },
    ConfigRead {
        at: usize,
        length: usize,
    },
    /// At an absolute guest-physical address.
    BarWrite {
        address: u64,
        length: usize,
        value: u64,
    },
    BarRead {
        address: u64,
        length: usize,
    },
    /// Ways for an interrupt line that only work with hardware virtualisation; takes no answer.
    SetIrqFd,
    Reset,
}

/// The next message; `None` when QEMU has ended.
pub(super) fn receive(stream: &mut UnixStream) -> Result<Option<Message>, ServerError> {
    const READ: &str = "cannot read from QEMU";
    let Some((header, fds)) = receive_header(stream).map_err(ServerError::io(READ))? else { return Ok(None) };
    let command = u32::from_le_bytes(array(&header, 0));
    let size = u64::from_le_bytes(array(&header, 8));
    if size > MAX_PAYLOAD {
        return Err(ServerError::Message(format!("{size} bytes for command {command}")));
    }
    let mut payload = vec![0; size as usize];
    stream.read_exact(&mut payload).map_err(ServerError::io(READ))?;
    parse(command, &payload, fds).map(Some)
}

/// Answers a message that takes an answer.
pub(super) fn answer(stream: &mut UnixStream, value: u64) -> Result<(), ServerError> {
    let mut bytes = [0; HEADER + 8];
    bytes[0..4].copy_from_slice(&number::ANSWER.to_le_bytes());
    bytes[8..16].copy_from_slice(&8_u64.to_le_bytes());
    bytes[16..].copy_from_slice(&value.to_le_bytes());
    stream.write_all(&bytes).map_err(ServerError::io("cannot answer QEMU"))
}

/// Reads a header with its descriptors; `None` at the end.
fn receive_header(stream: &mut UnixStream) -> io::Result<Option<([u8; HEADER], Vec<OwnedFd>)>> {
    let mut header = [0; HEADER];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(&*stream, &mut [IoSliceMut::new(&mut header)], &mut ancillary, flags)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("more file descriptors than a message can have"));
    }
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    stream.read_exact(&mut header[received.bytes..])?;
    Ok(Some((header, fds)))
}

fn parse(command: u32, payload: &[u8], fds: Vec<OwnedFd>) -> Result<Message, ServerError> {
    let expected = match command {
        number::SYNC_MEMORY => 3 * 8 * MAX_FDS,
        number::CONFIG_WRITE | number::CONFIG_READ => 12,
        number::BAR_WRITE | number::BAR_READ => 24,
        number::SET_IRQ_FD | number::RESET => 0,
        _ => return Err(ServerError::Message(format!("command {command}"))),
    };
    if payload.len() < expected {
        return Err(ServerError::Message(format!("{} bytes for command {command}", payload.len())));
    }
    let word = |at| u64::from_le_bytes(array(payload, at));
    let half = |at| u32::from_le_bytes(array(payload, at));
    let length = |length: u32, most: u32| match length {
        1 | 2 | 4 | 8 if length <= most => Ok(length as usize),
        _ => Err(ServerError::Message(format!("an access of {length} bytes"))),
    };
    Ok(match command {
        number::SYNC_MEMORY => {
            let section = |(i, file)| Section {
                address: word(8 * i),
                size: word(8 * (MAX_FDS + i)),
                offset: word(8 * (2 * MAX_FDS + i)),
                file,
            };
            Message::Memory(fds.into_iter().take(MAX_FDS).enumerate().map(section).collect())
        }
        number::CONFIG_WRITE => {
            Message::ConfigWrite { at: half(0) as usize, length: length(half(8), 4)?, value: half(4) }
        }
        number::CONFIG_READ => Message::ConfigRead { at: half(0) as usize, length: length(half(8), 4)? },
        number::BAR_WRITE => {
            Message::BarWrite { address: word(0), length: length(half(16), 8)?, value: word(8) }
        }
        number::BAR_READ => Message::BarRead { address: word(0), length: length(half(16), 8)? },
        number::SET_IRQ_FD => Message::SetIrqFd,
        _ => Message::Reset,
    })
}

/// `N` bytes at an offset that was checked.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::IoSlice;
    use std::os::fd::AsFd;

    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

    use super::*;

    /// A message as QEMU sends it.
    fn send(stream: &UnixStream, command: u32, payload: &[u8], files: &[File]) {
        let mut header = [0; HEADER];
        header[0..4].copy_from_slice(&command.to_le_bytes());
        header[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        let fds: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
        }
        let slices = [IoSlice::new(&header), IoSlice::new(payload)];
        sendmsg(stream, &slices, &mut ancillary, SendFlags::empty()).unwrap();
    }

    #[test]
    fn messages_with_descriptors() {
        let (qemu, mut server) = UnixStream::pair().unwrap();
        let mut payload = [0; 192];
        for (at, value) in [(0, 0x1000_u64), (8, 0), (64, 0x2000), (72, 0x3000), (128, 0), (136, 0x4000)] {
            payload[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        send(&qemu, 0, &payload, &[tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()]);
        send(&qemu, 5, &[0, 0, 0, 0xfe, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 8, 0, 0, 0, 1, 0, 0, 0], &[]);
        send(&qemu, 2, &[4, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0], &[]);
        match receive(&mut server).unwrap().unwrap() {
            Message::Memory(sections) => {
                let numbers: Vec<_> = sections.iter().map(|s| (s.address, s.size, s.offset)).collect();
                assert_eq!(numbers, [(0x1000, 0x2000, 0), (0, 0x3000, 0x4000)]);
            }
            other => panic!("{other:?}"),
        }
        let read = receive(&mut server).unwrap().unwrap();
        assert!(matches!(read, Message::BarRead { address: 0xfe00_0000, length: 8 }), "{read:?}");
        let write = receive(&mut server).unwrap().unwrap();
        assert!(matches!(write, Message::ConfigWrite { at: 4, length: 2, value: 6 }), "{write:?}");
        drop(qemu);
        assert!(receive(&mut server).unwrap().is_none());
    }

    #[test]
    fn what_is_no_message() {
        for (command, payload) in
            [(9, vec![]), (3, vec![0; 4]), (3, [0; 8].into_iter().chain([3, 0, 0, 0]).collect())]
        {
            let (qemu, mut server) = UnixStream::pair().unwrap();
            send(&qemu, command, &payload, &[]);
            assert!(matches!(receive(&mut server), Err(ServerError::Message(_))), "{command}");
        }
    }
}
