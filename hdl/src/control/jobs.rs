//! The job loop: takes commands from the ring, runs their programs, writes their completions.

use cbp_isa::Config;
use cbp_isa::ring::{COMMAND_BYTES, ErrorCode, SEGMENTS, command};

use super::command_check::CommandCheck;
use crate::lang::adder::CarryAdder;
use crate::lang::arith::Concat;
use crate::lang::prelude::*;
use crate::parts::bursts::RUN_BITS;
use crate::parts::decode::decoder;

decoder!(
    /// The fields of a command entry.
    CommandFields, command::FIELDS, 8 * COMMAND_BYTES,
    cookie, flags, program_offset, repeat,
    segment0_base, segment0_length, segment1_base, segment1_length,
    segment2_base, segment2_length, segment3_base, segment3_length,
    stride0, stride1, stride2, stride3,
);

/// Bits of the number of a ring's entries: its log2 has four.
const RING_BITS: usize = 16;

/// Where the job loop stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug, LogicState)]
pub enum JobState {
    /// Waiting for the doorbell.
    Idle,
    /// Requesting the command entry.
    Request,
    /// Receiving it.
    Receive,
    /// Finding out whether it can be run.
    Measure,
    /// It is known in the next cycle.
    Judge,
    /// Deciding whether it is run.
    Check,
    /// Clearing the engines.
    Clear,
    /// Starting the program.
    Start,
    /// Running it.
    Run,
    /// After an error: waiting for transfers to end.
    Drain,
    /// Writing the completion entry.
    Complete,
    /// Waiting for its response.
    Answer,
    /// Looking at the rings again.
    Next,
}

/// The job loop.
#[derive(LogicBlock)]
pub struct Jobs {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// The queue is served.
    pub enable: Signal<In, Bit>,
    /// A soft reset is pending: take no further command.
    pub hold: Signal<In, Bit>,
    /// Continue after an error.
    pub resume: Signal<In, Bit>,
    /// Host's producer index.
    pub producer: Wire<In>,
    /// Command ring.
    pub command_base: Wire<In>,
    /// log2 of its entries.
    pub command_log2: Wire<In>,
    /// Completion ring.
    pub completion_base: Wire<In>,
    /// log2 of its entries.
    pub completion_log2: Wire<In>,
    /// Host's consumer index of completions.
    pub completion_consumer: Wire<In>,
    /// Device's consumer index of commands.
    pub consumer: Wire<Out>,
    /// Device's producer index of completions.
    pub completion_producer: Wire<Out>,
    /// The command entry is requested.
    pub burst_valid: Signal<Out, Bit>,
    /// Its address.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// The read port takes the request.
    pub burst_ready: Signal<In, Bit>,
    /// A beat of the entry is here.
    pub beat_valid: Signal<In, Bit>,
    /// The beat.
    pub beat: Wire<In>,
    /// Start fetching the program.
    pub start: Signal<Out, Bit>,
    /// Program's first byte.
    pub program_address: Wire<Out>,
    /// Program's beats.
    pub program_beats: Wire<Out>,
    /// Forget what the engines hold; in the cycle before `start`.
    pub clear: Signal<Out, Bit>,
    /// END has been reached; engines, their queues and the bus are idle.
    pub ended: Signal<In, Bit>,
    /// No transfer is under way.
    pub quiet: Signal<In, Bit>,
    /// An error was latched.
    pub failed: Signal<In, Bit>,
    /// Its code.
    pub error_code: Wire<In>,
    /// Engines must issue nothing.
    pub flush: Signal<Out, Bit>,
    /// The command cannot be run.
    pub bad_command: Signal<Out, Bit>,
    /// Segments' first bytes.
    pub segment_base: Vec<Wire<Out>>,
    /// Segments' bytes.
    pub segment_length: Vec<Wire<Out>>,
    /// A program is running: counters count.
    pub counting: Signal<Out, Bit>,
    /// A job begins: counters restart.
    pub job_begins: Signal<Out, Bit>,
    /// Write the completion entry.
    pub complete: Signal<Out, Bit>,
    /// Its address.
    pub completion_address: Wire<Out>,
    /// Its beats have left.
    pub completion_done: Signal<In, Bit>,
    /// The write port belongs to the completion writer.
    pub completing: Signal<Out, Bit>,
    /// Cookie, low half.
    pub cookie_lo: Wire<Out>,
    /// Cookie, high half.
    pub cookie_hi: Wire<Out>,
    /// Status for the entry.
    pub job_status: Wire<Out>,
    /// Index of the command.
    pub command_index: Wire<Out>,
    /// Phase for the entry.
    pub phase: Wire<Out>,
    /// A completion the host wants to be interrupted for was written.
    pub notify: Signal<Out, Bit>,
    /// A job is running.
    pub busy: Signal<Out, Bit>,
    /// An error halted the queue.
    pub halted: Signal<Out, Bit>,
    state: Dff<JobState>,
    part: Vec<Reg>,
    filled: Reg,
    entry: Concat,
    fields: CommandFields,
    consumer_q: Reg,
    completion_producer_q: Reg,
    completions_held: Reg,
    completion_room: Wire<Local>,
    one: Wire<Local>,
    base: Vec<Reg>,
    runs: Reg,
    base_adder: Vec<CarryAdder>,
    run_adder: CarryAdder,
    run_ends: Signal<Local, Bit>,
    complement: Wire<Local>,
    last_run: Reg,
    status_q: Reg,
    halted_q: Dff<Bit>,
    completing_q: Dff<Bit>,
    requesting: Dff<Bit>,
    aborting: Dff<Bit>,
    abort_until: Reg,
    command_slot: Wire<Local>,
    completion_slot: Wire<Local>,
    command_mask: Wire<Local>,
    completion_mask: Wire<Local>,
    command_address: Reg,
    completion_address_q: Reg,
    phase_q: Reg,
    wrap: Wire<Local>,
    check: CommandCheck,
    runnable: Signal<Local, Bit>,
    available: Signal<Local, Bit>,
    last_part: Const,
    parts: Const,
    aborted: Const,
}

impl Jobs {
    /// The job loop of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let parts = 8 * COMMAND_BYTES / axi;
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            enable: Signal::default(),
            hold: Signal::default(),
            resume: Signal::default(),
            producer: Wire::new(32),
            command_base: Wire::new(64),
            command_log2: Wire::new(4),
            completion_base: Wire::new(64),
            completion_log2: Wire::new(4),
            completion_consumer: Wire::new(32),
            consumer: Wire::new(32),
            completion_producer: Wire::new(32),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_ready: Signal::default(),
            beat_valid: Signal::default(),
            beat: Wire::new(axi),
            start: Signal::default(),
            program_address: Wire::new(64),
            program_beats: Wire::new(RUN_BITS),
            clear: Signal::default(),
            ended: Signal::default(),
            quiet: Signal::default(),
            failed: Signal::default(),
            error_code: Wire::new(32),
            flush: Signal::default(),
            bad_command: Signal::default(),
            segment_base: Wire::many(SEGMENTS, 64),
            segment_length: Wire::many(SEGMENTS, 32),
            counting: Signal::default(),
            job_begins: Signal::default(),
            complete: Signal::default(),
            completion_address: Wire::new(64),
            completion_done: Signal::default(),
            completing: Signal::default(),
            cookie_lo: Wire::new(32),
            cookie_hi: Wire::new(32),
            job_status: Wire::new(32),
            command_index: Wire::new(32),
            phase: Wire::new(1),
            notify: Signal::default(),
            busy: Signal::default(),
            halted: Signal::default(),
            state: Dff::default(),
            part: Reg::many(parts, axi),
            filled: Reg::with_reset(5, 0),
            entry: Concat::new(parts, axi),
            fields: CommandFields::default(),
            consumer_q: Reg::with_reset(32, 0),
            completion_producer_q: Reg::with_reset(32, 0),
            completions_held: Reg::with_reset(32, 0),
            completion_room: Wire::new(32),
            one: Wire::new(RING_BITS),
            base: Reg::many(SEGMENTS, 64),
            runs: Reg::plain(32),
            base_adder: (0..SEGMENTS).map(|_| CarryAdder::new(64, 64)).collect(),
            run_adder: CarryAdder::new(32, 32),
            run_ends: bit(),
            complement: Wire::new(32),
            last_run: Reg::plain(1),
            status_q: Reg::with_reset(32, 0),
            halted_q: Dff::default(),
            completing_q: Dff::default(),
            requesting: Dff::default(),
            aborting: Dff::default(),
            abort_until: Reg::with_reset(32, 0),
            command_slot: Wire::new(64),
            completion_slot: Wire::new(64),
            command_mask: Wire::new(RING_BITS),
            completion_mask: Wire::new(RING_BITS),
            command_address: Reg::plain(64),
            completion_address_q: Reg::plain(64),
            phase_q: Reg::plain(1),
            wrap: Wire::new(32),
            check: CommandCheck::new(config),
            runnable: bit(),
            available: bit(),
            last_part: (parts - 1).into(),
            parts: parts.into(),
            aborted: (ErrorCode::Aborted as usize).into(),
        }
    }
}

#[allow(clippy::match_wildcard_for_single_variants)]
impl Logic for Jobs {
    #[hdl_gen]
    fn update(&mut self) {
        // The rings.
        self.one.next = 1.into();
        self.command_mask.next = (self.one.val() << self.command_log2.val()) - 1;
        self.completion_mask.next = (self.one.val() << self.completion_log2.val()) - 1;
        self.completions_held.d.next = self.completion_producer_q.q.val() - self.completion_consumer.val();
        self.completion_room.next = unsigned_cast(self.one.val() << self.completion_log2.val());
        self.command_slot.next =
            unsigned_cast(self.consumer_q.q.val().get_bits::<16>(0) & self.command_mask.val());
        self.completion_slot.next =
            unsigned_cast(self.completion_producer_q.q.val().get_bits::<16>(0) & self.completion_mask.val());
        self.command_address.d.next = self.command_base.val() + (self.command_slot.val() << 7);
        self.completion_address_q.d.next = self.completion_base.val() + (self.completion_slot.val() << 5);
        self.burst_address.next = self.command_address.q.val();
        self.completion_address.next = self.completion_address_q.q.val();
        self.wrap.next = self.completion_producer_q.q.val() >> self.completion_log2.val();
        self.phase_q.d.next = !self.wrap.val().get_bits::<1>(0);
        self.phase.next = self.phase_q.q.val();
        self.consumer.next = self.consumer_q.q.val();
        self.completion_producer.next = self.completion_producer_q.q.val();
        self.command_index.next = self.consumer_q.q.val();
        // A command is taken only when its completion has room: the ring is never overrun.
        self.available.next = self.enable.val()
            && !self.hold.val()
            && !self.halted_q.q.val()
            && (self.producer.val() != self.consumer_q.q.val())
            && (self.completions_held.q.val() < self.completion_room.val());
        // The command entry.
        self.burst_valid.next = self.requesting.q.val();
        self.burst_beats.next = self.parts.val();
        for i in 0..self.parts.value {
            if self.beat_valid.val() && (self.filled.q.val() == i) {
                self.part[i].d.next = self.beat.val();
            }
            self.entry.parts[i].next = self.part[i].q.val();
        }
        self.fields.word.next = self.entry.y.val();
        self.cookie_lo.next = self.fields.cookie.val().get_bits::<32>(0);
        self.cookie_hi.next = self.fields.cookie.val().get_bits::<32>(32);
        self.segment_length[0].next = self.fields.segment0_length.val();
        self.segment_length[1].next = self.fields.segment1_length.val();
        self.segment_length[2].next = self.fields.segment2_length.val();
        self.segment_length[3].next = self.fields.segment3_length.val();
        for i in 0..4 {
            self.segment_base[i].next = self.base[i].q.val();
        }
        self.check.entry.next = self.entry.y.val();
        self.runnable.next = self.check.runnable.val();
        // Of a program that can be run, the offset has 32 bits.
        self.program_address.next =
            self.base[0].q.val() + unsigned_cast(self.fields.program_offset.val().get_bits::<32>(0));
        self.program_beats.next = self.check.program_beats.val();
        // Bases and runs are 0 before a job: they begin, and go on, by one adder each and no multiplexer. Runs count up
        // from −1 − repeat to −2, of which the complement is 1.
        self.run_ends.next = (self.state.q.val() == JobState::Run) && !self.failed.val() && self.ended.val();
        self.base_adder[0].start.next = unsigned_cast(self.fields.stride0.val());
        self.base_adder[1].start.next = unsigned_cast(self.fields.stride1.val());
        self.base_adder[2].start.next = unsigned_cast(self.fields.stride2.val());
        self.base_adder[3].start.next = unsigned_cast(self.fields.stride3.val());
        self.run_adder.start.next = 0.into();
        self.run_adder.carry.next = true;
        if self.state.q.val() == JobState::Check {
            self.base_adder[0].start.next = self.fields.segment0_base.val();
            self.base_adder[1].start.next = self.fields.segment1_base.val();
            self.base_adder[2].start.next = self.fields.segment2_base.val();
            self.base_adder[3].start.next = self.fields.segment3_base.val();
            self.run_adder.start.next = !self.fields.repeat.val();
            self.run_adder.carry.next = false;
        }
        self.run_adder.sum.next = self.runs.q.val();
        self.complement.next = !self.runs.q.val();
        self.last_run.d.next = (self.complement.val() == 1).into();
        for i in 0..4 {
            self.base_adder[i].sum.next = self.base[i].q.val();
            self.base_adder[i].carry.next = false;
        }
        if (self.state.q.val() == JobState::Check) || self.run_ends.val() {
            for i in 0..4 {
                self.base[i].d.next = self.base_adder[i].y.val();
            }
            self.runs.d.next = self.run_adder.y.val();
        }
        if self.state.q.val() == JobState::Idle {
            for i in 0..4 {
                self.base[i].d.next = 0.into();
            }
            self.runs.d.next = 0.into();
        }
        // The loop.
        self.job_begins.next = false;
        self.clear.next = false;
        self.start.next = false;
        self.complete.next = false;
        self.notify.next = false;
        self.bad_command.next = false;
        self.flush.next = self.state.q.val() == JobState::Drain;
        self.counting.next = (self.state.q.val() == JobState::Run) || (self.state.q.val() == JobState::Start);
        self.completing.next = self.completing_q.q.val();
        self.busy.next = self.state.q.val() != JobState::Idle;
        self.halted.next = self.halted_q.q.val();
        self.job_status.next = self.status_q.q.val();
        match self.state.q.val() {
            JobState::Idle => {
                if self.available.val() {
                    self.state.d.next = JobState::Request;
                    self.requesting.d.next = true;
                    self.filled.d.next = 0.into();
                }
            }
            JobState::Request => {
                if self.burst_ready.val() {
                    self.state.d.next = JobState::Receive;
                    self.requesting.d.next = false;
                }
            }
            JobState::Receive => {
                if self.beat_valid.val() {
                    self.filled.d.next = self.filled.q.val() + 1;
                    if self.filled.q.val() == self.last_part.val() {
                        self.state.d.next = JobState::Measure;
                    }
                }
            }
            JobState::Measure => {
                self.state.d.next = JobState::Judge;
            }
            JobState::Judge => {
                self.state.d.next = JobState::Check;
            }
            JobState::Check => {
                self.job_begins.next = true;
                self.clear.next = true;
                self.status_q.d.next = 0.into();
                self.state.d.next = JobState::Clear;
                if self.failed.val() {
                    // The entry itself could not be read.
                    self.state.d.next = JobState::Drain;
                } else if !self.runnable.val() {
                    self.bad_command.next = true;
                    self.state.d.next = JobState::Drain;
                }
                if self.aborting.q.val() {
                    self.bad_command.next = false;
                    self.status_q.d.next = self.aborted.val();
                    self.state.d.next = JobState::Complete;
                    self.complete.next = true;
                }
            }
            JobState::Clear => {
                self.state.d.next = JobState::Start;
            }
            JobState::Start => {
                self.start.next = true;
                self.state.d.next = JobState::Run;
            }
            JobState::Run => {
                if self.failed.val() {
                    self.state.d.next = JobState::Drain;
                } else if self.ended.val() {
                    self.clear.next = true;
                    self.state.d.next = JobState::Clear;
                    if self.last_run.q.val().any() {
                        self.state.d.next = JobState::Complete;
                        self.complete.next = true;
                    }
                }
            }
            JobState::Drain => {
                if self.failed.val() && self.quiet.val() {
                    self.clear.next = true;
                    self.status_q.d.next = self.error_code.val();
                    self.halted_q.d.next = true;
                    self.complete.next = true;
                    self.state.d.next = JobState::Complete;
                }
            }
            JobState::Complete => {
                if self.completion_done.val() {
                    self.state.d.next = JobState::Answer;
                }
            }
            JobState::Answer => {
                if self.quiet.val() {
                    self.consumer_q.d.next = self.consumer_q.q.val() + 1;
                    self.completion_producer_q.d.next = self.completion_producer_q.q.val() + 1;
                    self.notify.next = self.fields.flags.val().get_bit(0);
                    self.completing_q.d.next = false;
                    self.state.d.next = JobState::Next;
                }
            }
            // Next, and states that are none.
            _ => {
                self.state.d.next = JobState::Idle;
            }
        }
        if self.complete.val() {
            self.completing_q.d.next = true;
        }
        // After RESUME, what was queued behind the failed job completes as aborted.
        if self.aborting.q.val() && (self.abort_until.q.val() == self.consumer_q.q.val()) {
            self.aborting.d.next = false;
        }
        if self.resume.val()
            && self.halted_q.q.val()
            && ((self.state.q.val() == JobState::Idle) || (self.state.q.val() == JobState::Next))
        {
            self.halted_q.d.next = false;
            self.aborting.d.next = true;
            self.abort_until.d.next = self.producer.val();
        }
    }
}
