//! Write half of the AXI slave: addresses and beats in, responses out.

use std::collections::VecDeque;

use crate::fault::{Answer, SharedFaults};
use crate::link::Bridge;
use crate::memory::{SharedMemory, lock};
use crate::read_port::Address;
use crate::strobes::Data;
use crate::timing::{Clockwork, Draw};

struct Response {
    at: Address,
    due: u64,
    answer: Answer,
    data: Data,
}

/// Writes in flight.
pub(crate) struct WritePort {
    memory: SharedMemory,
    beat_bytes: usize,
    addresses: VecDeque<(Address, Answer)>,
    /// The burst that is arriving, and whole bursts whose address is not here yet.
    arriving: Data,
    arrived: VecDeque<Data>,
    responses: VecDeque<Response>,
    lost: usize,
    presented: Option<(u64, u64)>,
    pub(crate) faults: SharedFaults,
}

impl WritePort {
    pub(crate) fn new(memory: SharedMemory, beat_bytes: usize) -> Self {
        Self {
            memory,
            beat_bytes,
            addresses: VecDeque::new(),
            arriving: Data::default(),
            arrived: VecDeque::new(),
            responses: VecDeque::new(),
            lost: 0,
            presented: None,
            faults: SharedFaults::default(),
        }
    }

    /// Bursts whose response was not taken.
    pub(crate) fn in_flight(&self) -> usize {
        let unanswered =
            self.addresses.len().max(self.arrived.len() + usize::from(!self.arriving.strobes.is_empty()));
        unanswered + self.responses.len() + self.lost + usize::from(self.presented.is_some())
    }

    /// Forgets everything, as when the link side is reset.
    pub(crate) fn clear(&mut self) {
        self.addresses.clear();
        self.arriving = Data::default();
        self.arrived.clear();
        self.responses.clear();
        self.lost = 0;
        self.presented = None;
    }

    /// An address was taken.
    pub(crate) fn accept(&mut self, at: Address) {
        let answer = lock(&self.faults).next();
        self.addresses.push_back((at, answer));
    }

    /// A beat was taken; says what is wrong with its LAST.
    pub(crate) fn beat(&mut self, words: &[u64], strobe: u64, last: bool) -> Result<(), String> {
        self.arriving.words.extend_from_slice(words);
        self.arriving.strobes.push(strobe);
        if let Some((at, _)) = self.addresses.get(self.arrived.len()) {
            last_in_place(self.arriving.strobes.len(), last, at.beats)?;
        }
        if last {
            self.arrived.push_back(std::mem::take(&mut self.arriving));
        }
        Ok(())
    }

    /// Bytes that came and are in no whole burst with its address.
    pub(crate) fn arriving(&self) -> usize {
        let beats = self.arrived.iter().chain([&self.arriving]).map(|data| data.strobes.len()).sum::<usize>();
        beats * self.beat_bytes
    }

    /// Addresses without their data.
    pub(crate) fn addresses(&self) -> usize {
        self.addresses.len()
    }

    /// Brings addresses and data together. Over a link they leave at once, and only a response stays.
    pub(crate) fn pair(
        &mut self,
        cycle: u64,
        clockwork: &mut Clockwork,
        mut link: Option<&mut Bridge>,
    ) -> Result<(), String> {
        while !self.arrived.is_empty() && !self.addresses.is_empty() {
            let (Some(mut data), Some((at, answer))) = (self.arrived.pop_front(), self.addresses.pop_front())
            else {
                break;
            };
            last_in_place(data.strobes.len(), true, at.beats)?;
            if answer == Answer::Lost {
                self.lost += 1;
            } else {
                let due = cycle + clockwork.write_latency();
                if let Some(link) = &mut link {
                    let data = std::mem::take(&mut data);
                    if answer == Answer::Okay {
                        link.write(at, self.beat_bytes, &data);
                    }
                }
                self.responses.push_back(Response { at, due, answer, data });
            }
        }
        Ok(())
    }

    /// The response on the channel was taken.
    pub(crate) const fn taken(&mut self) {
        self.presented = None;
    }

    /// ID and code of the next cycle's response, if there is one. Without a link, data reach memory with their response.
    pub(crate) fn present(&mut self, cycle: u64, clockwork: &mut Clockwork) -> Option<(u64, u64)> {
        if self.presented.is_none() {
            let index = self.choose(cycle, clockwork)?;
            let response = self.responses.remove(index)?;
            let answer = match response.answer {
                Answer::Okay if !response.data.words.is_empty() && !self.commit(&response) => {
                    Answer::DecodeError
                }
                answer => answer,
            };
            self.presented = Some((response.at.id, answer.code()));
        }
        self.presented
    }

    /// Writes what lies in memory; says whether all of it did.
    fn commit(&self, response: &Response) -> bool {
        let length = response.at.beats * self.beat_bytes;
        lock(&self.memory).write_strobed(response.at.base, &response.data, length)
    }

    fn choose(&self, cycle: u64, clockwork: &mut Clockwork) -> Option<usize> {
        if !clockwork.is_random() {
            return self.responses.front().filter(|r| r.due <= cycle).map(|_| 0);
        }
        if self.responses.is_empty() || !clockwork.happens(Draw::WriteBeat) {
            return None;
        }
        let oldest = |&i: &usize| self.responses.iter().take(i).all(|r| r.at.id != self.responses[i].at.id);
        let ready: Vec<usize> =
            (0..self.responses.len()).filter(|&i| self.responses[i].due <= cycle).filter(oldest).collect();
        if ready.is_empty() { None } else { Some(ready[clockwork.pick(ready.len())]) }
    }
}

/// LAST must come with the last beat and with no other.
fn last_in_place(beats: usize, last: bool, expected: usize) -> Result<(), String> {
    if last == (beats == expected) && beats <= expected {
        Ok(())
    } else {
        Err(format!("WLAST is {} in beat {beats} of a burst of {expected}", u8::from(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::Timing;

    fn port() -> (WritePort, SharedMemory, u64, Clockwork) {
        let memory = SharedMemory::default();
        let base = lock(&memory).allocate(64);
        let timing = Timing::Fixed { read_latency: 1, write_latency: 5 };
        (WritePort::new(memory.clone(), 16), memory, base, Clockwork::new(timing))
    }

    #[test]
    fn strobes_and_data_before_their_address() {
        let (mut port, memory, base, mut clockwork) = port();
        port.beat(&[u64::MAX, u64::MAX], 0x8001, false).unwrap();
        port.beat(&[1, 2], 0xffff, true).unwrap();
        port.pair(0, &mut clockwork, None).unwrap();
        assert_eq!(port.in_flight(), 1);
        port.accept(Address { id: 3, base, beats: 2 });
        port.pair(10, &mut clockwork, None).unwrap();
        assert_eq!(port.present(14, &mut clockwork), None);
        let mut bytes = [0; 32];
        lock(&memory).read(base, &mut bytes);
        assert_eq!(bytes, [0; 32], "nothing before the response");
        assert_eq!(port.present(15, &mut clockwork), Some((3, 0)));
        lock(&memory).read(base, &mut bytes);
        assert_eq!((bytes[0], bytes[1], bytes[14], bytes[15], bytes[16], bytes[24]), (255, 0, 0, 255, 1, 2));
        port.taken();
        assert_eq!(port.in_flight(), 0);
    }

    #[test]
    fn misplaced_last_and_unmapped_memory() {
        let (mut early, _, base, mut clockwork) = port();
        early.accept(Address { id: 0, base, beats: 2 });
        assert!(early.beat(&[0, 0], 0, true).is_err());
        let (mut late, ..) = port();
        late.accept(Address { id: 0, base, beats: 1 });
        assert!(late.beat(&[0, 0], 0, false).is_err());
        let (mut unknown, ..) = port();
        unknown.beat(&[0, 0], 0, true).unwrap();
        unknown.accept(Address { id: 0, base, beats: 2 });
        assert!(unknown.pair(0, &mut clockwork, None).is_err());
        let (mut beyond, ..) = port();
        beyond.accept(Address { id: 1, base: base + 4096, beats: 1 });
        beyond.beat(&[0, 0], 0xffff, true).unwrap();
        beyond.pair(0, &mut clockwork, None).unwrap();
        assert_eq!(beyond.present(9, &mut clockwork), Some((1, 3)));
    }
}
