//! The burst splitter and the row walker, under Verilator.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::VecDeque;

use cbp_hdl::dma::rows::Rows;
use cbp_hdl::parts::Bursts;
use cbp_isa::ring::SEGMENTS;
use cbp_isa::{Config, Preset, WeightSet};
use common::{Bench, Random, part, seeds};

/// The tiny configuration with another bus.
fn config(axi_bits: usize) -> Config {
    Config { axi_bits, ..Preset::named("tiny").unwrap().config(WeightSet::Ternary) }
}

const BUSES: [usize; 3] = [64, 128, 256];
/// Of a burst's tag.
const TAG_BITS: usize = 12;

fn bench() -> Bench {
    let mut parts = Vec::new();
    for axi_bits in BUSES {
        parts.push(part(&format!("bursts_{axi_bits}"), &Bursts::new(&config(axi_bits), TAG_BITS)));
        parts.push(part(&format!("rows_{axi_bits}"), &Rows::new(&config(axi_bits))));
    }
    Bench::new(&parts)
}

/// Random runs, limits and back-pressure: bursts cover a run exactly, each as long as limit and page allow.
#[test]
fn bursts() {
    let mut bench = bench();
    for axi_bits in BUSES {
        for seed in seeds(60) {
            burst_case(&mut bench, axi_bits, &mut Random::new(seed));
        }
    }
}

fn burst_case(bench: &mut Bench, axi_bits: usize, random: &mut Random) {
    let part = format!("bursts_{axi_bits}");
    let name = |port: &str| format!("{part}.{port}");
    let beat = axi_bits as u64 / 8;
    bench.reset(&part);
    let limit = if random.one_in(2) { 1 << random.below(9) } else { 1 + random.below(256) };
    bench.set(&name("limit"), limit.cast_signed());
    // Bursts of the runs taken that are still to come: address, beats, place, tag, and whether it is the run's last.
    let mut expected: VecDeque<(u64, u64, u64, u64, bool)> = VecDeque::new();
    let (mut runs, mut waited) = (0, 0);
    while runs < 30 || !expected.is_empty() {
        let taken = !random.one_in(3);
        bench.flag(&name("burst_ready"), taken);
        let go = runs < 30 && random.one_in(2);
        let page = random.below(1 << 40) << 12;
        let offset = if random.one_in(2) {
            4096 - beat * (1 + random.below(4))
        } else {
            random.below(4096 / beat) * beat
        };
        let most = random.pick(&[4, 300, 5000]);
        let (mut address, mut left) = (page + offset, 1 + random.below(most));
        let (mut place, tag) = (random.below(1 << 16), random.below(1 << TAG_BITS));
        bench.flag(&name("go"), go);
        for (port, value) in [("address", address), ("beats", left), ("place", place), ("tag", tag)] {
            bench.set(&name(port), value.cast_signed());
        }
        bench.tick();
        assert_eq!(bench.is(&name("busy")), !expected.is_empty(), "{part}: limit {limit}");
        waited += 1;
        if bench.is(&name("burst_valid")) {
            waited = 0;
            let port = |port| bench.get(&name(port));
            let last = bench.is(&name("burst_last"));
            let found =
                (port("burst_address"), port("burst_beats"), port("burst_place"), port("burst_tag"), last);
            assert_eq!(Some(&found), expected.front(), "{part}: limit {limit}");
            if taken {
                expected.pop_front();
            }
        }
        assert!(expected.is_empty() || waited < 4, "{part}: no burst is offered");
        if go && bench.is(&name("ready")) {
            (runs, waited) = (runs + 1, if expected.is_empty() { 0 } else { waited });
            while left > 0 {
                let beats = left.min(limit).min((4096 - address % 4096) / beat);
                left -= beats;
                expected.push_back((address, beats, place, tag, left == 0));
                (address, place) = (address + beats * beat, (place + beats) & 0xffff);
            }
        }
    }
}

/// Runs of one burst each go through at one a cycle.
#[test]
fn bursts_at_full_rate() {
    let mut bench = bench();
    for axi_bits in BUSES {
        let name = |port: &str| format!("bursts_{axi_bits}.{port}");
        bench.reset(&format!("bursts_{axi_bits}"));
        for (port, value) in [("limit", 16), ("burst_ready", 1), ("go", 1), ("address", 4096), ("beats", 1)] {
            bench.set(&name(port), value);
        }
        let offered: String = (0..20)
            .map(|_| {
                bench.tick();
                assert!(bench.is(&name("ready")));
                if bench.is(&name("burst_valid")) { 'b' } else { '.' }
            })
            .collect();
        assert_eq!(offered, "...".to_string() + &"b".repeat(17));
    }
}

/// Random walks: addresses, order, bounds and faults of every row.
#[test]
fn rows() {
    let mut bench = bench();
    for axi_bits in BUSES {
        for seed in seeds(200) {
            row_case(&mut bench, axi_bits, &mut Random::new(seed));
        }
    }
}

fn row_case(bench: &mut Bench, axi_bits: usize, random: &mut Random) {
    let part = format!("rows_{axi_bits}");
    let name = |port: &str| format!("{part}.{port}");
    let beat = axi_bits as u64 / 8;
    let aligned = |random: &mut Random, end: u64| {
        let value = random.below(end) / beat * beat;
        if random.one_in(20) { value + 1 + random.below(beat - 1) } else { value }
    };
    bench.reset(&part);
    let base = aligned(random, 1 << 50);
    let huge = random.one_in(4);
    let offset = aligned(random, if huge { 1 << 40 } else { 1 << 14 });
    let strides = [(); 2].map(|()| aligned(random, if huge { 1 << 32 } else { 1 << 12 }));
    let counts = [(); 2].map(|()| if random.one_in(30) { 0 } else { 1 + random.below(6) });
    let length = if random.one_in(20) { 0 } else { random.below(if huge { 1 << 16 } else { 64 }) };
    // Often the end of one of the rows, so that it fits exactly or by a byte not.
    let row = strides[0] * random.below(3) + strides[1] * random.below(3);
    let end = offset + row + length * beat;
    let end = end.saturating_sub(random.below(2));
    let segment = if end < 1 << 32 && random.one_in(2) {
        end
    } else {
        random.below(if huge { 1 << 32 } else { 1 << 15 })
    };
    let number = if random.one_in(8) { SEGMENTS as u64 + random.below(12) } else { random.below(4) };
    for (port, value) in [
        ("segment", number),
        ("segment_base", base),
        ("segment_length", segment),
        ("offset", offset),
        ("length", length),
        ("stride0", strides[0]),
        ("stride1", strides[1]),
        ("count0", counts[0]),
        ("count1", counts[1]),
    ] {
        bench.set(&name(port), value.cast_signed());
    }
    bench.flag(&name("row_ready"), false);
    bench.flag(&name("go"), false);
    bench.tick(); // between walks
    bench.flag(&name("go"), true);
    bench.tick();
    assert!(!bench.is(&name("row_valid")));
    bench.flag(&name("go"), false);
    bench.tick();
    assert!(!bench.is(&name("row_valid")));
    // Without rows there is one offer, which says that it is malformed.
    let empty = counts.contains(&0);
    let [inner, outer] = if empty { [1, 1] } else { counts };
    for (i1, i0) in (0..outer).flat_map(|i1| (0..inner).map(move |i0| (i1, i0))) {
        let at = offset + i1 * strides[1] + i0 * strides[0];
        let last = (i1, i0) == (outer - 1, inner - 1);
        loop {
            let ready = !empty && random.one_in(2);
            bench.flag(&name("row_ready"), ready);
            bench.tick();
            assert!(bench.is(&name("row_valid")), "{part}: row {i1}, {i0}");
            assert_eq!(bench.get(&name("row_address")), base + at, "{part}: row {i1}, {i0}");
            assert_eq!(bench.get(&name("row_beats")), length);
            let outside = number >= SEGMENTS as u64 || at + length * beat > segment;
            assert_eq!(bench.is(&name("outside")), outside, "{part}: row {i1}, {i0}");
            assert_eq!(bench.is(&name("malformed")), empty || length == 0 || (base + at) % beat != 0);
            assert!(empty || bench.is(&name("row_last")) == last);
            if ready || empty {
                break;
            }
        }
    }
    bench.flag(&name("row_ready"), false);
    bench.tick();
    assert_eq!(bench.is(&name("row_valid")), empty);
}
