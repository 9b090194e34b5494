//! What a link is, and its name on the command line.

use std::fmt;
use std::str::FromStr;

/// A `PCIe` link between the AXI master and host memory.
///
/// Written `gen2x4`, or with options behind it: `gen3x4,latency=800,payload=128,reorder,seed=7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// 1…5: 2.5, 5, 8, 16, 32 GT/s per lane.
    pub generation: u32,
    /// 1, 2, 4, 8 or 16.
    pub lanes: u32,
    /// `latency`: from a read request's arrival at the host to its first completion, nanoseconds.
    pub read_latency_ns: u32,
    /// `payload`: most bytes of a write packet, 128…4096.
    pub max_payload: u32,
    /// `request`: most bytes of a read request, 128…4096.
    pub read_request_max: u32,
    /// `completion`: most bytes of a completion, 64…`max_payload`; all but a request's last end at a multiple of 64.
    pub completion_max: u32,
    /// `tags`: read requests under way at once.
    pub tags: u32,
    /// `reorder`: the host answers requests in an order, and after times, that the seed decides.
    pub reorder: bool,
    /// `delay`: most nanoseconds from a write's arrival at the host until memory shows it; the seed decides each.
    pub write_delay_ns: u32,
    /// `buffer`: bytes of writes that the bridge holds.
    pub write_buffer: u32,
    /// `seed`: same seed, same run.
    pub seed: u64,
}

/// A text that names no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a link is written as gen2x4 or gen2x4,latency=1000,payload=128,reorder,seed=1")]
pub struct BadLink(String);

/// The completion boundary of every host.
pub(crate) const COMPLETION_BOUNDARY: u64 = 64;
/// Around a header: framing 2, sequence number 2, LCRC 4; with 128b/130b coding as many.
const PACKET: u64 = 8;
/// A completion: a header of three double words.
pub(crate) const COMPLETION_OVERHEAD: u64 = PACKET + 12;
/// Requests have 64-bit addresses: a header of four.
pub(crate) const REQUEST_OVERHEAD: u64 = PACKET + 16;

impl Link {
    /// A link with a host of today's latency and the payload of most of them.
    #[must_use]
    pub const fn new(generation: u32, lanes: u32) -> Self {
        Self {
            generation,
            lanes,
            read_latency_ns: 1000,
            max_payload: 256,
            read_request_max: 512,
            completion_max: 256,
            tags: 32,
            reorder: false,
            write_delay_ns: 300,
            write_buffer: 4096,
            seed: 1,
        }
    }

    /// Bytes per second and direction, headers included.
    #[must_use]
    pub const fn bytes_per_second(&self) -> u64 {
        let lane = match self.generation {
            1 => 250_000_000,
            2 => 500_000_000,
            generation => (1_000_000_000 << (generation - 3)) / 130 * 128,
        };
        lane * self.lanes as u64
    }

    /// Share of the link that read data can fill: completions and their headers.
    #[must_use]
    pub fn read_efficiency(&self) -> f64 {
        let payload = f64::from(self.completion_max.min(self.read_request_max));
        payload / (payload + COMPLETION_OVERHEAD as f64)
    }

    /// Share of the link that written data can fill.
    #[must_use]
    pub fn write_efficiency(&self) -> f64 {
        f64::from(self.max_payload) / (f64::from(self.max_payload) + REQUEST_OVERHEAD as f64)
    }

    fn check(self) -> Result<Self, BadLink> {
        let rule = |holds, text: &str| if holds { Ok(()) } else { Err(BadLink(text.to_owned())) };
        let size = |n: u32, least| n.is_power_of_two() && (least..=4096).contains(&n);
        rule((1..=5).contains(&self.generation), "the generation must be 1…5")?;
        rule(matches!(self.lanes, 1 | 2 | 4 | 8 | 16), "lanes must be 1, 2, 4, 8 or 16")?;
        rule(size(self.max_payload, 128), "payload must be a power of two, 128…4096")?;
        rule(size(self.read_request_max, 128), "request must be a power of two, 128…4096")?;
        rule(
            size(self.completion_max, 64) && self.completion_max <= self.max_payload,
            "completion must be a power of two, 64…payload",
        )?;
        rule((1..=256).contains(&self.tags), "tags must be 1…256")?;
        rule((4096..=1 << 20).contains(&self.write_buffer), "buffer must hold a burst: 4096…1048576")?;
        rule(self.read_latency_ns <= 1_000_000, "latency must be at most 1000000 ns")?;
        rule(self.write_delay_ns <= 1_000_000, "delay must be at most 1000000 ns")?;
        Ok(self)
    }
}

impl FromStr for Link {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let unknown = || BadLink(format!("{name:?} is no link"));
        let (generation, lanes) =
            name.strip_prefix("gen").and_then(|n| n.split_once('x')).ok_or_else(unknown)?;
        let mut link =
            Self::new(generation.parse().map_err(|_| unknown())?, lanes.parse().map_err(|_| unknown())?);
        let mut completion = None;
        for part in parts {
            if part == "reorder" {
                link.reorder = true;
                continue;
            }
            let bad = || BadLink(format!("{part:?} is no option of a link"));
            let (key, value) = part.split_once('=').ok_or_else(bad)?;
            let number = || value.parse().map_err(|_| bad());
            match key {
                "latency" => link.read_latency_ns = number()?,
                "payload" => link.max_payload = number()?,
                "request" => link.read_request_max = number()?,
                "completion" => completion = Some(number()?),
                "tags" => link.tags = number()?,
                "delay" => link.write_delay_ns = number()?,
                "buffer" => link.write_buffer = number()?,
                "seed" => link.seed = value.parse().map_err(|_| bad())?,
                _ => return Err(bad()),
            }
        }
        link.completion_max = completion.unwrap_or(link.max_payload);
        link.check()
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::new(self.generation, self.lanes);
        write!(f, "gen{}x{}", self.generation, self.lanes)?;
        let mut option = |name, value: u32, usual: u32| {
            if value == usual { Ok(()) } else { write!(f, ",{name}={value}") }
        };
        option("latency", self.read_latency_ns, usual.read_latency_ns)?;
        option("payload", self.max_payload, usual.max_payload)?;
        option("request", self.read_request_max, usual.read_request_max)?;
        option("completion", self.completion_max, self.max_payload)?;
        option("tags", self.tags, usual.tags)?;
        option("delay", self.write_delay_ns, usual.write_delay_ns)?;
        option("buffer", self.write_buffer, usual.write_buffer)?;
        if self.reorder {
            f.write_str(",reorder")?;
        }
        if self.seed == usual.seed { Ok(()) } else { write!(f, ",seed={}", self.seed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_rates() {
        for (text, rate) in [
            ("gen1x1", 250_000_000),
            ("gen2x4", 2_000_000_000),
            (
                "gen3x4,latency=1200,payload=128,request=256,completion=64,tags=8,reorder,seed=9",
                3_938_461_536,
            ),
            ("gen4x8,delay=0,buffer=8192", 15_753_846_144),
        ] {
            let link: Link = text.parse().unwrap();
            // 1e9 / 130 · 128 is rounded down.
            assert!(rate - link.bytes_per_second() < 1000, "{text}: {}", link.bytes_per_second());
            assert_eq!(link.to_string(), text);
        }
        assert_eq!("gen2x4,payload=128".parse::<Link>().unwrap().completion_max, 128);
        for bad in [
            "",
            "gen",
            "gen2",
            "gen2x3",
            "gen0x1",
            "gen6x4",
            "gen2x4,payload=100",
            "gen2x4,payload",
            "gen2x4,completion=512",
            "gen2x4,speed=1",
            "gen2x4,",
            "gen2x4,buffer=64",
            "gen2x4,seed=-1",
        ] {
            assert!(bad.parse::<Link>().is_err(), "{bad:?}");
        }
    }
}
