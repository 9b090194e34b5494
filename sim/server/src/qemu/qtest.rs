//! QEMU's test socket: the way of interrupts into a guest, and of the IOMMU's registers out of it.
//!
//! One line asks, one line answers: `writel ADDRESS VALUE`, `readl ADDRESS`, `readq ADDRESS`, `set_irq_in …`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::time::Duration;

use crate::card::lock;

/// Longest wait for an answer; QEMU answers in microseconds unless it waits for this server itself.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where the interrupt line goes: pin of the I/O APIC for INTA of slot 5 on the root bus of a q35 machine.
const LINE: &str = "/machine/q35/ioapic unnamed-gpio-in 21";

/// The connection.
pub(super) struct Qtest(Mutex<BufReader<UnixStream>>);

impl Qtest {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(Mutex::new(BufReader::new(stream))))
    }

    /// What follows `OK` in the answer.
    fn ask(&self, line: &str) -> io::Result<String> {
        let mut reader = lock(&self.0);
        reader.get_mut().write_all(line.as_bytes())?;
        let mut answer = String::new();
        loop {
            answer.clear();
            if reader.read_line(&mut answer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // Lines about interrupts come by themselves.
            if !answer.starts_with("IRQ ") {
                break;
            }
        }
        match answer.trim().strip_prefix("OK") {
            Some(value) => Ok(value.trim().to_owned()),
            None => Err(io::Error::other(format!("QEMU answered {answer:?} to {line:?}"))),
        }
    }

    /// Writes a word to a bus address: this is what a message of MSI-X is.
    pub(super) fn write(&self, address: u64, value: u32) -> io::Result<()> {
        self.ask(&format!("writel {address:#x} {value:#x}\n")).map(|_| ())
    }

    pub(super) fn set_line(&self, level: bool) -> io::Result<()> {
        self.ask(&format!("set_irq_in {LINE} {}\n", u8::from(level))).map(|_| ())
    }

    pub(super) fn read_u32(&self, address: u64) -> io::Result<u32> {
        self.number(&format!("readl {address:#x}\n")).map(|value| value as u32)
    }

    pub(super) fn read_u64(&self, address: u64) -> io::Result<u64> {
        self.number(&format!("readq {address:#x}\n"))
    }

    fn number(&self, line: &str) -> io::Result<u64> {
        let answer = self.ask(line)?;
        u64::from_str_radix(answer.trim_start_matches("0x"), 16)
            .map_err(|_| io::Error::other(format!("QEMU answered {answer:?} to {line:?}")))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn questions_and_answers() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let qemu = thread::spawn(move || {
            let mut lines = BufReader::new(theirs);
            let mut seen = Vec::new();
            for answer in ["OK\n", "IRQ raise 3\nOK 0x00000000c0000000\n", "FAIL Unknown\n"] {
                let mut line = String::new();
                lines.read_line(&mut line).unwrap();
                seen.push(line);
                lines.get_mut().write_all(answer.as_bytes()).unwrap();
            }
            seen
        });
        let qtest = Qtest::new(ours).unwrap();
        qtest.write(0xfee0_0000, 0x4021).unwrap();
        assert_eq!(qtest.read_u32(0xfed9_001c).unwrap(), 0xc000_0000);
        assert!(qtest.set_line(true).is_err());
        assert!(qtest.set_line(true).is_err(), "QEMU is gone");
        let seen = qemu.join().unwrap();
        assert_eq!(seen[0], "writel 0xfee00000 0x4021\n");
        assert_eq!(seen[2], "set_irq_in /machine/q35/ioapic unnamed-gpio-in 21 1\n");
    }
}
