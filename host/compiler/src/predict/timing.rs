//! What the cycle models assume.

use cbp_isa::Config;

/// Latencies and limits, in clock cycles unless they say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From a read request to its first beat.
    pub read_latency: u64,
    /// From a burst's last written beat to its response.
    pub write_latency: u64,
    /// Of a read or written beat, in parts of a cycle: [`Timing::BEAT`] where memory keeps up.
    pub read_beat: u64,
    /// See `read_beat`.
    pub write_beat: u64,
    /// Largest burst, bytes.
    pub burst_bytes: u64,
    /// Bursts that wait for their response at once.
    pub writes_under_way: usize,
    /// From an instruction's start to its first step, row or request.
    pub setup: u64,
    /// Between the beats of two LOADs.
    pub load_gap: u64,
    /// Of a STORE, per row and per burst, beside its beats.
    pub store_gap: u64,
    /// From the last step of a position to its first drained group: lane input, adder tree and drain register.
    pub array_latency: u64,
    /// From a group's drain to its bytes in the output buffer.
    pub ppu_latency: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            read_latency: 200,
            write_latency: 200,
            read_beat: Self::BEAT,
            write_beat: Self::BEAT,
            burst_bytes: 1024,
            writes_under_way: 32,
            setup: 1,
            load_gap: 2,
            store_gap: 1,
            array_latency: 11,
            ppu_latency: 11,
        }
    }
}

impl Timing {
    /// Parts of a cycle in which a beat's time is given.
    pub const BEAT: u64 = 1 << 10;

    /// Cycles in which eight beats of int8 weights are taken and written, one digit of all planes a cycle.
    #[must_use]
    pub fn int8_group_cycles(config: &Config) -> u64 {
        8.max(config.int8_passes() as u64)
    }
}
