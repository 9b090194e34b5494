//! Messages of the protocol, version 0.1: a header and what follows it, in the byte order of the host. Nothing that a
//! client sends is believed before it was checked.

use std::fs::File;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Commands by number.
pub(super) mod command {
    pub(in super::super) const VERSION: u16 = 1;
    pub(in super::super) const DMA_MAP: u16 = 2;
    pub(in super::super) const DMA_UNMAP: u16 = 3;
    pub(in super::super) const DEVICE_GET_INFO: u16 = 4;
    pub(in super::super) const DEVICE_GET_REGION_INFO: u16 = 5;
    pub(in super::super) const DEVICE_GET_IRQ_INFO: u16 = 7;
    pub(in super::super) const DEVICE_SET_IRQS: u16 = 8;
    pub(in super::super) const REGION_READ: u16 = 9;
    pub(in super::super) const REGION_WRITE: u16 = 10;
    pub(in super::super) const DEVICE_RESET: u16 = 13;
}

const HEADER_BYTES: usize = 16;
/// Most bytes that one access moves; clients are told.
pub(super) const MOST_DATA: usize = 1 << 20;
/// Most bytes behind a header: an access with its data.
const MOST_BODY: usize = 16 + MOST_DATA;
/// Most files with a message; clients are told.
pub(super) const MOST_FILES: usize = 16;

/// Bits of the flags: the kind of message, and what goes with it.
const KIND: u32 = 0xf;
const REPLY: u32 = 1;
const NO_REPLY: u32 = 1 << 4;
const ERROR: u32 = 1 << 5;

/// A command of a client.
#[derive(Debug)]
pub(super) struct Request {
    id: u16,
    pub(super) command: u16,
    wants_reply: bool,
    pub(super) body: Vec<u8>,
    pub(super) files: Vec<File>,
}

impl Request {
    /// The next command; `None` if the client has left.
    ///
    /// # Errors
    /// The connection failed, or what came is no command, so that nobody knows where the next one begins.
    pub(super) fn receive(mut stream: &UnixStream) -> io::Result<Option<Self>> {
        let (mut header, mut files) = ([0; HEADER_BYTES], Vec::new());
        let mut filled = 0;
        while filled < HEADER_BYTES {
            match receive_some(stream, &mut header[filled..], &mut files)? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(invalid("it left in the middle of a header".to_owned())),
                bytes => filled += bytes,
            }
        }
        let mut fields = Fields(&header);
        let (id, command) = (fields.u16()?, fields.u16()?);
        let (size, flags) = (fields.u32()?, fields.u32()?);
        if flags & KIND != 0 {
            return Err(invalid(format!("message {id} has flags {flags:#x}, which no command has")));
        }
        let length = (size as usize).checked_sub(HEADER_BYTES).filter(|&length| length <= MOST_BODY);
        let length = length.ok_or_else(|| invalid(format!("message {id} has {size} bytes")))?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        Ok(Some(Self { id, command, wants_reply: flags & NO_REPLY == 0, body, files }))
    }

    /// Answers it: with these bytes, or with the error that it ended in.
    ///
    /// # Errors
    /// The connection failed.
    pub(super) fn answer(&self, mut stream: &UnixStream, result: Result<Vec<u8>, Errno>) -> io::Result<()> {
        if !self.wants_reply {
            return Ok(());
        }
        let (flags, error, body) = match result {
            Ok(body) => (REPLY, 0, body),
            Err(error) => (REPLY | ERROR, error.raw_os_error().cast_unsigned(), Vec::new()),
        };
        let mut message = Vec::with_capacity(HEADER_BYTES + body.len());
        message.extend([self.id, self.command].into_iter().flat_map(u16::to_ne_bytes));
        message.extend(words([(HEADER_BYTES + body.len()) as u32, flags, error]));
        message.extend(body);
        stream.write_all(&message)
    }
}

/// Up to `bytes`, and the files that come with them.
fn receive_some(stream: &UnixStream, bytes: &mut [u8], files: &mut Vec<File>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        recvmsg(stream, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights.map(File::from));
        }
    }
    Ok(received.bytes)
}

pub(super) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Words as they travel.
pub(super) fn words(words: impl IntoIterator<Item = u32>) -> impl Iterator<Item = u8> {
    words.into_iter().flat_map(u32::to_ne_bytes)
}

/// What is left of a body, field by field.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn u16(&mut self) -> Result<u16, Errno> {
        self.bytes().map(u16::from_ne_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Errno> {
        self.bytes().map(u32::from_ne_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Errno> {
        self.bytes().map(u64::from_ne_bytes)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Errno> {
        if self.0.is_empty() { Ok(()) } else { Err(Errno::INVAL) }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Errno::INVAL)?;
        self.0 = rest;
        Ok(*field)
    }
}
