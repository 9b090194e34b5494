//! A device bound to `vfio-pci`: behind an IOMMU, so that it reaches only what is mapped for it.
//!
//! - `request`: calls to the kernel; `container`: bus addresses and DMA memory; `interrupts`

mod container;
mod interrupts;
mod request;

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use self::container::{Container, IommuSource};
use self::interrupts::Interrupts;
use self::request::{Request, call, call_file, call_text, value64};
use crate::backends::attachment::{Attachment, Parts};
use crate::backends::command::{self, BUS_MASTER, MEMORY};
use crate::backends::registers::{Registers, check_size};
use crate::memory::Pool;
use crate::pci::lock::Lock;
use crate::pci::{PciDevice, PciError, bind};
use crate::transport::Reset;

const GROUP_VIABLE: u32 = 1;
const DEVICE_RESET: u32 = 1;
const REGION_MMAP: u32 = 4;
/// Region of the configuration space; BARs have their own numbers.
const CONFIG_REGION: u32 = 7;

/// An open device. The order of the fields is the order in which they close.
struct Vfio {
    interrupts: Interrupts,
    device: File,
    group: File,
    /// Where the configuration space starts in `device`.
    config: u64,
    /// The kernel can reset the device alone.
    can_reset: bool,
    _lock: Lock,
}

/// Opens a device that is bound to `vfio-pci`. The kernel resets the function as part of it.
pub(crate) fn open(device: &PciDevice) -> Result<Parts, PciError> {
    let board = device.known()?;
    let iommu = device.iommu_group.as_ref().ok_or(PciError::NoIommu(device.address))?;
    device.check_driver(Some(bind::VFIO))?;
    iommu.check_viable()?;
    check_size(device, board)?;
    let lock = Lock::take(&device.path, device.address)?;
    let container = Arc::new(Container::open()?);
    let group = open_group(device, iommu.number)?;
    call_file(&group, Request::GroupSetContainer, container.file.as_raw_fd())
        .map_err(|e| PciError::system("VFIO_GROUP_SET_CONTAINER", e))?;
    container.set_iommu()?;
    let file = open_device(device, &group)?;
    let (config, _) = region(&file, CONFIG_REGION)?;
    let interrupts = Interrupts::enable(&file)?;
    let vfio = Vfio { interrupts, can_reset: can_reset(&file)?, device: file, group, config, _lock: lock };
    vfio.command(MEMORY, BUS_MASTER)?;
    let registers = match region(&vfio.device, u32::from(board.bar))? {
        (start, flags) if flags & REGION_MMAP != 0 => Registers::map(&vfio.device, start, device, board)?,
        _ => return Err(PciError::UnmappableBar { address: device.address, bar: board.bar }),
    };
    container.set_address_bits(registers.address_bits())?;
    let msi_enable = board.msi_enable.filter(|_| vfio.interrupts.any());
    let (attachment, pool) = (Box::new(vfio), Pool::new(IommuSource(container)));
    Ok(Parts { name: "vfio", registers, msi_enable, attachment, pool })
}

fn open_group(device: &PciDevice, number: u32) -> Result<File, PciError> {
    let path = PathBuf::from(format!("/dev/vfio/{number}"));
    let open = OpenOptions::new().read(true).write(true).open(&path);
    let group = open.map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => PciError::Busy(device.address),
        _ => PciError::file(&path, error),
    })?;
    let mut status = [0; 2];
    call(&group, Request::GroupGetStatus, &mut status)
        .map_err(|e| PciError::system("VFIO_GROUP_GET_STATUS", e))?;
    if status[1] & GROUP_VIABLE == 0 {
        return Err(PciError::GroupNotViable {
            group: number,
            others: "see its devices in sysfs".to_owned(),
        });
    }
    Ok(group)
}

fn open_device(device: &PciDevice, group: &File) -> Result<File, PciError> {
    let name = CString::new(device.address.to_string())
        .map_err(|_| PciError::BadAddress(device.address.to_string()))?;
    let number = call_text(group, Request::GroupGetDevice, &name).map_err(|error| match error {
        Errno::BUSY => PciError::Busy(device.address),
        error => PciError::system("VFIO_GROUP_GET_DEVICE_FD", error),
    })?;
    // SAFETY: the kernel just opened this file for this call, and nobody else knows its number.
    #[allow(unsafe_code)]
    let file = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(File::from(file))
}

fn can_reset(device: &File) -> Result<bool, PciError> {
    let mut info = [0; 5];
    call(device, Request::DeviceGetInfo, &mut info)
        .map_err(|e| PciError::system("VFIO_DEVICE_GET_INFO", e))?;
    Ok(info[1] & DEVICE_RESET != 0)
}

/// Where a region starts in the device's file, and its flags.
fn region(device: &File, index: u32) -> Result<(u64, u32), PciError> {
    let mut info = [0, 0, index, 0, 0, 0, 0, 0];
    call(device, Request::DeviceGetRegion, &mut info)
        .map_err(|e| PciError::system("VFIO_DEVICE_GET_REGION_INFO", e))?;
    Ok((value64([info[6], info[7]]), info[1]))
}

impl Vfio {
    fn command(&self, set: u16, clear: u16) -> Result<(), PciError> {
        command::update(&self.device, self.config, set, clear)
            .map_err(|e| PciError::system("write of the command register", e))
    }
}

impl Attachment for Vfio {
    fn wait(&mut self, nap: Duration) -> Result<(), PciError> {
        self.interrupts.wait(&self.device, nap)
    }

    fn enable_dma(&mut self) -> Result<(), PciError> {
        self.command(BUS_MASTER, 0)
    }

    fn reset(&mut self, reset: Reset) -> Result<(), PciError> {
        let done = match reset {
            Reset::Function if self.can_reset => call(&self.device, Request::DeviceReset, &mut []),
            Reset::Function => return Err(PciError::Unsupported("function-level reset")),
            // The kernel refuses if a device on the bus is in a group that is not ours.
            Reset::Bus => {
                let group = self.group.as_raw_fd() as u32;
                call(&self.device, Request::HOT_RESET, &mut [0, 0, 1, group])
            }
        };
        match done {
            Ok(_) => self.command(MEMORY, BUS_MASTER),
            Err(Errno::NOTTY | Errno::NODEV | Errno::INVAL | Errno::PERM) => {
                Err(PciError::Unsupported("such reset"))
            }
            Err(error) => Err(PciError::system("reset through VFIO", error)),
        }
    }
}

impl Drop for Vfio {
    fn drop(&mut self) {
        // Closing does this too, but buffers may live longer than this, and errors have nobody to go to.
        let _ = command::update(&self.device, self.config, 0, BUS_MASTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::fake::{BOARD, Tree};

    #[test]
    fn refusals() {
        let tree = Tree::new();
        let refused = || open(&PciDevice::read(&tree.sysfs(), Tree::address()).unwrap()).err().unwrap();
        assert!(matches!(refused(), PciError::NoIommu(_)));
        tree.add("pci0000:00/0000:00:02.0", "0x020000");
        tree.bound("0000:00:02.0", "e1000e");
        tree.group(4_000_000, "DMA\n", &[BOARD, "0000:00:02.0"]);
        assert!(refused().to_string().contains("cbp device bind 0000:01:00.0 --driver vfio-pci"));
        tree.bound(BOARD, bind::UIO);
        assert!(matches!(refused(), PciError::ForeignDriver { .. }));
        tree.bound(BOARD, bind::VFIO);
        assert!(matches!(refused(), PciError::GroupNotViable { .. }));
    }
}
