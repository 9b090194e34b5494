//! What stands between the driver and a board: each with its cause and what to do.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::backends::BadTimeScale;
use crate::backends::vfio_user::VfioUserError;
use crate::pci::Address;
use crate::pci::boards::Id;
use crate::transport::TransportError;

/// Why a board cannot be found, opened, bound or given memory. Messages are complete: causes are part of the text.
#[derive(Debug, thiserror::Error)]
pub enum PciError {
    /// The text is no address.
    #[error("{0:?} is no PCI address; write it like 0000:03:00.0, as `cbp devices` does")]
    BadAddress(String),
    /// Nothing is there.
    #[error(
        "there is no PCI device at {0}; see `cbp devices`; a board that was configured after boot \
         appears after `echo 1 > /sys/bus/pci/rescan`"
    )]
    NoDevice(Address),
    /// Something else is there.
    #[error("{address} is {id}, not a board this driver knows; see `cbp devices`")]
    NotABoard {
        /// Where.
        address: Address,
        /// What it is.
        id: Id,
    },
    /// Access is refused.
    #[error("no permission for {}; {}", .0.display(), permission(.0))]
    Permission(PathBuf),
    /// The back end needs a driver that is not bound.
    #[error("{address} is bound to no driver; run `cbp device bind {address} --driver {wanted}` first")]
    Unbound {
        /// Which device.
        address: Address,
        /// The driver that the back end needs.
        wanted: &'static str,
    },
    /// Another driver owns the device.
    #[error("{address} is bound to the driver {driver}; run `cbp device unbind {address}` first")]
    ForeignDriver {
        /// Which device.
        address: Address,
        /// Who has it.
        driver: String,
    },
    /// The kernel has no such driver.
    #[error("the kernel has no PCI driver {0}; load it with `modprobe {0}`")]
    NoDriver(String),
    /// VFIO needs an IOMMU.
    #[error(
        "{0} is behind no IOMMU, which VFIO needs; enable VT-d or AMD-Vi in the firmware and boot with \
         intel_iommu=on, or use the back end uio or sysfs"
    )]
    NoIommu(Address),
    /// Another device of the group has a driver of the kernel.
    #[error(
        "IOMMU group {group} is not viable, because these devices of it have other drivers: {others}; \
         unbind them too, or move the board to another slot"
    )]
    GroupNotViable {
        /// Number of the group.
        group: u32,
        /// Addresses and drivers.
        others: String,
    },
    /// The IOMMU would stop every access.
    #[error(
        "{0} is behind an IOMMU that translates, so physical addresses reach nothing; bind it with \
         `cbp device bind {0} --driver vfio-pci`, or boot with iommu=pt"
    )]
    Translated(Address),
    /// Somebody uses it.
    #[error("{0} is in use by another process; `fuser -v /sys/bus/pci/devices/{0}/config` names it")]
    Busy(Address),
    /// The BAR does not hold the register window.
    #[error(
        "BAR {bar} of {address} has {size:#x} bytes, the registers need {needed:#x}: this is another design, \
         or the firmware gave the BAR no address; load our bitstream, then remove and rescan the device"
    )]
    SmallBar {
        /// Which device.
        address: Address,
        /// Which BAR.
        bar: u8,
        /// Its bytes.
        size: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// The BAR cannot be mapped.
    #[error("BAR {bar} of {address} cannot be mapped into a process; it must be a memory BAR of whole pages")]
    UnmappableBar {
        /// Which device.
        address: Address,
        /// Which BAR.
        bar: u8,
    },
    /// The device uses no hugepages if there are none.
    #[error(
        "no free hugepages: {wanted} of {kib} KiB needed, {free} of {total} free; \
         run `echo {} > /proc/sys/vm/nr_hugepages` as root", .total.saturating_add(*.wanted).max(8)
    )]
    NoHugepages {
        /// Pages needed.
        wanted: usize,
        /// Pages free.
        free: usize,
        /// Pages there are.
        total: usize,
        /// Size of one.
        kib: usize,
    },
    /// Hugepages are not contiguous with each other.
    #[error(
        "{bytes} bytes need {wanted} contiguous hugepages, the longest run has {longest}; allocate less at \
         once, reserve hugepages at boot (hugepages=64), or use VFIO, which needs no contiguous memory"
    )]
    NotContiguous {
        /// Bytes asked for.
        bytes: usize,
        /// Pages they need.
        wanted: usize,
        /// Pages in the longest run.
        longest: usize,
    },
    /// Hugepages lie where the device does not reach.
    #[error(
        "{bytes} bytes need {wanted} contiguous hugepages below 2^{bits}, as far as the device reaches; the longest run \
         there has {longest}; reserve them at boot (hugepages=64), when low memory is free, or use VFIO, which needs none"
    )]
    HighHugepages {
        /// Bytes asked for.
        bytes: usize,
        /// Pages they need.
        wanted: usize,
        /// Pages in the longest run that the device reaches.
        longest: usize,
        /// Address bits of the device.
        bits: u32,
    },
    /// The kernel hides physical addresses.
    #[error(
        "the kernel shows no physical addresses to this process; run as root (CAP_SYS_ADMIN), or use VFIO"
    )]
    HiddenAddresses,
    /// The kernel does not pin as much memory as needed.
    #[error(
        "the kernel does not lock {0} more bytes for the device; raise the limit with `ulimit -l unlimited` \
         or in /etc/security/limits.conf (memlock)"
    )]
    LockedMemory(usize),
    /// All bus addresses are taken.
    #[error("no {0} bytes of bus addresses are left below the device's address bits; free buffers")]
    NoBusAddresses(usize),
    /// This kernel's VFIO is another one.
    #[error("the kernel's VFIO is not usable: {0}; load vfio_iommu_type1, or use the back end uio or sysfs")]
    Vfio(&'static str),
    /// The driver was asked to take the device and did not.
    #[error("the driver {driver} did not take {address}; `dmesg` says why")]
    NotTaken {
        /// Which device.
        address: Address,
        /// Which driver.
        driver: String,
    },
    /// The device was to be taken from its driver and was not.
    #[error("{0} still has a driver; `dmesg` says why")]
    NotReleased(Address),
    /// A step failed, and those before it were undone.
    #[error("{first}; everything was put back")]
    Undone {
        /// What failed.
        first: Box<PciError>,
    },
    /// A step failed, and so did undoing one before it.
    #[error("{first}; and {path} could not be put back: {cause}")]
    NotUndone {
        /// What failed first.
        first: Box<PciError>,
        /// What is not as it was.
        path: PathBuf,
        /// Why.
        cause: Box<PciError>,
    },
    /// The environment variable is no positive number.
    #[error(transparent)]
    TimeScale(#[from] BadTimeScale),
    /// The server of a device in another process did not map memory.
    #[error(transparent)]
    VfioUser(VfioUserError),
    /// A file of the kernel holds something unexpected.
    #[error("{path} holds {found:?}, which is no {wanted}")]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The device lacks it.
    #[error("this device has no {0}")]
    Unsupported(&'static str),
    /// It was unplugged, failed on the bus, or is wanted back by the kernel.
    #[error("the device is gone; close it, then reseat or rescan it")]
    Gone,
    /// Any other failure of a file.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// Any other failure of a system call.
    #[error("{call}: {cause}")]
    System {
        /// What was asked.
        call: &'static str,
        /// What happened.
        cause: io::Error,
    },
}

/// What gives access to a file. The rule for udev covers the files of VFIO alone.
fn permission(path: &Path) -> &'static str {
    if path.starts_with("/dev/vfio") {
        "install driver/99-cbp.rules and join the group cbp, or run as root"
    } else {
        "run as root; without it only the back end vfio works"
    }
}

impl PciError {
    /// A failure at a file; a lack of permission has its own message.
    pub(crate) fn file(path: impl Into<PathBuf>, cause: io::Error) -> Self {
        let path = path.into();
        match cause.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission(path),
            _ => Self::File { path, cause },
        }
    }

    /// A failure of a system call.
    pub(crate) fn system(call: &'static str, cause: impl Into<io::Error>) -> Self {
        Self::System { call, cause: cause.into() }
    }
}

impl From<PciError> for TransportError {
    fn from(error: PciError) -> Self {
        match error {
            PciError::Unsupported(what) => Self::Unsupported(what),
            PciError::Gone => Self::Gone,
            // What files of a device answer once the kernel has taken it away.
            PciError::File { cause, .. } | PciError::System { cause, .. }
                if Errno::from_io_error(&cause) == Some(Errno::NODEV) =>
            {
                Self::Gone
            }
            PciError::VfioUser(error) => error.into(),
            other => Self::Other(Box::new(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line each, with what to do after a semicolon.
    #[test]
    fn messages_say_what_to_do() {
        let address: Address = "0000:03:00.0".parse().unwrap();
        let errors = [
            PciError::BadAddress("x".into()),
            PciError::NoDevice(address),
            PciError::NotABoard { address, id: Id { vendor: 0x8086, device: 1 } },
            PciError::file("/dev/vfio/3", io::ErrorKind::PermissionDenied.into()),
            PciError::Unbound { address, wanted: "vfio-pci" },
            PciError::ForeignDriver { address, driver: "nvme".into() },
            PciError::NoDriver("vfio-pci".into()),
            PciError::NoIommu(address),
            PciError::GroupNotViable { group: 3, others: "0000:03:00.1 (nvme)".into() },
            PciError::Translated(address),
            PciError::Busy(address),
            PciError::SmallBar { address, bar: 0, size: 4096, needed: 65536 },
            PciError::UnmappableBar { address, bar: 0 },
            PciError::NoHugepages { wanted: 1, free: 0, total: 8, kib: 2048 },
            PciError::HighHugepages { bytes: 1 << 22, wanted: 2, longest: 1, bits: 32 },
            PciError::NotTaken { address, driver: "vfio-pci".into() },
            PciError::NotReleased(address),
            PciError::Undone { first: Box::new(PciError::Gone) },
            PciError::NotContiguous { bytes: 1 << 22, wanted: 2, longest: 1 },
            PciError::HiddenAddresses,
            PciError::LockedMemory(65536),
            PciError::NoBusAddresses(4096),
            PciError::Vfio("there is no /dev/vfio/vfio"),
            PciError::Gone,
            PciError::TimeScale(BadTimeScale("fast".into())),
        ];
        for text in errors.iter().map(ToString::to_string) {
            assert!(text.contains("; ") && !text.contains(['\n', '{']) && !text.contains("  "), "{text}");
        }
    }

    /// The rule for udev opens the groups of VFIO and nothing else.
    #[test]
    fn permissions() {
        let text = |path: &str| PciError::file(path, io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(text("/dev/vfio/3").contains("99-cbp.rules"));
        for file in ["/sys/bus/pci/devices/0000:03:00.0/enable", "/dev/uio0"] {
            assert!(text(file).contains("root") && !text(file).contains("rules"));
        }
    }

    #[test]
    fn advice_on_hugepages_changes_something() {
        let text = |wanted, total| PciError::NoHugepages { wanted, free: 0, total, kib: 2048 }.to_string();
        assert!(
            text(1, 0).contains("echo 8 ")
                && text(1, 8).contains("echo 9 ")
                && text(4, 8).contains("echo 12 ")
        );
    }

    #[test]
    fn what_means_that_the_device_is_gone() {
        let gone = |error: PciError| matches!(TransportError::from(error), TransportError::Gone);
        assert!(gone(PciError::Gone) && gone(PciError::system("read", Errno::NODEV)));
        assert!(gone(PciError::file("config", Errno::NODEV.into())));
        assert!(!gone(PciError::system("read", Errno::IO)));
    }

    /// Callers that print causes too must not print them twice.
    #[test]
    fn causes_are_part_of_the_text() {
        let error = PciError::file("/sys/x", io::ErrorKind::NotFound.into());
        assert!(error.to_string().starts_with("/sys/x: ") && std::error::Error::source(&error).is_none());
    }
}
