//! How a wait for the device spends its time, on every back end: it spins, then sleeps.

use std::hint;
use std::time::{Duration, Instant};

/// So long a wait spins: jobs of microseconds end in it, earlier than an interrupt would arrive.
const SPIN: Duration = Duration::from_micros(100);
/// Hints to the processor between two looks at the device.
const HINTS: u32 = 32;
/// Below this the kernel's timers are not exact.
const SHORTEST: Duration = Duration::from_micros(50);
/// Time waited so far by the length of a sleep: by one part of so many a wait outlasts a job that raises no interrupt.
const PARTS: u32 = 4;

/// The rhythm of one wait.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    since: Option<Instant>,
}

impl Pace {
    /// The driver told the device something: what it waits for next may be over soon.
    pub(crate) const fn restart(&mut self) {
        self.since = None;
    }

    /// How long to sleep now unless an interrupt comes, at most `longest`. `None`: it has spun a while, look again.
    pub(crate) fn nap(&mut self, longest: Duration) -> Option<Duration> {
        let nap = nap_after(self.since.get_or_insert_with(Instant::now).elapsed(), longest);
        if nap.is_none() {
            (0..HINTS).for_each(|_| hint::spin_loop());
        }
        nap
    }
}

fn nap_after(waited: Duration, longest: Duration) -> Option<Duration> {
    (waited >= SPIN).then(|| (waited / PARTS).max(SHORTEST).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_grow_with_the_wait() {
        let longest = Duration::from_millis(10);
        let nap = |micros| nap_after(Duration::from_micros(micros), longest);
        assert_eq!([nap(0), nap(99)], [None, None]);
        assert_eq!(nap(100), Some(SHORTEST));
        assert_eq!(nap(4000), Some(Duration::from_millis(1)));
        assert_eq!(nap(1_000_000), Some(longest));
        assert_eq!(nap_after(SPIN, Duration::ZERO), Some(Duration::ZERO), "never beyond the deadline");
    }
}
