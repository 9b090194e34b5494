//! Cycle counters: where the cycles went, since reset and in the running job.

use cbp_isa::registers::{CYCLES_LO, MAC_ACTIVE_LO, WAIT_LOAD_LO, WAIT_PPU_LO, WAIT_STORE_LO};

use crate::lang::prelude::*;

/// A 64-bit counter since reset and a 32-bit one for the job.
#[derive(LogicBlock)]
pub struct Counter {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Both start from 0.
    pub reset: Signal<In, Bit>,
    /// Count this cycle.
    pub count: Signal<In, Bit>,
    /// A job begins.
    pub job_begins: Signal<In, Bit>,
    /// The job's counter counts.
    pub job_counts: Signal<In, Bit>,
    /// A register is read.
    pub read: Signal<In, Bit>,
    /// Which one; the low half latches the high half.
    pub read_address: Wire<In>,
    /// Low half.
    pub lo: Wire<Out>,
    /// High half, as it was when the low half was read.
    pub hi: Wire<Out>,
    /// The job's counter.
    pub job: Wire<Out>,
    total: Reg,
    latched: Reg,
    job_q: Reg,
    address: Const,
}

impl Counter {
    /// A counter whose low half is read at `address`.
    #[must_use]
    pub fn new(address: u32) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            count: Signal::default(),
            job_begins: Signal::default(),
            job_counts: Signal::default(),
            read: Signal::default(),
            read_address: Wire::new(16),
            lo: Wire::new(32),
            hi: Wire::new(32),
            job: Wire::new(32),
            total: Reg::with_reset(64, 0),
            latched: Reg::with_reset(32, 0),
            job_q: Reg::with_reset(32, 0),
            address: (address as usize).into(),
        }
    }
}

impl Logic for Counter {
    #[hdl_gen]
    fn update(&mut self) {
        if self.count.val() {
            self.total.d.next = self.total.q.val() + 1;
        }
        if self.count.val() && self.job_counts.val() {
            self.job_q.d.next = self.job_q.q.val() + 1;
        }
        if self.job_begins.val() {
            self.job_q.d.next = 0.into();
        }
        if self.read.val() && (self.read_address.val() == self.address.val()) {
            self.latched.d.next = self.total.q.val().get_bits::<32>(32);
        }
        self.lo.next = self.total.q.val().get_bits::<32>(0);
        self.hi.next = self.latched.q.val();
        self.job.next = self.job_q.q.val();
    }
}

/// All counters, a cycle behind what they count.
#[derive(LogicBlock)]
pub struct Counters {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// All start from 0.
    pub reset: Signal<In, Bit>,
    /// What to count: every cycle, steps, waits for LOAD, for STORE, for post-processing.
    pub events: Vec<Signal<In, Bit>>,
    /// A job begins.
    pub job_begins: Signal<In, Bit>,
    /// The job's counters count.
    pub job_counts: Signal<In, Bit>,
    /// A register is read.
    pub read: Signal<In, Bit>,
    /// Which one.
    pub read_address: Wire<In>,
    /// Low halves.
    pub lo: Vec<Wire<Out>>,
    /// High halves.
    pub hi: Vec<Wire<Out>>,
    /// The job's counters.
    pub job: Vec<Wire<Out>>,
    counter: Vec<Counter>,
    happened: Vec<Dff<Bit>>,
    counting: Dff<Bit>,
}

/// Number of counters.
pub const COUNTERS: usize = 5;

impl Default for Counters {
    fn default() -> Self {
        let addresses = [CYCLES_LO, MAC_ACTIVE_LO, WAIT_LOAD_LO, WAIT_STORE_LO, WAIT_PPU_LO];
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            events: (0..COUNTERS).map(|_| Signal::default()).collect(),
            job_begins: Signal::default(),
            job_counts: Signal::default(),
            read: Signal::default(),
            read_address: Wire::new(16),
            lo: Wire::many(COUNTERS, 32),
            hi: Wire::many(COUNTERS, 32),
            job: Wire::many(COUNTERS, 32),
            happened: (0..COUNTERS).map(|_| Dff::default()).collect(),
            counting: Dff::default(),
            counter: addresses.iter().map(|r| Counter::new(r.offset)).collect(),
        }
    }
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        self.counting.d.next = self.job_counts.val();
        for i in 0..5 {
            self.happened[i].d.next = self.events[i].val();
            self.counter[i].count.next = self.happened[i].q.val();
            self.counter[i].job_begins.next = self.job_begins.val();
            self.counter[i].job_counts.next = self.counting.q.val();
            self.counter[i].read.next = self.read.val();
            self.counter[i].read_address.next = self.read_address.val();
            self.lo[i].next = self.counter[i].lo.val();
            self.hi[i].next = self.counter[i].hi.val();
            self.job[i].next = self.counter[i].job.val();
        }
    }
}
