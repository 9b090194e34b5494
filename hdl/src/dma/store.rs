//! STORE: rows of beats from the output buffer to host memory.

use cbp_isa::Config;
use cbp_isa::instruction::store;

use super::rows::Rows;
use super::store_answers::StoreAnswers;
use super::store_data::StoreData;
use crate::compute::sequencer::INSTRUCTION_BITS;
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::decode::decoder;
use crate::parts::{Bursts, LoopCounter};

decoder!(
    /// The fields of STORE.
    StoreFields, store::FIELDS, INSTRUCTION_BITS,
    wait_compute, signal_compute, signal_load, source, segment, offset, length, count0, stride0, count1, stride1,
    base, step0, step1,
);

/// Takes STORE instructions, waits for their tokens, offers bursts and their beats.
///
/// An instruction leaves when its last burst is on its way; the next one follows at once. Bursts are answered in order,
/// so the count of answers says when an instruction's tokens are due.
#[derive(LogicBlock)]
pub struct StoreEngine {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything; only when no burst is open.
    pub reset: Signal<In, Bit>,
    /// Open no further burst.
    pub flush: Signal<In, Bit>,
    /// Head of the instruction queue.
    pub instruction: Wire<In>,
    /// The queue has an instruction.
    pub instruction_valid: Signal<In, Bit>,
    /// Remove it.
    pub instruction_pop: Signal<Out, Bit>,
    /// Tokens wanted from COMPUTE.
    pub want_compute: Wire<Out>,
    /// They are there.
    pub compute_ready: Signal<In, Bit>,
    /// Take them.
    pub take: Signal<Out, Bit>,
    /// Tokens given to COMPUTE in this cycle.
    pub give_compute: Wire<Out>,
    /// Tokens given to LOAD in this cycle.
    pub give_load: Wire<Out>,
    /// Segment of the running instruction.
    pub segment: Wire<Out>,
    /// Its first byte.
    pub segment_base: Wire<In>,
    /// Its bytes.
    pub segment_length: Wire<In>,
    /// Largest burst, beats.
    pub limit: Wire<In>,
    /// Read a beat of the output buffer.
    pub read: Signal<Out, Bit>,
    /// Which one.
    pub read_beat: Wire<Out>,
    /// The beat, one cycle later.
    pub beat: Wire<In>,
    /// A burst is offered.
    pub burst_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// The write port takes it.
    pub burst_ready: Signal<In, Bit>,
    /// A beat is offered.
    pub data_valid: Signal<Out, Bit>,
    /// The beat.
    pub data: Wire<Out>,
    /// It is the last of its burst.
    pub data_last: Signal<Out, Bit>,
    /// The write port takes it.
    pub data_ready: Signal<In, Bit>,
    /// A burst of STORE is answered.
    pub answered: Signal<In, Bit>,
    /// A burst is open: its beats have not all left.
    pub open: Signal<Out, Bit>,
    /// An access outside its segment.
    pub outside: Signal<Out, Bit>,
    /// An instruction that cannot be run.
    pub malformed: Signal<Out, Bit>,
    /// Address of the row at fault.
    pub fault_address: Wire<Out>,
    /// No instruction is running or unanswered.
    pub idle: Signal<Out, Bit>,
    fields: StoreFields,
    rows: Rows,
    bursts: Bursts,
    tag: Concat,
    burst_tag: Split,
    running: Dff<Bit>,
    start: Signal<Local, Bit>,
    foreign: Dff<Bit>,
    good: Signal<Local, Bit>,
    accept: Signal<Local, Bit>,
    inner: Reg,
    outer: Reg,
    i0: LoopCounter,
    data_side: StoreData,
    answers: StoreAnswers,
}

/// What a burst carries: the tokens its STORE gives, and whether its row is the last one.
const TAG_PARTS: usize = 3;

impl StoreEngine {
    /// The engine of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            flush: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            instruction_valid: Signal::default(),
            instruction_pop: Signal::default(),
            want_compute: Wire::new(4),
            compute_ready: Signal::default(),
            take: Signal::default(),
            give_compute: Wire::new(4),
            give_load: Wire::new(4),
            segment: Wire::new(4),
            segment_base: Wire::new(64),
            segment_length: Wire::new(32),
            limit: Wire::new(9),
            read: Signal::default(),
            read_beat: Wire::new(16),
            beat: Wire::new(config.axi_bits),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_ready: Signal::default(),
            data_valid: Signal::default(),
            data: Wire::new(config.axi_bits),
            data_last: Signal::default(),
            data_ready: Signal::default(),
            answered: Signal::default(),
            open: Signal::default(),
            outside: Signal::default(),
            malformed: Signal::default(),
            fault_address: Wire::new(64),
            idle: Signal::default(),
            fields: StoreFields::default(),
            rows: Rows::new(config),
            bursts: Bursts::new(config, 4 * TAG_PARTS),
            tag: Concat::new(TAG_PARTS, 4),
            burst_tag: Split::new(TAG_PARTS, 4),
            running: Dff::default(),
            start: bit(),
            foreign: Dff::default(),
            good: bit(),
            accept: bit(),
            inner: Reg::plain(16),
            outer: Reg::plain(16),
            i0: LoopCounter::new(16),
            data_side: StoreData::new(config),
            answers: StoreAnswers::default(),
        }
    }
}

impl Logic for StoreEngine {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.want_compute.next = self.fields.wait_compute.val();
        self.start.next = self.instruction_valid.val()
            && !self.running.q.val()
            && !self.flush.val()
            && self.compute_ready.val();
        self.take.next = self.start.val();
        self.segment.next = self.fields.segment.val();
        self.rows.go.next = self.start.val();
        self.rows.offset.next = self.fields.offset.val();
        self.rows.length.next = self.fields.length.val();
        self.rows.count0.next = self.fields.count0.val();
        self.rows.stride0.next = self.fields.stride0.val();
        self.rows.count1.next = self.fields.count1.val();
        self.rows.stride1.next = self.fields.stride1.val();
        self.rows.segment.next = self.fields.segment.val();
        self.rows.segment_base.next = self.segment_base.val();
        self.rows.segment_length.next = self.segment_length.val();
        self.foreign.d.next = self.fields.source.val() != 0;
        self.rows.refused.next = self.foreign.q.val();
        self.outside.next = self.rows.row_valid.val() && self.rows.outside.val();
        self.malformed.next = self.rows.row_valid.val() && self.rows.malformed.val();
        self.fault_address.next = self.rows.row_address.val();
        self.good.next = !self.flush.val() && self.rows.sound.val();
        self.rows.row_ready.next = self.bursts.ready.val() && self.good.val();
        self.bursts.go.next = self.rows.row_valid.val() && self.rows.row_ready.val();
        self.bursts.address.next = self.rows.row_address.val();
        self.bursts.beats.next = self.rows.row_beats.val();
        self.bursts.place.next = self.inner.q.val();
        self.tag.parts[0].next = self.fields.signal_compute.val();
        self.tag.parts[1].next = self.fields.signal_load.val();
        self.tag.parts[2].next = 0.into();
        if self.rows.row_last.val() {
            self.tag.parts[2].next = 1.into();
        }
        self.bursts.tag.next = self.tag.y.val();
        self.bursts.limit.next = self.limit.val();
        // Bursts are offered while their beats have a place in line.
        self.burst_valid.next = self.bursts.burst_valid.val()
            && !self.data_side.full.val()
            && !self.answers.full.val()
            && !self.flush.val();
        self.burst_address.next = self.bursts.burst_address.val();
        self.burst_beats.next = self.bursts.burst_beats.val();
        self.accept.next = self.burst_valid.val() && self.burst_ready.val();
        self.bursts.burst_ready.next = self.accept.val();
        // Where the rows stand in the output buffer.
        self.i0.count.next = self.fields.count0.val();
        self.i0.start.next = self.start.val();
        self.i0.step.next = self.bursts.go.val();
        if self.bursts.go.val() {
            self.inner.d.next = self.inner.q.val() + self.fields.step0.val();
            if self.i0.last.val() {
                self.inner.d.next = self.outer.q.val() + self.fields.step1.val();
                self.outer.d.next = self.outer.q.val() + self.fields.step1.val();
            }
        }
        self.data_side.push.next = self.accept.val();
        self.data_side.from.next = self.bursts.burst_place.val();
        self.data_side.beats.next = self.bursts.burst_beats.val();
        self.read.next = self.data_side.read.val();
        self.read_beat.next = self.data_side.read_beat.val();
        self.data_side.beat.next = self.beat.val();
        self.data_valid.next = self.data_side.data_valid.val();
        self.data.next = self.data_side.data.val();
        self.data_last.next = self.data_side.data_last.val();
        self.data_side.data_ready.next = self.data_ready.val();
        self.open.next = self.data_side.open.val();
        // The instruction leaves with its last row, and gives its tokens when its last burst is answered.
        self.instruction_pop.next = self.bursts.go.val() && self.rows.row_last.val();
        self.burst_tag.x.next = self.bursts.burst_tag.val();
        self.answers.issue.next = self.accept.val();
        self.answers.last.next = self.bursts.burst_last.val() && self.burst_tag.parts[2].val().any();
        self.answers.signal_compute.next = self.burst_tag.parts[0].val();
        self.answers.signal_load.next = self.burst_tag.parts[1].val();
        self.answers.answered.next = self.answered.val();
        self.give_compute.next = self.answers.give_compute.val();
        self.give_load.next = self.answers.give_load.val();
        if self.instruction_pop.val() {
            self.running.d.next = false;
        }
        if self.start.val() {
            self.running.d.next = true;
            self.inner.d.next = self.fields.base.val();
            self.outer.d.next = self.fields.base.val();
        }
        self.idle.next = !self.running.q.val() && !self.bursts.busy.val() && self.answers.idle.val();
    }
}
