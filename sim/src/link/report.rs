//! What went over a link.

use std::fmt;

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Packets.
    pub packets: u64,
    /// Bytes of data.
    pub payload: u64,
    /// Bytes with headers, framing and checksums.
    pub bytes: u64,
}

/// What went over a link in some cycles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkReport {
    /// Device to host: writes, read requests, interrupts.
    pub upstream: Flow,
    /// Host to device: completions.
    pub downstream: Flow,
    /// Clock cycles of the device.
    pub cycles: u64,
    /// Bytes that a direction carries in a cycle.
    pub bytes_per_cycle: f64,
    /// Writes to addresses without memory: the device is not told.
    pub unmapped_writes: u64,
}

impl Flow {
    /// What went since an earlier time.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            packets: self.packets - earlier.packets,
            payload: self.payload - earlier.payload,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

impl LinkReport {
    /// What went since an earlier report of the same device.
    #[must_use]
    pub const fn since(self, earlier: &Self) -> Self {
        Self {
            upstream: self.upstream.since(earlier.upstream),
            downstream: self.downstream.since(earlier.downstream),
            cycles: self.cycles - earlier.cycles,
            bytes_per_cycle: self.bytes_per_cycle,
            unmapped_writes: self.unmapped_writes - earlier.unmapped_writes,
        }
    }

    /// Share of the time in which a direction was busy.
    #[must_use]
    pub fn utilisation(&self, flow: Flow) -> f64 {
        flow.bytes as f64 / (self.bytes_per_cycle * self.cycles.max(1) as f64)
    }
}

impl fmt::Display for LinkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, flow) in [("to host", self.upstream), ("to device", self.downstream)] {
            let busy = 100.0 * self.utilisation(flow);
            let Flow { packets, payload, bytes } = flow;
            writeln!(
                f,
                "link {name:9} {busy:5.1} % busy, {packets} packets, {payload} of {bytes} bytes data"
            )?;
        }
        Ok(())
    }
}
