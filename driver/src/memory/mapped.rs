//! Memory that a device may write at any time.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

use memmap2::MmapRaw;

use crate::transport::OutOfRange;

/// Bytes copied at a time where addresses allow it.
const WORD: usize = size_of::<u64>();
/// Alignment that every memory has at least.
const PAGE: usize = 4096;

/// Memory that is never borrowed: the device owns it as much as we do, so every access copies, by atomic loads and stores
/// through a pointer.
#[derive(Debug)]
pub struct Mapped {
    /// Of `size` bytes, at a page.
    address: NonNull<u8>,
    size: usize,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    /// Unmapped when dropped.
    Map {
        _map: MmapRaw,
    },
    Heap(Layout),
}

// SAFETY: the memory belongs to the value, wherever that goes.
#[allow(unsafe_code)]
unsafe impl Send for Mapped {}
// SAFETY: all accesses are atomic.
#[allow(unsafe_code)]
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Memory that is mapped for reading and writing.
    #[must_use]
    pub fn new(map: MmapRaw) -> Self {
        let (address, size) = match NonNull::new(map.as_mut_ptr()) {
            Some(address) => (address, map.len()),
            // No mapping begins there.
            None => (NonNull::dangling(), 0),
        };
        Self { address, size, storage: Storage::Map { _map: map } }
    }

    /// Zeroed memory of this process alone, for devices that are simulated in it; `None` if there is not as much. No
    /// system call is made for it, so that Miri can follow.
    #[must_use]
    pub fn zeroed(bytes: usize) -> Option<Self> {
        let layout = Layout::from_size_align(bytes.max(1), PAGE).ok()?;
        // SAFETY: the layout has a size.
        #[allow(unsafe_code)]
        let address = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { address, size: bytes, storage: Storage::Heap(layout) })
    }

    /// Bytes.
    #[must_use]
    #[inline]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Where this process sees it, for system calls that take an address.
    #[must_use]
    #[inline]
    pub const fn address(&self) -> *mut u8 {
        self.address.as_ptr()
    }

    /// Copies out. What the device wrote before a value read with [`Mapped::read_u32`] is seen.
    ///
    /// # Errors
    /// The range is not inside the memory.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        let mut at = self.at::<u8>(offset, bytes.len())?;
        let (head, rest) = bytes.split_at_mut(head_length(bytes.len(), at));
        let (words, tail) = rest.as_chunks_mut::<WORD>();
        // SAFETY: the range was checked; `at` walks through it, at a multiple of a word where words begin.
        #[allow(unsafe_code)]
        unsafe {
            for byte in head {
                *byte = load_byte(at);
                at = at.add(1);
            }
            for word in words {
                *word = load_word(at.cast()).to_ne_bytes();
                at = at.add(WORD);
            }
            for byte in tail {
                *byte = load_byte(at);
                at = at.add(1);
            }
        }
        Ok(())
    }

    /// Copies in. The device sees it before it sees a register written afterwards.
    ///
    /// # Errors
    /// The range is not inside the memory.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        let mut at = self.at::<u8>(offset, bytes.len())?;
        let (head, rest) = bytes.split_at(head_length(bytes.len(), at));
        let (words, tail) = rest.as_chunks::<WORD>();
        // SAFETY: as in `read`.
        #[allow(unsafe_code)]
        unsafe {
            for &byte in head {
                store_byte(at, byte);
                at = at.add(1);
            }
            for &word in words {
                store_word(at.cast(), u64::from_ne_bytes(word));
                at = at.add(WORD);
            }
            for &byte in tail {
                store_byte(at, byte);
                at = at.add(1);
            }
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
        let at = self.at::<u64>(offset, N)?;
        // SAFETY: the N words were checked.
        #[allow(unsafe_code)]
        Ok(std::array::from_fn(|i| u64::from_le(unsafe { load_word(at.add(i)) })))
    }

    /// Copies words in, little-endian, at a multiple of 8. The device sees them before a register written afterwards.
    ///
    /// # Errors
    /// The range is not inside the memory, or not aligned.
    #[inline]
    pub fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        let at = self.at::<u64>(offset, N)?;
        for (i, word) in words.iter().enumerate() {
            // SAFETY: the N words were checked.
            #[allow(unsafe_code)]
            unsafe {
                store_word(at.add(i), word.to_le());
            }
        }
        fence(Ordering::Release);
        Ok(())
    }

    /// One aligned 32-bit load with acquire order: what the device wrote before it is visible after it.
    ///
    /// # Errors
    /// The range is not inside the memory, or not aligned.
    #[inline]
    pub fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        let at = self.at::<u32>(offset, 1)?;
        // SAFETY: the dword was checked.
        #[allow(unsafe_code)]
        let value = unsafe { AtomicU32::from_ptr(at) }.load(Ordering::Acquire);
        Ok(u32::from_le(value))
    }

    /// Where `count` items lie: inside of the memory, and aligned, as the memory itself begins at a page.
    #[inline]
    fn at<T>(&self, offset: usize, count: usize) -> Result<*mut T, OutOfRange> {
        const { assert!(align_of::<T>() <= PAGE) };
        let length = count * size_of::<T>();
        OutOfRange::check(offset, length, self.size)?;
        if !offset.is_multiple_of(align_of::<T>()) {
            return Err(OutOfRange { offset, length, size: self.size });
        }
        Ok(self.address().wrapping_add(offset).cast())
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if let Storage::Heap(layout) = self.storage {
            // SAFETY: allocated in `zeroed` with this layout, and nobody has a pointer to it any more.
            #[allow(unsafe_code)]
            unsafe {
                dealloc(self.address(), layout);
            }
        }
    }
}

/// # Safety
/// The byte lies in a memory that lives.
#[inline]
#[allow(unsafe_code)]
unsafe fn load_byte(at: *mut u8) -> u8 {
    // SAFETY: the caller's promise; all accesses of a memory are atomic.
    unsafe { AtomicU8::from_ptr(at) }.load(Ordering::Relaxed)
}

/// # Safety
/// As [`load_byte`].
#[inline]
#[allow(unsafe_code)]
unsafe fn store_byte(at: *mut u8, value: u8) {
    // SAFETY: as in `load_byte`.
    unsafe { AtomicU8::from_ptr(at) }.store(value, Ordering::Relaxed);
}

/// # Safety
/// The word lies, aligned, in a memory that lives.
#[inline]
#[allow(unsafe_code)]
unsafe fn load_word(at: *mut u64) -> u64 {
    // SAFETY: as in `load_byte`.
    unsafe { AtomicU64::from_ptr(at) }.load(Ordering::Relaxed)
}

/// # Safety
/// As [`load_word`].
#[inline]
#[allow(unsafe_code)]
unsafe fn store_word(at: *mut u64, value: u64) {
    // SAFETY: as in `load_byte`.
    unsafe { AtomicU64::from_ptr(at) }.store(value, Ordering::Relaxed);
}

/// Bytes before the first aligned address.
fn head_length(length: usize, at: *mut u8) -> usize {
    let address = at.addr();
    length.min(address.next_multiple_of(WORD) - address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_and_length() {
        let memory = Mapped::zeroed(4096).unwrap();
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
