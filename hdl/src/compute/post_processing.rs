//! The post-processing unit: P lanes take the drain registers group by group and write the output buffer.

use cbp_isa::Config;
use cbp_isa::parameters::PARAMETER_BYTES;

use super::group_select::GroupSelect;
use super::group_tags::GroupTags;
use super::lane_input::INPUT_LATENCY;
use super::mask_packer::MaskPacker;
use super::position::{POSITION_BITS, PositionFields};
use super::ppu_lane::{PPU_LATENCY, PpuLane, SIGN_LATENCY};
use crate::array::sum_latency;
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::{Delay, Fifo};

/// Room for the positions on their way from the sequencer to here, one a cycle: to the columns, the sums, the drain
/// register, and the queue's own.
fn positions(config: &Config) -> usize {
    (INPUT_LATENCY + sum_latency(config) + 4).next_power_of_two()
}

/// Post-processing.
///
/// A position's results stand in the drain registers from `drained` on. Group g (columns, or lanes, g·P …) is taken g
/// cycles after that, written [`SELECT_LATENCY`](super::group_select::SELECT_LATENCY) + [`PPU_LATENCY`] cycles later, and kept one more.
#[derive(LogicBlock)]
pub struct PostProcessing {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything under way.
    pub reset: Signal<In, Bit>,
    /// The sequencer ends a position.
    pub push: Signal<In, Bit>,
    /// That position.
    pub position: Wire<In>,
    /// A position's results have reached the drain registers.
    pub drained: Signal<In, Bit>,
    /// Drain registers of all columns.
    pub results: Vec<Wire<In>>,
    /// Drain registers of all lanes' maxima.
    pub maxima: Vec<Wire<In>>,
    /// Read a parameter word.
    pub parameter_read: Signal<Out, Bit>,
    /// Which one.
    pub parameter_word: Wire<Out>,
    /// Parameter records, one per lane, one cycle later.
    pub records: Vec<Wire<In>>,
    /// Read a residual granule.
    pub residual_read: Signal<Out, Bit>,
    /// Which one.
    pub residual_granule: Wire<Out>,
    /// Its bytes, one per lane, one cycle later.
    pub residual: Wire<In>,
    /// Write to the output buffer.
    pub write: Signal<Out, Bit>,
    /// Granule to write to.
    pub write_granule: Wire<Out>,
    /// Write four granules of raw accumulators instead of one of bytes.
    pub write_raw: Signal<Out, Bit>,
    /// The granule: values or sign masks.
    pub granule: Wire<Out>,
    /// The raw accumulators.
    pub raw: Wire<Out>,
    /// Write to the activation buffer.
    pub keep: Signal<Out, Bit>,
    /// It does so in the next cycle.
    pub keeps_next: Signal<Out, Bit>,
    /// Granule to write to.
    pub keep_granule: Wire<Out>,
    /// The granule.
    pub keep_data: Wire<Out>,
    /// Tokens given to LOAD in this cycle.
    pub give_load: Wire<Out>,
    /// Tokens given to STORE in this cycle.
    pub give_store: Wire<Out>,
    /// Nothing is under way.
    pub idle: Signal<Out, Bit>,
    queue: Fifo,
    head: PositionFields,
    select: GroupSelect,
    tags: GroupTags,
    lane: Vec<PpuLane>,
    packer: MaskPacker,
    active: Dff<Bit>,
    group_q: Reg,
    group: Wire<Local>,
    work: Signal<Local, Bit>,
    group_ends: Signal<Local, Bit>,
    parameters: Dff<Bit>,
    parameter_word_q: Reg,
    residual_due: Dff<Bit>,
    residual_granule_q: Reg,
    with_residual: Dff<Bit>,
    residuals: Split,
    signs: Concat,
    sign_delay: Delay,
    values: Concat,
    raws: Concat,
    keeping: Dff<Bit>,
    keep_granule_q: Reg,
    keep_data_q: Reg,
    ended: Dff<Bit>,
    to_store: Reg,
    to_load: Reg,
    early_to_load: Reg,
    under_way: Reg,
    ppu_lanes: Const,
    columns: Const,
    lanes: Const,
}

impl PostProcessing {
    /// The unit of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (p, n) = (config.ppu_lanes, config.columns);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            push: Signal::default(),
            position: Wire::new(POSITION_BITS),
            drained: Signal::default(),
            results: Wire::many(n, config.accumulator_bits),
            maxima: Wire::many(config.lanes, 8),
            parameter_read: Signal::default(),
            parameter_word: Wire::new(16),
            records: Wire::many(p, 8 * PARAMETER_BYTES),
            residual_read: Signal::default(),
            residual_granule: Wire::new(16),
            residual: Wire::new(8 * p),
            write: Signal::default(),
            write_granule: Wire::new(16),
            write_raw: Signal::default(),
            granule: Wire::new(8 * p),
            raw: Wire::new(32 * p),
            keep: Signal::default(),
            keeps_next: Signal::default(),
            keep_granule: Wire::new(16),
            keep_data: Wire::new(8 * p),
            give_load: Wire::new(4),
            give_store: Wire::new(4),
            idle: Signal::default(),
            queue: Fifo::new(POSITION_BITS, positions(config)),
            head: PositionFields::default(),
            select: GroupSelect::new(config),
            tags: GroupTags::default(),
            lane: (0..p).map(|_| PpuLane::new(config.accumulator_bits)).collect(),
            packer: MaskPacker::new(config),
            active: Dff::default(),
            group_q: Reg::with_reset(8, 0),
            group: Wire::new(8),
            work: Signal::default(),
            group_ends: Signal::default(),
            parameters: Dff::default(),
            parameter_word_q: Reg::plain(16),
            residual_due: Dff::default(),
            residual_granule_q: Reg::plain(16),
            with_residual: Dff::default(),
            residuals: Split::new(p, 8),
            signs: Concat::new(p, 1),
            sign_delay: Delay::new(p, PPU_LATENCY - SIGN_LATENCY, false),
            values: Concat::new(p, 8),
            raws: Concat::new(p, 32),
            keeping: Dff::default(),
            keep_granule_q: Reg::plain(16),
            keep_data_q: Reg::plain(8 * p),
            ended: Dff::default(),
            to_store: Reg::with_reset(4, 0),
            to_load: Reg::with_reset(4, 0),
            early_to_load: Reg::with_reset(4, 0),
            under_way: Reg::with_reset(8, 0),
            ppu_lanes: p.into(),
            columns: n.into(),
            lanes: config.lanes.into(),
        }
    }
}

impl Logic for PostProcessing {
    #[hdl_gen]
    fn update(&mut self) {
        self.queue.push.next = self.push.val();
        self.queue.data.next = self.position.val();
        self.head.word.next = self.queue.head.val();
        // One group a cycle.
        self.group.next = self.group_q.q.val();
        if self.drained.val() {
            self.group.next = 0.into();
        }
        self.work.next = self.drained.val() || self.active.q.val();
        self.group_ends.next = self.work.val() && (self.group.val() == self.head.last_group.val());
        self.queue.pop.next = self.group_ends.val();
        self.active.d.next = self.work.val() && !self.group_ends.val();
        self.group_q.d.next = self.group.val() + 1;
        self.select.group.next = self.group.val();
        self.select.maximum.next = self.head.maximum.val().any();
        for n in 0..self.columns.value {
            self.select.results[n].next = self.results[n].val();
        }
        for k in 0..self.lanes.value {
            self.select.maxima[k].next = self.maxima[k].val();
        }
        // Parameters and residual operands are read in the cycle after, and arrive with the results.
        self.parameters.d.next = self.work.val();
        self.parameter_word_q.d.next = self.head.parameter_word.val() + unsigned_cast(self.group.val());
        self.parameter_read.next = self.parameters.q.val();
        self.parameter_word.next = self.parameter_word_q.q.val();
        self.residual_due.d.next = self.work.val() && self.head.with_residual.val().any();
        self.residual_granule_q.d.next = self.head.residual.val() + unsigned_cast(self.group.val());
        self.residual_read.next = self.residual_due.q.val();
        self.residual_granule.next = self.residual_granule_q.q.val();
        self.with_residual.d.next = self.residual_due.q.val();
        self.residuals.x.next = self.residual.val();
        for p in 0..self.ppu_lanes.value {
            self.lane[p].acc.next = self.select.taken[p].val();
            self.lane[p].residual.next = 0.into();
            if self.with_residual.q.val() {
                self.lane[p].residual.next = self.residuals.parts[p].val();
            }
            self.lane[p].record.next = self.records[p].val();
            self.lane[p].lo.next = self.tags.late_lo.val();
            self.lane[p].hi.next = self.tags.late_hi.val();
            self.lane[p].z_out.next = self.tags.late_z_out.val();
            self.signs.parts[p].next = self.lane[p].positive.val().into();
            self.values.parts[p].next = self.lane[p].value.val();
            self.raws.parts[p].next = self.lane[p].raw.val();
        }
        // What belongs to a group travels beside it.
        self.tags.lo.next = self.head.lo.val();
        self.tags.hi.next = self.head.hi.val();
        self.tags.z_out.next = self.head.z_out.val();
        self.tags.work.next = self.work.val();
        self.tags.group_ends.next = self.group_ends.val();
        self.tags.begins.next = self.drained.val() && self.head.begins.val().any();
        self.tags.ends.next = self.head.ends.val();
        self.tags.target.next = self.head.target.val();
        self.tags.raw.next = self.head.raw.val();
        self.tags.mask.next = self.head.mask.val();
        self.tags.out.next = self.head.out.val() + unsigned_cast(self.group.val());
        if self.head.raw.val().any() {
            self.tags.out.next = self.head.out.val() + (bits_resize(self.group.val(), 16) << 2);
        }
        self.tags.keep.next = self.head.keep.val() + unsigned_cast(self.group.val());
        self.tags.mask_base.next = self.head.mask_base.val();
        self.tags.signal_load.next = self.head.signal_load.val();
        self.tags.signal_store.next = self.head.signal_store.val();
        // Sign masks.
        self.sign_delay.x.next = self.signs.y.val();
        self.packer.valid.next = self.tags.valid.val();
        self.packer.signs.next = self.sign_delay.y.val();
        self.packer.begins.next = self.tags.instruction_begins.val();
        self.packer.position_ends.next = self.tags.position_ends.val();
        self.packer.instruction_ends.next = self.tags.instruction_ends.val();
        self.packer.enable.next = self.tags.late_mask.val();
        self.packer.base.next = self.tags.late_mask_base.val();
        // A mask granule is written in the cycle after a position, which the sequencer keeps free.
        self.write.next = self.tags.to_output.val() || self.packer.write.val();
        self.write_raw.next = self.tags.late_raw.val();
        self.write_granule.next = self.tags.late_out.val();
        self.granule.next = self.values.y.val();
        if self.packer.write.val() {
            self.write_granule.next = self.packer.write_granule.val();
            self.granule.next = self.packer.granule.val();
        }
        self.raw.next = self.raws.y.val();
        self.keeping.d.next = self.tags.to_activations.val();
        self.keep_granule_q.d.next = self.tags.late_keep.val();
        self.keep_data_q.d.next = self.values.y.val();
        self.keep.next = self.keeping.q.val();
        self.keeps_next.next = self.tags.to_activations.val();
        self.keep_granule.next = self.keep_granule_q.q.val();
        self.keep_data.next = self.keep_data_q.q.val();
        // STORE may start when the last granule is written; so may LOAD, if the instruction keeps granules.
        self.ended.d.next = self.tags.position_ends.val();
        self.to_store.d.next = 0.into();
        self.to_load.d.next = 0.into();
        if self.tags.instruction_ends.val() {
            self.to_store.d.next = self.tags.late_signal_store.val();
            if self.tags.to_activations.val() {
                self.to_load.d.next = self.tags.late_signal_load.val();
            }
        }
        self.give_store.next = self.to_store.q.val();
        // Else its last parameters are read in the next cycle, its activations and weights long before: their buffers
        // are free from then on. What follows an instruction that keeps has not started by then.
        self.early_to_load.d.next = 0.into();
        if self.group_ends.val() && self.head.ends.val().any() && !self.head.target.val().get_bit(1) {
            self.early_to_load.d.next = self.head.signal_load.val();
        }
        self.give_load.next = self.to_load.q.val() | self.early_to_load.q.val();
        if self.push.val() && !self.ended.q.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.push.val() && self.ended.q.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        self.idle.next = self.under_way.q.val() == 0;
    }
}
