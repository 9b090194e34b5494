//! The AXI master's way to host memory over `PCIe`: a bridge, two wires, a host.
//!
//! ```text
//!  AR ─▶ requests ≤ 512 B, a tag each ─┐
//!  AW, W ─▶ packets ≤ max payload ─────┼─▶ upstream wire ─▶ host: writes land late and in order,
//!  irq ─▶ message ─────────────────────┘                    reads wait for the writes before them
//!  R ◀─ buffer, in order within an ID ◀── downstream wire ◀── completions ≤ max payload, cut at 64 B
//! ```
//!
//! - [`Link`] the numbers; `wire` a direction's rate; `upstream` and `downstream` the halves; [`LinkReport`] what went
//!
//! What holds on `PCIe` holds here: writes stay in order, and neither reads, interrupts nor answers to the host's
//! register reads overtake them; writes are answered when the bridge has them; completions of one request stay in order,
//! those of different requests need not. Flow-control packets, acknowledgements and the time of register accesses
//! are left out.

mod config;
mod downstream;
mod report;
#[cfg(test)]
mod tests;
mod upstream;
mod wire;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use config::{BadLink, Link};
pub use report::{Flow, LinkReport};

use crate::memory::SharedMemory;
use crate::read_port::{Address, ReadPort};
use crate::strobes::Data;
use downstream::Downstream;
use upstream::Upstream;
use wire::moment;

/// Part of a burst that travels as one request.
#[derive(Clone, Copy, Debug)]
struct Request {
    /// The burst's number at the read port, and which of its requests this is.
    burst: u64,
    part: usize,
    address: u64,
    bytes: u64,
}

/// The bridge and everything behind it.
pub(crate) struct Bridge {
    upstream: Upstream,
    downstream: Downstream,
    link: Link,
    cycle: u64,
}

impl Bridge {
    pub(crate) fn new(link: &Link, clock_hz: u64, memory: SharedMemory) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(link.seed);
        Self {
            upstream: Upstream::new(link, clock_hz, memory, rng.clone()),
            downstream: Downstream::new(link, clock_hz, rng),
            link: link.clone(),
            cycle: 0,
        }
    }

    /// A read burst was accepted: gives the sizes of its requests.
    pub(crate) fn read(&mut self, burst: u64, at: Address, beat_bytes: usize) -> Vec<usize> {
        let most = u64::from(self.link.read_request_max);
        let (mut address, end) = (at.base, at.base + (at.beats * beat_bytes) as u64);
        let mut parts = Vec::new();
        while address < end {
            let bytes = (most - address % most).min(end - address);
            self.upstream.read(Request { burst, part: parts.len(), address, bytes });
            parts.push(bytes as usize);
            address += bytes;
        }
        parts
    }

    /// A write burst is complete: it travels in packets.
    pub(crate) fn write(&mut self, at: Address, beat_bytes: usize, data: &Data) {
        self.upstream.write(at, beat_bytes, data, self.link.max_payload as usize);
    }

    /// Whether a read address can be taken.
    pub(crate) fn takes_reads(&self) -> bool {
        self.upstream.takes_reads()
    }

    /// Whether a beat fits beside `arriving` bytes that are not packets yet.
    pub(crate) fn takes_writes(&self, arriving: usize, beat_bytes: usize) -> bool {
        self.upstream.buffered() + arriving + beat_bytes <= self.link.write_buffer as usize
    }

    /// One cycle, with the device's interrupt levels.
    pub(crate) fn step(&mut self, cycle: u64, irq: u8, reads: &mut ReadPort) {
        self.cycle = cycle;
        let now = moment(cycle);
        self.upstream.interrupts(irq);
        let tags = self.link.tags as usize - self.downstream.tags();
        self.upstream.send(now, tags, |request, executed| self.downstream.request(request, executed));
        self.upstream.land(now);
        self.downstream.step(now, reads);
    }

    /// The interrupt levels that the host has heard of.
    pub(crate) const fn irq(&self) -> u8 {
        self.upstream.irq()
    }

    /// Writes and messages that were taken so far, and those of them that have landed.
    pub(crate) const fn writes(&self) -> (u64, u64) {
        self.upstream.progress()
    }

    /// The device was reset: reads are forgotten, writes that were taken land.
    pub(crate) fn clear(&mut self) {
        self.upstream.clear();
        self.downstream.clear();
    }

    pub(crate) fn report(&self) -> LinkReport {
        LinkReport {
            upstream: self.upstream.wire.flow,
            downstream: self.downstream.wire.flow,
            cycles: self.cycle,
            bytes_per_cycle: self.upstream.wire.bytes_per_cycle(),
            unmapped_writes: self.upstream.unmapped,
        }
    }
}
