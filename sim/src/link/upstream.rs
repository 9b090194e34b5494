//! From the device to the host: read requests, posted writes, interrupt messages, in one line.

use std::collections::VecDeque;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Request;
use super::config::{Link, REQUEST_OVERHEAD};
use super::wire::{Wire, nanoseconds};
use crate::memory::{SharedMemory, lock};
use crate::read_port::Address;
use crate::strobes::Data;

/// Requests that wait for a tag before AR is not ready any more.
const WAITING: usize = 16;
/// Bytes of data in an interrupt message.
const MESSAGE: u64 = 4;

/// What travels.
enum Packet {
    Read(Request),
    Write { address: u64, bytes: usize, data: Data },
    Interrupt(u8),
}

pub(super) struct Upstream {
    pub(super) wire: Wire,
    memory: SharedMemory,
    /// Read requests in need of a tag.
    waiting: VecDeque<Request>,
    line: VecDeque<Packet>,
    /// Read requests in the line: they have their tags.
    reads: usize,
    buffered: usize,
    /// Writes and messages at the host, each with the time at which it shows.
    arrived: VecDeque<(u64, Packet)>,
    last_land: u64,
    delay: u64,
    rng: ChaCha8Rng,
    level: u8,
    visible: u8,
    taken: u64,
    landed: u64,
    pub(super) unmapped: u64,
}

impl Upstream {
    pub(super) fn new(link: &Link, clock_hz: u64, memory: SharedMemory, rng: ChaCha8Rng) -> Self {
        Self {
            wire: Wire::new(link.bytes_per_second(), clock_hz),
            memory,
            waiting: VecDeque::new(),
            line: VecDeque::new(),
            reads: 0,
            buffered: 0,
            arrived: VecDeque::new(),
            last_land: 0,
            delay: nanoseconds(link.write_delay_ns, clock_hz),
            rng,
            level: 0,
            visible: 0,
            taken: 0,
            landed: 0,
            unmapped: 0,
        }
    }

    pub(super) fn read(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    pub(super) fn takes_reads(&self) -> bool {
        self.waiting.len() < WAITING
    }

    pub(super) const fn buffered(&self) -> usize {
        self.buffered
    }

    pub(super) const fn irq(&self) -> u8 {
        self.visible
    }

    pub(super) const fn progress(&self) -> (u64, u64) {
        (self.taken, self.landed)
    }

    pub(super) fn write(&mut self, at: Address, beat_bytes: usize, data: &Data, most: usize) {
        let length = at.beats * beat_bytes;
        let words = beat_bytes / 8;
        let mut offset = 0;
        while offset < length {
            let address = at.base + offset as u64;
            let bytes = (most - address as usize % most).min(length - offset);
            let beats = offset / beat_bytes..(offset + bytes) / beat_bytes;
            let data = Data {
                words: data.words[beats.start * words..beats.end * words].to_vec(),
                strobes: data.strobes[beats].to_vec(),
            };
            self.line.push_back(Packet::Write { address, bytes, data });
            self.taken += 1;
            offset += bytes;
        }
        self.buffered += length;
    }

    /// Rising levels become messages; a level that falls is gone at once, since only the host's own write lowers it.
    pub(super) fn interrupts(&mut self, level: u8) {
        let rising = level & !self.level;
        self.level = level;
        self.visible &= level;
        if rising != 0 {
            self.line.push_back(Packet::Interrupt(rising));
            self.taken += 1;
        }
    }

    /// Puts on the wire what can begin in this cycle. `request` hears of read requests and when the host executes them:
    /// when they and all writes before them have arrived.
    pub(super) fn send(&mut self, now: u64, tags: usize, mut request: impl FnMut(Request, u64)) {
        while self.reads < tags
            && let Some(read) = self.waiting.pop_front()
        {
            self.reads += 1;
            self.line.push_back(Packet::Read(read));
        }
        while self.wire.is_free(now)
            && let Some(packet) = self.line.pop_front()
        {
            let payload = match &packet {
                Packet::Read(_) => 0,
                Packet::Write { bytes, .. } => *bytes as u64,
                Packet::Interrupt(_) => MESSAGE,
            };
            let there = self.wire.send(now, payload, REQUEST_OVERHEAD);
            if let Packet::Read(read) = packet {
                self.reads -= 1;
                request(read, there.max(self.last_land));
                continue;
            }
            if let Packet::Write { bytes, .. } = packet {
                self.buffered -= bytes;
            }
            let late = if self.delay == 0 { 0 } else { self.rng.random_range(0..=self.delay) };
            self.last_land = self.last_land.max(there + late);
            self.arrived.push_back((self.last_land, packet));
        }
    }

    /// Shows what has landed.
    pub(super) fn land(&mut self, now: u64) {
        while let Some((_, packet)) = self.arrived.pop_front_if(|(time, _)| *time <= now) {
            self.apply(packet);
        }
    }

    fn apply(&mut self, packet: Packet) {
        match packet {
            Packet::Read(_) => return,
            Packet::Interrupt(levels) => self.visible |= levels & self.level,
            Packet::Write { address, bytes, data } => {
                let complete = lock(&self.memory).write_strobed(address, &data, bytes);
                self.unmapped += u64::from(!complete);
            }
        }
        self.landed += 1;
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        while let Some((_, packet)) = self.arrived.pop_front() {
            self.apply(packet);
        }
        while let Some(packet) = self.line.pop_front() {
            self.apply(packet);
        }
        (self.buffered, self.reads) = (0, 0);
        (self.level, self.visible) = (0, 0);
    }
}
