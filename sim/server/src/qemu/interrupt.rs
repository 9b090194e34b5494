//! Interrupts of a card in a guest: messages and the line, by the test socket.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::qtest::Qtest;
use crate::card::{Interrupts, lock};
use crate::endpoint::Endpoint;

pub(super) struct GuestInterrupts {
    qtest: Arc<Qtest>,
    /// The level that the guest knows of. Held while it is told, so that the last level told is the last there was.
    line: Mutex<bool>,
    sent: AtomicU64,
}

impl GuestInterrupts {
    pub(super) fn new(qtest: Arc<Qtest>) -> Self {
        Self { qtest, line: Mutex::new(false), sent: AtomicU64::new(0) }
    }

    /// Messages sent, and times the line was raised.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Interrupts for GuestInterrupts {
    /// What QEMU does not take is lost, as QEMU is then about to end.
    fn deliver(&self, endpoint: &Mutex<Endpoint>, _: u8) {
        let messages = lock(endpoint).take_messages();
        for message in messages {
            self.sent.fetch_add(1, Ordering::Relaxed);
            let _ = self.qtest.write(message.address, message.data);
        }
        let mut line = lock(&self.line);
        let level = lock(endpoint).line();
        if level != *line {
            *line = level;
            self.sent.fetch_add(u64::from(level), Ordering::Relaxed);
            let _ = self.qtest.set_line(level);
        }
    }
}
