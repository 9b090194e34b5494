//! Queues, counters, buffers and delays, under Verilator.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use cbp_hdl::control::counters::Counter;
use cbp_hdl::parts::{Buffer, Delay, Fifo, InstructionQueue, Tokens};
use common::{Bench, Part, Random, part, seeds};

const FIFO_DEPTH: usize = 8;
/// Bits of an instruction, beats of one, instructions beside the head.
const QUEUE: (usize, usize, usize) = (64, 4, 7);
const BUFFER: (usize, usize) = (16, 3); // words, beats
const DELAYS: [(usize, bool); 3] = [(1, true), (3, true), (4, false)]; // stages, with reset
const COUNTER: u32 = 0x140;
/// Near a carry into the high half, which counting from 0 would not reach.
const COUNTER_START: u64 = 0xffff_ff00;

fn bench() -> Bench {
    let mut parts = vec![
        part("fifo", &Fifo::new(70, FIFO_DEPTH)),
        part("instructions", &InstructionQueue::new(QUEUE.0, QUEUE.0 / QUEUE.1)),
        part("tokens", &Tokens::default()),
        part("buffer", &Buffer::new(BUFFER.0, BUFFER.1, 20)),
        counter(),
    ];
    for (stages, reset) in DELAYS {
        parts.push(part(&format!("delay_{stages}"), &Delay::new(9, stages, reset)));
    }
    Bench::new(&parts)
}

/// A counter that resets to `COUNTER_START`.
fn counter() -> Part {
    let mut part = part("counter", &Counter::new(COUNTER));
    let reset = "total_q <= 64'd0";
    assert!(part.text.contains(reset));
    part.text = part.text.replace(reset, &format!("total_q <= 64'd{COUNTER_START}"));
    part
}

#[test]
fn fifo() {
    let mut bench = bench();
    for seed in seeds(20) {
        let mut random = Random::new(seed);
        bench.reset("fifo");
        let mut queue: VecDeque<[u8; 9]> = VecDeque::new();
        let mut pushed = false;
        for cycle in 0..2000 {
            // Phases that fill, drain and keep it level.
            let phase = cycle / 100 % 3;
            let push = queue.len() < FIFO_DEPTH && random.below(4) > phase;
            let pop = queue.len() > usize::from(pushed) && random.below(4) >= 2 - phase;
            let mut data = [0; 9];
            data.fill_with(|| random.bits() as u8);
            data[8] &= 0x3f;
            bench.flag("fifo.push", push);
            bench.flag("fifo.pop", pop);
            bench.set_bytes("fifo.data", &data);
            bench.tick();
            assert_eq!(bench.get("fifo.count"), queue.len() as u64, "cycle {cycle}");
            assert_eq!(bench.is("fifo.empty"), queue.is_empty());
            // What was pushed in the cycle before is on its way.
            let waits = queue.len() - usize::from(pushed);
            assert_eq!(bench.is("fifo.valid"), waits > 0, "cycle {cycle}");
            assert_eq!(bench.is("fifo.full"), queue.len() == FIFO_DEPTH);
            if waits > 0 {
                assert_eq!(bench.get_bytes("fifo.head"), queue[0], "cycle {cycle}");
            }
            pushed = push;
            if pop {
                queue.pop_front();
            }
            if push {
                queue.push_back(data);
            }
        }
        for flag in ["fifo.push", "fifo.pop"] {
            bench.flag(flag, false);
        }
    }
}

/// Instructions arrive beat by beat, some for other queues; every one stands at the head in its turn, at once if it had
/// the time to be put together, and as many cycles after its push as it has beats if not.
#[test]
fn instructions() {
    let (bits, parts, room) = QUEUE;
    let beat_bits = bits / parts;
    let mut bench = bench();
    let mut filled = false;
    for seed in seeds(20) {
        let mut random = Random::new(seed);
        bench.reset("instructions");
        let mut queue: VecDeque<(u64, u64)> = VecDeque::new();
        let (mut arriving, mut beats, mut since) = (random.bits(), 0, 0);
        // Outputs are known as they were before the last edge: what was valid and not removed still is.
        let (mut valid, mut full) = (false, true);
        let (mut popped, mut due) = (0, false);
        for cycle in 0..4000 {
            let phase = cycle / 200 % 3;
            // As fetch does: all beats, then the decision in a later cycle.
            let put = beats < parts && random.below(4) > phase;
            let complete = beats == parts && random.below(2) == 0;
            bench.flag("instructions.put", put);
            bench.set("instructions.place", beats as i64 % 16);
            bench.set("instructions.beat", (arriving >> (beat_bits * beats.min(parts - 1))).cast_signed());
            let push = complete && !full && random.below(3) != 0;
            let pop = valid && if phase == 0 { random.one_in(40) } else { random.below(4) >= 2 - phase };
            bench.flag("instructions.push", push);
            bench.flag("instructions.pop", pop);
            bench.tick();
            assert_eq!(bench.is("instructions.empty"), queue.is_empty(), "cycle {cycle}");
            // One at the head, and one that waits where it was read.
            assert!(queue.len() <= room + 2, "cycle {cycle}");
            filled |= bench.is("instructions.full");
            if bench.is("instructions.valid") {
                assert_eq!(Some(bench.get("instructions.head")), queue.front().map(|q| q.0), "cycle {cycle}");
            } else {
                assert!(queue.is_empty() || since <= parts, "cycle {cycle}: waits for {since} cycles");
            }
            assert!(!due || bench.is("instructions.valid"), "cycle {cycle}: not ready behind the one before");
            since = if bench.is("instructions.valid") || queue.is_empty() { 0 } else { since + 1 };
            valid = bench.is("instructions.valid") && !pop;
            full = bench.is("instructions.full");
            if pop {
                queue.pop_front();
            }
            let long = |at: u64| cycle - at > 2 * parts as u64;
            due = pop && long(popped) && queue.front().is_some_and(|q| long(q.1));
            if pop {
                popped = cycle;
            }
            if push {
                queue.push_back((arriving, cycle));
            }
            if put {
                beats += 1;
            } else if push || (complete && !full && random.below(4) == 0) {
                // Pushed, or meant for another queue.
                (arriving, beats) = (random.bits(), 0);
            }
        }
        for flag in ["put", "push", "pop"] {
            bench.flag(&format!("instructions.{flag}"), false);
        }
    }
    assert!(filled, "the queue was never full");
}

#[test]
fn tokens() {
    let mut bench = bench();
    for seed in seeds(20) {
        let mut random = Random::new(seed);
        bench.set("tokens.give", 0);
        bench.flag("tokens.take", false);
        bench.reset("tokens");
        let mut held = 0;
        for cycle in 0..2000 {
            let give = if random.one_in(2) { random.below(16.min(256 - held)) } else { 0 };
            let want = random.below(16);
            let take = held >= want && random.one_in(2);
            bench.set("tokens.give", give.cast_signed());
            bench.set("tokens.want", want.cast_signed());
            bench.flag("tokens.take", take);
            bench.tick();
            assert_eq!(bench.is("tokens.ready"), held >= want, "cycle {cycle}: {held} held, {want} wanted");
            held += give;
            held -= if take { want } else { 0 };
        }
    }
}

#[test]
fn buffer() {
    let mut bench = bench();
    let (words, beats) = BUFFER;
    for seed in seeds(10) {
        let mut random = Random::new(seed);
        let mut memory = vec![vec![None; beats]; words];
        let mut read = vec![None; beats];
        for cycle in 0..3000 {
            let (write, word, beat) =
                (random.one_in(2), random.below(words as u64), random.below(beats as u64 + 1));
            let (data, reading, from) = (random.below(1 << 20), random.one_in(2), random.below(words as u64));
            bench.flag("buffer.write_enable", write);
            bench.set("buffer.write_word", word.cast_signed());
            bench.set("buffer.write_beat", beat.cast_signed());
            bench.set("buffer.write_data", data.cast_signed());
            bench.flag("buffer.read_enable", reading);
            bench.set("buffer.read_word", from.cast_signed());
            bench.tick();
            for (i, expected) in read.iter().enumerate() {
                let found = bench.get(&format!("buffer.beat_{i}"));
                assert!(expected.is_none_or(|e| e == found), "cycle {cycle}: {found} is not {expected:?}");
            }
            if reading {
                read.clone_from(&memory[from as usize]); // as it was before this cycle's write
            }
            // A beat that the buffer does not have is written nowhere.
            if let Some(place) = memory[word as usize].get_mut(beat as usize).filter(|_| write) {
                *place = Some(data);
            }
        }
    }
}

#[test]
fn delays() {
    let mut bench = bench();
    for (stages, clears) in DELAYS {
        let name = format!("delay_{stages}");
        for seed in seeds(5) {
            let mut random = Random::new(seed);
            let mut line: VecDeque<Option<u64>> = VecDeque::from(vec![None; stages]);
            for cycle in 0..500 {
                let (x, reset) = (random.below(1 << 9), cycle == 0 || random.one_in(40));
                bench.set(&format!("{name}.x"), x.cast_signed());
                if clears {
                    bench.flag(&format!("{name}.reset"), reset);
                }
                bench.tick();
                let expected = line.pop_front().flatten();
                let found = bench.get(&format!("{name}.y"));
                assert!(expected.is_none_or(|e| e == found), "{name}: {found} is not {expected:?}");
                line.push_back(Some(x));
                if clears && reset {
                    line = VecDeque::from(vec![Some(0); stages]);
                }
            }
        }
    }
}

#[test]
fn counter_counts_and_latches() {
    let mut bench = bench();
    for seed in seeds(10) {
        let mut random = Random::new(seed);
        bench.reset("counter");
        let (mut total, mut latched, mut job) = (COUNTER_START, 0, 0);
        for cycle in 0..2000 {
            let (count, begins, counts) = (!random.one_in(4), random.one_in(50), random.one_in(2));
            let (read, address) = (random.one_in(3), random.pick(&[COUNTER, COUNTER + 4, 0]));
            bench.flag("counter.count", count);
            bench.flag("counter.job_begins", begins);
            bench.flag("counter.job_counts", counts);
            bench.flag("counter.read", read);
            bench.set("counter.read_address", address.into());
            bench.tick();
            assert_eq!(bench.get("counter.lo"), total & 0xffff_ffff, "cycle {cycle}");
            assert_eq!(bench.get("counter.hi"), latched, "cycle {cycle}");
            assert_eq!(bench.get("counter.job"), job, "cycle {cycle}");
            if read && address == COUNTER {
                latched = total >> 32;
            }
            total += u64::from(count);
            job = if begins { 0 } else { job + u64::from(count && counts) };
        }
        assert!(total >> 32 == 1);
    }
}
