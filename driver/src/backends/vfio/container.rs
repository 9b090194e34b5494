//! The address space of a device behind an IOMMU.

use std::fs::{File, OpenOptions};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use rustix::param::page_size;

use super::request::{Request, call, call_number, low_high, value64};
use crate::memory::{Hugepages, Mapped, Ranges, Region, Source, shared};
use crate::pci::PciError;

const NODE: &str = "/dev/vfio/vfio";
const API_VERSION: i32 = 0;
/// `VFIO_TYPE1v2_IOMMU`.
const TYPE1V2: usize = 3;

const ACCESS_READ_WRITE: u32 = 3;
/// Words of `vfio_iommu_type1_info` without capabilities.
const INFO_WORDS: usize = 6;
const INFO_CAPABILITIES: u32 = 2;
const CAPABILITY_RANGES: u32 = 1;
/// Capabilities are some hundred bytes; more than this is no answer.
const MOST_INFO_WORDS: usize = 1 << 14;

/// Kernels that do not say: what every IOMMU translates, without the window of interrupts.
const USUAL_RANGES: [(u64, u64); 2] = [(0, 0xfee0_0000), (0xfef0_0000, 1 << 39)];
/// Bus address 0 is no valid one for many devices.
const FIRST_ADDRESS: u64 = 0x1000;

/// An open container; it is empty until groups join it.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) file: File,
    /// Free bus addresses.
    free: Mutex<Ranges>,
}

impl Container {
    /// Opens one and checks what the kernel can do.
    pub(crate) fn open() -> Result<Self, PciError> {
        let open = OpenOptions::new().read(true).write(true).open(NODE);
        let file = open.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NODEV) => PciError::Vfio("there is no /dev/vfio/vfio"),
            _ => PciError::file(NODE, error),
        })?;
        let number =
            |request, number| call_number(&file, request, number).map_err(|e| PciError::system("VFIO", e));
        if number(Request::GetApiVersion, 0)? != API_VERSION {
            return Err(PciError::Vfio("it has another version"));
        }
        if number(Request::CheckExtension, TYPE1V2)? == 0 {
            return Err(PciError::Vfio("it has no IOMMU of type 1 version 2"));
        }
        Ok(Self { file, free: Mutex::default() })
    }

    /// Chooses the kind of IOMMU, once a group has joined.
    pub(crate) fn set_iommu(&self) -> Result<(), PciError> {
        match call_number(&self.file, Request::SetIommu, TYPE1V2) {
            Ok(_) => Ok(()),
            Err(Errno::PERM) => Err(PciError::Vfio(
                "the IOMMU does not isolate interrupts; if you trust the board, set allow_unsafe_interrupts=1",
            )),
            Err(error) => Err(PciError::system("VFIO_SET_IOMMU", error)),
        }
    }

    /// Frees the bus addresses that both IOMMU and device reach.
    pub(crate) fn set_address_bits(&self, bits: u32) -> Result<(), PciError> {
        let ranges = clip(&iova_ranges(&self.info()?), bits);
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) = Ranges::new(ranges);
        Ok(())
    }

    /// `vfio_iommu_type1_info` with its capabilities.
    fn info(&self) -> Result<Vec<u32>, PciError> {
        let mut words = vec![0; INFO_WORDS];
        let ask = |words: &mut [u32]| {
            call(&self.file, Request::IommuGetInfo, words)
                .map_err(|e| PciError::system("VFIO_IOMMU_GET_INFO", e))
        };
        ask(&mut words)?;
        // The kernel says how much it has to tell.
        let needed = (words[0] as usize).div_ceil(4).min(MOST_INFO_WORDS);
        if needed > words.len() {
            words = vec![0; needed];
            ask(&mut words)?;
        }
        Ok(words)
    }

    /// Lets the device reach this memory.
    fn map(self: &Arc<Self>, memory: Mapped, align: usize) -> Result<Region, PciError> {
        let size = memory.size();
        let taken = self.free.lock().unwrap_or_else(PoisonError::into_inner).take(size as u64, align as u64);
        let start = taken.ok_or(PciError::NoBusAddresses(size))?;
        let ([va, vb], [ia, ib]) = (low_high(memory.address() as u64), low_high(start));
        let [sa, sb] = low_high(size as u64);
        let mapped = call(&self.file, Request::IommuMap, &mut [0, ACCESS_READ_WRITE, va, vb, ia, ib, sa, sb]);
        match mapped {
            Ok(_) => {
                let access = Access { container: Arc::clone(self), start, size: size as u64 };
                Ok(Region::with_access(memory, start, access))
            }
            Err(error) => {
                self.free.lock().unwrap_or_else(PoisonError::into_inner).free(start, size as u64);
                Err(match error {
                    Errno::NOMEM => PciError::LockedMemory(size),
                    error => PciError::system("VFIO_IOMMU_MAP_DMA", error),
                })
            }
        }
    }

    fn huge(self: &Arc<Self>, bytes: usize) -> Result<Region, PciError> {
        let pages = Hugepages::read()?;
        self.map(pages.map(pages.holding(bytes))?, pages.size)
    }

    fn small(self: &Arc<Self>, bytes: usize) -> Result<Region, PciError> {
        self.map(shared(bytes)?.0, page_size())
    }
}

/// Memory through the IOMMU: hugepages if there are any, which cost it fewer entries, and ordinary pages if not.
pub(crate) struct IommuSource(pub(crate) Arc<Container>);

impl Source for IommuSource {
    fn region(&self, bytes: usize) -> Result<Region, PciError> {
        self.0.huge(bytes).or_else(|_| self.0.small(bytes))
    }
}

/// The device's access to a region.
struct Access {
    container: Arc<Container>,
    start: u64,
    size: u64,
}

impl Drop for Access {
    fn drop(&mut self) {
        let ([ia, ib], [sa, sb]) = (low_high(self.start), low_high(self.size));
        // This fails if the device was closed before, which unmapped everything.
        let unmapped = call(&self.container.file, Request::IommuUnmap, &mut [0, 0, ia, ib, sa, sb]);
        if unmapped.is_ok() {
            self.container.free.lock().unwrap_or_else(PoisonError::into_inner).free(self.start, self.size);
        }
    }
}

/// Ranges that the IOMMU translates, each with the address after its last.
fn iova_ranges(info: &[u32]) -> Vec<(u64, u64)> {
    find_ranges(info).filter(|ranges| !ranges.is_empty()).unwrap_or_else(|| USUAL_RANGES.to_vec())
}

fn find_ranges(info: &[u32]) -> Option<Vec<(u64, u64)>> {
    if info.get(1)? & INFO_CAPABILITIES == 0 {
        return None;
    }
    let mut at = *info.get(4)? as usize / 4;
    // Each capability names the offset of the next. Going forward only, the walk ends.
    while at >= INFO_WORDS - 1 {
        let capability = info.get(at..)?;
        let id = if cfg!(target_endian = "little") {
            capability.first()? & 0xffff
        } else {
            capability.first()? >> 16
        };
        if id == CAPABILITY_RANGES {
            let count = *capability.get(2)? as usize;
            let pairs = capability.get(4..)?.as_chunks::<4>().0;
            let range = |w: &[u32; 4]| (value64([w[0], w[1]]), value64([w[2], w[3]]).saturating_add(1));
            return Some(pairs.iter().take(count).map(range).collect());
        }
        let next = *capability.get(1)? as usize / 4;
        if next <= at {
            return None;
        }
        at = next;
    }
    None
}

/// The parts of ranges that a device with this many address bits reaches.
fn clip(ranges: &[(u64, u64)], bits: u32) -> Vec<(u64, u64)> {
    let limit = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
    ranges.iter().map(|&(start, end)| (start.max(FIRST_ADDRESS), end.min(limit))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A capability of another kind, then two ranges.
    fn info() -> Vec<u32> {
        let mut words = vec![0, 3, 0x1000, 0, 24, 0];
        words.extend([3 | 1 << 16, 36, 0]); // id 3 at byte 24
        words.extend([1 | 1 << 16, 0, 2, 0]); // id 1 at byte 36
        words.extend([0, 0, 0xfedf_ffff, 0, 0xfef0_0000, 0, 0xffff_ffff, 0x7f]);
        words
    }

    #[test]
    fn ranges_of_the_kernel() {
        let ranges = iova_ranges(&info());
        assert_eq!(ranges, [(0, 0xfee0_0000), (0xfef0_0000, 0x80_0000_0000)]);
        assert_eq!(clip(&ranges, 32), [(0x1000, 0xfee0_0000), (0xfef0_0000, 1 << 32)]);
        assert_eq!(clip(&[(0, u64::MAX)], 64), [(0x1000, u64::MAX)]);
        assert_eq!(iova_ranges(&[24, 1, 0x1000, 0, 0, 0]), USUAL_RANGES);
    }

    #[test]
    fn nothing_overlaps_the_interrupt_window() {
        let mut free = Ranges::new(clip(&iova_ranges(&info()), 32));
        let (size, align) = (2 << 20, 2 << 20);
        let taken: Vec<u64> = std::iter::from_fn(|| free.take(size, align)).collect();
        assert!(taken.iter().all(|&t| t != 0 && (t + size <= 0xfee0_0000 || t >= 0xfef0_0000)));
        assert!(taken.len() > 2000 && taken.windows(2).all(|w| w[1] >= w[0] + size));
    }

    proptest! {
        /// Whatever the kernel answers, the walk ends.
        #[test]
        fn any_answer(words in prop::collection::vec(prop_oneof![any::<u32>(), 0_u32..128], 0..64)) {
            prop_assert!(!iova_ranges(&words).is_empty());
        }
    }
}
