//! Memory that the server maps too: files without a name, sent over the socket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::param::page_size;

use super::client::Client;
use crate::memory::{Ranges, Region, Source, shared};
use crate::pci::PciError;

/// First bus address given to memory: not what null pointers and small integers look like.
const FIRST_ADDRESS: u64 = 0x10_0000;

/// The client and the bus addresses that are free; the transport and the memory that the device reaches share it.
#[derive(Debug)]
pub(super) struct Connection {
    client: Mutex<Client>,
    free: Mutex<Ranges>,
}

impl Connection {
    /// Nothing is mapped yet.
    pub(super) fn new(client: Client) -> Self {
        Self { client: Mutex::new(client), free: Mutex::default() }
    }

    pub(super) fn client(&self) -> MutexGuard<'_, Client> {
        lock(&self.client)
    }

    /// Frees the bus addresses that the device reaches.
    pub(super) fn set_address_bits(&self, bits: u32) {
        let end = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
        *lock(&self.free) = Ranges::new([(FIRST_ADDRESS, end)]);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Regions over a connection.
pub(super) struct SocketSource(pub(super) Arc<Connection>);

impl Source for SocketSource {
    fn region(&self, bytes: usize) -> Result<Region, PciError> {
        let (memory, file) = shared(bytes)?;
        let size = memory.size() as u64;
        let taken = lock(&self.0.free).take(size, page_size() as u64);
        let start = taken.ok_or(PciError::NoBusAddresses(memory.size()))?;
        let mapped = self.0.client().map(&file, start, size);
        if let Err(error) = mapped {
            lock(&self.0.free).free(start, size);
            return Err(PciError::VfioUser(error));
        }
        let connection = Arc::clone(&self.0);
        Ok(Region::with_access(memory, start, Access { connection, start, size }))
    }
}

/// The device's access to a region. It ends with the connection, too; what is left then is memory of this process.
struct Access {
    connection: Arc<Connection>,
    start: u64,
    size: u64,
}

impl Drop for Access {
    fn drop(&mut self) {
        // A range that the server did not give back is not used again.
        if self.connection.client().unmap(self.start, self.size).is_ok() {
            lock(&self.connection.free).free(self.start, self.size);
        }
    }
}
