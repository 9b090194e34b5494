//! The socket, and the bus addresses that are in use over it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::param::page_size;
use vfio_user::Client;

use crate::transport::TransportError;

/// First bus address given to memory: not what null pointers and small integers look like.
const FIRST_ADDRESS: u64 = 0x10_0000;

/// The connection, shared with the memory that is mapped over it.
pub(super) struct Connection {
    client: Client,
    /// Ranges of bus addresses in use: first to end.
    used: BTreeMap<u64, u64>,
    gone: bool,
}

pub(super) type Shared = Arc<Mutex<Connection>>;

pub(super) fn lock(shared: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    pub(super) const fn new(client: Client) -> Self {
        Self { client, used: BTreeMap::new(), gone: false }
    }

    /// One exchange of messages; once the socket failed there is no other.
    pub(super) fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Client) -> Result<R, vfio_user::Error>,
    ) -> Result<R, TransportError> {
        use vfio_user::Error::{ReceiveWithFd, SendWithFd, StreamRead, StreamWrite};
        if self.gone {
            return Err(TransportError::Gone);
        }
        call(&mut self.client).map_err(|error| match error {
            StreamRead(_) | StreamWrite(_) | SendWithFd(_) | ReceiveWithFd(_) => {
                self.gone = true;
                TransportError::Gone
            }
            other => TransportError::Other(other.into()),
        })
    }

    /// The lowest free range, with a free page behind it.
    pub(super) fn reserve(&mut self, bytes: u64) -> u64 {
        let page = page_size() as u64;
        let mut address = FIRST_ADDRESS;
        for (&first, &end) in &self.used {
            if first - address >= bytes + page {
                break;
            }
            address = end + page;
        }
        self.used.insert(address, address + bytes);
        address
    }

    /// Gives the range at an address back.
    pub(super) fn release(&mut self, address: u64) {
        self.used.remove(&address);
    }
}
