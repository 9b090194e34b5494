//! Read half of the AXI slave: addresses in, beats out.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::fault::{Answer, SharedFaults};
use crate::memory::{SharedMemory, lock};
use crate::timing::{Clockwork, Draw};

/// What an address channel carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) id: u64,
    pub(crate) base: u64,
    pub(crate) beats: usize,
}

struct Burst {
    number: u64,
    at: Address,
    /// First cycle in which a beat may be presented.
    due: u64,
    answer: Answer,
    sent: usize,
    /// Beats that lie in memory.
    valid: usize,
    data: Vec<u8>,
    /// Behind a link: its parts, and beats before the first gap.
    parts: Vec<Part>,
    arrived: usize,
}

/// A part of a burst that travels by itself.
struct Part {
    bytes: usize,
    here: usize,
}

/// A beat on the R channel; its data are in [`ReadPort::data`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) id: u64,
    pub(crate) response: u64,
    pub(crate) last: bool,
    burst: usize,
}

/// Reads in flight.
pub(crate) struct ReadPort {
    memory: SharedMemory,
    beat_bytes: usize,
    bursts: VecDeque<Burst>,
    /// Data come over a link: bursts are filled by [`ReadPort::arrive`].
    linked: bool,
    next: u64,
    lost: usize,
    presented: Option<Beat>,
    spare: Vec<Vec<u8>>,
    pub(crate) faults: SharedFaults,
}

impl ReadPort {
    pub(crate) fn new(memory: SharedMemory, beat_bytes: usize, linked: bool) -> Self {
        Self {
            memory,
            beat_bytes,
            bursts: VecDeque::new(),
            linked,
            next: 0,
            lost: 0,
            presented: None,
            spare: Vec::new(),
            faults: SharedFaults::default(),
        }
    }

    /// Bursts whose last beat was not taken.
    pub(crate) fn in_flight(&self) -> usize {
        self.bursts.len() + self.lost
    }

    /// Forgets everything, as when the link side is reset.
    pub(crate) fn clear(&mut self) {
        self.bursts.clear();
        self.lost = 0;
        self.presented = None;
    }

    /// An address was taken; gives the burst's number unless its answer is to be lost.
    pub(crate) fn accept(&mut self, at: Address, cycle: u64, clockwork: &mut Clockwork) -> Option<u64> {
        let answer = lock(&self.faults).next();
        if answer == Answer::Lost {
            self.lost += 1;
            return None;
        }
        let due = cycle + clockwork.read_latency();
        let data = self.spare.pop().unwrap_or_default();
        let number = self.next;
        self.next += 1;
        let parts = Vec::new();
        let mut burst = Burst { number, at, due, answer, sent: 0, valid: 0, data, parts, arrived: 0 };
        // Memory may be read at any time between acceptance and answer; try both ends.
        if clockwork.pick(2) == 1 {
            self.fetch(&mut burst);
        }
        self.bursts.push_back(burst);
        Some(number)
    }

    /// The burst that was accepted last comes in parts of these bytes.
    pub(crate) fn expect_parts(&mut self, parts: Vec<usize>) {
        let beat_bytes = self.beat_bytes;
        if let Some(burst) = self.bursts.back_mut() {
            burst.data.clear();
            burst.valid = burst.at.beats;
            burst.data.resize(burst.at.beats * beat_bytes, 0);
            burst.parts = parts.into_iter().map(|bytes| Part { bytes, here: 0 }).collect();
        }
    }

    fn numbered(&mut self, number: u64) -> Option<&mut Burst> {
        self.bursts.iter_mut().find(|b| b.number == number)
    }

    /// The host reads a part of a burst from memory.
    pub(crate) fn fetch_part(&mut self, number: u64, address: u64, bytes: usize) {
        let (memory, beat_bytes) = (Arc::clone(&self.memory), self.beat_bytes);
        let Some(burst) = self.numbered(number) else { return };
        let offset = (address - burst.at.base) as usize;
        let there = lock(&memory).device_read(address, &mut burst.data[offset..offset + bytes]);
        if there < bytes {
            burst.valid = burst.valid.min((offset + there) / beat_bytes);
        }
    }

    /// The next bytes of a part are here.
    pub(crate) fn arrive(&mut self, number: u64, part: usize, bytes: usize) {
        let beat_bytes = self.beat_bytes;
        let Some(burst) = self.numbered(number) else { return };
        burst.parts[part].here += bytes;
        let mut here = 0;
        for part in &burst.parts {
            here += part.here;
            if part.here < part.bytes {
                break;
            }
        }
        burst.arrived = here / beat_bytes;
    }

    fn fetch(&self, burst: &mut Burst) {
        burst.data.clear();
        burst.data.resize(burst.at.beats * self.beat_bytes, 0);
        burst.valid = lock(&self.memory).device_read(burst.at.base, &mut burst.data) / self.beat_bytes;
    }

    /// The beat on the channel was taken.
    pub(crate) fn taken(&mut self) {
        let Some(beat) = self.presented.take() else { return };
        let Some(burst) = self.bursts.get_mut(beat.burst) else { return };
        burst.sent += 1;
        if beat.last
            && let Some(mut burst) = self.bursts.remove(beat.burst)
        {
            burst.data.clear();
            self.spare.push(burst.data);
        }
    }

    /// The beat of the next cycle, if there is one; a presented beat stays until it is taken.
    pub(crate) fn present(&mut self, cycle: u64, clockwork: &mut Clockwork) -> Option<Beat> {
        if self.presented.is_none() {
            let index = self.choose(cycle, clockwork)?;
            if self.bursts[index].data.is_empty() {
                let mut burst = std::mem::replace(&mut self.bursts[index], Burst::empty());
                self.fetch(&mut burst);
                self.bursts[index] = burst;
            }
            let burst = &self.bursts[index];
            let response = match burst.answer {
                Answer::Okay if burst.sent >= burst.valid => Answer::DecodeError,
                answer => answer,
            };
            let last = burst.sent + 1 == burst.at.beats;
            self.presented = Some(Beat { id: burst.at.id, response: response.code(), last, burst: index });
        }
        self.presented
    }

    /// Data of the presented beat, as 64-bit words.
    pub(crate) fn data(&self, beat: Beat, words: &mut [u64]) {
        let burst = &self.bursts[beat.burst];
        let bytes = burst.data[burst.sent * self.beat_bytes..].chunks_exact(8);
        for (word, bytes) in words.iter_mut().zip(bytes) {
            *word = bytes.try_into().map_or(0, u64::from_le_bytes);
        }
    }

    /// The burst that sends next: the oldest, or any that is the oldest of its ID.
    fn choose(&self, cycle: u64, clockwork: &mut Clockwork) -> Option<usize> {
        let oldest = |&i: &usize| self.bursts.iter().take(i).all(|b| b.at.id != self.bursts[i].at.id);
        if self.linked {
            let here = |&i: &usize| self.bursts[i].sent < self.bursts[i].arrived;
            return (0..self.bursts.len()).filter(here).find(oldest);
        }
        if !clockwork.is_random() {
            return self.bursts.front().filter(|b| b.due <= cycle).map(|_| 0);
        }
        if self.bursts.is_empty() || !clockwork.happens(Draw::ReadBeat) {
            return None;
        }
        let ready: Vec<usize> =
            (0..self.bursts.len()).filter(|&i| self.bursts[i].due <= cycle).filter(oldest).collect();
        if ready.is_empty() { None } else { Some(ready[clockwork.pick(ready.len())]) }
    }
}

impl Burst {
    const fn empty() -> Self {
        let at = Address { id: 0, base: 0, beats: 0 };
        let answer = Answer::Okay;
        Self {
            number: 0,
            at,
            due: 0,
            answer,
            sent: 0,
            valid: 0,
            data: Vec::new(),
            parts: Vec::new(),
            arrived: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::Timing;

    /// Every beat arrives once, with its data, in order within its ID; different IDs overtake and interleave.
    #[test]
    fn order_within_an_id_and_disorder_between() {
        let (mut overtaken, mut interleaved) = (false, false);
        for seed in 0..20 {
            let memory = SharedMemory::default();
            let base = lock(&memory).allocate(4096);
            for (i, byte) in lock(&memory).slice_mut(base, 4096).iter_mut().enumerate() {
                *byte = (i / 8) as u8;
            }
            let mut clockwork = Clockwork::new(Timing::Random { seed, max_latency: 50 });
            let mut port = ReadPort::new(memory, 8, false);
            let burst = |n: u64| Address { id: n % 3, base: base + n * 64, beats: 1 + n as usize % 8 };
            assert!((0..12).all(|n| port.accept(burst(n), 0, &mut clockwork) == Some(n)));
            let mut next = [0, 1, 2]; // burst that each ID answers
            let mut sent = [0; 3];
            let mut last_id = None;
            let mut cycle = 0;
            while port.in_flight() > 0 {
                cycle += 1;
                clockwork.cycle(cycle);
                let Some(beat) = port.present(cycle, &mut clockwork) else { continue };
                let id = beat.id as usize;
                let n: u64 = next[id];
                let mut word = [0];
                port.data(beat, &mut word);
                assert_eq!(word[0] & 0xff, n * 8 + sent[id] as u64);
                assert_eq!(beat.last, sent[id] + 1 == burst(n).beats);
                interleaved |= last_id.is_some_and(|other| other != id && sent[other] > 0);
                overtaken |= next.iter().any(|&other| other < n);
                last_id = Some(id);
                if beat.last {
                    (next[id], sent[id]) = (n + 3, 0);
                } else {
                    sent[id] += 1;
                }
                port.taken();
            }
            assert_eq!(next, [12, 13, 14]);
        }
        assert!(overtaken && interleaved);
    }
}
