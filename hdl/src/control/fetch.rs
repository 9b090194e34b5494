//! Instruction fetch: reads a program ahead and hands its instructions to the engines' queues.

use cbp_isa::Config;
use cbp_isa::instruction::{Opcode, compute, load, pack, store};
use rust_hdl::core::ast::{VerilogExpression, VerilogStatement};

use crate::compute::sequencer::INSTRUCTION_BITS;
use crate::lang::arith::Concat;
use crate::lang::prelude::*;
use crate::parts::bursts::RUN_BITS;
use crate::parts::decode::reserved_clear;
use crate::parts::instruction_queue::PLACE_BITS;
use crate::parts::{Bursts, Fifo};

/// Beats read ahead.
const AHEAD: usize = 64;
/// Beats of one fetch burst.
const BURST: usize = 16;

/// Whether an instruction has all its reserved fields 0, by opcode.
#[derive(LogicBlock)]
pub struct Legal {
    /// The instruction.
    pub word: Wire<In>,
    /// As a LOAD.
    pub load: Signal<Out, Bit>,
    /// As a COMPUTE.
    pub compute: Signal<Out, Bit>,
    /// As a STORE.
    pub store: Signal<Out, Bit>,
    /// As a PACK.
    pub pack: Signal<Out, Bit>,
}

impl Default for Legal {
    fn default() -> Self {
        Self {
            word: Wire::new(INSTRUCTION_BITS),
            load: Signal::default(),
            compute: Signal::default(),
            store: Signal::default(),
            pack: Signal::default(),
        }
    }
}

impl Logic for Legal {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let assign = |name: &str, table| {
            VerilogStatement::Assignment(VerilogExpression::Signal(name.into()), reserved_clear(table))
        };
        Verilog::Combinatorial(vec![
            assign("load", load::FIELDS),
            assign("compute", compute::FIELDS),
            assign("store", store::FIELDS),
            assign("pack", pack::FIELDS),
        ])
    }
}

/// Fetches one program and dispatches it in order; a full queue holds up what follows.
#[derive(LogicBlock)]
pub struct Fetch {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything; only when no read is under way.
    pub reset: Signal<In, Bit>,
    /// Request and dispatch nothing.
    pub flush: Signal<In, Bit>,
    /// Start a program.
    pub start: Signal<In, Bit>,
    /// Its first byte.
    pub address: Wire<In>,
    /// Its beats.
    pub beats: Wire<In>,
    /// A burst is requested.
    pub burst_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// The read port takes it.
    pub burst_ready: Signal<In, Bit>,
    /// A beat is here.
    pub beat_valid: Signal<In, Bit>,
    /// The beat.
    pub beat: Wire<In>,
    /// A beat of an instruction that is put together.
    pub put: Signal<Out, Bit>,
    /// Which of them.
    pub place: Wire<Out>,
    /// The beat.
    pub put_beat: Wire<Out>,
    /// The instruction whose beats were put is for the load queue: LOAD or PACK.
    pub push_load: Signal<Out, Bit>,
    /// To the compute queue.
    pub push_compute: Signal<Out, Bit>,
    /// To the store queue.
    pub push_store: Signal<Out, Bit>,
    /// The load queue is full.
    pub full_load: Signal<In, Bit>,
    /// The compute queue is full.
    pub full_compute: Signal<In, Bit>,
    /// The store queue is full.
    pub full_store: Signal<In, Bit>,
    /// END has been reached.
    pub ended: Signal<Out, Bit>,
    /// The instruction at hand is unknown, or the program ran out without END.
    pub bad: Signal<Out, Bit>,
    /// Instructions dispatched.
    pub index: Wire<Out>,
    bursts: Bursts,
    queue: Fifo,
    reserved: Reg,
    after: Wire<Local>,
    roomy: Dff<Bit>,
    requested: Dff<Bit>,
    part: Vec<Reg>,
    word: Concat,
    filled: Reg,
    have: Dff<Bit>,
    checked: Dff<Bit>,
    load_q: Dff<Bit>,
    compute_q: Dff<Bit>,
    store_q: Dff<Bit>,
    end_q: Dff<Bit>,
    crowded_load: Dff<Bit>,
    crowded_compute: Dff<Bit>,
    crowded_store: Dff<Bit>,
    done: Dff<Bit>,
    active: Dff<Bit>,
    dispatched: Reg,
    legal: Legal,
    opcode: Wire<Local>,
    pop: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    leave: Signal<Local, Bit>,
    request: Signal<Local, Bit>,
    is_load: Signal<Local, Bit>,
    is_compute: Signal<Local, Bit>,
    is_store: Signal<Local, Bit>,
    is_end: Signal<Local, Bit>,
    parts: Const,
    last_part: Const,
    enough: Const,
    burst: Const,
    op_end: Const,
    op_load: Const,
    op_compute: Const,
    op_store: Const,
    op_pack: Const,
}

impl Fetch {
    /// The fetch unit of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let parts = INSTRUCTION_BITS / axi;
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            flush: Signal::default(),
            start: Signal::default(),
            address: Wire::new(64),
            beats: Wire::new(RUN_BITS),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_ready: Signal::default(),
            beat_valid: Signal::default(),
            beat: Wire::new(axi),
            put: Signal::default(),
            place: Wire::new(PLACE_BITS),
            put_beat: Wire::new(axi),
            push_load: Signal::default(),
            push_compute: Signal::default(),
            push_store: Signal::default(),
            full_load: Signal::default(),
            full_compute: Signal::default(),
            full_store: Signal::default(),
            ended: Signal::default(),
            bad: Signal::default(),
            index: Wire::new(32),
            bursts: Bursts::new(config, 1),
            queue: Fifo::new(axi, AHEAD),
            reserved: Reg::with_reset(9, 0),
            after: Wire::new(9),
            roomy: Dff::default(),
            requested: Dff::default(),
            part: Reg::many(parts, axi),
            word: Concat::new(parts, axi),
            filled: Reg::with_reset(PLACE_BITS, 0),
            have: Dff::default(),
            checked: Dff::default(),
            load_q: Dff::default(),
            compute_q: Dff::default(),
            store_q: Dff::default(),
            end_q: Dff::default(),
            crowded_load: Dff::default(),
            crowded_compute: Dff::default(),
            crowded_store: Dff::default(),
            done: Dff::default(),
            active: Dff::default(),
            dispatched: Reg::with_reset(32, 0),
            legal: Legal::default(),
            opcode: Wire::new(4),
            pop: bit(),
            go: bit(),
            leave: bit(),
            request: bit(),
            is_load: bit(),
            is_compute: bit(),
            is_store: bit(),
            is_end: bit(),
            parts: parts.into(),
            last_part: (parts - 1).into(),
            enough: (AHEAD - BURST).into(),
            burst: BURST.into(),
            op_end: (Opcode::End as usize).into(),
            op_load: (Opcode::Load as usize).into(),
            op_compute: (Opcode::Compute as usize).into(),
            op_store: (Opcode::Store as usize).into(),
            op_pack: (Opcode::Pack as usize).into(),
        }
    }
}

impl Logic for Fetch {
    #[hdl_gen]
    fn update(&mut self) {
        // Read ahead as far as there is room for the beats.
        self.bursts.go.next = self.start.val();
        self.bursts.address.next = self.address.val();
        self.bursts.beats.next = self.beats.val();
        self.bursts.place.next = 0.into();
        self.bursts.tag.next = 0.into();
        self.bursts.limit.next = self.burst.val();
        self.after.next = self.reserved.q.val() + self.bursts.burst_beats.val();
        // Whether there is room for the longest burst is known two cycles after a request.
        self.roomy.d.next = self.reserved.q.val() <= self.enough.val();
        self.request.next = self.bursts.burst_valid.val()
            && !self.flush.val()
            && self.roomy.q.val()
            && !self.requested.q.val();
        self.requested.d.next = self.request.val() && self.burst_ready.val();
        self.burst_valid.next = self.request.val();
        self.burst_address.next = self.bursts.burst_address.val();
        self.burst_beats.next = self.bursts.burst_beats.val();
        self.bursts.burst_ready.next = self.request.val() && self.burst_ready.val();
        self.queue.push.next = self.beat_valid.val();
        self.queue.data.next = self.beat.val();
        for i in 0..self.parts.value {
            self.word.parts[i].next = self.part[i].q.val();
        }
        // Dispatch: in the cycle after an instruction was put together and checked, or when its queue has room.
        self.legal.word.next = self.word.y.val();
        self.opcode.next = self.word.y.val().get_bits::<4>(0);
        self.is_end.next = self.opcode.val() == self.op_end.val();
        // The LOAD engine packs, too.
        self.is_load.next = ((self.opcode.val() == self.op_load.val()) && self.legal.load.val())
            || ((self.opcode.val() == self.op_pack.val()) && self.legal.pack.val());
        self.is_compute.next = (self.opcode.val() == self.op_compute.val()) && self.legal.compute.val();
        self.is_store.next = (self.opcode.val() == self.op_store.val()) && self.legal.store.val();
        self.load_q.d.next = self.is_load.val();
        self.compute_q.d.next = self.is_compute.val();
        self.store_q.d.next = self.is_store.val();
        self.end_q.d.next = self.is_end.val();
        // Pushes are two cycles apart at least, so that a queue's state may be a cycle old.
        self.crowded_load.d.next = self.full_load.val();
        self.crowded_compute.d.next = self.full_compute.val();
        self.crowded_store.d.next = self.full_store.val();
        // What is dispatched after an error waits in its queue until that is cleared.
        self.go.next = self.checked.q.val() && self.active.q.val();
        self.push_load.next = self.go.val() && self.load_q.q.val() && !self.crowded_load.q.val();
        self.push_compute.next = self.go.val() && self.compute_q.q.val() && !self.crowded_compute.q.val();
        self.push_store.next = self.go.val() && self.store_q.q.val() && !self.crowded_store.q.val();
        self.leave.next = self.push_load.val() || self.push_compute.val() || self.push_store.val();
        self.bad.next = (self.go.val()
            && !self.end_q.q.val()
            && !self.load_q.q.val()
            && !self.compute_q.q.val()
            && !self.store_q.q.val())
            || (self.active.q.val()
                && !self.start.val()
                && !self.flush.val()
                && !self.have.q.val()
                && !self.bursts.busy.val()
                && (self.reserved.q.val() == 0));
        self.checked.d.next = self.have.q.val() && !self.leave.val();
        if self.leave.val() {
            self.have.d.next = false;
            self.dispatched.d.next = self.dispatched.q.val() + 1;
        }
        if self.go.val() && self.end_q.q.val() {
            self.have.d.next = false;
            self.checked.d.next = false;
            self.done.d.next = true;
            self.active.d.next = false;
        }
        // Put the next one together: in the engines' queues, and here for what decides where it goes.
        self.pop.next = self.queue.valid.val() && !self.have.q.val();
        self.queue.pop.next = self.pop.val();
        self.put.next = self.pop.val();
        self.place.next = self.filled.q.val();
        self.put_beat.next = self.queue.head.val();
        if self.request.val() && self.burst_ready.val() {
            self.reserved.d.next = self.after.val();
            if self.pop.val() {
                self.reserved.d.next = self.after.val() - 1;
            }
        } else if self.pop.val() {
            self.reserved.d.next = self.reserved.q.val() - 1;
        }
        for i in 0..self.parts.value {
            if self.pop.val() && (self.filled.q.val() == i) {
                self.part[i].d.next = self.queue.head.val();
            }
        }
        if self.pop.val() {
            self.filled.d.next = self.filled.q.val() + 1;
            if self.filled.q.val() == self.last_part.val() {
                self.filled.d.next = 0.into();
                self.have.d.next = true;
            }
        }
        if self.start.val() {
            self.active.d.next = true;
            self.done.d.next = false;
            self.dispatched.d.next = 0.into();
        }
        self.ended.next = self.done.q.val();
        self.index.next = self.dispatched.q.val();
    }
}
