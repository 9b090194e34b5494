//! Refuses clients while one is served: they would wait until that one goes.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};

/// How long it may take to notice that the client that is served has left, and how long others have to send their first
/// message.
const GRACE: Duration = Duration::from_millis(200);

/// A reply that refuses.
const REFUSED: u32 = 1 | 1 << 5;

/// Refuses all others until the door closes, which says that the client that is served has left.
pub(super) fn stand(listener: &UnixListener, door: &UnixStream) {
    loop {
        let mut both = [PollFd::new(listener, PollFlags::IN), PollFd::new(door, PollFlags::IN)];
        let waited = retry_on_intr(|| poll(&mut both, None));
        // If it closed by now, whoever waits is the next client.
        if waited.is_err() || closes(door, GRACE) {
            return;
        }
        if let Ok((client, _)) = listener.accept() {
            // It may leave at any time.
            let _ = refuse(&client);
        }
    }
}

/// Whether the door closes within a time; nothing more is sent through it.
fn closes(door: &UnixStream, within: Duration) -> bool {
    let within = Timespec { tv_sec: 0, tv_nsec: within.subsec_nanos().into() };
    let mut door = [PollFd::new(door, PollFlags::IN)];
    !matches!(retry_on_intr(|| poll(&mut door, Some(&within))), Ok(0))
}

/// Answers the first message: the device is busy.
fn refuse(mut client: &UnixStream) -> io::Result<()> {
    client.set_read_timeout(Some(GRACE))?;
    client.set_write_timeout(Some(GRACE))?;
    let mut header = [[0; 4]; 4];
    client.read_exact(header.as_flattened_mut())?;
    // The first word is number and command, which stay.
    let size = size_of_val(&header) as u32;
    let error = Errno::BUSY.raw_os_error().cast_unsigned();
    for (word, value) in header[1..].iter_mut().zip([size, REFUSED, error]) {
        *word = value.to_ne_bytes();
    }
    client.write_all(header.as_flattened())
}
