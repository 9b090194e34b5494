//! A card for clients of the vfio-user protocol: register accesses are messages, the client's memory is mapped, vectors
//! are eventfds.
//!
//! - [`Server`]: listens on a socket, serves one client after another
//!
//! Below: `session` (answers a client's commands), `message` (their layout), `event_fds` (interrupts), `doorman` (tells
//! others that the device is in use).

mod doorman;
mod event_fds;
mod message;
mod session;

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use cbp_sim::SimDevice;

use crate::card::{Card, CardOptions, Interrupts};
use crate::dma::{ClientMemory, Maps};
use crate::error::ServerError;
use event_fds::EventFds;
use session::Session;

/// Listens on a socket.
pub struct Server {
    card: Card,
    eventfds: Arc<EventFds>,
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Puts a device on a card and listens at `path`. The file is removed when the server is dropped.
    ///
    /// # Errors
    /// The socket cannot be made, or the options name no card.
    pub fn new(path: &Path, device: SimDevice, options: CardOptions) -> Result<Self, ServerError> {
        let eventfds = Arc::new(EventFds::default());
        let memory = Arc::new(ClientMemory::new(options.dma_bits, None));
        let card = Card::new(device, options, memory, Arc::clone(&eventfds) as Arc<dyn Interrupts>)?;
        let failed = |cause: io::Error| ServerError::Listen { path: path.to_owned(), cause: cause.into() };
        let listener = UnixListener::bind(path).map_err(failed)?;
        Ok(Self { card, eventfds, listener, path: path.to_owned() })
    }

    /// Serves the next client until it leaves; the device is then as after power-on. Others are refused meanwhile.
    ///
    /// # Errors
    /// The connection failed or the client broke the protocol, after which the next one can be served; or the model
    /// stopped.
    pub fn serve(&mut self) -> Result<(), ServerError> {
        let (client, _) = self.listener.accept().map_err(ServerError::io("accept"))?;
        let (inside, door) = UnixStream::pair().map_err(ServerError::io("socketpair"))?;
        let served = thread::scope(|scope| {
            scope.spawn(|| doorman::stand(&self.listener, &door));
            let served = Session { card: &self.card, eventfds: &self.eventfds }.serve(&client);
            drop(inside);
            served
        });
        self.card.reset()?;
        self.card.memory().replace(Maps::default());
        self.eventfds.clear();
        served.map_err(|error| ServerError::Client(error.into()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been removed before.
        let _ = std::fs::remove_file(&self.path);
    }
}
