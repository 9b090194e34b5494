//! Which results post-processing takes: P columns' sums, or P lanes' maxima.

use cbp_isa::Config;

use crate::lang::arith::Choose;
use crate::lang::prelude::*;

/// Chooses group g (columns or lanes g·P …) of the drain registers.
#[derive(LogicBlock)]
pub struct GroupSelect {
    /// Drain registers of all columns.
    pub results: Vec<Wire<In>>,
    /// Drain registers of all lanes' maxima.
    pub maxima: Vec<Wire<In>>,
    /// Group to take.
    pub group: Wire<In>,
    /// Take maxima.
    pub maximum: Signal<In, Bit>,
    /// Results of that group, signed.
    pub taken: Vec<Wire<Out>>,
    result: Vec<Choose>,
    byte: Vec<Choose>,
    best: Vec<Wire<Local>>,
    ppu_lanes: Const,
    groups: Const,
    lane_groups: Const,
}

impl GroupSelect {
    /// The choice of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (p, bits) = (config.ppu_lanes, config.accumulator_bits);
        Self {
            results: Wire::many(config.columns, bits),
            maxima: Wire::many(config.lanes, 8),
            group: Wire::new(8),
            maximum: Signal::default(),
            taken: Wire::many(p, bits),
            result: (0..p).map(|_| Choose::new(config.ppu_groups(), bits, 8)).collect(),
            byte: (0..p).map(|_| Choose::new(config.activation_granules(), 8, 8)).collect(),
            best: Wire::many(p, 8),
            ppu_lanes: p.into(),
            groups: config.ppu_groups().into(),
            lane_groups: config.activation_granules().into(),
        }
    }
}

impl Logic for GroupSelect {
    #[hdl_gen]
    fn update(&mut self) {
        for p in 0..self.ppu_lanes.value {
            self.byte[p].index.next = self.group.val();
            for g in 0..self.lane_groups.value {
                self.byte[p].parts[g].next = self.maxima[p + g * self.ppu_lanes.value].val();
            }
            self.best[p].next = self.byte[p].y.val();
            self.result[p].index.next = self.group.val();
            for g in 0..self.groups.value {
                self.result[p].parts[g].next = self.results[p + g * self.ppu_lanes.value].val();
            }
            self.taken[p].next = self.result[p].y.val();
            if self.maximum.val() {
                self.taken[p].next = signed_cast(self.best[p].val());
            }
        }
    }
}
