//! The post-processing unit: P lanes take the drain registers group by group and write the output buffer.

use cbp_isa::Config;
use cbp_isa::parameters::PARAMETER_BYTES;

use super::mask_packer::MaskPacker;
use super::position::{POSITION_BITS, PositionFields};
use super::ppu_lane::{CLAMP_LATENCY, PPU_LATENCY, PpuLane, SIGN_LATENCY};
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::{Delay, Fifo};

/// Positions on their way from the sequencer to here; more than the array's pipeline holds.
const POSITIONS: usize = 16;

/// Post-processing.
///
/// A position's results stand in the columns' drain registers from `drained` on. Group g (columns g·P …) is
/// taken g cycles after that, and written [`PPU_LATENCY`] + 1 cycles later.
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
    /// Read a parameter word.
    pub parameter_read: Signal<Out, Bit>,
    /// Which one.
    pub parameter_word: Wire<Out>,
    /// Parameter records, one per lane, one cycle later.
    pub records: Vec<Wire<In>>,
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
    /// Tokens given to LOAD in this cycle.
    pub give_load: Wire<Out>,
    /// Tokens given to STORE in this cycle.
    pub give_store: Wire<Out>,
    /// Nothing is under way.
    pub idle: Signal<Out, Bit>,
    queue: Fifo,
    head: PositionFields,
    lane: Vec<PpuLane>,
    packer: MaskPacker,
    active: Dff<Bit>,
    group_q: Reg,
    group: Wire<Local>,
    work: Signal<Local, Bit>,
    group_ends: Signal<Local, Bit>,
    taken: Vec<Reg>,
    clamp_pack: Concat,
    clamp: Delay,
    clamp_split: Split,
    out: Wire<Local>,
    tag: Concat,
    tags: Delay,
    tag_split: Split,
    flags: Concat,
    flag_delay: Delay,
    flag_split: Split,
    signal: Delay,
    signs: Concat,
    sign_delay: Delay,
    values: Concat,
    raws: Concat,
    valid: Signal<Local, Bit>,
    position_ends: Signal<Local, Bit>,
    instruction_ends: Signal<Local, Bit>,
    ended: Dff<Bit>,
    give: Reg,
    under_way: Reg,
    ppu_lanes: Const,
    groups: Const,
}

impl PostProcessing {
    /// The unit of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (p, n) = (config.ppu_lanes, config.columns);
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            push: Signal::default(),
            position: Wire::new(POSITION_BITS),
            drained: Signal::default(),
            results: Wire::many(n, config.accumulator_bits),
            parameter_read: Signal::default(),
            parameter_word: Wire::new(16),
            records: Wire::many(p, 8 * PARAMETER_BYTES),
            write: Signal::default(),
            write_granule: Wire::new(16),
            write_raw: Signal::default(),
            granule: Wire::new(8 * p),
            raw: Wire::new(32 * p),
            give_load: Wire::new(4),
            give_store: Wire::new(4),
            idle: Signal::default(),
            queue: Fifo::new(POSITION_BITS, POSITIONS),
            head: PositionFields::default(),
            lane: (0..p).map(|_| PpuLane::new(config.accumulator_bits)).collect(),
            packer: MaskPacker::new(config),
            active: Dff::default(),
            group_q: Reg::with_reset(8, 0),
            group: Wire::new(8),
            work: bit(),
            group_ends: bit(),
            taken: Reg::many(p, config.accumulator_bits),
            clamp_pack: Concat::new(3, 8),
            clamp: Delay::new(24, 1 + CLAMP_LATENCY, false),
            clamp_split: Split::new(3, 8),
            out: Wire::new(16),
            tag: Concat::new(2, 16),
            tags: Delay::new(32, 1 + PPU_LATENCY, false),
            tag_split: Split::new(2, 16),
            flags: Concat::new(6, 1),
            flag_delay: Delay::new(6, 1 + PPU_LATENCY, true),
            flag_split: Split::new(6, 1),
            signal: Delay::new(4, 1 + PPU_LATENCY, false),
            signs: Concat::new(p, 1),
            sign_delay: Delay::new(p, PPU_LATENCY - SIGN_LATENCY, false),
            values: Concat::new(p, 8),
            raws: Concat::new(p, 32),
            valid: bit(),
            position_ends: bit(),
            instruction_ends: bit(),
            ended: Dff::default(),
            give: Reg::plain(4),
            under_way: Reg::with_reset(8, 0),
            ppu_lanes: p.into(),
            groups: config.ppu_groups().into(),
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
        self.group_ends.next = self.work.val() && (self.group.val() == (self.head.groups.val() - 1));
        self.queue.pop.next = self.group_ends.val();
        self.active.d.next = self.work.val() && !self.group_ends.val();
        self.group_q.d.next = self.group.val() + 1;
        self.out.next = self.head.out.val() + unsigned_cast(self.group.val());
        if self.head.raw.val().any() {
            self.out.next = self.head.out.val() + (bits_resize(self.group.val(), 16) << 2);
        }
        for p in 0..self.ppu_lanes.value {
            self.taken[p].d.next = self.results[p].val();
            for g in 0..self.groups.value {
                if self.group.val() == g {
                    self.taken[p].d.next = self.results[p + g * self.ppu_lanes.value].val();
                }
            }
        }
        // Parameters are read with the group and arrive with `taken`.
        self.parameter_read.next = self.work.val();
        self.parameter_word.next = self.head.parameter_word.val() + unsigned_cast(self.group.val());
        // The instruction's last parameters are read in this cycle, its activations and weights long before: their
        // buffers are free from the next.
        self.give_load.next = 0.into();
        if self.group_ends.val() && self.head.ends.val().any() {
            self.give_load.next = self.head.signal_load.val();
        }
        for p in 0..self.ppu_lanes.value {
            self.lane[p].acc.next = self.taken[p].q.val();
            self.lane[p].record.next = self.records[p].val();
            self.lane[p].lo.next = self.clamp_split.parts[0].val();
            self.lane[p].hi.next = self.clamp_split.parts[1].val();
            self.lane[p].z_out.next = self.clamp_split.parts[2].val();
            self.signs.parts[p].next = self.lane[p].positive.val().into();
            self.values.parts[p].next = self.lane[p].value.val();
            self.raws.parts[p].next = self.lane[p].raw.val();
        }
        // What belongs to a group travels beside it.
        self.clamp_pack.parts[0].next = self.head.lo.val();
        self.clamp_pack.parts[1].next = self.head.hi.val();
        self.clamp_pack.parts[2].next = self.head.z_out.val();
        self.clamp.x.next = self.clamp_pack.y.val();
        self.clamp_split.x.next = self.clamp.y.val();
        self.tag.parts[0].next = self.out.val();
        self.tag.parts[1].next = self.head.mask_base.val();
        self.tags.x.next = self.tag.y.val();
        self.tag_split.x.next = self.tags.y.val();
        self.signal.x.next = self.head.signal_store.val();
        self.sign_delay.x.next = self.signs.y.val();
        self.flags.parts[0].next = self.work.val().into();
        self.flags.parts[1].next = self.group_ends.val().into();
        self.flags.parts[2].next = self.head.raw.val();
        self.flags.parts[3].next = self.head.mask.val();
        self.flags.parts[4].next = (self.drained.val() && self.head.begins.val().any()).into();
        self.flags.parts[5].next = self.head.ends.val();
        self.flag_delay.x.next = self.flags.y.val();
        self.flag_split.x.next = self.flag_delay.y.val();
        self.valid.next = self.flag_split.parts[0].val().any();
        self.position_ends.next = self.valid.val() && self.flag_split.parts[1].val().any();
        self.instruction_ends.next = self.position_ends.val() && self.flag_split.parts[5].val().any();
        // Sign masks.
        self.packer.valid.next = self.valid.val();
        self.packer.signs.next = self.sign_delay.y.val();
        self.packer.begins.next = self.flag_split.parts[4].val().any();
        self.packer.position_ends.next = self.position_ends.val();
        self.packer.instruction_ends.next = self.instruction_ends.val();
        self.packer.enable.next = self.flag_split.parts[3].val().any();
        self.packer.base.next = self.tag_split.parts[1].val();
        // A mask granule is written in the cycle after a position, which the sequencer keeps free.
        self.write.next = self.valid.val() || self.packer.write.val();
        self.write_raw.next = self.valid.val() && self.flag_split.parts[2].val().any();
        self.write_granule.next = self.tag_split.parts[0].val();
        self.granule.next = self.values.y.val();
        if self.packer.write.val() {
            self.write_granule.next = self.packer.write_granule.val();
            self.granule.next = self.packer.granule.val();
        }
        self.raw.next = self.raws.y.val();
        // STORE may start when the last granule is written.
        self.ended.d.next = self.position_ends.val();
        self.give.d.next = 0.into();
        if self.instruction_ends.val() {
            self.give.d.next = self.signal.y.val();
        }
        self.give_store.next = 0.into();
        if self.ended.q.val() {
            self.give_store.next = self.give.q.val();
        }
        if self.push.val() && !self.ended.q.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.push.val() && self.ended.q.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        self.idle.next = self.under_way.q.val() == 0;
    }
}
