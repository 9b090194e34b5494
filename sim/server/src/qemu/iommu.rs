//! The guest's IOMMU: the device's accesses do not pass through QEMU, so the server walks the tables itself.
//!
//! VT-d in legacy mode: root table, context table, then up to five levels of pages. Nothing is kept of the tables, so
//! nothing needs to be invalidated; whether translation is on is asked once after every access of the guest.

use std::sync::{Arc, Mutex};

use super::qtest::Qtest;
use crate::card::lock;
use crate::dma::{Maps, Translate};

/// Registers, and where a q35 machine has them.
const GLOBAL_STATUS: u64 = 0xfed9_001c;
const ROOT_TABLE: u64 = 0xfed9_0020;
const TRANSLATES: u32 = 1 << 31;

const PAGE_MASK: u64 = !0xfff;
const PRESENT: u64 = 1;
/// Context entry: kind of translation, and the one that is none.
const KIND: u64 = 3 << 2;
const PASS_THROUGH: u64 = 2 << 2;
/// Page entry.
const READ: u64 = 1;
const WRITE: u64 = 2;
const LARGE: u64 = 1 << 7;
/// Bits of the address; those above mean something else.
const ADDRESS: u64 = ((1 << 52) - 1) & PAGE_MASK;

/// Bus, device and function of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requester {
    pub(super) bus: u8,
    pub(super) function: u8,
}

/// Root table if translation is on.
type Root = Option<u64>;

pub(super) struct Iommu {
    qtest: Arc<Qtest>,
    requester: Requester,
    root: Mutex<Option<Root>>,
}

impl Iommu {
    pub(super) fn new(qtest: Arc<Qtest>, requester: Requester) -> Self {
        Self { qtest, requester, root: Mutex::new(None) }
    }

    fn root(&self) -> Option<Root> {
        let mut kept = lock(&self.root);
        if kept.is_none() {
            let on = self.qtest.read_u32(GLOBAL_STATUS).ok()? & TRANSLATES != 0;
            *kept = Some(if on { Some(self.qtest.read_u64(ROOT_TABLE).ok()?) } else { None });
        }
        *kept
    }
}

impl Translate for Iommu {
    fn translate(&self, maps: &Maps, address: u64, write: bool) -> Option<(u64, u64)> {
        match self.root()? {
            None => Some((address, u64::MAX)),
            Some(root) => walk(|at| maps.read_u64(at), root, self.requester, address, write),
        }
    }

    fn forget(&self) {
        *lock(&self.root) = None;
    }
}

/// Physical address of a bus address and the bytes to the end of its page.
fn walk(
    read: impl Fn(u64) -> Option<u64>,
    root: u64,
    requester: Requester,
    address: u64,
    write: bool,
) -> Option<(u64, u64)> {
    let root_entry = read((root & PAGE_MASK) + 16 * u64::from(requester.bus))?;
    if root_entry & PRESENT == 0 {
        return None;
    }
    let context = (root_entry & PAGE_MASK) + 16 * u64::from(requester.function);
    let (low, high) = (read(context)?, read(context + 8)?);
    if low & PRESENT == 0 {
        return None;
    }
    if low & KIND == PASS_THROUGH {
        return Some((address, u64::MAX));
    }
    let levels = (high & 7) as u32 + 2;
    if address >> (12 + 9 * levels).min(63) != 0 {
        return None;
    }
    let mut table = low & PAGE_MASK;
    for level in (0..levels).rev() {
        let shift = 12 + 9 * level;
        let entry = read(table + 8 * (address >> shift & 0x1ff))?;
        if entry & if write { WRITE } else { READ } == 0 {
            return None;
        }
        if level == 0 || entry & LARGE != 0 {
            let page = 1 << shift;
            let base = entry & ADDRESS & !(page - 1);
            let offset = address & (page - 1);
            return Some((base + offset, page - offset));
        }
        table = entry & ADDRESS;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const CARD: Requester = Requester { bus: 0, function: 0x28 };

    /// A root table at 0x1000, a context table at 0x2000, page tables from 0x3000 on.
    fn tables() -> BTreeMap<u64, u64> {
        BTreeMap::from([
            (0x1000, 0x2001),
            (0x2280, 0x3001),
            (0x2288, 2), // four levels
            (0x3000, 0x4003),
            (0x4000, 0x5003),
            (0x5008, 0x6003),
            (0x6010, 0x7_7000 | READ),
            (0x5010, 0x4020_0000 | LARGE | READ | WRITE),
        ])
    }

    fn at(tables: &BTreeMap<u64, u64>, address: u64, write: bool) -> Option<(u64, u64)> {
        walk(|at| Some(tables.get(&at).copied().unwrap_or(0)), 0x1000, CARD, address, write)
    }

    #[test]
    fn pages_and_faults() {
        let mut tables = tables();
        assert_eq!(at(&tables, 0x20_2010, false), Some((0x7_7010, 0xff0)));
        assert_eq!(at(&tables, 0x20_2010, true), None, "read only");
        assert_eq!(at(&tables, 0x20_3000, false), None, "not mapped");
        assert_eq!(at(&tables, 0x40_0123, true), Some((0x4020_0123, 0x20_0000 - 0x123)));
        assert_eq!(at(&tables, 1 << 48, false), None, "beyond four levels");
        tables.insert(0x2280, PRESENT | PASS_THROUGH);
        assert_eq!(at(&tables, 0x1234, true), Some((0x1234, u64::MAX)));
        tables.insert(0x2280, 0);
        assert_eq!(at(&tables, 0x20_2010, false), None, "no context");
        tables.insert(0x1000, 0);
        assert_eq!(at(&tables, 0x20_2010, false), None, "no bus");
    }
}
