//! The host's answers: completions of the read requests.

use std::collections::VecDeque;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Request;
use super::config::{COMPLETION_BOUNDARY, COMPLETION_OVERHEAD, Link};
use super::wire::{Wire, nanoseconds};
use crate::read_port::ReadPort;

/// A request at the host.
struct Answering {
    request: Request,
    /// When memory is read.
    executed: u64,
    /// When the first completion may leave.
    ready: u64,
    fetched: bool,
    sent: u64,
}

/// A completion on the wire.
struct Completion {
    there: u64,
    request: Request,
    bytes: u64,
    last: bool,
}

pub(super) struct Downstream {
    pub(super) wire: Wire,
    answering: VecDeque<Answering>,
    flying: VecDeque<Completion>,
    tags: usize,
    latency: u64,
    completion_max: u64,
    reorder: bool,
    rng: ChaCha8Rng,
}

impl Downstream {
    pub(super) fn new(link: &Link, clock_hz: u64, rng: ChaCha8Rng) -> Self {
        Self {
            wire: Wire::new(link.bytes_per_second(), clock_hz),
            answering: VecDeque::new(),
            flying: VecDeque::new(),
            tags: 0,
            latency: nanoseconds(link.read_latency_ns, clock_hz),
            completion_max: u64::from(link.completion_max),
            reorder: link.reorder,
            rng,
        }
    }

    /// Tags in use by requests that the host knows of.
    pub(super) const fn tags(&self) -> usize {
        self.tags
    }

    pub(super) fn request(&mut self, request: Request, executed: u64) {
        // Up to half as long again: enough for later requests to be ready first.
        let extra = if self.reorder { self.rng.random_range(0..=self.latency / 2) } else { 0 };
        let ready = executed + self.latency + extra;
        self.answering.push_back(Answering { request, executed, ready, fetched: false, sent: 0 });
        self.tags += 1;
    }

    pub(super) fn step(&mut self, now: u64, reads: &mut ReadPort) {
        for answer in self.answering.iter_mut().filter(|a| !a.fetched && a.executed <= now) {
            reads.fetch_part(answer.request.burst, answer.request.address, answer.request.bytes as usize);
            answer.fetched = true;
        }
        while self.wire.is_free(now)
            && let Some(index) = self.choose(now)
        {
            let answer = &mut self.answering[index];
            let Request { address, bytes, .. } = answer.request;
            let from = address + answer.sent;
            let cut = (from + self.completion_max) / COMPLETION_BOUNDARY * COMPLETION_BOUNDARY;
            let length = cut.min(address + bytes) - from;
            answer.sent += length;
            let last = answer.sent == bytes;
            let there = self.wire.send(now, length, COMPLETION_OVERHEAD);
            self.flying.push_back(Completion { there, request: answer.request, bytes: length, last });
            if last {
                self.answering.remove(index);
            }
        }
        while let Some(completion) = self.flying.pop_front_if(|c| c.there <= now) {
            self.tags -= usize::from(completion.last);
            let Request { burst, part, .. } = completion.request;
            reads.arrive(burst, part, completion.bytes as usize);
        }
    }

    /// The request whose next completion leaves: the oldest, or any.
    fn choose(&mut self, now: u64) -> Option<usize> {
        let is_ready = |a: &Answering| a.fetched && a.ready <= now;
        if !self.reorder {
            return self.answering.front().filter(|a| is_ready(a)).map(|_| 0);
        }
        let ready: Vec<usize> = (0..self.answering.len()).filter(|&i| is_ready(&self.answering[i])).collect();
        match ready.len() {
            0 => None,
            n => Some(ready[self.rng.random_range(0..n)]),
        }
    }

    pub(super) fn clear(&mut self) {
        self.answering.clear();
        self.flying.clear();
        self.tags = 0;
    }
}
