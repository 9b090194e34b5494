//! Which driver of the kernel has a device: a plan of writes that can be shown, run, and is undone if a step fails.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::pci::lock::Lock;
use crate::pci::{Address, PciDevice, PciError, Sysfs, sysfs};

/// The driver of VFIO.
pub const VFIO: &str = "vfio-pci";
/// The driver of UIO.
pub const UIO: &str = "uio_pci_generic";

/// What a write clears an override with; the kernel strips the line end.
const NO_OVERRIDE: &str = "\n";

/// One write to a file of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The file.
    pub path: PathBuf,
    /// What is written.
    pub value: String,
    /// What for.
    pub why: String,
    /// What undoes it.
    undo: Option<(PathBuf, String)>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "echo '{}' > {}    # {}", self.value.trim_end(), self.path.display(), self.why)
    }
}

/// Writes that change the driver of a device.
#[derive(Clone, Debug)]
pub struct Plan {
    device: PathBuf,
    address: Address,
    /// The driver afterwards.
    driver: Option<String>,
    steps: Vec<Step>,
}

/// Plans to bind a board to `driver`; nothing is left to do if it is bound already.
///
/// # Errors
/// No device, no board of ours, no such driver, or VFIO cannot take it.
pub fn bind(tree: &Sysfs, address: Address, driver: &str) -> Result<Plan, PciError> {
    let device = PciDevice::read(tree, address)?;
    device.known()?;
    // The name becomes part of a path.
    if driver.is_empty() || driver.contains(['/', '.']) || !tree.driver(driver).is_dir() {
        return Err(PciError::NoDriver(driver.to_owned()));
    }
    if driver == VFIO {
        device.iommu_group.as_ref().ok_or(PciError::NoIommu(address))?.check_viable()?;
    }
    let mut plan = Plan::new(&device, Some(driver.to_owned()));
    if device.driver.as_deref() == Some(driver) {
        return Ok(plan);
    }
    plan.release(tree, &device);
    plan.set_override(driver, "from now on only this driver may have the device")?;
    let path = tree.drivers_probe();
    let why = "look for its driver again".to_owned();
    plan.steps.push(Step { path, value: address.to_string(), why, undo: None });
    Ok(plan)
}

/// Plans to take a board from its driver, and to let any driver have it.
///
/// # Errors
/// No device, or no board of ours.
pub fn unbind(tree: &Sysfs, address: Address) -> Result<Plan, PciError> {
    let device = PciDevice::read(tree, address)?;
    device.known()?;
    let mut plan = Plan::new(&device, None);
    plan.release(tree, &device);
    plan.set_override(NO_OVERRIDE, "any driver may have the device")?;
    Ok(plan)
}

impl Plan {
    fn new(device: &PciDevice, driver: Option<String>) -> Self {
        Self { device: device.path.clone(), address: device.address, driver, steps: Vec::new() }
    }

    /// The writes, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Takes the device from its driver.
    fn release(&mut self, tree: &Sysfs, device: &PciDevice) {
        let Some(driver) = &device.driver else { return };
        let directory = tree.driver(driver);
        let value = self.address.to_string();
        let undo = Some((directory.join("bind"), value.clone()));
        let why = format!("take the device from {driver}");
        self.steps.push(Step { path: directory.join("unbind"), value, why, undo });
    }

    fn set_override(&mut self, value: &str, why: &str) -> Result<(), PciError> {
        let path = self.device.join("driver_override");
        let before = sysfs::read(&path)?.filter(|old| !old.is_empty() && old != "(null)");
        let before = before.unwrap_or_else(|| NO_OVERRIDE.to_owned());
        if before != value {
            let undo = Some((path.clone(), before));
            self.steps.push(Step { path, value: value.to_owned(), why: why.to_owned(), undo });
        }
        Ok(())
    }

    /// Does it.
    ///
    /// # Errors
    /// A process uses the device, a write failed, or the driver did not take it; what was done before is undone.
    pub fn run(&self) -> Result<(), PciError> {
        self.run_with(sysfs::write)
    }

    fn run_with(&self, mut write: impl FnMut(&Path, &str) -> Result<(), PciError>) -> Result<(), PciError> {
        if self.steps.is_empty() {
            return Ok(());
        }
        // A process that has the device would lose it, or wait for it in the kernel.
        let _lock = Lock::take(&self.device, self.address)?;
        for (done, step) in self.steps.iter().enumerate() {
            if let Err(first) = write(&step.path, &step.value) {
                return Err(self.undo(done, first, write));
            }
        }
        if sysfs::link_name(&self.device.join("driver")) == self.driver {
            return Ok(());
        }
        let address = self.address;
        let first = match self.driver.clone() {
            Some(driver) => PciError::NotTaken { address, driver },
            None => PciError::NotReleased(address),
        };
        Err(self.undo(self.steps.len(), first, write))
    }

    /// Undoes the first `done` steps, last first; the error is what made it necessary.
    fn undo(
        &self,
        done: usize,
        first: PciError,
        mut write: impl FnMut(&Path, &str) -> Result<(), PciError>,
    ) -> PciError {
        let mut error = first;
        let mut all = true;
        for (path, value) in self.steps[..done].iter().rev().filter_map(|step| step.undo.as_ref()) {
            if let Err(cause) = write(path, value) {
                all = false;
                let (first, path, cause) = (Box::new(error), path.clone(), Box::new(cause));
                error = PciError::NotUndone { first, path, cause };
            }
        }
        if all && done > 0 { PciError::Undone { first: Box::new(error) } } else { error }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;

    use super::*;
    use crate::pci::fake::{BOARD, Tree};

    /// Does what the kernel does, except for files whose name is `broken`.
    fn kernel(tree: &Tree, broken: &'static str) -> impl FnMut(&Path, &str) -> Result<(), PciError> {
        let board = tree.board();
        let drivers = tree.path("bus/pci/drivers");
        move |path, value| {
            let name = path.file_name().unwrap().to_str().unwrap();
            if name == broken {
                return Err(PciError::file(path, io::Error::from(io::ErrorKind::ResourceBusy)));
            }
            let link = board.join("driver");
            match name {
                "unbind" => fs::remove_file(link).unwrap(),
                "bind" => std::os::unix::fs::symlink(path.parent().unwrap(), link).unwrap(),
                "driver_override" => fs::write(path, value).unwrap(),
                "drivers_probe" => {
                    let wanted = fs::read_to_string(board.join("driver_override")).unwrap();
                    std::os::unix::fs::symlink(drivers.join(wanted), link).unwrap();
                }
                other => panic!("{other}"),
            }
            Ok(())
        }
    }

    fn state(tree: &Tree) -> (Option<String>, String) {
        let driver = sysfs::link_name(&tree.board().join("driver"));
        (driver, fs::read_to_string(tree.board().join("driver_override")).unwrap().trim().to_owned())
    }

    #[test]
    fn there_and_back() {
        let tree = Tree::new();
        tree.driver(UIO);
        tree.bound(BOARD, "other");
        let plan = bind(&tree.sysfs(), Tree::address(), UIO).unwrap();
        let text: Vec<String> = plan.steps().iter().map(ToString::to_string).collect();
        assert!(text[0].contains("echo '0000:01:00.0' > ") && text[0].contains("other/unbind"), "{text:?}");
        plan.run_with(kernel(&tree, "")).unwrap();
        assert_eq!(state(&tree), (Some(UIO.to_owned()), UIO.to_owned()));
        let again = bind(&tree.sysfs(), Tree::address(), UIO).unwrap();
        assert!(again.steps().is_empty());
        again.run().unwrap();
        unbind(&tree.sysfs(), Tree::address()).unwrap().run_with(kernel(&tree, "")).unwrap();
        assert_eq!(state(&tree), (None, String::new()));
    }

    #[test]
    fn every_step_may_fail() {
        for broken in ["unbind", "driver_override", "drivers_probe"] {
            let tree = Tree::new();
            tree.driver(UIO);
            tree.bound(BOARD, "other");
            fs::write(tree.board().join("driver_override"), "other\n").unwrap();
            let plan = bind(&tree.sysfs(), Tree::address(), UIO).unwrap();
            let error = plan.run_with(kernel(&tree, broken)).unwrap_err();
            assert!(error.to_string().contains(broken), "{error}");
            assert_eq!(state(&tree), (Some("other".to_owned()), "other".to_owned()), "{broken}");
        }
    }

    /// On plain files nothing happens: the driver does not appear, so everything is put back.
    #[test]
    fn drivers_that_do_not_take_it() {
        let tree = Tree::new();
        tree.driver(UIO);
        let error = bind(&tree.sysfs(), Tree::address(), UIO).unwrap().run().unwrap_err();
        let PciError::Undone { first } = error else { panic!("{error}") };
        assert!(matches!(*first, PciError::NotTaken { .. }), "{first}");
        let (driver, cleared) = (state(&tree).0, fs::read(tree.board().join("driver_override")).unwrap());
        assert_eq!((driver, cleared[0]), (None, b'\n'));
        assert!(fs::read_to_string(tree.path("bus/pci/drivers_probe")).unwrap().contains(BOARD));
    }

    #[test]
    fn what_cannot_be_put_back_is_said() {
        let tree = Tree::new();
        tree.driver(UIO);
        let plan = bind(&tree.sysfs(), Tree::address(), UIO).unwrap();
        let mut writes = 0;
        let error = plan.run_with(|path, _| {
            writes += 1;
            if writes == 1 {
                Ok(())
            } else {
                Err(PciError::file(path, io::ErrorKind::PermissionDenied.into()))
            }
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("drivers_probe") && error.contains("could not be put back"), "{error}");
        assert!(!error.contains("everything was put back"), "{error}");
    }

    #[test]
    fn drivers_that_do_not_let_go() {
        let tree = Tree::new();
        tree.bound(BOARD, "other");
        let error = unbind(&tree.sysfs(), Tree::address()).unwrap().run().unwrap_err().to_string();
        assert!(error.contains("still has a driver") && error.contains("everything was put back"), "{error}");
    }

    /// A process that has the board would lose it, or be handed another's.
    #[test]
    fn boards_in_use_stay_where_they_are() {
        let tree = Tree::new();
        tree.driver(UIO);
        let lock = Lock::take(&tree.board(), Tree::address()).unwrap();
        let plan = bind(&tree.sysfs(), Tree::address(), UIO).unwrap();
        assert!(matches!(plan.run(), Err(PciError::Busy(_))));
        assert_eq!(state(&tree), (None, "(null)".to_owned()));
        drop(lock);
        plan.run_with(kernel(&tree, "")).unwrap();
        let lock = Lock::take(&tree.board(), Tree::address()).unwrap();
        assert!(matches!(unbind(&tree.sysfs(), Tree::address()).unwrap().run(), Err(PciError::Busy(_))));
        bind(&tree.sysfs(), Tree::address(), UIO).unwrap().run().unwrap(); // nothing to do
        drop(lock);
    }

    #[test]
    fn refusals_change_nothing() {
        let tree = Tree::new();
        let wrong = |driver: &str| bind(&tree.sysfs(), Tree::address(), driver).unwrap_err();
        assert!(matches!(wrong(VFIO), PciError::NoDriver(_)));
        assert!(matches!(wrong("../drivers"), PciError::NoDriver(_)));
        tree.driver(VFIO);
        assert!(matches!(wrong(VFIO), PciError::NoIommu(_)));
        tree.add("pci0000:00/0000:00:02.0", "0x010802");
        tree.bound("0000:00:02.0", "nvme");
        tree.group(3, "DMA\n", &[BOARD, "0000:00:02.0"]);
        assert!(matches!(wrong(VFIO), PciError::GroupNotViable { group: 3, .. }));
        let port = "00:01.0".parse().unwrap();
        assert!(matches!(bind(&tree.sysfs(), port, VFIO), Err(PciError::NotABoard { .. })));
        assert!(matches!(unbind(&tree.sysfs(), port), Err(PciError::NotABoard { .. })));
    }
}
