//! Why there is no connection.

use std::io;
use std::path::PathBuf;

use crate::backends::BadTimeScale;
use crate::transport::TransportError;

/// Why there is no device at a socket.
#[derive(Debug, thiserror::Error)]
pub enum VfioUserError {
    /// Nobody listens.
    #[error("no vfio-user device at {}: {cause}; start one with cbp sim-server --vfio-user", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The window is not in the BAR.
    #[error("BAR0 has {size} bytes, too few for a register window at {offset:#x}; check the window's offset")]
    Window {
        /// Bytes of the BAR.
        size: u64,
        /// Where the window should be.
        offset: u32,
    },
    /// The device ended while it was set up.
    #[error("the vfio-user device left while it was opened: {0}")]
    Left(TransportError),
    /// No eventfd.
    #[error("cannot make an eventfd: {0}; raise the limit of open files")]
    EventFd(io::Error),
    /// The time scale is no positive number.
    #[error(transparent)]
    TimeScale(#[from] BadTimeScale),
}
