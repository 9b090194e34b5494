//! Where a device sits on the bus.

use std::fmt;
use std::str::FromStr;

use crate::pci::PciError;

/// Domain, bus, device, function: `0000:03:00.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Domain (segment); 0 on most machines. Domains of virtual root bridges have more than 16 bits.
    pub domain: u32,
    /// Bus.
    pub bus: u8,
    /// Device on the bus, 0…31.
    pub device: u8,
    /// Function of the device, 0…7.
    pub function: u8,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{}", self.domain, self.bus, self.device, self.function)
    }
}

impl FromStr for Address {
    type Err = PciError;

    /// Reads `0000:03:00.0`, or `03:00.0` in domain 0.
    fn from_str(text: &str) -> Result<Self, PciError> {
        parse(text).ok_or_else(|| PciError::BadAddress(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Address> {
    let (place, function) = text.rsplit_once('.')?;
    let (place, device) = place.rsplit_once(':')?;
    let (domain, bus) = place.rsplit_once(':').unwrap_or(("0", place));
    let address = Address {
        domain: hex(domain, 8)?,
        bus: hex(bus, 2)? as u8,
        device: hex(device, 2)? as u8,
        function: hex(function, 1)? as u8,
    };
    (address.device < 32 && address.function < 8).then_some(address)
}

/// At most `digits` hexadecimal digits and nothing else.
fn hex(text: &str, digits: usize) -> Option<u32> {
    let plain = !text.is_empty() && text.len() <= digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let full: Address = "0000:03:1f.7".parse().unwrap();
        assert_eq!(full, Address { domain: 0, bus: 3, device: 31, function: 7 });
        assert_eq!(full.to_string(), "0000:03:1f.7");
        assert_eq!("03:1f.7".parse::<Address>().unwrap(), full);
        assert_eq!("10000:e1:00.0".parse::<Address>().unwrap().to_string(), "10000:e1:00.0");
        for wrong in ["", "3", "03:00", "03:00.", "03:20.0", "03:00.8", "+3:00.0", "0:0:0:0.0", "../03:00.0"]
        {
            let error = wrong.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("0000:03:00.0"), "{error}");
        }
    }
}
