//! What a job costs in the driver: submit and complete on a device that does nothing, 64 jobs in flight.
#![allow(missing_docs)] // made by macros

#[path = "../tests/null/mod.rs"]
mod null;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Links of the chain that tells the clock rate.
const CHAIN: u32 = 20_000_000;

/// One cycle of this core: each link of the chain waits for the one before it, a rotation and an addition, one cycle each.
fn cycle() -> Duration {
    let key = black_box(0x9e37_79b9_7f4a_7c15_u64);
    let once = || {
        let start = Instant::now();
        black_box((0..CHAIN).fold(key, |x, _| x.rotate_left(7).wrapping_add(key)));
        start.elapsed() / (2 * CHAIN / 1000)
    };
    // In thousandths, as a duration has no fractions of a nanosecond.
    (0..5).map(|_| once()).min().unwrap_or_default()
}

/// Criterion counts time; the bar is in cycles.
fn cycles() {
    let (mut device, job) = null::device();
    let rounds = 20_000;
    let once = |device: &mut _| {
        let start = Instant::now();
        black_box((0..rounds).map(|_| null::round(device, &job)).sum::<u64>());
        start.elapsed()
    };
    let best = (0..10).map(|_| once(&mut device)).min().unwrap_or_default();
    let (job, cycle) = (best.as_secs_f64() / f64::from(rounds * 64), cycle().as_secs_f64() / 1000.0);
    println!("a job takes {:.1} cycles of {:.3} ns", job / cycle, cycle * 1e9);
}

fn ring(c: &mut Criterion) {
    cycles();
    let (mut device, job) = null::device();
    let mut group = c.benchmark_group("ring");
    group.throughput(Throughput::Elements(64));
    group.bench_function("submit and complete, 64 in flight", |b| b.iter(|| null::round(&mut device, &job)));
    group.finish();
}

criterion_group!(benches, ring);
criterion_main!(benches);
