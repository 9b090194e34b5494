//! What ends a server.

use std::io;
use std::path::PathBuf;

use crate::clock::Stopped;
use crate::endpoint::BadOptions;

/// Why a device cannot be served, or not any longer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No endpoint has these options.
    #[error(transparent)]
    Options(#[from] BadOptions),
    /// The model stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The socket cannot be made.
    #[error("cannot listen on {}: {cause}; remove the file if no other server uses it", path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client broke the protocol, or its connection.
    #[error("the vfio-user client: {0}")]
    Client(Box<dyn std::error::Error + Send + Sync>),
    /// QEMU cannot be started.
    #[error("cannot start {program}: {error}; install QEMU (Debian: qemu-system-x86)")]
    Start {
        /// What was started.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// QEMU ended, or did not connect, before it had the device.
    #[error("QEMU did not connect: {0}; its own message says why")]
    NoConnection(String),
    /// QEMU sent what is not in the protocol.
    #[error("QEMU sent {0}; this server speaks the multi-process protocol of QEMU 7 to 9")]
    Message(String),
    /// Sockets or memory failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        error: io::Error,
    },
}

impl ServerError {
    /// Names what failed.
    pub(crate) fn io<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Io { what, error: error.into() }
    }
}
