//! MSI-X: the table and the pending bits, as they lie in their BAR.

use super::PBA_OFFSET;

/// Bytes of a table entry: address, data, control.
const ENTRY: usize = 16;
/// Control: the vector is masked.
const MASKED: u32 = 1;
/// Words of an entry.
const CONTROL: usize = 3;

/// A message to send: a write of `data` to `address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which vector.
    pub vector: u16,
    /// Bus address.
    pub address: u64,
    /// What is written there.
    pub data: u32,
}

#[derive(Clone)]
pub(super) struct Msix {
    entries: Vec<[u32; 4]>,
    pub(super) pending: u64,
}

impl Msix {
    /// After a reset: every vector is masked.
    pub(super) fn new(vectors: u16) -> Self {
        Self { entries: vec![[0, 0, 0, MASKED]; usize::from(vectors)], pending: 0 }
    }

    pub(super) fn read(&self, offset: usize) -> u8 {
        let word = match offset.checked_sub(PBA_OFFSET) {
            Some(0..8) => return self.pending.to_le_bytes()[offset - PBA_OFFSET],
            Some(_) => return 0,
            None => self.entries.get(offset / ENTRY).map_or(0, |entry| entry[offset % ENTRY / 4]),
        };
        word.to_le_bytes()[offset % 4]
    }

    pub(super) fn write(&mut self, offset: usize, value: u8) {
        let Some(entry) = self.entries.get_mut(offset / ENTRY) else { return };
        let word = &mut entry[offset % ENTRY / 4];
        let mut bytes = word.to_le_bytes();
        bytes[offset % 4] = value;
        *word = u32::from_le_bytes(bytes);
    }

    /// Vectors that are pending and not masked; they are pending no more.
    pub(super) fn take(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        for (vector, entry) in self.entries.iter().enumerate() {
            if self.pending >> vector & 1 == 1 && entry[CONTROL] & MASKED == 0 {
                self.pending &= !(1 << vector);
                let address = u64::from(entry[1]) << 32 | u64::from(entry[0]);
                messages.push(Message { vector: vector as u16, address, data: entry[2] });
            }
        }
        messages
    }
}
