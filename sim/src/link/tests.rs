//! Rates against the formula, and every rule of order.

use super::*;
use crate::memory::lock;
use crate::timing::{Clockwork, Timing};
use crate::write_port::WritePort;

const BEAT: usize = 16;
const CLOCK: u64 = 250_000_000;

/// An AXI master's view of a link, without a device.
struct Bench {
    memory: SharedMemory,
    reads: ReadPort,
    writes: WritePort,
    bridge: Bridge,
    clockwork: Clockwork,
    cycle: u64,
    irq: u8,
}

impl Bench {
    fn new(link: &str) -> Self {
        let link: Link = link.parse().unwrap();
        let memory = SharedMemory::default();
        Self {
            reads: ReadPort::new(memory.clone(), BEAT, true),
            writes: WritePort::new(memory.clone(), BEAT),
            bridge: Bridge::new(&link, CLOCK, memory.clone()),
            clockwork: Clockwork::new(Timing::Link(link)),
            memory,
            cycle: 0,
            irq: 0,
        }
    }

    fn allocate(&self, bytes: usize) -> u64 {
        let base = lock(&self.memory).allocate(bytes);
        for (i, byte) in lock(&self.memory).slice_mut(base, bytes).iter_mut().enumerate() {
            *byte = (i / BEAT) as u8;
        }
        base
    }

    fn byte(&self, address: u64) -> u8 {
        let mut byte = [0];
        lock(&self.memory).read(address, &mut byte);
        byte[0]
    }

    /// One cycle; gives the beat on R, which is taken: ID, first byte, last.
    fn step(&mut self) -> Option<(u64, u8, bool)> {
        self.bridge.step(self.cycle, self.irq, &mut self.reads);
        self.writes.pair(self.cycle, &mut self.clockwork, Some(&mut self.bridge)).unwrap();
        self.cycle += 1;
        let beat = self.reads.present(self.cycle, &mut self.clockwork)?;
        let mut words = [0; 2];
        self.reads.data(beat, &mut words);
        self.reads.taken();
        Some((beat.id, words[0] as u8, beat.last))
    }

    fn read(&mut self, id: u64, base: u64, beats: usize) {
        let at = Address { id, base, beats };
        let number = self.reads.accept(at, self.cycle, &mut self.clockwork).unwrap();
        self.reads.expect_parts(self.bridge.read(number, at, BEAT));
    }

    /// A beat, if the bridge has room.
    fn write_beat(&mut self, byte: u8, last: bool) -> bool {
        let takes = self.bridge.takes_writes(self.writes.arriving(), BEAT);
        if takes {
            self.writes.beat(&[u64::from_le_bytes([byte; 8]); 2], 0xffff, last).unwrap();
        }
        takes
    }

    fn write(&mut self, base: u64, beats: usize, byte: u8) {
        self.writes.accept(Address { id: 0, base, beats });
        for beat in 0..beats {
            while !self.write_beat(byte, beat + 1 == beats) {
                self.step();
            }
        }
        self.step();
    }

    fn responses(&mut self) -> usize {
        let here = self.writes.present(self.cycle, &mut self.clockwork).is_some();
        self.writes.taken();
        usize::from(here)
    }
}

/// Bytes per cycle of reads in bursts of 512 bytes, after a start, and how busy the wire was.
fn read_rate(text: &str) -> (f64, f64) {
    let mut bench = Bench::new(text);
    let base = bench.allocate(1 << 16);
    let mut burst = 0;
    let mut run = |bench: &mut Bench, beats: u64| {
        let mut seen = 0;
        while seen < beats {
            if bench.bridge.takes_reads() {
                bench.read(burst % 4, base + burst * 512 % (1 << 16), 512 / BEAT);
                burst += 1;
            }
            seen += u64::from(bench.step().is_some());
        }
        bench.bridge.report()
    };
    let start = run(&mut bench, 2000);
    let report = run(&mut bench, 30_000).since(&start);
    let rate = 30_000.0 * BEAT as f64 / report.cycles as f64;
    // What waits for earlier data of its ID at the start or the end makes a difference if the host reorders.
    let came = report.downstream.payload as f64 / report.cycles as f64;
    assert!((0.9..1.1).contains(&(rate / came)), "{text}: {rate}, {came}");
    (came, report.utilisation(report.downstream))
}

#[test]
fn reads_reach_the_formula() {
    for text in [
        "gen1x1",
        "gen2x4",
        "gen2x4,payload=128",
        "gen2x4,completion=64",
        "gen3x4,tags=64,reorder,latency=500",
        "gen2x4,reorder,request=128,tags=64",
    ] {
        let link: Link = text.parse().unwrap();
        let raw = link.bytes_per_second() as f64 / CLOCK as f64;
        let expected = raw.min(BEAT as f64) * link.read_efficiency();
        let (measured, busy) = read_rate(text);
        assert!((0.97..1.01).contains(&busy), "{text}: {busy}");
        println!("{text}: {measured:.3} of {raw:.3} bytes per cycle, formula {expected:.3}");
        assert!((0.97..1.01).contains(&(measured / expected)), "{text}: {measured} is not {expected}");
    }
}

/// One tag: a request of 256 bytes per round trip.
#[test]
fn tags_and_latency_bound_reads() {
    let (measured, _) = read_rate("gen3x4,tags=1,request=256,latency=1000");
    let raw = 3.9385e9 / CLOCK as f64;
    let round_trip = 24.0 / raw + 250.0 + 276.0 / raw;
    assert!((0.97..1.01).contains(&(measured * round_trip / 256.0)), "{measured}, {round_trip}");
}

#[test]
fn writes_reach_the_formula_and_push_back() {
    for text in ["gen2x4", "gen2x4,payload=128", "gen1x1,payload=512", "gen2x4,buffer=16384"] {
        let mut bench = Bench::new(text);
        let link: Link = text.parse().unwrap();
        let base = bench.allocate(1 << 16);
        let (mut responses, mut refused) = (0, 0);
        for burst in 0..200_u64 {
            bench.writes.accept(Address { id: 0, base: base + burst * 1024 % (1 << 16), beats: 1024 / BEAT });
            for beat in 0..1024 / BEAT {
                while !bench.write_beat(burst as u8, beat + 1 == 1024 / BEAT) {
                    refused += 1;
                    bench.step();
                    responses += bench.responses();
                }
                bench.step();
                responses += bench.responses();
            }
        }
        let report = bench.bridge.report();
        let measured = report.upstream.payload as f64 / bench.cycle as f64;
        let expected = link.bytes_per_second() as f64 / CLOCK as f64 * link.write_efficiency();
        assert!((0.97..1.01).contains(&(measured / expected)), "{text}: {measured} is not {expected}");
        assert!(refused > 1000 && responses > 190, "{text}: {refused}, {responses}");
        assert!((0.97..1.01).contains(&report.utilisation(report.upstream)), "{report}");
    }
}

/// Every beat once, in order within its ID; different IDs overtake only if the host reorders.
#[test]
fn order_of_reads() {
    for (text, disorder) in
        [("gen2x4,request=128", false), ("gen2x4,request=128,reorder,completion=64", true)]
    {
        let (mut overtaken, mut interleaved) = (false, false);
        for seed in 0..10 {
            let mut bench = Bench::new(&format!("{text},seed={seed}"));
            let base = bench.allocate(1 << 12);
            // Bursts of many lengths and alignments; burst n has ID n % 3.
            let bursts: Vec<(u64, usize)> = (0..30).map(|n| (n * 7 % 200, 1 + n as usize * 5 % 33)).collect();
            for (n, &(beat, beats)) in bursts.iter().enumerate() {
                bench.read(n as u64 % 3, base + beat * BEAT as u64, beats);
            }
            let mut next = [0, 1, 2];
            let mut sent = [0; 3];
            let mut before = None;
            while bench.reads.in_flight() > 0 {
                let Some((id, byte, last)) = bench.step() else { continue };
                let id = id as usize;
                let (first, beats) = bursts[next[id]];
                assert_eq!(byte, (first as usize + sent[id]) as u8, "{text} seed {seed}");
                sent[id] += 1;
                assert_eq!(last, sent[id] == beats);
                overtaken |= next.iter().any(|&other| other < next[id]);
                interleaved |= before.is_some_and(|other: usize| other != id && sent[other] > 0);
                before = Some(id);
                if last {
                    (next[id], sent[id]) = (next[id] + 3, 0);
                }
            }
            assert_eq!(next, [30, 31, 32]);
        }
        assert_eq!((overtaken, interleaved), (disorder, disorder), "{text}");
    }
}

#[test]
fn writes_land_late_and_in_order() {
    let mut late = 0;
    for seed in 0..20 {
        let mut bench = Bench::new(&format!("gen2x4,delay=2000,seed={seed}"));
        let base = bench.allocate(4096);
        bench.write(base, 1, 0xaa);
        bench.write(base + 512, 4, 0xbb);
        bench.write(base, 1, 0xcc);
        while bench.responses() == 0 {
            bench.step();
        }
        late += u32::from(bench.byte(base) == 0);
        let mut states = vec![(0, 32)];
        while bench.bridge.writes() != (3, 3) {
            bench.step();
            let state = (bench.byte(base), bench.byte(base + 512 + 63));
            if states.last() != Some(&state) {
                states.push(state);
            }
        }
        assert_eq!(states.last(), Some(&(0xcc, 0xbb)));
        // Some of the steps may fall into one cycle, but none may come before another.
        let order = [(0, 32 + 3), (0xaa, 32 + 3), (0xaa, 0xbb), (0xcc, 0xbb)];
        let mut place = order.iter();
        for state in &states[1..] {
            assert!(place.any(|s| s == state), "seed {seed}: {states:x?}");
        }
    }
    assert!(late >= 15, "answered before memory shows it: {late} of 20");
}

#[test]
fn reads_and_interrupts_push_writes() {
    for seed in 0..20 {
        let mut bench = Bench::new(&format!("gen2x4,delay=4000,reorder,seed={seed}"));
        let base = bench.allocate(4096);
        bench.write(base, 32, 0x77);
        bench.irq = 1;
        bench.read(1, base, 32);
        let mut beats = 0;
        while beats < 32 {
            if let Some((_, byte, _)) = bench.step() {
                assert_eq!(byte, 0x77, "seed {seed}");
                beats += 1;
            }
            if bench.bridge.irq() != 0 {
                assert_eq!(bench.byte(base + 511), 0x77, "seed {seed}: the interrupt overtook a write");
            }
        }
        for _ in 0..2000 {
            bench.step();
        }
        assert_eq!(bench.bridge.irq(), 1);
        bench.irq = 0;
        bench.step();
        assert_eq!(bench.bridge.irq(), 0);
    }
}

#[test]
fn resets_land_what_was_taken_and_forget_reads() {
    let mut bench = Bench::new("gen1x1,delay=100000");
    let base = bench.allocate(4096);
    bench.write(base, 64, 0x11);
    bench.read(0, base, 64);
    bench.reads.clear();
    bench.bridge.clear();
    assert_eq!((bench.byte(base), bench.byte(base + 1023)), (0x11, 0x11));
    assert!((0..10_000).all(|_| bench.step().is_none()));
    bench.read(0, base, 1);
    assert!((0..10_000).any(|_| bench.step() == Some((0, 0x11, true))));
}

#[test]
fn unmapped_addresses() {
    let mut bench = Bench::new("gen2x4");
    let base = bench.allocate(256);
    bench.write(base + 4096, 2, 1);
    bench.write(base + 240, 1, 1);
    bench.read(0, base + 240, 2);
    let mut codes = Vec::new();
    for _ in 0..2000 {
        bench.bridge.step(bench.cycle, 0, &mut bench.reads);
        bench.cycle += 1;
        if let Some(beat) = bench.reads.present(bench.cycle, &mut bench.clockwork) {
            codes.push(beat.response);
            bench.reads.taken();
        }
    }
    assert_eq!(codes, [0, 3]);
    assert_eq!(bench.bridge.report().unmapped_writes, 1);
}

/// Requests of one burst come in any order; its beats do not.
#[test]
fn beats_wait_for_the_parts_before_them() {
    let mut bench = Bench::new("gen2x4");
    let at = Address { id: 0, base: bench.allocate(4096), beats: 8 };
    let number = bench.reads.accept(at, 0, &mut bench.clockwork).unwrap();
    bench.reads.expect_parts(vec![64, 64]);
    let beats = |bench: &mut Bench| (0..10).filter(|_| bench.step().is_some()).count();
    bench.reads.arrive(number, 1, 64);
    assert_eq!(beats(&mut bench), 0);
    bench.reads.arrive(number, 0, 40);
    assert_eq!(beats(&mut bench), 2);
    bench.reads.arrive(number, 0, 24);
    assert_eq!(beats(&mut bench), 6);
}
