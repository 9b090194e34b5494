//! Which results post-processing takes: P columns' sums, or P lanes' maxima.

use cbp_isa::Config;

use crate::lang::arith::{Choose, Pick};
use crate::lang::prelude::*;

/// Cycles from a group's turn to its results.
pub const SELECT_LATENCY: usize = 2;
/// Bits of a maximum.
const BYTE: usize = 8;

/// Chooses group g (columns or lanes g·P …) of the drain registers.
///
/// Sums and maxima are chosen each into registers of their own, of which one kind is cleared; so they need no
/// multiplexer, only an OR of the lowest byte. The bits above are set when a maximum is negative.
#[derive(LogicBlock)]
pub struct GroupSelect {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Drain registers of all columns.
    pub results: Vec<Wire<In>>,
    /// Drain registers of all lanes' maxima.
    pub maxima: Vec<Wire<In>>,
    /// Group to take.
    pub group: Wire<In>,
    /// Take maxima.
    pub maximum: Signal<In, Bit>,
    /// Results of that group, signed, [`SELECT_LATENCY`] cycles later.
    pub taken: Vec<Wire<Out>>,
    result: Vec<Choose>,
    byte: Vec<Choose>,
    sum: Vec<Reg>,
    best: Vec<Reg>,
    sum_low: Vec<Pick>,
    sum_high: Vec<Pick>,
    sign: Vec<Pick>,
    negative: Vec<Signal<Local, Bit>>,
    low: Vec<Reg>,
    high: Vec<Reg>,
    wide: Vec<Wire<Local>>,
    one: Wire<Local>,
    ppu_lanes: Const,
    groups: Const,
    lane_groups: Const,
    byte_bits: Const,
}

impl GroupSelect {
    /// The choice of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (p, bits) = (config.ppu_lanes, config.accumulator_bits);
        Self {
            clock: Signal::default(),
            results: Wire::many(config.columns, bits),
            maxima: Wire::many(config.lanes, BYTE),
            group: Wire::new(8),
            maximum: Signal::default(),
            taken: Wire::many(p, bits),
            result: (0..p).map(|_| Choose::new(config.ppu_groups(), bits, 8)).collect(),
            byte: (0..p).map(|_| Choose::new(config.activation_granules(), BYTE, 8)).collect(),
            sum: Reg::many(p, bits),
            best: Reg::many(p, BYTE),
            sum_low: (0..p).map(|_| Pick::new(bits, 0, BYTE)).collect(),
            sum_high: (0..p).map(|_| Pick::new(bits, BYTE, bits - BYTE)).collect(),
            sign: (0..p).map(|_| Pick::new(BYTE, BYTE - 1, 1)).collect(),
            negative: (0..p).map(|_| Signal::default()).collect(),
            low: Reg::many(p, BYTE),
            high: Reg::many(p, bits - BYTE),
            wide: Wire::many(p, bits),
            one: Wire::new(1),
            ppu_lanes: p.into(),
            groups: config.ppu_groups().into(),
            lane_groups: config.activation_granules().into(),
            byte_bits: BYTE.into(),
        }
    }
}

impl Logic for GroupSelect {
    #[hdl_gen]
    fn update(&mut self) {
        self.one.next = 1.into();
        for p in 0..self.ppu_lanes.value {
            self.byte[p].index.next = self.group.val();
            for g in 0..self.lane_groups.value {
                self.byte[p].parts[g].next = self.maxima[p + g * self.ppu_lanes.value].val();
            }
            self.result[p].index.next = self.group.val();
            for g in 0..self.groups.value {
                self.result[p].parts[g].next = self.results[p + g * self.ppu_lanes.value].val();
            }
            self.sum[p].d.next = self.result[p].y.val();
            if self.maximum.val() {
                self.sum[p].d.next = 0.into();
            }
            self.best[p].d.next = self.byte[p].y.val();
            if !self.maximum.val() {
                self.best[p].d.next = 0.into();
            }
            self.sum_low[p].x.next = self.sum[p].q.val();
            self.sum_high[p].x.next = self.sum[p].q.val();
            self.low[p].d.next = self.sum_low[p].y.val() | self.best[p].q.val();
            self.high[p].d.next = self.sum_high[p].y.val();
            self.sign[p].x.next = self.best[p].q.val();
            self.negative[p].next = self.sign[p].y.val().any();
            if self.negative[p].val() {
                self.high[p].d.next = signed_cast(self.one.val());
            }
            self.wide[p].next = unsigned_cast(self.high[p].q.val());
            self.taken[p].next =
                unsigned_cast(self.low[p].q.val()) | (self.wide[p].val() << self.byte_bits.val());
        }
    }
}
