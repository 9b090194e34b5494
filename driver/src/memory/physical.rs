//! Physical addresses of this process's memory.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::pci::PciError;

const PAGEMAP: &str = "/proc/self/pagemap";
const PRESENT: u64 = 1 << 63;
const FRAME: u64 = (1 << 55) - 1;

/// The kernel's table of where pages are.
#[derive(Debug)]
pub struct Pagemap {
    file: File,
    page: u64,
}

impl Pagemap {
    /// That of this process.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open() -> Result<Self, PciError> {
        Self::at(Path::new(PAGEMAP), rustix::param::page_size() as u64)
    }

    fn at(path: &Path, page: u64) -> Result<Self, PciError> {
        Ok(Self { file: File::open(path).map_err(|e| PciError::file(path, e))?, page })
    }

    /// Where the byte at `address` is. Its page must have been touched, and must not move.
    ///
    /// # Errors
    /// The kernel hides it.
    pub fn physical(&self, address: *const u8) -> Result<u64, PciError> {
        let address = address as u64;
        let mut entry = [0; 8];
        let read = self.file.read_exact_at(&mut entry, address / self.page * 8);
        read.map_err(|e| PciError::file(PAGEMAP, e))?;
        match frame(u64::from_ne_bytes(entry)) {
            Some(frame) => Ok(frame * self.page + address % self.page),
            None => Err(PciError::HiddenAddresses),
        }
    }
}

/// The frame number in an entry. Processes without the privilege read 0, which is no frame of theirs.
const fn frame(entry: u64) -> Option<u64> {
    match entry & FRAME {
        0 => None,
        _ if entry & PRESENT == 0 => None,
        frame => Some(frame),
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn entries() {
        assert_eq!(frame(PRESENT | 0x1234), Some(0x1234));
        assert_eq!(frame(PRESENT | 1 << 55 | 1 << 61 | 0x1234), Some(0x1234), "soft-dirty and file bits");
        assert_eq!(frame(PRESENT), None, "hidden");
        assert_eq!(frame(1 << 62 | 0x1234), None, "swapped out");
    }

    #[test]
    fn any_page_size() {
        for page in [4096, 16384, 65536] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("pagemap");
            let entries: Vec<u8> =
                [0, PRESENT | 7, PRESENT].iter().flat_map(|e: &u64| e.to_ne_bytes()).collect();
            std::fs::write(&path, entries).unwrap();
            let map = Pagemap::at(&path, page).unwrap();
            let at = |address: u64| map.physical(ptr::without_provenance(address as usize));
            assert_eq!(at(page + 5).unwrap(), 7 * page + 5);
            assert!(at(5).unwrap_err().to_string().contains("CAP_SYS_ADMIN"));
            assert!(matches!(at(2 * page), Err(PciError::HiddenAddresses)));
            assert!(matches!(at(3 * page), Err(PciError::File { .. })), "beyond the end");
        }
    }
}
