//! The kernel's files about PCI devices, below a root that tests replace.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::pci::{Address, PciError};

/// The tree, usually at `/sys`.
#[derive(Clone, Debug)]
pub struct Sysfs {
    root: PathBuf,
}

impl Default for Sysfs {
    fn default() -> Self {
        Self::new("/sys")
    }
}

impl Sysfs {
    /// A tree at another place.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory of a device; it need not exist.
    #[must_use]
    pub fn device(&self, address: Address) -> PathBuf {
        self.root.join("bus/pci/devices").join(address.to_string())
    }

    /// The directory of a driver for PCI devices; it need not exist.
    #[must_use]
    pub fn driver(&self, name: &str) -> PathBuf {
        self.root.join("bus/pci/drivers").join(name)
    }

    /// The file that makes the kernel look for a driver of a device.
    #[must_use]
    pub fn drivers_probe(&self) -> PathBuf {
        self.root.join("bus/pci/drivers_probe")
    }

    /// Addresses of all devices, in order. A machine without PCI has none.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn addresses(&self) -> Result<Vec<Address>, PciError> {
        let path = self.root.join("bus/pci/devices");
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|e| PciError::file(&path, e))?,
        };
        let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        let mut found: Vec<Address> = entries.filter_map(name).collect();
        found.sort_unstable();
        Ok(found)
    }
}

/// The text of a file without the last line end; `None` if there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<String>, PciError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PciError::file(path, error)),
    }
}

/// A hexadecimal number such as `0x10ee`.
pub(crate) fn read_hex(path: &Path) -> Result<u32, PciError> {
    let text = read(path)?.unwrap_or_default();
    let digits = text.strip_prefix("0x").unwrap_or(&text);
    u32::from_str_radix(digits, 16).map_err(|_| PciError::Unexpected {
        path: path.to_owned(),
        found: text.clone(),
        wanted: "hexadecimal number",
    })
}

/// Writes a value to an attribute, which must exist.
pub(crate) fn write(path: &Path, value: &str) -> Result<(), PciError> {
    let written = OpenOptions::new().write(true).open(path).and_then(|mut f| f.write_all(value.as_bytes()));
    written.map_err(|e| PciError::file(path, e))
}

/// A file that is read and written.
pub(crate) fn open(path: &Path) -> Result<File, PciError> {
    OpenOptions::new().read(true).write(true).open(path).map_err(|e| PciError::file(path, e))
}

/// The last part of where a link leads, such as the name of a driver; `None` if there is no link.
pub(crate) fn link_name(path: &Path) -> Option<String> {
    Some(fs::read_link(path).ok()?.file_name()?.to_str()?.to_owned())
}
