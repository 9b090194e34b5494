//! What goes wrong between client and server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::backends::BadTimeScale;
use crate::transport::TransportError;

/// Why there is no device at a socket, or not any longer. Commands have their names in the specification of vfio-user.
///
/// All but a refusal end the connection: calls after it fail with [`TransportError::Gone`].
#[derive(Debug, thiserror::Error)]
pub enum VfioUserError {
    /// Nobody listens.
    #[error("no vfio-user device at {}: {cause}; start one with cbp sim-server --vfio-user", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Somebody else uses the device.
    #[error("another client is connected to {}, which serves one at a time; end it, or start a second server", .0.display())]
    Busy(PathBuf),
    /// The window is not in the BAR.
    #[error("BAR0 has {size} bytes, too few for a register window at {offset:#x}; check the window's offset")]
    Window {
        /// Bytes of the BAR.
        size: u64,
        /// Where the window should be.
        offset: u32,
    },
    /// The server answered that it did not do it. The connection stays.
    #[error(
        "the vfio-user server refused {command}: {}; its own messages may say more, and a server of this release \
         refuses nothing that this client asks", reason(*.errno)
    )]
    Refused {
        /// What was asked.
        command: &'static str,
        /// Why; 0 if the server does not say.
        errno: i32,
    },
    /// The server sent what the protocol does not allow.
    #[error(
        "the vfio-user server answered {command} with {found}; use a server that speaks version 0.1 of the protocol"
    )]
    Protocol {
        /// What was asked.
        command: &'static str,
        /// What is wrong with the answer.
        found: &'static str,
    },
    /// The server lives and does not answer.
    #[error(
        "the vfio-user server did not answer {command} in {waited:?}; resume or restart it, and set {} if it is only slow",
        crate::backends::TIME_SCALE
    )]
    Silent {
        /// What was asked.
        command: &'static str,
        /// How long it had.
        waited: Duration,
    },
    /// The server ended, or closed the connection.
    #[error("the vfio-user server closed the connection; its own messages say why, start it again")]
    Closed,
    /// The socket failed.
    #[error("the socket of the vfio-user server: {0}; connect again")]
    Socket(io::Error),
    /// No eventfd.
    #[error("cannot make an eventfd: {0}; raise the limit of open files")]
    EventFd(io::Error),
    /// The time scale is no positive number.
    #[error(transparent)]
    TimeScale(#[from] BadTimeScale),
}

fn reason(errno: i32) -> String {
    match errno {
        0 => "it gives no reason".to_owned(),
        errno => io::Error::from_raw_os_error(errno).to_string(),
    }
}

impl From<VfioUserError> for TransportError {
    fn from(error: VfioUserError) -> Self {
        match error {
            VfioUserError::Closed => Self::Gone,
            other => Self::Other(Box::new(other)),
        }
    }
}
