//! Data with strobes, and how they reach memory.

use crate::memory::ExternalMemory;

/// Data of one burst, with one strobe bit per byte.
#[derive(Default)]
pub(crate) struct Data {
    pub(crate) words: Vec<u64>,
    pub(crate) strobes: Vec<u64>,
}

/// Writes the beats of `length` bytes whose strobes are set, as far as the target goes.
pub(crate) fn write_strobed(target: &mut [u8], data: &Data, length: usize) {
    let words_per_beat = length / 8 / data.strobes.len().max(1);
    for (i, chunk) in target.chunks_exact_mut(8).enumerate() {
        let strobe = data.strobes[i / words_per_beat] >> (i % words_per_beat * 8) & 0xff;
        let bytes = data.words[i].to_le_bytes();
        if strobe == 0xff {
            chunk.copy_from_slice(&bytes);
        } else {
            for (lane, byte) in chunk.iter_mut().enumerate().filter(|(lane, _)| strobe >> lane & 1 == 1) {
                *byte = bytes[lane];
            }
        }
    }
}

/// Writes every run of bytes whose strobes are set; says whether there was room for all. A beat's words and strobes are
/// as wide as each other.
pub(crate) fn external_strobed(memory: &dyn ExternalMemory, address: u64, data: &Data) -> bool {
    let bytes: Vec<u8> = data.words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let beat_bytes = bytes.len() / data.strobes.len().max(1);
    let is_set = |i: usize| data.strobes[i / beat_bytes] >> (i % beat_bytes) & 1 == 1;
    let (mut start, mut complete) = (0, true);
    while start < bytes.len() {
        let set = is_set(start);
        let end = (start..bytes.len()).find(|&i| is_set(i) != set).unwrap_or(bytes.len());
        if set {
            complete &= memory.write(address + start as u64, &bytes[start..end]) == end - start;
        }
        start = end;
    }
    complete
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Somebody else's memory: 64 bytes at 0x1000, none behind.
    struct Foreign(Mutex<[u8; 64]>);

    impl ExternalMemory for Foreign {
        fn read(&self, _: u64, _: &mut [u8]) -> usize {
            0
        }

        fn write(&self, address: u64, bytes: &[u8]) -> usize {
            let mut memory = self.0.lock().unwrap();
            let there = &mut memory[(address - 0x1000) as usize..];
            let length = there.len().min(bytes.len());
            there[..length].copy_from_slice(&bytes[..length]);
            length
        }
    }

    #[test]
    fn strobes_in_foreign_memory() {
        let foreign = Foreign(Mutex::new([9; 64]));
        let words = vec![0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 3, 3];
        for (base, strobes, complete) in
            [(0x1000, [0xf00f, 0], true), (0x1020, [0xffff, 0], true), (0x1030, [0xffff, 1], false)]
        {
            let data = Data { words: words.clone(), strobes: strobes.to_vec() };
            assert_eq!(external_strobed(&foreign, base, &data), complete, "{base:#x}");
        }
        let bytes = *foreign.0.lock().unwrap();
        assert_eq!(bytes[..16], [1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9, 2, 2, 2, 2]);
        assert_eq!(bytes[16..32], [9; 16], "no strobes, no write");
        assert_eq!((bytes[32], bytes[40], bytes[48], bytes[56]), (1, 2, 1, 2));
    }
}
