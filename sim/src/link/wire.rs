//! One direction of a link: packets one behind the other, each as long as its bytes take.

use super::report::Flow;

/// Fractions of a cycle: times are cycles · 2^20.
const FRACTION: u32 = 20;
/// One cycle.
pub(super) const CYCLE: u64 = 1 << FRACTION;

/// A moment from a cycle number.
pub(super) const fn moment(cycle: u64) -> u64 {
    cycle << FRACTION
}

/// Time from nanoseconds at a clock.
pub(super) fn nanoseconds(time: u32, clock_hz: u64) -> u64 {
    (u128::from(time) * u128::from(clock_hz) * u128::from(CYCLE) / 1_000_000_000) as u64
}

pub(super) struct Wire {
    /// Time that a byte takes, in 2^-12 of the unit of times, so that rounding does not matter.
    byte: u64,
    free: u64,
    pub(super) flow: Flow,
}

impl Wire {
    pub(super) fn new(bytes_per_second: u64, clock_hz: u64) -> Self {
        let byte = (u128::from(clock_hz) << (FRACTION + 12)) / u128::from(bytes_per_second.max(1));
        Self { byte: byte as u64, free: 0, flow: Flow::default() }
    }

    /// Whether the next packet can begin before the cycle that begins `now` ends.
    pub(super) const fn is_free(&self, now: u64) -> bool {
        self.free < now + CYCLE
    }

    /// Sends a packet; gives the time at which its last byte is there.
    pub(super) fn send(&mut self, now: u64, payload: u64, overhead: u64) -> u64 {
        let bytes = payload + overhead;
        self.free = self.free.max(now) + ((bytes * self.byte) >> 12);
        self.flow.packets += 1;
        self.flow.payload += payload;
        self.flow.bytes += bytes;
        self.free
    }

    pub(super) fn bytes_per_cycle(&self) -> f64 {
        CYCLE as f64 * 4096.0 / self.byte as f64
    }
}
