//! Buffers for a device, cut from larger regions that are mapped for it.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::memory::{Meter, Ranges, Region, Source};
use crate::pci::PciError;
use crate::transport::{DmaMemory, OutOfRange};

/// Bus addresses of buffers are multiples of this, as [`DmaMemory`] promises. It is no page of the host.
const ALIGN: usize = 4096;
const ZEROS: [u8; ALIGN] = [0; ALIGN];

/// A region and what is free in it. Its last buffer unmaps it.
struct Shared {
    region: Region,
    /// Offsets in the region.
    free: Mutex<Ranges>,
    meter: Meter,
}

impl Shared {
    fn new(region: Region, meter: Meter) -> Self {
        let size = region.memory.size();
        meter.map(size);
        Self { region, free: Mutex::new(Ranges::new([(0, size as u64)])), meter }
    }

    fn ranges(&self) -> impl std::ops::DerefMut<Target = Ranges> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.meter.unmap(self.region.memory.size());
    }
}

/// Allocates buffers; regions are mapped when needed and unmapped with their last buffer.
pub struct Pool {
    source: Box<dyn Source>,
    regions: Vec<Weak<Shared>>,
    meter: Meter,
}

impl Pool {
    /// An empty pool.
    pub fn new(source: impl Source + 'static) -> Self {
        Self { source: Box::new(source), regions: Vec::new(), meter: Meter::default() }
    }

    /// Counts of this pool.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// A zeroed buffer of `bytes`.
    ///
    /// # Errors
    /// There is no memory, or none that is contiguous.
    pub fn allocate(&mut self, bytes: usize) -> Result<DmaBuffer, PciError> {
        let whole =
            bytes.max(1).checked_next_multiple_of(ALIGN).filter(|&size| isize::try_from(size).is_ok());
        let size = whole.ok_or(PciError::Unsupported("buffer of that size"))?;
        self.regions.retain(|region| region.strong_count() > 0);
        let live = self.regions.iter().filter_map(Weak::upgrade).find_map(|region| cut(&region, bytes, size));
        let buffer = if let Some(buffer) = live {
            buffer
        } else {
            let region = Arc::new(Shared::new(self.source.region(size)?, self.meter.clone()));
            self.regions.push(Arc::downgrade(&region));
            cut(&region, bytes, size).ok_or(PciError::Unsupported("region of that size"))?
        };
        buffer.clear().map_err(|e| PciError::system("clearing a buffer", io::Error::other(e)))?;
        Ok(buffer)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("meter", &self.meter).finish_non_exhaustive()
    }
}

/// A buffer from the free part of a region.
fn cut(region: &Arc<Shared>, bytes: usize, size: usize) -> Option<DmaBuffer> {
    let offset = region.ranges().take(size as u64, ALIGN as u64)? as usize;
    region.meter.take();
    Some(DmaBuffer { region: Arc::clone(region), offset, bytes, taken: size })
}

/// Memory that a PCI device can access; it is free again when dropped.
pub struct DmaBuffer {
    region: Arc<Shared>,
    offset: usize,
    /// Bytes asked for.
    bytes: usize,
    /// Bytes taken from the region.
    taken: usize,
}

impl DmaBuffer {
    fn clear(&self) -> Result<(), OutOfRange> {
        (self.offset..self.offset + self.taken)
            .step_by(ALIGN)
            .try_for_each(|at| self.region.region.memory.write(at, &ZEROS))
    }
}

impl DmaMemory for DmaBuffer {
    fn bus_address(&self) -> u64 {
        self.region.region.bus + self.offset as u64
    }

    fn size(&self) -> usize {
        self.bytes
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.bytes)?;
        self.region.region.memory.read(self.offset + offset, bytes)
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, bytes.len(), self.bytes)?;
        self.region.region.memory.write(self.offset + offset, bytes)
    }

    fn read_words<const N: usize>(&self, offset: usize) -> Result<[u64; N], OutOfRange> {
        OutOfRange::check(offset, 8 * N, self.bytes)?;
        self.region.region.memory.read_words(self.offset + offset)
    }

    fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) -> Result<(), OutOfRange> {
        OutOfRange::check(offset, 8 * N, self.bytes)?;
        self.region.region.memory.write_words(self.offset + offset, words)
    }

    fn read_u32(&self, offset: usize) -> Result<u32, OutOfRange> {
        OutOfRange::check(offset, 4, self.bytes)?;
        self.region.region.memory.read_u32(self.offset + offset)
    }
}

impl Drop for DmaBuffer {
    fn drop(&mut self) {
        self.region.ranges().free(self.offset as u64, self.taken as u64);
        self.region.meter.give_back();
    }
}

impl fmt::Debug for DmaBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DmaBuffer({} bytes at {:#x})", self.bytes, self.bus_address())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::memory::Mapped;

    const REGION: usize = 64 << 10;

    /// Anonymous memory at bus addresses that never come again; none larger than `limit`.
    struct Fake {
        next: AtomicU64,
        limit: usize,
        unmapped: Arc<AtomicUsize>,
    }

    struct Access(Arc<AtomicUsize>);

    impl Drop for Access {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Source for Fake {
        fn region(&self, bytes: usize) -> Result<Region, PciError> {
            if bytes > self.limit {
                return Err(PciError::NotContiguous { bytes, wanted: 2, longest: 1 });
            }
            let size = bytes.next_multiple_of(REGION);
            let memory = Mapped::zeroed(size).unwrap();
            let bus = self.next.fetch_add(size as u64 + REGION as u64, Ordering::Relaxed);
            Ok(Region::with_access(memory, bus, Access(Arc::clone(&self.unmapped))))
        }
    }

    fn pool() -> (Pool, Arc<AtomicUsize>) {
        let unmapped = Arc::default();
        let fake = Fake { next: 0x10_0000.into(), limit: 4 * REGION, unmapped: Arc::clone(&unmapped) };
        (Pool::new(fake), unmapped)
    }

    #[test]
    fn small_buffers_share_a_region_and_the_last_unmaps_it() {
        let (mut pool, unmapped) = pool();
        let meter = pool.meter();
        let first = pool.allocate(100).unwrap();
        let second = pool.allocate(5000).unwrap();
        assert_eq!((first.bus_address(), second.bus_address()), (0x10_0000, 0x10_1000));
        assert_eq!((meter.live_buffers(), meter.mapped_bytes()), (2, REGION));
        drop(first);
        let again = pool.allocate(0).unwrap();
        assert_eq!((again.bus_address(), again.size()), (0x10_0000, 0));
        drop(pool);
        drop(again);
        assert_eq!((meter.live_buffers(), unmapped.load(Ordering::Relaxed)), (1, 0));
        second.write(4996, &[1; 4]).unwrap();
        drop(second);
        assert_eq!((meter.live_buffers(), meter.mapped_bytes(), unmapped.load(Ordering::Relaxed)), (0, 0, 1));
    }

    #[test]
    fn failures_leave_nothing() {
        let (mut pool, unmapped) = pool();
        assert!(matches!(pool.allocate(5 * REGION), Err(PciError::NotContiguous { .. })));
        assert!(pool.allocate(usize::MAX).is_err() && pool.allocate(usize::MAX - ALIGN).is_err());
        assert_eq!((pool.meter().mapped_bytes(), unmapped.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn accesses_stay_inside() {
        let (mut pool, _) = pool();
        let (first, second) = (pool.allocate(10).unwrap(), pool.allocate(10).unwrap());
        assert!(first.write(3, &[0; 8]).is_err() && first.read(10, &mut [0]).is_err());
        assert!(first.read_u32(8).is_err() && first.read_u32(2).is_err());
        second.write(4, &7_u32.to_le_bytes()).unwrap();
        assert_eq!((first.read_u32(4).unwrap(), second.read_u32(4).unwrap()), (0, 7));
    }

    proptest! {
        /// Buffers are zeroed, aligned and apart, keep what is written, and nothing is left at the end.
        #[test]
        fn no_overlap(steps in prop::collection::vec((1_usize..4 * REGION, any::<bool>()), 1..40)) {
            let (mut pool, _) = pool();
            let meter = pool.meter();
            let mut live: Vec<(DmaBuffer, u8)> = Vec::new();
            for (step, (bytes, give_back)) in steps.into_iter().enumerate() {
                if give_back && !live.is_empty() {
                    let (buffer, mark) = live.swap_remove(bytes % live.len());
                    let mut found = vec![0; buffer.size()];
                    buffer.read(0, &mut found).unwrap();
                    prop_assert!(found.iter().all(|&byte| byte == mark));
                    continue;
                }
                let buffer = pool.allocate(bytes).unwrap();
                let (start, end) = (buffer.bus_address(), buffer.bus_address() + bytes as u64);
                prop_assert!(start.is_multiple_of(4096));
                let apart = |b: &DmaBuffer| end <= b.bus_address() || b.bus_address() + b.size() as u64 <= start;
                prop_assert!(live.iter().all(|(other, _)| apart(other)));
                let mut found = vec![1; bytes];
                buffer.read(0, &mut found).unwrap();
                prop_assert!(found.iter().all(|&byte| byte == 0));
                let mark = step as u8 + 1;
                buffer.write(0, &vec![mark; bytes]).unwrap();
                live.push((buffer, mark));
                prop_assert_eq!(meter.live_buffers(), live.len());
            }
            drop(live);
            prop_assert_eq!((meter.live_buffers(), meter.mapped_bytes()), (0, 0));
        }
    }
}
