//! Interrupts of a card in a guest: messages and the line, by the test socket.

use std::sync::{Arc, Mutex};

use super::qtest::Qtest;
use crate::card::{Interrupts, lock};
use crate::endpoint::Endpoint;

pub(super) struct GuestInterrupts {
    qtest: Arc<Qtest>,
    /// The level that the guest knows of. Held while it is told, so that the last level told is the last there was.
    line: Mutex<bool>,
}

impl GuestInterrupts {
    pub(super) fn new(qtest: Arc<Qtest>) -> Self {
        Self { qtest, line: Mutex::new(false) }
    }
}

impl Interrupts for GuestInterrupts {
    /// What QEMU does not take is lost, as QEMU is then about to end.
    fn deliver(&self, endpoint: &Mutex<Endpoint>, _: u8) {
        let messages = lock(endpoint).take_messages();
        for message in messages {
            let _ = self.qtest.write(message.address, message.data);
        }
        let mut line = lock(&self.line);
        let level = lock(endpoint).line();
        if level != *line {
            *line = level;
            let _ = self.qtest.set_line(level);
        }
    }
}
