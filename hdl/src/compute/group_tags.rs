//! What belongs to a group of results travels beside it.

use super::group_select::SELECT_LATENCY;
use super::ppu_lane::{CLAMP_LATENCY, PPU_LATENCY};
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::Delay;

/// Cycles from a group's turn to its values.
const LATENCY: usize = SELECT_LATENCY + PPU_LATENCY;

/// Delays a group's clamps until the lanes need them, and everything else until its values are there.
#[derive(LogicBlock)]
pub struct GroupTags {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything under way.
    pub reset: Signal<In, Bit>,
    /// Lower clamp.
    pub lo: Wire<In>,
    /// Upper clamp.
    pub hi: Wire<In>,
    /// Output zero point.
    pub z_out: Wire<In>,
    /// A group is taken.
    pub work: Signal<In, Bit>,
    /// It is the last of its position.
    pub group_ends: Signal<In, Bit>,
    /// It is the first of its instruction.
    pub begins: Signal<In, Bit>,
    /// Its position is the last of its instruction.
    pub ends: Wire<In>,
    /// Where it goes: output buffer, activation buffer.
    pub target: Wire<In>,
    /// Raw accumulators.
    pub raw: Wire<In>,
    /// Sign masks too.
    pub mask: Wire<In>,
    /// Granule of the output buffer.
    pub out: Wire<In>,
    /// Granule of the activation buffer.
    pub keep: Wire<In>,
    /// First granule of the instruction's masks.
    pub mask_base: Wire<In>,
    /// Tokens for LOAD.
    pub signal_load: Wire<In>,
    /// Tokens for STORE.
    pub signal_store: Wire<In>,
    /// Lower clamp, when the lanes use it.
    pub late_lo: Wire<Out>,
    /// Upper clamp, with it.
    pub late_hi: Wire<Out>,
    /// Zero point, with it.
    pub late_z_out: Wire<Out>,
    /// A group's values are there; with it, the rest.
    pub valid: Signal<Out, Bit>,
    /// Last group of its position.
    pub position_ends: Signal<Out, Bit>,
    /// First group of its instruction.
    pub instruction_begins: Signal<Out, Bit>,
    /// Last group of its instruction.
    pub instruction_ends: Signal<Out, Bit>,
    /// It goes to the output buffer.
    pub to_output: Signal<Out, Bit>,
    /// It goes to the activation buffer.
    pub to_activations: Signal<Out, Bit>,
    /// Raw accumulators.
    pub late_raw: Signal<Out, Bit>,
    /// Sign masks too.
    pub late_mask: Signal<Out, Bit>,
    /// Granule of the output buffer.
    pub late_out: Wire<Out>,
    /// Granule of the activation buffer.
    pub late_keep: Wire<Out>,
    /// First granule of the instruction's masks.
    pub late_mask_base: Wire<Out>,
    /// Tokens for LOAD.
    pub late_signal_load: Wire<Out>,
    /// Tokens for STORE.
    pub late_signal_store: Wire<Out>,
    clamp_pack: Concat,
    clamp: Delay,
    clamp_split: Split,
    granule_pack: Concat,
    granules: Delay,
    granule_split: Split,
    token_pack: Concat,
    tokens: Delay,
    token_split: Split,
    flag_pack: Concat,
    flags: Delay,
    late_flags: Reg,
    keeps: Dff<Bit>,
    flag_split: Split,
}

impl Default for GroupTags {
    fn default() -> Self {
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            lo: Wire::new(8),
            hi: Wire::new(8),
            z_out: Wire::new(8),
            work: Signal::default(),
            group_ends: Signal::default(),
            begins: Signal::default(),
            ends: Wire::new(1),
            target: Wire::new(2),
            raw: Wire::new(1),
            mask: Wire::new(1),
            out: Wire::new(16),
            keep: Wire::new(16),
            mask_base: Wire::new(16),
            signal_load: Wire::new(4),
            signal_store: Wire::new(4),
            late_lo: Wire::new(8),
            late_hi: Wire::new(8),
            late_z_out: Wire::new(8),
            valid: bit(),
            position_ends: bit(),
            instruction_begins: bit(),
            instruction_ends: bit(),
            to_output: bit(),
            to_activations: bit(),
            late_raw: bit(),
            late_mask: bit(),
            late_out: Wire::new(16),
            late_keep: Wire::new(16),
            late_mask_base: Wire::new(16),
            late_signal_load: Wire::new(4),
            late_signal_store: Wire::new(4),
            clamp_pack: Concat::new(3, 8),
            clamp: Delay::new(24, SELECT_LATENCY + CLAMP_LATENCY, false),
            clamp_split: Split::new(3, 8),
            granule_pack: Concat::new(3, 16),
            granules: Delay::new(48, LATENCY, false),
            granule_split: Split::new(3, 16),
            token_pack: Concat::new(2, 4),
            tokens: Delay::new(8, LATENCY, false),
            token_split: Split::new(2, 4),
            flag_pack: Concat::new(8, 1),
            flags: Delay::new(8, LATENCY - 1, true),
            late_flags: Reg::with_reset(8, 0),
            keeps: Dff::default(),
            flag_split: Split::new(8, 1),
        }
    }
}

impl Logic for GroupTags {
    #[hdl_gen]
    fn update(&mut self) {
        self.clamp_pack.parts[0].next = self.lo.val();
        self.clamp_pack.parts[1].next = self.hi.val();
        self.clamp_pack.parts[2].next = self.z_out.val();
        self.clamp.x.next = self.clamp_pack.y.val();
        self.clamp_split.x.next = self.clamp.y.val();
        self.late_lo.next = self.clamp_split.parts[0].val();
        self.late_hi.next = self.clamp_split.parts[1].val();
        self.late_z_out.next = self.clamp_split.parts[2].val();
        self.granule_pack.parts[0].next = self.out.val();
        self.granule_pack.parts[1].next = self.keep.val();
        self.granule_pack.parts[2].next = self.mask_base.val();
        self.granules.x.next = self.granule_pack.y.val();
        self.granule_split.x.next = self.granules.y.val();
        self.late_out.next = self.granule_split.parts[0].val();
        self.late_keep.next = self.granule_split.parts[1].val();
        self.late_mask_base.next = self.granule_split.parts[2].val();
        self.token_pack.parts[0].next = self.signal_load.val();
        self.token_pack.parts[1].next = self.signal_store.val();
        self.tokens.x.next = self.token_pack.y.val();
        self.token_split.x.next = self.tokens.y.val();
        self.late_signal_load.next = self.token_split.parts[0].val();
        self.late_signal_store.next = self.token_split.parts[1].val();
        self.flag_pack.parts[0].next = self.work.val().into();
        self.flag_pack.parts[1].next = self.group_ends.val().into();
        self.flag_pack.parts[2].next = self.begins.val().into();
        self.flag_pack.parts[3].next = self.ends.val();
        self.flag_pack.parts[4].next = self.target.val().get_bits::<1>(0);
        self.flag_pack.parts[5].next = self.target.val().get_bits::<1>(1);
        self.flag_pack.parts[6].next = self.raw.val();
        self.flag_pack.parts[7].next = self.mask.val();
        self.flags.x.next = self.flag_pack.y.val();
        self.late_flags.d.next = self.flags.y.val();
        self.keeps.d.next = self.flags.y.val().get_bit(0) && self.flags.y.val().get_bit(5);
        self.flag_split.x.next = self.late_flags.q.val();
        self.valid.next = self.flag_split.parts[0].val().any();
        self.position_ends.next = self.valid.val() && self.flag_split.parts[1].val().any();
        self.instruction_begins.next = self.flag_split.parts[2].val().any();
        self.instruction_ends.next = self.position_ends.val() && self.flag_split.parts[3].val().any();
        self.to_output.next = self.valid.val() && self.flag_split.parts[4].val().any();
        // LOAD looks at this from afar.
        self.to_activations.next = self.keeps.q.val();
        self.late_raw.next = self.valid.val() && self.flag_split.parts[6].val().any();
        self.late_mask.next = self.flag_split.parts[7].val().any();
    }
}
