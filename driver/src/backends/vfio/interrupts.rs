//! Interrupts through event files: MSI-X, MSI or the legacy pin, whatever the device has.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::io::Errno;

use super::request::{Request, call};
use crate::backends::attachment::poll_for;
use crate::pci::PciError;

/// Lines of the core; a device with fewer vectors raises one for all.
const LINES: u32 = 4;

const INTX: u32 = 0;
const MSI: u32 = 1;
const MSIX: u32 = 2;

const NO_DATA: u32 = 1;
const EVENT_FILES: u32 = 1 << 2;
const UNMASK: u32 = 1 << 4;
const TRIGGER: u32 = 1 << 5;

/// Event files that the kernel signals, and which kind of interrupt does it.
#[derive(Debug)]
pub(crate) struct Interrupts {
    kind: u32,
    events: Vec<OwnedFd>,
}

impl Interrupts {
    /// Takes the best kind that works: as many vectors as the core has lines, then one, then the pin. `None` if no kind
    /// does; the driver then polls.
    pub(crate) fn enable(device: &File) -> Result<Option<Self>, PciError> {
        for (kind, most) in [(MSIX, LINES), (MSIX, 1), (MSI, 1), (INTX, 1)] {
            let mut info = [0, 0, kind, 0];
            // A kind that this kernel does not know is one that the device does not have.
            let count = call(device, Request::DeviceGetIrq, &mut info).map_or(0, |_| info[3]);
            if count == 0 {
                continue;
            }
            let this = Self { kind, events: events(count.min(most))? };
            if this.connect(device).is_ok() {
                return Ok(Some(this));
            }
        }
        Ok(None)
    }

    fn connect(&self, device: &File) -> Result<(), Errno> {
        let count = self.events.len() as u32;
        let mut request = vec![0, EVENT_FILES | TRIGGER, self.kind, 0, count];
        request.extend(self.events.iter().map(|event| event.as_raw_fd() as u32));
        call(device, Request::DeviceSetIrqs, &mut request).map(drop)
    }

    /// Waits for any of them.
    pub(crate) fn wait(&self, device: &File, nap: Duration) -> Result<(), PciError> {
        if self.kind == INTX {
            // The kernel masks the pin when it comes. Only now: before the driver acknowledged the last interrupt, its
            // level would raise it again.
            call(device, Request::DeviceSetIrqs, &mut [0, NO_DATA | UNMASK, INTX, 0, 1])
                .map_err(|e| PciError::system("VFIO_DEVICE_SET_IRQS", e))?;
        }
        let mut files: Vec<PollFd<'_>> = self.events.iter().map(|e| PollFd::new(e, PollFlags::IN)).collect();
        if poll_for(&mut files, nap)? {
            self.drain()?;
        }
        Ok(())
    }

    /// Reads what is there, so that the next poll waits.
    fn drain(&self) -> Result<(), PciError> {
        for event in &self.events {
            match rustix::io::read(event, &mut [0_u8; 8]) {
                Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(PciError::system("read of an eventfd", error)),
            }
        }
        Ok(())
    }
}

fn events(count: u32) -> Result<Vec<OwnedFd>, PciError> {
    let event = |_| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
    (0..count).map(event).collect::<Result<_, _>>().map_err(|e| PciError::system("eventfd", e))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn any_event_ends_the_wait_once() {
        let interrupts = Interrupts { kind: MSIX, events: events(4).unwrap() };
        let device = File::open("/dev/null").unwrap();
        let nap = Duration::from_mins(1);
        rustix::io::write(&interrupts.events[2], &3_u64.to_ne_bytes()).unwrap();
        let start = Instant::now();
        interrupts.wait(&device, nap).unwrap();
        assert!(start.elapsed() < nap / 2);
        interrupts.wait(&device, Duration::from_millis(20)).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(20), "the event was taken");
        assert!(Interrupts::enable(&device).unwrap().is_none());
    }
}
