//! Rules of AXI that the device must keep.

use cbp_isa::Config;

use crate::read_port::Address;

const PAGE: u64 = 4096;
const INCR: u64 = 1;

/// A valid/ready channel that the device drives: once valid, it stays as it is until it is taken.
pub(crate) struct Stable {
    valid: usize,
    payload: Vec<usize>,
    held: bool,
    values: Vec<u64>,
}

impl Stable {
    /// A channel by the words of its valid and its payload among the outputs.
    pub(crate) fn new(valid: usize, payload: impl IntoIterator<Item = usize>) -> Self {
        let payload: Vec<usize> = payload.into_iter().collect();
        Self { valid, values: vec![0; payload.len()], payload, held: false }
    }

    /// Forgets what it saw, as in a reset.
    pub(crate) const fn clear(&mut self) {
        self.held = false;
    }

    /// One cycle.
    #[inline]
    pub(crate) fn check(&mut self, outputs: &[u64], ready: bool) -> Result<(), &'static str> {
        let valid = outputs[self.valid] != 0;
        if self.held {
            if !valid {
                return Err("VALID fell before READY");
            }
            if self.payload.iter().zip(&self.values).any(|(&word, &value)| outputs[word] != value) {
                return Err("the payload changed before READY");
            }
        }
        let hold = valid && !ready;
        if hold && !self.held {
            for (value, &word) in self.values.iter_mut().zip(&self.payload) {
                *value = outputs[word];
            }
        }
        self.held = hold;
        Ok(())
    }
}

/// Words of an address channel among the outputs.
pub(crate) struct AddressPins {
    pub(crate) address: usize,
    pub(crate) length: usize,
    pub(crate) size: usize,
    pub(crate) burst: usize,
    pub(crate) id: usize,
}

/// What a burst may be.
pub(crate) struct BurstRules {
    beat_bytes: u64,
    /// Largest burst in bytes.
    pub(crate) limit: u64,
}

impl BurstRules {
    pub(crate) const fn new(config: &Config) -> Self {
        Self { beat_bytes: config.beat_bytes() as u64, limit: PAGE }
    }

    /// The burst on an address channel, if it is allowed.
    pub(crate) fn burst(&self, pins: &AddressPins, outputs: &[u64]) -> Result<Address, String> {
        let (address, beats) = (outputs[pins.address], outputs[pins.length] + 1);
        let bytes = beats * self.beat_bytes;
        if outputs[pins.burst] != INCR {
            return Err(format!("burst type {} is not INCR", outputs[pins.burst]));
        }
        if 1 << outputs[pins.size] != self.beat_bytes {
            return Err(format!("size {} is not the full width", outputs[pins.size]));
        }
        if !address.is_multiple_of(self.beat_bytes) {
            return Err(format!("address {address:#x} is not a multiple of the beat"));
        }
        if bytes > self.limit {
            return Err(format!("a burst of {bytes} bytes is over the limit of {}", self.limit));
        }
        if address % PAGE + bytes > PAGE {
            return Err(format!("{bytes} bytes at {address:#x} cross a 4 KiB boundary"));
        }
        Ok(Address { id: outputs[pins.id], base: address, beats: beats as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_must_hold_still() {
        let mut channel = Stable::new(0, [1, 2]);
        assert!(channel.check(&[1, 5, 6], false).is_ok());
        assert!(channel.check(&[1, 5, 6], true).is_ok());
        assert!(channel.check(&[1, 7, 6], false).is_ok(), "taken: the next may differ");
        assert!(channel.check(&[1, 7, 8], false).is_err());
        assert!(channel.check(&[0, 7, 6], false).is_err());
    }

    #[test]
    fn bursts() {
        let rules = BurstRules { beat_bytes: 16, limit: 256 };
        let pins = AddressPins { address: 0, length: 1, size: 2, burst: 3, id: 4 };
        let good = Address { id: 9, base: 0x1_0000_0f00, beats: 16 };
        assert_eq!(rules.burst(&pins, &[0x1_0000_0f00, 15, 4, 1, 9]), Ok(good));
        for (bad, text) in [
            ([0xf00, 16, 4, 1, 0], "limit"),
            ([0xf10, 15, 4, 1, 0], "4 KiB"),
            ([0xf08, 0, 4, 1, 0], "multiple"),
            ([0xf00, 0, 3, 1, 0], "width"),
            ([0xf00, 0, 4, 2, 0], "INCR"),
        ] {
            assert!(rules.burst(&pins, &bad).unwrap_err().contains(text), "{bad:?}");
        }
    }
}
