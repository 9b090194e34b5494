//! What a job costs in the driver: submit and complete on a device that does nothing, 64 jobs in flight.
#![allow(missing_docs)] // made by macros

#[path = "../tests/null/mod.rs"]
mod null;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn ring(c: &mut Criterion) {
    let (mut device, job) = null::device();
    let mut group = c.benchmark_group("ring");
    group.throughput(Throughput::Elements(64));
    group.bench_function("submit and complete, 64 in flight", |b| b.iter(|| null::round(&mut device, &job)));
    group.finish();
}

criterion_group!(benches, ring);
criterion_main!(benches);
