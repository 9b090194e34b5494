//! The cases, one function each.

use cbp_compiler::{Keep, Options, compile, segment};
use cbp_driver::{Device, Error, Segment, Ticket, Transport};
use cbp_isa::capability;
use cbp_isa::ring::ErrorCode;

use cbp_numerics::architectures::lenet5;
use cbp_numerics::random::Random;

use super::work::{Task, Work};
use super::{DEADLINE, Failure};
use crate::compare::{compare, scalar_model};
use crate::runtime::Session;

/// What must hold on an open device.
pub type Case<T> = fn(&mut Device<T>, u64) -> Result<(), Failure>;

/// All cases, by what must hold.
pub fn all<T: Transport>() -> [(&'static str, Case<T>); 18] {
    [
        ("the device says what it is", identity),
        ("the cycle counter runs", counters),
        ("memory keeps what is written, at any offset", memory),
        ("a job gives the model's result", one_job),
        ("LeNet-5 gives the model's result in every layer", lenet),
        ("rings wrap", wrap),
        ("many jobs at once", many),
        ("tickets can be waited for in any order", any_order),
        ("one doorbell for many jobs", one_doorbell),
        ("a full ring refuses, and takes jobs again", full_ring),
        ("a job without an interrupt is found by polling", silent),
        ("a job that leaves its segment fails, those behind it abort, the next one works", halted),
        ("a job that cannot run is refused before the device sees it", refused),
        ("a reset makes tickets stale, and the next job works", stale),
        ("a reset under load leaves nothing behind", reset_under_load),
        ("hundreds of buffers come and go", buffers),
        ("a buffer of several large pages has no gap for the device, or is refused", large_buffer),
        ("the self-test passes, or is refused where there is none", self_test),
    ]
}

fn ensure(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Other(what.into())) }
}

/// Waits for a job and compares its result.
fn finish<T: Transport>(device: &mut Device<T>, ticket: Ticket, task: &mut Task<T>) -> Result<(), Failure> {
    let done = device.wait(ticket, DEADLINE)?;
    ensure(done.status == ErrorCode::None && done.cycles > 0, "a completion without cycles")?;
    task.check()
}

fn run_one<T: Transport>(device: &mut Device<T>, work: &mut Work<T>) -> Result<(), Failure> {
    let mut task = work.task(device)?;
    let ticket = device.submit(&task.job)?;
    finish(device, ticket, &mut task)
}

fn tasks<T: Transport>(
    device: &mut Device<T>,
    work: &mut Work<T>,
    count: usize,
) -> Result<Vec<Task<T>>, Failure> {
    (0..count).map(|_| work.task(device)).collect()
}

fn entries<T: Transport>(device: &Device<T>) -> usize {
    1 << device.options().ring_log2
}

fn identity<T: Transport>(device: &mut Device<T>, _: u64) -> Result<(), Failure> {
    let info = device.info().clone();
    ensure(info.version == cbp_isa::ISA_VERSION, "another version of the register map")?;
    ensure(!device.identity().name.is_empty(), "a device without a name")?;
    info.config.check().map_err(Error::from)?;
    Ok(())
}

fn counters<T: Transport>(device: &mut Device<T>, _: u64) -> Result<(), Failure> {
    let first = device.counters()?.cycles;
    let until = (0..1_000).find_map(|_| match device.counters() {
        Ok(counters) => (counters.cycles > first).then_some(Ok(())),
        Err(error) => Some(Err(error)),
    });
    match until {
        Some(result) => Ok(result?),
        None => Err(Failure::Other("the cycle counter stands still".into())),
    }
}

fn memory<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut random = Random(seed);
    for size in [1, 63, 4096, 70_000] {
        let mut memory = device.allocate(size)?;
        ensure(memory.size() >= size, "less memory than asked for")?;
        ensure(memory.bus_address().is_multiple_of(4096), "memory that is not aligned")?;
        let mut bytes = vec![1; size];
        memory.read(0, &mut bytes)?;
        ensure(bytes.iter().all(|&byte| byte == 0), "memory that is not zeroed")?;
        let written: Vec<u8> = random.bytes(size).iter().map(|&byte| byte.cast_unsigned()).collect();
        memory.write(0, &written)?;
        let offset = random.below(size);
        let mut part = vec![0; size - offset];
        memory.read(offset, &mut part)?;
        ensure(part == written[offset..], "memory that does not keep its bytes")?;
        ensure(memory.read(memory.size(), &mut [0]).is_err(), "memory without an end")?;
    }
    Ok(())
}

fn one_job<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 40, 24, seed)?;
    run_one(device, &mut work)
}

/// Convolutions, pools and fully connected layers; weights and image are random, so that nothing cancels out.
fn lenet<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let network = lenet5(device.config().weight_set, 28, seed)?;
    let keep = Keep::ActivationsAndMasks;
    let program = compile(&network, device.config(), Options { keep, ..Options::default() })?;
    let input = Random(seed).bytes(network.inputs());
    let run = Session::new(device, program, keep)?.run(&input)?;
    let found = compare(&run.layers, &scalar_model(&network, &input)?, keep);
    ensure(found.compared > 10_000, "layers are missing")?;
    ensure(found.mismatches == 0, &format!("{} of {} values differ", found.mismatches, found.compared))
}

fn wrap<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 16, 8, seed)?;
    let mut task = work.task(device)?;
    for _ in 0..=(2 * entries(device)) {
        task.clear()?;
        let ticket = device.submit(&task.job)?;
        finish(device, ticket, &mut task)?;
    }
    Ok(())
}

fn many<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 33, 17, seed)?;
    let mut tasks = tasks(device, &mut work, entries(device))?;
    let tickets = tasks.iter().map(|task| device.submit(&task.job)).collect::<Result<Vec<_>, _>>()?;
    tickets.into_iter().zip(&mut tasks).try_for_each(|(ticket, task)| finish(device, ticket, task))
}

fn any_order<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 16, 8, seed)?;
    let mut tasks = tasks(device, &mut work, entries(device).min(8))?;
    let tickets = tasks.iter().map(|task| device.submit(&task.job)).collect::<Result<Vec<_>, _>>()?;
    for (ticket, task) in tickets.iter().zip(&mut tasks).rev() {
        finish(device, *ticket, task)?;
    }
    ensure(matches!(device.poll(tickets[0]), Err(Error::StaleTicket)), "a ticket can be taken twice")
}

fn one_doorbell<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 16, 8, seed)?;
    let mut tasks = tasks(device, &mut work, entries(device).min(8))?;
    let tickets = tasks.iter().map(|task| device.enqueue(&task.job)).collect::<Result<Vec<_>, _>>()?;
    device.ring()?;
    tickets.into_iter().zip(&mut tasks).try_for_each(|(ticket, task)| finish(device, ticket, task))
}

fn full_ring<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 16, 8, seed)?;
    let task = work.task(device)?;
    let mut tickets = Vec::new();
    for _ in 0..entries(device) {
        tickets.push(device.enqueue(&task.job)?);
    }
    ensure(matches!(device.enqueue(&task.job), Err(Error::RingFull(_))), "a full ring takes a job")?;
    for ticket in tickets {
        device.wait(ticket, DEADLINE)?;
    }
    run_one(device, &mut work)
}

fn silent<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 16, 8, seed)?;
    let mut task = work.task(device)?;
    task.job.interrupt = false;
    let ticket = device.submit(&task.job)?;
    finish(device, ticket, &mut task)
}

fn halted<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 40, 24, seed)?;
    let mut bad = work.task(device)?;
    let behind = work.task(device)?;
    if let Some(output) = &mut bad.job.segments[segment::OUTPUT] {
        output.length = 0;
    }
    let (first, second) = (device.enqueue(&bad.job)?, device.enqueue(&behind.job)?);
    device.ring()?;
    match device.wait(first, DEADLINE) {
        Err(Error::JobFailed { code: ErrorCode::OutOfSegment, .. }) => {}
        other => return Err(Failure::Other(format!("beyond its segment: {other:?}"))),
    }
    ensure(matches!(device.submit(&behind.job), Err(Error::Halted(_))), "a halted queue takes jobs")?;
    device.resume()?;
    match device.wait(second, DEADLINE) {
        Err(Error::JobFailed { code: ErrorCode::Aborted, .. }) => {}
        other => return Err(Failure::Other(format!("behind a failed job: {other:?}"))),
    }
    run_one(device, &mut work)
}

fn refused<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 16, 8, seed)?;
    let task = work.task(device)?;
    let mut beyond = task.job.clone();
    if let Some(input) = &mut beyond.segments[segment::INPUT] {
        input.length = u32::MAX;
    }
    let mut empty = task.job.clone();
    empty.instructions = 0;
    for job in [beyond, empty] {
        ensure(matches!(device.submit(&job), Err(Error::BadJob(_))), "a job that cannot run is taken")?;
    }
    run_one(device, &mut work)
}

fn stale<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 16, 8, seed)?;
    let task = work.task(device)?;
    let ticket = device.submit(&task.job)?;
    device.reset()?;
    ensure(matches!(device.poll(ticket), Err(Error::StaleTicket)), "a ticket outlives a reset")?;
    run_one(device, &mut work)
}

fn reset_under_load<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut work = Work::new(device, 120, 100, seed)?;
    for _ in 0..3 {
        let mut task = work.task(device)?;
        for _ in 0..entries(device).min(4) {
            let _lost = device.submit(&task.job)?;
        }
        device.reset()?;
        // What the device still had to write must not arrive any more.
        task.clear()?;
        run_one(device, &mut work)?;
        let bytes = task.bytes(segment::OUTPUT)?;
        ensure(bytes.iter().all(|&byte| byte == Task::<T>::CLEAR), "data arrived after a reset")?;
    }
    Ok(())
}

fn buffers<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    let mut random = Random(seed);
    let mut live = std::collections::VecDeque::new();
    for round in 0..300_u32 {
        let mut memory = device.allocate(1 + random.below(20_000))?;
        memory.write(0, &[round as u8])?;
        live.push_back((memory, round as u8));
        if live.len() > 20
            && let Some((memory, mark)) = live.pop_front()
        {
            let mut byte = [0];
            memory.read(0, &mut byte)?;
            ensure(byte[0] == mark, "two buffers overlap")?;
        }
    }
    let mut work = Work::new(device, 16, 8, seed)?;
    run_one(device, &mut work)
}

/// The input lies across the pages' ends: one that is elsewhere in physical memory would be read there.
fn large_buffer<T: Transport>(device: &mut Device<T>, seed: u64) -> Result<(), Failure> {
    const PAGE: usize = 2 << 20;
    let mut work = Work::new(device, 200, 16, seed)?;
    let mut task = work.task(device)?;
    let bytes = task.bytes(segment::INPUT)?;
    if let (Some(input), Ok(mut large)) =
        (task.job.segments[segment::INPUT].take(), device.allocate(2 * PAGE + PAGE / 2))
    {
        for start in [PAGE - 128, 2 * PAGE - 128] {
            task.clear()?;
            large.write(start, &bytes)?;
            let lent = large.lend();
            task.job.segments[segment::INPUT] =
                Some(Segment { memory: lent.clone(), offset: start as u64, ..input });
            let ticket = device.submit(&task.job)?;
            finish(device, ticket, &mut task)?;
            task.job.segments[segment::INPUT] = None;
            large = lent.reclaim().map_err(Error::from)?;
        }
    }
    run_one(device, &mut work)
}

fn self_test<T: Transport>(device: &mut Device<T>, _: u64) -> Result<(), Failure> {
    let has_one = device.info().capabilities & capability::SELF_TEST != 0;
    match device.self_test(DEADLINE) {
        Ok(true) => ensure(has_one, "a self-test that does not exist passes"),
        Err(Error::Unsupported(_)) => ensure(!has_one, "the self-test is refused"),
        other => Err(Failure::Other(format!("the self-test: {other:?}"))),
    }
}
