//! Transports to devices outside this process.
//! - [`vfio_user`]: a device in another process, over a socket

pub mod vfio_user;
