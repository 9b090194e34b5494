//! Interrupts through event files: MSI-X, MSI or the legacy pin, whatever the device has; and what the kernel itself has
//! to say about the device.

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
/// The device failed on the bus, and the kernel wants it back: both mean that it is no longer ours.
const LEAVING: [u32; 2] = [3, 4];

const NO_DATA: u32 = 1;
const EVENT_FILES: u32 = 1 << 2;
const UNMASK: u32 = 1 << 4;
const TRIGGER: u32 = 1 << 5;

/// A request about interrupts; its result is what the kernel returns.
type Ask<'a> = dyn FnMut(Request, &mut [u32]) -> Result<i32, Errno> + 'a;

/// Event files that the kernel signals, and which kind of interrupt does it.
#[derive(Debug)]
pub(crate) struct Interrupts {
    kind: u32,
    /// None if no kind works; the driver then polls.
    events: Vec<OwnedFd>,
    /// Signalled when the device leaves, and never read: once is for ever.
    leaving: Vec<OwnedFd>,
}

impl Interrupts {
    /// Takes the best kind that works: as many vectors as the core has lines, then fewer, then MSI, then the pin.
    pub(crate) fn enable(device: &File) -> Result<Self, PciError> {
        Self::enable_by(&mut |request, words| call(device, request, words))
    }

    fn enable_by(ask: &mut Ask<'_>) -> Result<Self, PciError> {
        let mut leaving = Vec::new();
        for kind in LEAVING {
            // Not every device can report errors.
            if count(ask, kind) > 0 {
                let event = events(1)?;
                if connect(ask, kind, &event) == Ok(0) {
                    leaving.extend(event);
                }
            }
        }
        for (kind, most) in [(MSIX, LINES), (MSI, 1), (INTX, 1)] {
            let mut events = events(count(ask, kind).min(most))?;
            while !events.is_empty() {
                match connect(ask, kind, &events) {
                    Ok(0) => return Ok(Self { kind, events, leaving }),
                    // The kernel has so many vectors to give, and gave none.
                    Ok(fewer @ 1..) if (fewer as usize) < events.len() => events.truncate(fewer as usize),
                    // One if there were more, then none.
                    _ => events.truncate(usize::from(events.len() > 1)),
                }
            }
        }
        Ok(Self { kind: INTX, events: Vec::new(), leaving })
    }

    /// Whether there are any.
    pub(crate) const fn any(&self) -> bool {
        !self.events.is_empty()
    }

    /// Waits for any of them.
    pub(crate) fn wait(&self, device: &File, nap: Duration) -> Result<(), PciError> {
        if self.kind == INTX && self.any() {
            // The kernel masks the pin when it comes. Only now: before the driver acknowledged the last interrupt, its
            // level would raise it again.
            call(device, Request::DeviceSetIrqs, &mut [0, NO_DATA | UNMASK, INTX, 0, 1])
                .map_err(|e| PciError::system("VFIO_DEVICE_SET_IRQS", e))?;
        }
        let all = self.leaving.iter().chain(&self.events);
        let mut files: Vec<PollFd<'_>> = all.map(|e| PollFd::new(e, PollFlags::IN)).collect();
        if poll_for(&mut files, nap)? {
            if files.iter().take(self.leaving.len()).any(|file| !file.revents().is_empty()) {
                return Err(PciError::Gone);
            }
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

/// How many of this kind the device has. A kind that this kernel does not know is one that it does not have.
fn count(ask: &mut Ask<'_>, kind: u32) -> u32 {
    let mut info = [0, 0, kind, 0];
    ask(Request::DeviceGetIrq, &mut info).map_or(0, |_| info[3])
}

/// Connects an event to each of the first interrupts of a kind. Only a result of 0 means that they are.
fn connect(ask: &mut Ask<'_>, kind: u32, events: &[OwnedFd]) -> Result<i32, Errno> {
    let mut request = vec![0, EVENT_FILES | TRIGGER, kind, 0, events.len() as u32];
    request.extend(events.iter().map(|event| event.as_raw_fd() as u32));
    ask(Request::DeviceSetIrqs, &mut request)
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
        let interrupts = Interrupts { kind: MSIX, events: events(4).unwrap(), leaving: events(2).unwrap() };
        let device = File::open("/dev/null").unwrap();
        let nap = Duration::from_mins(1);
        rustix::io::write(&interrupts.events[2], &3_u64.to_ne_bytes()).unwrap();
        let start = Instant::now();
        interrupts.wait(&device, nap).unwrap();
        assert!(start.elapsed() < nap / 2);
        interrupts.wait(&device, Duration::from_millis(20)).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(20), "the event was taken");
        assert!(!Interrupts::enable(&device).unwrap().any());
    }

    #[test]
    fn a_device_that_leaves_is_gone_for_good() {
        let device = File::open("/dev/null").unwrap();
        for which in [0, 1] {
            let interrupts =
                Interrupts { kind: MSIX, events: events(1).unwrap(), leaving: events(2).unwrap() };
            interrupts.wait(&device, Duration::ZERO).unwrap();
            rustix::io::write(&interrupts.leaving[which], &1_u64.to_ne_bytes()).unwrap();
            for _ in 0..2 {
                assert!(matches!(interrupts.wait(&device, Duration::from_mins(1)), Err(PciError::Gone)));
            }
        }
    }

    /// A kernel that has so many vectors to give: kind, those of the device, result of asking for a number of them.
    type Kernel = fn(u32, usize) -> Result<i32, Errno>;

    /// Kind and number of the events that are connected, and what was asked for before.
    fn enabled(kernel: Kernel) -> (u32, usize, Vec<(u32, usize)>) {
        let mut asked = Vec::new();
        let enabled = Interrupts::enable_by(&mut |request, words| {
            let kind = words[2];
            if request == Request::DeviceGetIrq {
                words[3] = if kind == MSIX { 8 } else { 1 };
                return Ok(0);
            }
            assert_eq!((words[0], words[1], words[3]), (0, EVENT_FILES | TRIGGER, 0));
            assert_eq!(words.len(), 5 + words[4] as usize);
            if !LEAVING.contains(&kind) {
                asked.push((kind, words[4] as usize));
            }
            kernel(kind, words[4] as usize)
        });
        let enabled = enabled.unwrap();
        assert_eq!(enabled.leaving.len(), 2);
        (enabled.kind, enabled.events.len(), asked)
    }

    /// A positive result is the number that could be had, of which none was given.
    #[test]
    fn fewer_vectors_than_asked_for() {
        assert_eq!(enabled(|_, _| Ok(0)), (MSIX, 4, vec![(MSIX, 4)]));
        let few: Kernel = |kind, n| Ok(if kind == MSIX && n > 2 { 2 } else { 0 });
        assert_eq!(enabled(few), (MSIX, 2, vec![(MSIX, 4), (MSIX, 2)]));
        let liar: Kernel = |kind, n| Ok(if kind == MSIX { n as i32 } else { 0 });
        assert_eq!(enabled(liar), (MSI, 1, vec![(MSIX, 4), (MSIX, 1), (MSI, 1)]));
        let refused: Kernel = |kind, _| if kind == MSIX { Err(Errno::NOSPC) } else { Ok(0) };
        assert_eq!(enabled(refused), (MSI, 1, vec![(MSIX, 4), (MSIX, 1), (MSI, 1)]));
        let no_messages: Kernel = |kind, _| match kind {
            MSIX => Ok(2),
            MSI => Err(Errno::NOSPC),
            _ => Ok(0),
        };
        assert_eq!(
            enabled(no_messages),
            (INTX, 1, vec![(MSIX, 4), (MSIX, 2), (MSIX, 1), (MSI, 1), (INTX, 1)])
        );
        let nothing: Kernel = |kind, _| if LEAVING.contains(&kind) { Ok(0) } else { Err(Errno::INVAL) };
        assert_eq!(enabled(nothing).1, 0);
    }
}
