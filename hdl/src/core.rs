//! The core: everything between the registers and the AXI master.
//!
//! ```text
//!  jobs ─▶ fetch ─▶ queues ─▶ LOAD ──▶ COMPUTE ──▶ STORE
//!    │       │                 │  tokens in between  │
//!    └───────┴──── read port ──┘     write port ─────┘
//! ```

use cbp_isa::Config;
use cbp_isa::ring::SEGMENTS;

use crate::compute::ComputeEngine;
use crate::compute::sequencer::INSTRUCTION_BITS;
use crate::control::completion::CompletionWriter;
use crate::control::counters::{COUNTERS, Counters};
use crate::control::error_latch::ErrorLatch;
use crate::control::fetch::Fetch;
use crate::control::jobs::Jobs;
use crate::control::watchdog::Watchdog;
use crate::dma::load::LoadEngine;
use crate::dma::read_port::ReadPort;
use crate::dma::store::StoreEngine;
use crate::dma::write_port::WritePort;
use crate::lang::arith::{Choose, Concat};
use crate::lang::prelude::*;
use crate::parts::{Fifo, InstructionQueue, Tokens};

/// Operand beats between the bus and LOAD.
const ARRIVING: usize = 4;

/// Rings, engines and the AXI master.
#[derive(LogicBlock)]
pub struct Core {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high; only while no transfer is under way.
    pub reset: Signal<In, Bit>,
    /// A soft reset is pending: issue nothing.
    pub hold: Signal<In, Bit>,
    /// Continue after an error.
    pub resume: Signal<In, Bit>,
    /// The queue is served.
    pub enable: Signal<In, Bit>,
    /// Doorbell.
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
    /// Largest burst, bytes.
    pub burst_limit: Wire<In>,
    /// Watchdog's patience, cycles.
    pub timeout: Wire<In>,
    /// A register is read.
    pub read: Signal<In, Bit>,
    /// Which one.
    pub read_address: Wire<In>,
    /// Counters, low halves.
    pub counter_lo: Vec<Wire<Out>>,
    /// Counters, high halves.
    pub counter_hi: Vec<Wire<Out>>,
    /// A job is running.
    pub busy: Signal<Out, Bit>,
    /// An error halted the queue.
    pub halted: Signal<Out, Bit>,
    /// A transfer never finished.
    pub wedged: Signal<Out, Bit>,
    /// No transfer is under way and no completion is being written.
    pub quiet: Signal<Out, Bit>,
    /// Latched error.
    pub error_code: Wire<Out>,
    /// Where it happened.
    pub error_place: Wire<Out>,
    /// An error is latched.
    pub failed: Signal<Out, Bit>,
    /// A completion was written.
    pub notify: Signal<Out, Bit>,
    /// AXI master, read address.
    pub arvalid: Signal<Out, Bit>,
    /// Accepted.
    pub arready: Signal<In, Bit>,
    /// First byte.
    pub araddr: Wire<Out>,
    /// Beats − 1.
    pub arlen: Wire<Out>,
    /// Client.
    pub arid: Wire<Out>,
    /// AXI master, read data.
    pub rvalid: Signal<In, Bit>,
    /// Accepted.
    pub rready: Signal<Out, Bit>,
    /// The beat.
    pub rdata: Wire<In>,
    /// Response.
    pub rresp: Wire<In>,
    /// Last of its burst.
    pub rlast: Signal<In, Bit>,
    /// Client.
    pub rid: Wire<In>,
    /// AXI master, write address.
    pub awvalid: Signal<Out, Bit>,
    /// Accepted.
    pub awready: Signal<In, Bit>,
    /// First byte.
    pub awaddr: Wire<Out>,
    /// Beats − 1.
    pub awlen: Wire<Out>,
    /// AXI master, write data.
    pub wvalid: Signal<Out, Bit>,
    /// Accepted.
    pub wready: Signal<In, Bit>,
    /// The beat.
    pub wdata: Wire<Out>,
    /// Last of its burst.
    pub wlast: Signal<Out, Bit>,
    /// AXI master, write response.
    pub bvalid: Signal<In, Bit>,
    /// Response.
    pub bresp: Wire<In>,
    jobs: Jobs,
    fetch: Fetch,
    load_queue: InstructionQueue,
    compute_queue: InstructionQueue,
    store_queue: InstructionQueue,
    arriving: Fifo,
    load: LoadEngine,
    compute: ComputeEngine,
    store: StoreEngine,
    load_to_compute: Tokens,
    compute_to_load: Tokens,
    compute_to_store: Tokens,
    store_to_compute: Tokens,
    store_to_load: Tokens,
    read_port: ReadPort,
    write_port: WritePort,
    completion: CompletionWriter,
    counters: Counters,
    errors: ErrorLatch,
    watchdog: Watchdog,
    load_base: Choose,
    load_length: Choose,
    store_base: Choose,
    store_length: Choose,
    last_part: Concat,
    flush_q: Reg,
    engine_reset_q: Reg,
    flush: Signal<Local, Bit>,
    engine_reset: Signal<Local, Bit>,
    ended: Dff<Bit>,
    transfers: Signal<Local, Bit>,
    limit_wide: Wire<Local>,
    limit: Reg,
    log2_beat: Const,
    code_bits: Const,
}

impl Core {
    /// The core of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let axi = config.axi_bits;
        let queue = || InstructionQueue::new(INSTRUCTION_BITS, axi);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            hold: Signal::default(),
            resume: Signal::default(),
            enable: Signal::default(),
            producer: Wire::new(32),
            command_base: Wire::new(64),
            command_log2: Wire::new(4),
            completion_base: Wire::new(64),
            completion_log2: Wire::new(4),
            completion_consumer: Wire::new(32),
            consumer: Wire::new(32),
            completion_producer: Wire::new(32),
            burst_limit: Wire::new(32),
            timeout: Wire::new(32),
            read: Signal::default(),
            read_address: Wire::new(16),
            counter_lo: Wire::many(COUNTERS, 32),
            counter_hi: Wire::many(COUNTERS, 32),
            busy: Signal::default(),
            halted: Signal::default(),
            wedged: Signal::default(),
            quiet: Signal::default(),
            error_code: Wire::new(32),
            error_place: Wire::new(64),
            failed: Signal::default(),
            notify: Signal::default(),
            arvalid: Signal::default(),
            arready: Signal::default(),
            araddr: Wire::new(64),
            arlen: Wire::new(8),
            arid: Wire::new(8),
            rvalid: Signal::default(),
            rready: Signal::default(),
            rdata: Wire::new(axi),
            rresp: Wire::new(2),
            rlast: Signal::default(),
            rid: Wire::new(8),
            awvalid: Signal::default(),
            awready: Signal::default(),
            awaddr: Wire::new(64),
            awlen: Wire::new(8),
            wvalid: Signal::default(),
            wready: Signal::default(),
            wdata: Wire::new(axi),
            wlast: Signal::default(),
            bvalid: Signal::default(),
            bresp: Wire::new(2),
            jobs: Jobs::new(config),
            fetch: Fetch::new(config),
            load_queue: queue(),
            compute_queue: queue(),
            store_queue: queue(),
            arriving: Fifo::new(axi, ARRIVING),
            load: LoadEngine::new(config),
            compute: ComputeEngine::new(config),
            store: StoreEngine::new(config),
            load_to_compute: Tokens::default(),
            compute_to_load: Tokens::default(),
            compute_to_store: Tokens::default(),
            store_to_compute: Tokens::default(),
            store_to_load: Tokens::default(),
            read_port: ReadPort::new(config),
            write_port: WritePort::new(config),
            completion: CompletionWriter::new(config),
            counters: Counters::default(),
            errors: ErrorLatch::default(),
            watchdog: Watchdog::default(),
            load_base: Choose::new(SEGMENTS, 64, 4),
            load_length: Choose::new(SEGMENTS, 32, 4),
            store_base: Choose::new(SEGMENTS, 64, 4),
            store_length: Choose::new(SEGMENTS, 32, 4),
            last_part: Concat::new(32, 1),
            flush_q: Reg::plain(1),
            engine_reset_q: Reg::plain(1),
            flush: Signal::default(),
            engine_reset: Signal::default(),
            ended: Dff::default(),
            transfers: Signal::default(),
            limit_wide: Wire::new(32),
            limit: Reg::plain(9),
            log2_beat: (config.beat_bytes().ilog2() as usize).into(),
            code_bits: (config.weight_set.code_bits() as usize).into(),
        }
    }
}

impl Logic for Core {
    #[hdl_gen]
    fn update(&mut self) {
        // An error or a pending reset stops the engines; they are cleared when no transfer is under way.
        // Both reach far: they start at registers, and no engine issues anything in the cycle that clears it.
        self.flush_q.d.next = (self.hold.val()
            || self.jobs.flush.val()
            || self.errors.failed.val()
            || self.reset.val()
            || self.jobs.clear.val())
        .into();
        self.engine_reset_q.d.next = (self.reset.val() || self.jobs.clear.val()).into();
        self.flush.next = self.flush_q.q.val().any();
        self.engine_reset.next = self.engine_reset_q.q.val().any();
        self.transfers.next =
            self.read_port.busy.val() || self.write_port.busy.val() || self.store.open.val();
        self.quiet.next = !self.transfers.val() && !self.jobs.completing.val();
        // Bursts: AXI allows 256 beats.
        self.limit_wide.next = self.burst_limit.val() >> self.log2_beat.val();
        self.limit.d.next = bits_resize(self.limit_wide.val(), 9);
        if self.limit_wide.val() > 256 {
            self.limit.d.next = 256.into();
        }
        if self.limit_wide.val() == 0 {
            self.limit.d.next = 1.into();
        }
        // Jobs.
        self.jobs.enable.next = self.enable.val();
        self.jobs.hold.next = self.hold.val();
        self.jobs.resume.next = self.resume.val();
        self.jobs.producer.next = self.producer.val();
        self.jobs.command_base.next = self.command_base.val();
        self.jobs.command_log2.next = self.command_log2.val();
        self.jobs.completion_base.next = self.completion_base.val();
        self.jobs.completion_log2.next = self.completion_log2.val();
        self.jobs.completion_consumer.next = self.completion_consumer.val();
        self.consumer.next = self.jobs.consumer.val();
        self.completion_producer.next = self.jobs.completion_producer.val();
        // Behind END nothing starts: what has ended stays so until it is cleared.
        self.ended.d.next = self.fetch.ended.val()
            && !self.transfers.val()
            && self.load_queue.empty.val()
            && self.compute_queue.empty.val()
            && self.store_queue.empty.val()
            && self.load.idle.val()
            && self.compute.idle.val()
            && self.store.idle.val();
        self.jobs.ended.next = self.ended.q.val();
        self.jobs.quiet.next = !self.transfers.val();
        self.jobs.failed.next = self.errors.failed.val();
        self.jobs.error_code.next = self.errors.code.val();
        self.notify.next = self.jobs.notify.val();
        self.busy.next = self.jobs.busy.val();
        self.halted.next = self.jobs.halted.val();
        // Fetch and queues.
        self.fetch.reset.next = self.engine_reset.val();
        self.fetch.flush.next = self.flush.val();
        self.fetch.start.next = self.jobs.start.val();
        self.fetch.address.next = self.jobs.program_address.val();
        self.fetch.beats.next = self.jobs.program_beats.val();
        self.fetch.full_load.next = self.load_queue.full.val();
        self.fetch.full_compute.next = self.compute_queue.full.val();
        self.fetch.full_store.next = self.store_queue.full.val();
        self.load_queue.reset.next = self.engine_reset.val();
        self.load_queue.push.next = self.fetch.push_load.val();
        self.load_queue.put.next = self.fetch.put.val();
        self.load_queue.place.next = self.fetch.place.val();
        self.load_queue.beat.next = self.fetch.put_beat.val();
        self.load_queue.pop.next = self.load.instruction_pop.val();
        self.compute_queue.reset.next = self.engine_reset.val();
        self.compute_queue.push.next = self.fetch.push_compute.val();
        self.compute_queue.put.next = self.fetch.put.val();
        self.compute_queue.place.next = self.fetch.place.val();
        self.compute_queue.beat.next = self.fetch.put_beat.val();
        self.compute_queue.pop.next = self.compute.instruction_pop.val();
        self.store_queue.reset.next = self.engine_reset.val();
        self.store_queue.push.next = self.fetch.push_store.val();
        self.store_queue.put.next = self.fetch.put.val();
        self.store_queue.place.next = self.fetch.place.val();
        self.store_queue.beat.next = self.fetch.put_beat.val();
        self.store_queue.pop.next = self.store.instruction_pop.val();
        // LOAD.
        self.load.reset.next = self.engine_reset.val();
        self.load.flush.next = self.flush.val();
        self.load.instruction.next = self.load_queue.head.val();
        self.load.instruction_valid.next = self.load_queue.valid.val();
        self.load.compute_ready.next = self.compute_to_load.ready.val();
        self.load.store_ready.next = self.store_to_load.ready.val();
        self.load.limit.next = self.limit.q.val();
        self.load_base.index.next = self.load.segment.val();
        self.load_length.index.next = self.load.segment.val();
        self.store_base.index.next = self.store.segment.val();
        self.store_length.index.next = self.store.segment.val();
        for i in 0..4 {
            self.load_base.parts[i].next = self.jobs.segment_base[i].val();
            self.load_length.parts[i].next = self.jobs.segment_length[i].val();
            self.store_base.parts[i].next = self.jobs.segment_base[i].val();
            self.store_length.parts[i].next = self.jobs.segment_length[i].val();
        }
        self.load.segment_base.next = self.load_base.y.val();
        self.load.segment_length.next = self.load_length.y.val();
        self.store.segment_base.next = self.store_base.y.val();
        self.store.segment_length.next = self.store_length.y.val();
        // What the bus and LOAD do in a cycle does not depend on each other.
        self.arriving.reset.next = self.engine_reset.val();
        self.arriving.push.next = self.read_port.beat_valid[2].val() && !self.arriving.full.val();
        self.arriving.data.next = self.rdata.val();
        self.arriving.pop.next = self.arriving.valid.val() && self.load.beat_ready.val();
        self.load.beat_valid.next = self.arriving.valid.val();
        self.load.beat.next = self.arriving.head.val();
        // COMPUTE.
        self.compute.reset.next = self.engine_reset.val();
        self.compute.flush.next = self.flush.val();
        self.compute.instruction.next = self.compute_queue.head.val();
        self.compute.instruction_valid.next = self.compute_queue.valid.val();
        self.compute.load_ready.next = self.load_to_compute.ready.val();
        self.compute.store_ready.next = self.store_to_compute.ready.val();
        self.compute.write_activations.next = self.load.write_activations.val();
        self.compute.write_weights.next = self.load.write_weights.val();
        self.compute.write_parameters.next = self.load.write_parameters.val();
        self.compute.write_residuals.next = self.load.write_residuals.val();
        self.load.activations_busy.next = self.compute.activations_busy.val();
        self.compute.write_word.next = self.load.write_word.val();
        self.compute.write_beat.next = self.load.write_beat.val();
        self.compute.write_data.next = self.load.write_data.val();
        self.compute.write_group.next = self.load.write_group.val();
        for p in 0..self.code_bits.value {
            self.compute.plane_data[p].next = self.load.plane_data[p].val();
        }
        self.compute.read_output.next = self.store.read.val();
        self.compute.read_beat.next = self.store.read_beat.val();
        // STORE.
        self.store.reset.next = self.engine_reset.val();
        self.store.flush.next = self.flush.val();
        self.store.instruction.next = self.store_queue.head.val();
        self.store.instruction_valid.next = self.store_queue.valid.val();
        self.store.compute_ready.next = self.compute_to_store.ready.val();
        self.store.limit.next = self.limit.q.val();
        self.store.beat.next = self.compute.output_beat.val();
        self.store.answered.next = self.write_port.store_answered.val();
        // Tokens.
        self.load_to_compute.reset.next = self.engine_reset.val();
        self.load_to_compute.give.next = self.load.give_compute.val();
        self.load_to_compute.want.next = self.compute.want_load.val();
        self.load_to_compute.take.next = self.compute.take.val();
        self.compute_to_load.reset.next = self.engine_reset.val();
        self.compute_to_load.give.next = self.compute.give_load.val();
        self.compute_to_load.want.next = self.load.want_compute.val();
        self.compute_to_load.take.next = self.load.take.val();
        self.compute_to_store.reset.next = self.engine_reset.val();
        self.compute_to_store.give.next = self.compute.give_store.val();
        self.compute_to_store.want.next = self.store.want_compute.val();
        self.compute_to_store.take.next = self.store.take.val();
        self.store_to_compute.reset.next = self.engine_reset.val();
        self.store_to_compute.give.next = self.store.give_compute.val();
        self.store_to_compute.want.next = self.compute.want_store.val();
        self.store_to_compute.take.next = self.compute.take.val();
        self.store_to_load.reset.next = self.engine_reset.val();
        self.store_to_load.give.next = self.store.give_load.val();
        self.store_to_load.want.next = self.load.want_store.val();
        self.store_to_load.take.next = self.load.take.val();
        // Reads.
        self.read_port.request[0].next = self.jobs.burst_valid.val();
        self.read_port.address[0].next = self.jobs.burst_address.val();
        self.read_port.beats[0].next = self.jobs.burst_beats.val();
        self.jobs.burst_ready.next = self.read_port.granted[0].val();
        self.jobs.beat_valid.next = self.read_port.beat_valid[0].val();
        self.jobs.beat.next = self.rdata.val();
        self.read_port.request[1].next = self.fetch.burst_valid.val();
        self.read_port.address[1].next = self.fetch.burst_address.val();
        self.read_port.beats[1].next = self.fetch.burst_beats.val();
        self.fetch.burst_ready.next = self.read_port.granted[1].val();
        self.fetch.beat_valid.next = self.read_port.beat_valid[1].val();
        self.fetch.beat.next = self.rdata.val();
        self.read_port.request[2].next = self.load.burst_valid.val();
        self.read_port.address[2].next = self.load.burst_address.val();
        self.read_port.beats[2].next = self.load.burst_beats.val();
        self.load.burst_ready.next = self.read_port.granted[2].val();
        self.read_port.operand_ready.next = !self.arriving.full.val();
        self.arvalid.next = self.read_port.arvalid.val();
        self.read_port.arready.next = self.arready.val();
        self.araddr.next = self.read_port.araddr.val();
        self.arlen.next = self.read_port.arlen.val();
        self.arid.next = self.read_port.arid.val();
        self.read_port.rvalid.next = self.rvalid.val();
        self.rready.next = self.read_port.rready.val();
        self.read_port.rid.next = self.rid.val();
        self.read_port.rresp.next = self.rresp.val();
        self.read_port.rlast.next = self.rlast.val();
        // Writes.
        self.write_port.completing.next = self.jobs.completing.val();
        self.write_port.store_burst.next = self.store.burst_valid.val();
        self.write_port.store_address.next = self.store.burst_address.val();
        self.write_port.store_beats.next = self.store.burst_beats.val();
        self.store.burst_ready.next = self.write_port.store_burst_ready.val();
        self.write_port.store_valid.next = self.store.data_valid.val();
        self.write_port.store_data.next = self.store.data.val();
        self.write_port.store_last.next = self.store.data_last.val();
        self.store.data_ready.next = self.write_port.store_ready.val();
        self.write_port.completion_burst.next = self.completion.burst_valid.val();
        self.write_port.completion_address.next = self.completion.burst_address.val();
        self.write_port.completion_beats.next = self.completion.burst_beats.val();
        self.completion.burst_ready.next = self.write_port.completion_burst_ready.val();
        self.write_port.completion_valid.next = self.completion.data_valid.val();
        self.write_port.completion_data.next = self.completion.data.val();
        self.write_port.completion_last.next = self.completion.data_last.val();
        self.completion.data_ready.next = self.write_port.completion_ready.val();
        self.awvalid.next = self.write_port.awvalid.val();
        self.write_port.awready.next = self.awready.val();
        self.awaddr.next = self.write_port.awaddr.val();
        self.awlen.next = self.write_port.awlen.val();
        self.wvalid.next = self.write_port.wvalid.val();
        self.write_port.wready.next = self.wready.val();
        self.wdata.next = self.write_port.wdata.val();
        self.wlast.next = self.write_port.wlast.val();
        self.write_port.bvalid.next = self.bvalid.val();
        self.write_port.bresp.next = self.bresp.val();
        // Completion entries: cookie, status, command_index, counters, phase on top.
        self.completion.start.next = self.jobs.complete.val();
        self.completion.address.next = self.jobs.completion_address.val();
        self.jobs.completion_done.next = self.completion.done.val();
        self.completion.entry[0].next = self.jobs.cookie_lo.val();
        self.completion.entry[1].next = self.jobs.cookie_hi.val();
        self.completion.entry[2].next = self.jobs.job_status.val();
        self.completion.entry[3].next = self.jobs.command_index.val();
        self.completion.entry[4].next = self.counters.job[0].val();
        self.completion.entry[5].next = self.counters.job[1].val();
        self.completion.entry[6].next = self.counters.job[2].val();
        for i in 0..31 {
            self.last_part.parts[i].next = self.counters.job[3].val().get_bits::<1>(i);
        }
        self.last_part.parts[31].next = self.jobs.phase.val();
        self.completion.entry[7].next = self.last_part.y.val();
        // Counters.
        self.counters.events[0].next = true;
        self.counters.events[1].next = self.compute.step.val();
        self.counters.events[2].next = self.compute.waiting_load.val();
        self.counters.events[3].next = self.compute.waiting_store.val();
        self.counters.events[4].next = self.compute.waiting_ppu.val();
        self.counters.job_begins.next = self.jobs.job_begins.val();
        self.counters.job_counts.next = self.jobs.counting.val();
        self.counters.read.next = self.read.val();
        self.counters.read_address.next = self.read_address.val();
        for i in 0..5 {
            self.counter_lo[i].next = self.counters.lo[i].val();
            self.counter_hi[i].next = self.counters.hi[i].val();
        }
        // Errors, in the order of `error_latch::SOURCES`.
        self.errors.clear.next = self.resume.val();
        self.errors.raised[0].next = self.watchdog.wedged.val();
        self.errors.raised[1].next = self.read_port.error.val();
        self.errors.raised[2].next = self.write_port.error.val();
        self.errors.raised[3].next = self.load.outside.val();
        self.errors.raised[4].next = self.load.malformed.val();
        self.errors.raised[5].next = self.store.outside.val();
        self.errors.raised[6].next = self.store.malformed.val();
        self.errors.raised[7].next = self.fetch.bad.val();
        self.errors.raised[8].next = self.jobs.bad_command.val();
        self.errors.raised[9].next = self.compute.malformed.val();
        // In the order of `error_latch::Place`.
        self.errors.address[0].next = self.read_port.error_address.val();
        self.errors.address[1].next = self.write_port.error_address.val();
        self.errors.address[2].next = self.load.fault_address.val();
        self.errors.address[3].next = self.store.fault_address.val();
        self.errors.address[4].next = unsigned_cast(self.fetch.index.val());
        self.errors.address[5].next = self.jobs.burst_address.val();
        self.error_code.next = self.errors.code.val();
        self.error_place.next = self.errors.place.val();
        self.failed.next = self.errors.failed.val();
        self.watchdog.busy.next = self.transfers.val();
        self.watchdog.progress.next = self.read_port.progress.val() || self.write_port.progress.val();
        self.watchdog.timeout.next = self.timeout.val();
        self.wedged.next = self.watchdog.wedged.val();
    }
}
