//! A mapping that a device may write at any time.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

use memmap2::MmapRaw;

use crate::transport::OutOfRange;

/// Bytes copied at a time where addresses allow it.
const WORD: usize = size_of::<u64>();

/// Mapped memory that is never borrowed: the device owns it as much as we do, so every access copies, with atomic loads
/// and stores of its own.
#[derive(Debug)]
pub struct Mapped {
    map: MmapRaw,
}

impl Mapped {
    /// Memory that is mapped for reading and writing.
    #[must_use]
    pub const fn new(map: MmapRaw) -> Self {
        Self { map }
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.map.len()
    }

    /// Where this process sees it, for system calls that take an address.
    #[must_use]
    pub fn address(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    /// Copies out. What the device wrote before a value read with [`Mapped::read_u32`] is seen.
    ///
    /// # Errors
    /// The range is not inside the memory.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size())?;
        let mut at = offset;
        let (head, words, tail) = split(bytes, self.address() as usize + offset);
        for byte in head {
            *byte = self.byte(at).load(Ordering::Relaxed);
            at += 1;
        }
        for word in words.as_chunks_mut::<WORD>().0 {
            *word = self.word(at).load(Ordering::Relaxed).to_ne_bytes();
            at += WORD;
        }
        for byte in tail {
            *byte = self.byte(at).load(Ordering::Relaxed);
            at += 1;
        }
        Ok(())
    }

    /// Copies in. The device sees it before it sees a register written afterwards.
    ///
    /// # Errors
    /// The range is not inside the memory.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.size())?;
        let mut at = offset;
        let (head, rest) = bytes.split_at(head_length(bytes.len(), self.address() as usize + offset));
        let (words, tail) = rest.as_chunks::<WORD>();
        for &byte in head {
            self.byte(at).store(byte, Ordering::Relaxed);
            at += 1;
        }
        for &word in words {
            self.word(at).store(u64::from_ne_bytes(word), Ordering::Relaxed);
            at += WORD;
        }
        for &byte in tail {
            self.byte(at).store(byte, Ordering::Relaxed);
            at += 1;
        }
        fence(Ordering::Release);
        Ok(())
    }

    /// Copies words out, little-endian, at a multiple of 8.
    ///
    /// # Errors
    /// The range is not inside the memory, or not aligned.
    #[inline]
    pub fn read_words<const N: usize>(&self, offset: usize) -> Result<[u64; N], OutOfRange> {
        self.check_words(offset, N)?;
        Ok(std::array::from_fn(|i| u64::from_le(self.word(offset + WORD * i).load(Ordering::Relaxed))))
    }

    /// Copies words in, little-endian, at a multiple of 8. The device sees them before a register written afterwards.
    ///
    /// # Errors
    /// The range is not inside the memory, or not aligned.
    #[inline]
    pub fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        self.check_words(offset, N)?;
        for (i, word) in words.iter().enumerate() {
            self.word(offset + WORD * i).store(word.to_le(), Ordering::Relaxed);
        }
        fence(Ordering::Release);
        Ok(())
    }

    #[inline]
    fn check_words(&self, offset: usize, words: usize) -> Result<(), OutOfRange> {
        let length = words * WORD;
        OutOfRange::check(offset, length, self.size())?;
        // A mapping begins at a page.
        if offset.is_multiple_of(WORD) {
            Ok(())
        } else {
            Err(OutOfRange { offset, length, size: self.size() })
        }
    }

    /// One aligned 32-bit load with acquire order: what the device wrote before it is visible after it.
    ///
    /// # Errors
    /// The range is not inside the memory, or not aligned.
    #[inline]
    pub fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        OutOfRange::check(offset, 4, self.size())?;
        if !offset.is_multiple_of(4) {
            return Err(OutOfRange { offset, length: 4, size: self.size() });
        }
        #[allow(clippy::cast_ptr_alignment)] // see below
        let at = self.address().wrapping_add(offset).cast::<u32>();
        // SAFETY: the four bytes were checked to lie in the mapping, which is page-aligned, so the address is aligned;
        // the mapping lives as long as `self`, and all its accesses here are atomic.
        #[allow(unsafe_code)]
        let value = unsafe { AtomicU32::from_ptr(at) }.load(Ordering::Acquire);
        Ok(u32::from_le(value))
    }

    /// The byte at a checked offset.
    #[inline]
    fn byte(&self, offset: usize) -> &AtomicU8 {
        // SAFETY: the caller checked that the byte lies in the mapping, which lives as long as `self`; all its accesses
        // here are atomic.
        #[allow(unsafe_code)]
        unsafe {
            AtomicU8::from_ptr(self.address().wrapping_add(offset))
        }
    }

    /// The word at a checked and aligned offset.
    #[inline]
    fn word(&self, offset: usize) -> &AtomicU64 {
        debug_assert!((self.address() as usize + offset).is_multiple_of(WORD));
        let at = self.address().wrapping_add(offset).cast();
        // SAFETY: as for `byte`; the caller checked that all eight bytes lie in the mapping and are aligned.
        #[allow(unsafe_code)]
        unsafe {
            AtomicU64::from_ptr(at)
        }
    }
}

/// Bytes before the first aligned address.
fn head_length(length: usize, address: usize) -> usize {
    length.min(address.next_multiple_of(WORD) - address)
}

fn split(bytes: &mut [u8], address: usize) -> (&mut [u8], &mut [u8], &mut [u8]) {
    let (head, rest) = bytes.split_at_mut(head_length(bytes.len(), address));
    let words = rest.len() / WORD * WORD;
    let (words, tail) = rest.split_at_mut(words);
    (head, words, tail)
}

#[cfg(test)]
mod tests {
    use memmap2::MmapOptions;

    use super::*;

    #[test]
    fn any_offset_and_length() {
        let map = MmapOptions::new().len(4096).map_anon().unwrap();
        let memory = Mapped::new(map.into());
        let mut expected = vec![0_u8; 4096];
        for (step, (offset, length)) in
            [(0, 4096), (1, 1), (3, 30), (8, 8), (4095, 1), (17, 0), (9, 7)].into_iter().enumerate()
        {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 31 + step * 7 + 1) as u8).collect();
            memory.write(offset, &bytes).unwrap();
            expected[offset..offset + length].copy_from_slice(&bytes);
            let mut found = vec![0; length];
            memory.read(offset, &mut found).unwrap();
            assert_eq!(found, bytes);
        }
        let mut all = vec![0; 4096];
        memory.read(0, &mut all).unwrap();
        assert_eq!(all, expected);
        assert_eq!(memory.read_u32(8).unwrap().to_le_bytes(), expected[8..12]);
        for (offset, length) in [(4096, 1), (0, 4097), (usize::MAX, 2)] {
            assert!(memory.write(offset, &vec![0; length]).is_err());
            assert!(memory.read(offset, &mut vec![0; length]).is_err());
        }
        memory.write_words(16, &[1, u64::MAX - 1]).unwrap();
        assert_eq!(memory.read_words::<3>(8).unwrap()[1..], [1, u64::MAX - 1]);
        assert!(memory.read_words::<1>(4).is_err() && memory.write_words(4096 - 8, &[0, 0]).is_err());
        assert!(memory.read_u32(4094).is_err() && memory.read_u32(2).is_err());
    }
}
