//! The client's end of the socket: one command at a time, and a reply that is checked before it is believed.

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use bytemuck::{Pod, bytes_of};
use rustix::cmsg_space;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType, connect, sendmsg, socket_with, sockopt,
};

use super::error::VfioUserError;
use super::message::{
    CAPABILITIES, Command, DEVICE_PCI, DeviceInfo, DmaMap, DmaUnmap, ERROR, HEADER_BYTES, Header, IrqInfo,
    IrqSet, MAP_READ_WRITE, REPLY, RegionAccess, RegionInfo, TRIGGER_EVENTFD, TRIGGER_NOTHING, VERSION,
    Version,
};

/// Most bytes of a reply behind its header: the text in the answer to VERSION is the only long one.
const MOST: usize = 4096;
/// Times that the kernel takes as time-outs of a socket.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_hours(24);

/// A connection. Once a command ended in anything but a reply, it is closed: what arrives next could be anything.
#[derive(Debug)]
pub(super) struct Client {
    stream: Option<UnixStream>,
    next_id: u16,
    patience: Duration,
}

impl Client {
    /// Connects, and agrees on the version. Every answer may take `patience` of wall time, from here on.
    pub(super) fn connect(path: &Path, patience: Duration) -> Result<Self, VfioUserError> {
        let failed = |error: Errno| match error {
            Errno::AGAIN => VfioUserError::Silent { command: "a connection", waited: patience },
            error => VfioUserError::Connect { path: path.to_owned(), cause: error.into() },
        };
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let socket = socket.map_err(failed)?;
        limit(&socket, patience)?;
        let address = SocketAddrUnix::new(path).map_err(failed)?;
        retry_on_intr(|| connect(&socket, &address)).map_err(failed)?;
        Self::negotiate(socket.into(), patience).map_err(|error| match error {
            VfioUserError::Refused { errno, .. } if errno == Errno::BUSY.raw_os_error() => {
                VfioUserError::Busy(path.to_owned())
            }
            error => error,
        })
    }

    /// Agrees on the version over a socket that is connected.
    pub(super) fn negotiate(stream: UnixStream, patience: Duration) -> Result<Self, VfioUserError> {
        limit(&stream, patience)?;
        let mut client = Self { stream: Some(stream), next_id: 0, patience };
        let reply = client.exchange(Command::Version, &[bytes_of(&VERSION), CAPABILITIES], None)?;
        // The text says what the server can do beyond the least, which this client does not use.
        let version = reply.get(..size_of::<Version>()).map(bytemuck::pod_read_unaligned::<Version>);
        match version {
            Some(Version { major, minor }) if major == VERSION.major && minor <= VERSION.minor => Ok(client),
            _ => Err(client.violation(Command::Version, "another version")),
        }
    }

    /// How long an answer may take, wall time.
    pub(super) fn set_patience(&mut self, patience: Duration) -> Result<(), VfioUserError> {
        self.patience = patience;
        self.stream.as_ref().map_or(Ok(()), |stream| limit(stream, patience))
    }

    /// Ends the connection.
    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    /// What kind of device it is; [`DeviceInfo::flags`] says whether it can be reset.
    pub(super) fn device_info(&mut self) -> Result<DeviceInfo, VfioUserError> {
        let command = Command::DeviceGetInfo;
        let request = DeviceInfo { argsz: argsz::<DeviceInfo>(), ..DeviceInfo::default() };
        let info: DeviceInfo = self.call(command, &request, None)?;
        self.expect(command, info.flags & DEVICE_PCI != 0, "a device that is not PCI")?;
        Ok(info)
    }

    /// Bytes of a region.
    pub(super) fn region_size(&mut self, index: u32) -> Result<u64, VfioUserError> {
        let command = Command::DeviceGetRegionInfo;
        let request = RegionInfo { argsz: argsz::<RegionInfo>(), index, ..RegionInfo::default() };
        let info: RegionInfo = self.call(command, &request, None)?;
        self.expect(command, info.index == index, "another region")?;
        Ok(info.size)
    }

    /// Vectors of a kind of interrupts.
    pub(super) fn vectors(&mut self, index: u32) -> Result<u32, VfioUserError> {
        let command = Command::DeviceGetIrqInfo;
        let request = IrqInfo { argsz: argsz::<IrqInfo>(), index, ..IrqInfo::default() };
        let info: IrqInfo = self.call(command, &request, None)?;
        self.expect(command, info.index == index, "another kind of interrupts")?;
        Ok(info.count)
    }

    /// Lets a vector signal an eventfd. One file with each message is what every server takes.
    pub(super) fn connect_vector(
        &mut self,
        index: u32,
        vector: u32,
        eventfd: BorrowedFd<'_>,
    ) -> Result<(), VfioUserError> {
        let argsz = argsz::<IrqSet>();
        let request = IrqSet { argsz, flags: TRIGGER_EVENTFD, index, start: vector, count: 1 };
        self.call(Command::DeviceSetIrqs, &request, Some(eventfd))
    }

    /// Lets no vector signal anything.
    pub(super) fn disconnect_vectors(&mut self, index: u32) -> Result<(), VfioUserError> {
        let request = IrqSet { argsz: argsz::<IrqSet>(), flags: TRIGGER_NOTHING, index, start: 0, count: 0 };
        self.call(Command::DeviceSetIrqs, &request, None)
    }

    /// Lets the device reach a whole file at a bus address.
    pub(super) fn map(&mut self, file: &File, address: u64, size: u64) -> Result<(), VfioUserError> {
        let request = DmaMap { argsz: argsz::<DmaMap>(), flags: MAP_READ_WRITE, offset: 0, address, size };
        self.call(Command::DmaMap, &request, Some(file.as_fd()))
    }

    /// Takes back what was mapped at a bus address.
    pub(super) fn unmap(&mut self, address: u64, size: u64) -> Result<(), VfioUserError> {
        let command = Command::DmaUnmap;
        let request = DmaUnmap { argsz: argsz::<DmaUnmap>(), flags: 0, address, size };
        let reply: DmaUnmap = self.call(command, &request, None)?;
        self.expect(command, (reply.address, reply.size) == (address, size), "another range")
    }

    /// Reads bytes of a region.
    pub(super) fn region_read<const N: usize>(
        &mut self,
        region: u32,
        offset: u64,
    ) -> Result<[u8; N], VfioUserError> {
        let command = Command::RegionRead;
        let request = RegionAccess { offset, region, count: N as u32 };
        let reply = self.exchange(command, &[bytes_of(&request)], None)?;
        let parts = reply.split_at_checked(size_of::<RegionAccess>());
        let checked = parts.and_then(|(access, bytes)| {
            (access == bytes_of(&request)).then(|| <[u8; N]>::try_from(bytes).ok()).flatten()
        });
        checked.ok_or_else(|| self.violation(command, "another access, or not the bytes asked for"))
    }

    /// Writes bytes of a region.
    pub(super) fn region_write(
        &mut self,
        region: u32,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), VfioUserError> {
        let command = Command::RegionWrite;
        let request = RegionAccess { offset, region, count: bytes.len() as u32 };
        let reply = self.exchange(command, &[bytes_of(&request), bytes], None)?;
        self.expect(command, reply == bytes_of(&request), "another access, or fewer bytes than were sent")
    }

    /// Resets the device.
    pub(super) fn reset(&mut self) -> Result<(), VfioUserError> {
        self.call(Command::DeviceReset, &(), None)
    }

    /// A command whose reply has one length.
    fn call<R: Pod>(
        &mut self,
        command: Command,
        request: &impl Pod,
        file: Option<BorrowedFd<'_>>,
    ) -> Result<R, VfioUserError> {
        let reply = self.exchange(command, &[bytes_of(request)], file)?;
        bytemuck::try_pod_read_unaligned(&reply)
            .map_err(|_| self.violation(command, "a reply of another length"))
    }

    fn expect(&mut self, command: Command, holds: bool, found: &'static str) -> Result<(), VfioUserError> {
        if holds { Ok(()) } else { Err(self.violation(command, found)) }
    }

    fn violation(&mut self, command: Command, found: &'static str) -> VfioUserError {
        self.close();
        VfioUserError::Protocol { command: command.name(), found }
    }

    /// Sends a command, and receives what follows the header of its reply.
    fn exchange(
        &mut self,
        command: Command,
        parts: &[&[u8]],
        file: Option<BorrowedFd<'_>>,
    ) -> Result<Vec<u8>, VfioUserError> {
        let stream = self.stream.as_ref().ok_or(VfioUserError::Closed)?;
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let size = HEADER_BYTES + parts.iter().map(|part| part.len()).sum::<usize>();
        let header = Header { id, command: command as u16, size: size as u32, flags: 0, error: 0 };
        let message = [&[bytes_of(&header)], parts].concat().concat();
        let exchange = Exchange { stream, command, start: Instant::now(), patience: self.patience };
        let result = exchange.send(&message, file).and_then(|()| exchange.receive(&header));
        if !matches!(result, Ok(_) | Err(VfioUserError::Refused { .. })) {
            self.close();
        }
        result
    }
}

/// One command under way. The socket's own time-outs end each system call, `patience` their sum: the whole takes at most
/// twice as long.
struct Exchange<'a> {
    stream: &'a UnixStream,
    command: Command,
    start: Instant,
    patience: Duration,
}

impl Exchange<'_> {
    fn send(&self, message: &[u8], file: Option<BorrowedFd<'_>>) -> Result<(), VfioUserError> {
        let files = file.as_slice();
        let mut sent = 0;
        while sent < message.len() {
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if sent == 0 && !files.is_empty() {
                control.push(SendAncillaryMessage::ScmRights(files)); // there is room for one
            }
            let rest = [IoSlice::new(&message[sent..])];
            match sendmsg(self.stream, &rest, &mut control, SendFlags::NOSIGNAL) {
                Ok(bytes) => sent += bytes,
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.failed(error.into())),
            }
            self.check_time()?;
        }
        Ok(())
    }

    /// What follows the header of the reply to a command. Files that come with it are not asked for, so the kernel
    /// closes them.
    fn receive(&self, sent: &Header) -> Result<Vec<u8>, VfioUserError> {
        let mut header = Header::default();
        self.fill(bytemuck::bytes_of_mut(&mut header))?;
        if header.flags & REPLY == 0 {
            return Err(self.violation("a command of its own"));
        }
        if (header.id, header.command) != (sent.id, sent.command) {
            return Err(self.violation("the reply to another command"));
        }
        let length = (header.size as usize).checked_sub(HEADER_BYTES).filter(|&length| length <= MOST);
        let mut bytes = vec![0; length.ok_or_else(|| self.violation("a size that cannot be"))?];
        self.fill(&mut bytes)?;
        match header.flags & !REPLY {
            0 => Ok(bytes),
            ERROR => Err(VfioUserError::Refused {
                command: self.command.name(),
                errno: header.error.cast_signed(),
            }),
            _ => Err(self.violation("unknown flags")),
        }
    }

    fn fill(&self, mut bytes: &mut [u8]) -> Result<(), VfioUserError> {
        let mut stream = self.stream;
        while !bytes.is_empty() {
            match stream.read(bytes) {
                Ok(0) => return Err(VfioUserError::Closed),
                Ok(read) => bytes = &mut bytes[read..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
            self.check_time()?;
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), VfioUserError> {
        if self.start.elapsed() < self.patience { Ok(()) } else { Err(self.silent()) }
    }

    fn failed(&self, error: std::io::Error) -> VfioUserError {
        match error.kind() {
            ErrorKind::WouldBlock => self.silent(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => VfioUserError::Closed,
            _ => VfioUserError::Socket(error),
        }
    }

    fn silent(&self) -> VfioUserError {
        VfioUserError::Silent { command: self.command.name(), waited: self.start.elapsed() }
    }

    const fn violation(&self, found: &'static str) -> VfioUserError {
        VfioUserError::Protocol { command: self.command.name(), found }
    }
}

/// Ends every system call on a socket after so long.
fn limit(socket: impl AsFd, patience: Duration) -> Result<(), VfioUserError> {
    let patience = Some(patience.clamp(SHORTEST, LONGEST));
    [sockopt::Timeout::Recv, sockopt::Timeout::Send]
        .into_iter()
        .try_for_each(|which| sockopt::set_socket_timeout(&socket, which, patience))
        .map_err(|error| VfioUserError::Socket(error.into()))
}

/// What servers know the length of a structure by.
const fn argsz<T>() -> u32 {
    size_of::<T>() as u32
}
