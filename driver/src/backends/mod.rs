//! Back ends for devices outside this process: boards on the PCI bus, and a socket.
//!
//! - [`open`], [`Backend`], [`PciTransport`]: what users need
//! - `vfio`: behind an IOMMU, MSI-X, no privileges once the board is bound
//! - `uio`: physical addresses, the legacy interrupt; `sysfs`: physical addresses, polling; both need root
//! - [`vfio_user`]: a device in another process, over a socket
//! - `attachment`: what differs between them; `transport`: what does not
//! - `registers`: the mapped register window; `clock`: time on the device's scale ([`TIME_SCALE`]); `pace`: how it is waited
//! - `command`, `config_file`: control through configuration space; `physical_source`: hugepages as DMA memory

mod attachment;
mod clock;
mod command;
mod config_file;
mod pace;
mod physical_source;
mod registers;
mod sysfs;
mod transport;
mod uio;
mod vfio;
pub mod vfio_user;

use std::fmt;
use std::str::FromStr;

pub use clock::{BadTimeScale, TIME_SCALE};
pub use transport::PciTransport;

use crate::pci::{Address, PciDevice, PciError, Sysfs, bind};

/// How to get at a board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// What the driver that it is bound to allows.
    #[default]
    Auto,
    /// `vfio-pci`.
    Vfio,
    /// `uio_pci_generic`.
    Uio,
    /// No driver.
    Sysfs,
}

/// Names, for commands and messages.
const NAMES: [(&str, Backend); 4] =
    [("auto", Backend::Auto), ("vfio", Backend::Vfio), ("uio", Backend::Uio), ("sysfs", Backend::Sysfs)];

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = NAMES.iter().find(|(name, _)| *name == text);
        named.map(|&(_, backend)| backend).ok_or_else(|| "use auto, vfio, uio or sysfs".to_owned())
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, backend)| backend == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

/// Opens the board at `address`; `tree` is `Sysfs::default()` outside of tests.
///
/// ```no_run
/// use cbp_driver::backends::{self, Backend};
/// use cbp_driver::{Device, Options, pci::Sysfs};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = backends::open(&Sysfs::default(), "0000:03:00.0".parse()?, Backend::Auto)?;
/// let mut device = Device::open(transport, Options::default())?;
/// let buffer = device.allocate(4096)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Each says its cause and what to do; nothing is left changed.
pub fn open(tree: &Sysfs, address: Address, backend: Backend) -> Result<PciTransport, PciError> {
    let device = PciDevice::read(tree, address)?;
    let backend = match (backend, device.driver.as_deref()) {
        (Backend::Auto, Some(bind::VFIO)) => Backend::Vfio,
        (Backend::Auto, Some(bind::UIO)) => Backend::Uio,
        (Backend::Auto, _) => Backend::Sysfs,
        (chosen, _) => chosen,
    };
    let parts = match backend {
        Backend::Vfio => vfio::open(&device)?,
        Backend::Uio => uio::open(&device)?,
        Backend::Sysfs | Backend::Auto => sysfs::open(&device)?,
    };
    PciTransport::new(&device, parts)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use cbp_isa::registers::{MAGIC, MAGIC_VALUE, WINDOW_BYTES};

    use super::*;
    use crate::pci::fake::{BOARD, Tree};
    use crate::{Device, Error, Options, Transport};

    fn open_in(tree: &Tree, backend: Backend) -> Result<PciTransport, PciError> {
        open(&tree.sysfs(), Tree::address(), backend)
    }

    #[test]
    fn registers_of_an_unbound_board() {
        let tree = Tree::new();
        let mut board = open_in(&tree, Backend::Auto).unwrap();
        assert_eq!(board.identity().to_string(), "sysfs 0000:01:00.0 [1209:cb00]");
        assert_eq!(board.read32(MAGIC.offset).unwrap(), MAGIC_VALUE);
        board.write32(WINDOW_BYTES - 4, 0x1234_5678).unwrap();
        assert_eq!(board.read32(WINDOW_BYTES - 4).unwrap(), 0x1234_5678);
        for outside in [1, WINDOW_BYTES - 2, WINDOW_BYTES, u32::MAX] {
            assert!(board.read32(outside).is_err() && board.write32(outside, 0).is_err());
        }
        assert!(matches!(open_in(&tree, Backend::Auto), Err(PciError::Busy(_))));
        drop(board);
        let file = fs::read(tree.board().join("resource0")).unwrap();
        assert_eq!(file[WINDOW_BYTES as usize - 4..], 0x1234_5678_u32.to_le_bytes());
        open_in(&tree, Backend::Sysfs).unwrap();
    }

    #[test]
    fn waits_end() {
        let tree = Tree::new();
        let mut board = open_in(&tree, Backend::Auto).unwrap();
        let until = board.now() + Duration::from_millis(5);
        let mut rounds = 0;
        while board.now() < until {
            board.wait_interrupt(until).unwrap();
            rounds += 1;
        }
        assert!(rounds > 1);
    }

    #[test]
    fn failures_change_nothing() {
        let wrong = |change: fn(&Tree), backend| {
            let tree = Tree::new();
            change(&tree);
            let before = fs::read(tree.board().join("config")).unwrap();
            let error = open_in(&tree, backend).unwrap_err();
            assert_eq!(fs::read(tree.board().join("config")).unwrap(), before, "{error}");
            let enabled = fs::read_to_string(tree.board().join("enable")).unwrap();
            assert!(enabled.starts_with('0'), "{error}");
            error.to_string()
        };
        let resource = |tree: &Tree| {
            fs::write(tree.board().join("resource"), "0xfea00000 0xfea00fff 0x40200\n").unwrap();
        };
        assert!(wrong(resource, Backend::Auto).contains("0x1000 bytes"));
        assert!(
            wrong(|t| fs::remove_file(t.board().join("resource0")).unwrap(), Backend::Auto)
                .contains("resource0")
        );
        assert!(wrong(|t| t.bound(BOARD, "nvme"), Backend::Auto).contains("cbp device unbind"));
        assert!(wrong(|t| t.group(1, "DMA-FQ\n", &[BOARD]), Backend::Auto).contains("vfio-pci"));
        assert!(wrong(|_| {}, Backend::Vfio).contains("IOMMU"));
        assert!(wrong(|_| {}, Backend::Uio).contains("uio_pci_generic"));
        assert!(
            wrong(|t| fs::write(t.board().join("device"), "0x1").unwrap(), Backend::Auto)
                .contains("1209:0001")
        );
    }

    /// The driver refuses a device of another version, and the board is as before.
    #[test]
    fn other_versions() {
        let tree = Tree::new();
        match Device::open(open_in(&tree, Backend::Auto).unwrap(), Options::default()) {
            Err(error @ Error::WrongVersion { .. }) => {
                assert!(error.to_string().contains("bitstream"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(tree.board().join("config")).unwrap()[4], 0);
    }

    #[test]
    fn names() {
        for (name, backend) in NAMES {
            assert_eq!((name.parse(), backend.to_string().as_str()), (Ok(backend), name));
        }
        assert!("pci".parse::<Backend>().is_err());
    }
}
