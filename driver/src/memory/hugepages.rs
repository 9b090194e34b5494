//! Hugepages: large pages that the kernel does not swap out or compact. It moves one only for an administrator who takes
//! memory out of use, and on machines that do that a board needs VFIO.

use std::fs::{self, File};
use std::io;
use std::ops::Range;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::memory::{Mapped, Pagemap};
use crate::pci::PciError;

const MEMINFO: &str = "/proc/meminfo";

/// What the machine has of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hugepages {
    /// Bytes of one.
    pub size: usize,
    /// How many nobody uses, and nobody has reserved.
    pub free: usize,
    /// How many there are.
    pub total: usize,
}

impl Hugepages {
    /// Asks the kernel.
    ///
    /// # Errors
    /// It does not say.
    pub fn read() -> Result<Self, PciError> {
        let text = fs::read_to_string(MEMINFO).map_err(|e| PciError::file(MEMINFO, e))?;
        Self::parse(&text).ok_or(PciError::Unsupported("hugepages in its kernel"))
    }

    fn parse(meminfo: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<usize>().ok()
        };
        let size = value("Hugepagesize")?.checked_mul(1024)?;
        let reserved = value("HugePages_Rsvd").unwrap_or(0);
        let free = value("HugePages_Free")?.saturating_sub(reserved);
        size.is_power_of_two().then_some(Self { size, free, total: value("HugePages_Total").unwrap_or(free) })
    }

    /// Pages that hold this many bytes.
    #[must_use]
    pub const fn holding(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.size)
    }

    /// Maps `count` pages, wherever they are.
    ///
    /// # Errors
    /// There are not that many.
    pub fn map(&self, count: usize) -> Result<Mapped, PciError> {
        let file = self.file(count)?;
        Ok(Mapped::new(self.map_file(&file, count)?))
    }

    /// Maps `count` pages that follow each other in physical memory too, below 2^`bits`; returns the physical address of
    /// the first.
    ///
    /// # Errors
    /// There are not that many, they are not contiguous, they lie higher, or the kernel hides where they are.
    pub fn map_contiguous(
        &self,
        count: usize,
        bits: u32,
        pagemap: &Pagemap,
    ) -> Result<(Mapped, u64), PciError> {
        let (mut longest, mut high) = (0, false);
        // The kernel usually hands neighbours out. If not, all free pages are looked at.
        for candidates in [count, self.free.max(count)] {
            let file = match self.file(candidates) {
                // Another process was faster.
                Err(_) if candidates > count => break,
                file => file?,
            };
            let all = Mapped::new(self.map_file(&file, candidates)?);
            let places = self.places(&all, candidates, pagemap)?;
            let (run, length) = find_run(&places, count, self.size as u64, bits);
            longest = longest.max(length);
            high |= places.iter().any(|&place| !reaches(bits, place, self.size as u64));
            if let Some(run) = run {
                let memory = Mapped::new(self.reorder(&file, &run)?);
                self.give_back(&file, candidates, &run)?;
                return self.check(memory, count, pagemap);
            }
        }
        let (bytes, wanted) = (count * self.size, count);
        Err(if high {
            PciError::HighHugepages { bytes, wanted, longest, bits }
        } else {
            PciError::NotContiguous { bytes, wanted, longest }
        })
    }

    /// A file of `count` pages in memory.
    fn file(&self, count: usize) -> Result<File, PciError> {
        let missing = || {
            let Self { size, free, total } = *self;
            PciError::NoHugepages { wanted: count, free, total, kib: size / 1024 }
        };
        let bytes = count.checked_mul(self.size).ok_or_else(missing)?;
        let file = memfd_create("cbp", MemfdFlags::HUGETLB | MemfdFlags::CLOEXEC)
            .map_err(|e| PciError::system("memfd_create(MFD_HUGETLB)", e))?;
        // Pages are taken here, where a lack of them is an error, and not at the first access, where it is a signal.
        fallocate(&file, FallocateFlags::empty(), 0, bytes as u64).map_err(|_| missing())?;
        Ok(File::from(file))
    }

    fn map_file(&self, file: &File, count: usize) -> Result<MmapRaw, PciError> {
        let map = MmapOptions::new().len(count * self.size).map_raw(file);
        map.map_err(|e| PciError::system("mmap of hugepages", e))
    }

    /// Physical address of each page.
    fn places(&self, memory: &Mapped, count: usize, pagemap: &Pagemap) -> Result<Vec<u64>, PciError> {
        let place = |page: usize| {
            let at = page * self.size;
            // The table has an entry after the first access only.
            memory.write(at, &[0]).map_err(|e| PciError::system("hugepages", io::Error::other(e)))?;
            pagemap.physical(memory.address().wrapping_add(at))
        };
        (0..count).map(place).collect()
    }

    /// Maps these pages of the file one after the other.
    fn reorder(&self, file: &File, pages: &[usize]) -> Result<MmapRaw, PciError> {
        let map = self.map_file(file, pages.len())?;
        for (slot, &page) in pages.iter().enumerate() {
            let at = map.as_mut_ptr().wrapping_add(slot * self.size).cast();
            let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED | MapFlags::FIXED);
            // SAFETY: one page inside of `map` is replaced, which is ours, as large, and not yet used by anybody.
            #[allow(unsafe_code)]
            let mapped = unsafe { mmap(at, self.size, access, flags, file, (page * self.size) as u64) };
            mapped.map_err(|e| PciError::system("mmap of a hugepage", e))?;
        }
        Ok(map)
    }

    /// Gives the pages of the file back that are not used.
    fn give_back(&self, file: &File, count: usize, used: &[usize]) -> Result<(), PciError> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        for page in (0..count).filter(|page| !used.contains(page)) {
            let freed = fallocate(file, flags, (page * self.size) as u64, self.size as u64);
            freed.map_err(|e| PciError::system("fallocate(FALLOC_FL_PUNCH_HOLE)", e))?;
        }
        Ok(())
    }

    /// The device writes wherever it is told to, so this is checked once more.
    fn check(&self, memory: Mapped, count: usize, pagemap: &Pagemap) -> Result<(Mapped, u64), PciError> {
        let places = self.places(&memory, count, pagemap)?;
        match find_run(&places, count, self.size as u64, u64::BITS) {
            (Some(run), _) if run.is_sorted() => Ok((memory, places[0])),
            (_, longest) => Err(PciError::NotContiguous { bytes: count * self.size, wanted: count, longest }),
        }
    }
}

/// Whether a device with this many address bits reaches all of a page.
const fn reaches(bits: u32, place: u64, size: u64) -> bool {
    // The size is a power of two, and the place a multiple of it.
    bits >= u64::BITS || (place | (size - 1)) >> bits == 0
}

/// `count` pages below 2^`bits` that follow each other in physical memory, in that order, and the length of the longest
/// run there.
fn find_run(places: &[u64], count: usize, size: u64, bits: u32) -> (Option<Vec<usize>>, usize) {
    let mut order: Vec<usize> = (0..places.len()).filter(|&page| reaches(bits, places[page], size)).collect();
    order.sort_unstable_by_key(|&page| places[page]);
    let mut longest = 0;
    let mut run: Range<usize> = 0..0;
    for end in 1..=order.len() {
        let follows = end > 1 && places[order[end - 1]] == places[order[end - 2]] + size;
        run = if follows { run.start } else { end - 1 }..end;
        longest = longest.max(run.len());
        if run.len() == count {
            return (Some(order[run].to_vec()), longest);
        }
    }
    (None, longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn meminfo() {
        let text = "MemTotal: 1 kB\nHugePages_Total:       8\nHugePages_Free:        6\nHugePages_Rsvd:        1\n\
                    Hugepagesize:       2048 kB\n";
        let pages = Hugepages::parse(text).unwrap();
        assert_eq!(pages, Hugepages { size: 2 << 20, free: 5, total: 8 });
        assert_eq!([1, 2 << 20, (2 << 20) + 1].map(|bytes| pages.holding(bytes)), [1, 1, 2]);
        assert_eq!(Hugepages::parse("MemTotal: 1 kB\n"), None);
        assert_eq!(Hugepages::parse(&text.replace("2048", "3000")), None);
    }

    #[test]
    fn a_lack_of_them_says_what_to_do() {
        let pages = Hugepages { size: 2 << 20, free: 0, total: 0 };
        let error = pages.map(1 << 30).unwrap_err().to_string();
        assert!(error.contains("> /proc/sys/vm/nr_hugepages") || error.contains("MFD_HUGETLB"), "{error}");
    }

    #[test]
    fn runs() {
        let run = |places: &[u64], count| find_run(places, count, 10, 64);
        assert_eq!(run(&[30, 20, 10], 3), (Some(vec![2, 1, 0]), 3));
        assert_eq!(run(&[30, 70, 10, 80, 90], 3), (Some(vec![1, 3, 4]), 3));
        assert_eq!(run(&[30, 70, 10, 80], 3), (None, 2));
        assert_eq!(run(&[50], 1), (Some(vec![0]), 1));
        assert_eq!(run(&[], 1), (None, 0));
    }

    /// A device of 32 bits never sees a page above 4 GiB, and none that ends there is lost.
    #[test]
    fn runs_below_a_limit() {
        let (size, top) = (2 << 20, 1 << 32);
        let places = [top, top - size, top - 2 * size, top + size];
        assert_eq!(find_run(&places, 2, size, 32), (Some(vec![2, 1]), 2));
        assert_eq!(find_run(&places, 3, size, 32), (None, 2));
        assert_eq!(find_run(&places, 4, size, 33), (Some(vec![2, 1, 0, 3]), 4));
        assert_eq!(find_run(&places[3..], 1, size, 32), (None, 0));
    }

    proptest! {
        #[test]
        fn runs_are_contiguous(places in prop::collection::hash_set(0_u64..40, 0..30), count in 1_usize..6) {
            let places: Vec<u64> = places.into_iter().map(|p| p * 10).collect();
            match find_run(&places, count, 10, 64) {
                (Some(run), _) => {
                    prop_assert_eq!(run.len(), count);
                    prop_assert!(run.windows(2).all(|w| places[w[1]] == places[w[0]] + 10));
                }
                (None, longest) => prop_assert!(longest < count),
            }
        }
    }
}
