//! Packs sign bits into granules.

use cbp_isa::Config;

use crate::lang::arith::Concat;
use crate::lang::prelude::*;

/// Pieces of P sign bits in a granule of P bytes.
const PIECES: usize = 8;

/// Collects P sign bits a cycle; a position takes N bits, whatever part of them is written.
///
/// A granule is written in the cycle after a position's last group, when it is full or the instruction ends.
#[derive(LogicBlock)]
pub struct MaskPacker {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget what was collected.
    pub reset: Signal<In, Bit>,
    /// A group's signs are here.
    pub valid: Signal<In, Bit>,
    /// Its signs.
    pub signs: Wire<In>,
    /// First group of the instruction.
    pub begins: Signal<In, Bit>,
    /// Last group of its position.
    pub position_ends: Signal<In, Bit>,
    /// Last group of the instruction.
    pub instruction_ends: Signal<In, Bit>,
    /// Masks are wanted.
    pub enable: Signal<In, Bit>,
    /// First granule of the instruction's masks.
    pub base: Wire<In>,
    /// Write a granule.
    pub write: Signal<Out, Bit>,
    /// Which one.
    pub write_granule: Wire<Out>,
    /// Its bits.
    pub granule: Wire<Out>,
    piece: Vec<Reg>,
    all: Concat,
    index: Reg,
    now: Wire<Local>,
    next_granule: Reg,
    ended: Dff<Bit>,
    flush: Dff<Bit>,
    /// Highest piece of a position: N/P − 1.
    last_piece: Const,
}

impl MaskPacker {
    /// The packer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let p = config.ppu_lanes;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            valid: Signal::default(),
            signs: Wire::new(p),
            begins: Signal::default(),
            position_ends: Signal::default(),
            instruction_ends: Signal::default(),
            enable: Signal::default(),
            base: Wire::new(16),
            write: Signal::default(),
            write_granule: Wire::new(16),
            granule: Wire::new(8 * p),
            piece: Reg::many(PIECES, p),
            all: Concat::new(PIECES, p),
            index: Reg::with_reset(3, 0),
            now: Wire::new(3),
            next_granule: Reg::plain(16),
            ended: Dff::default(),
            flush: Dff::default(),
            last_piece: (config.ppu_groups() - 1).into(),
        }
    }
}

impl Logic for MaskPacker {
    #[hdl_gen]
    fn update(&mut self) {
        self.now.next = self.index.q.val();
        if self.begins.val() {
            self.now.next = 0.into();
        }
        for i in 0..8 {
            self.all.parts[i].next = self.piece[i].q.val();
            if self.valid.val() {
                if self.now.val() == 0 {
                    // The first piece of a granule clears the others.
                    self.piece[i].d.next = 0.into();
                }
                if self.now.val() == i {
                    self.piece[i].d.next = self.signs.val();
                }
            }
        }
        if self.valid.val() {
            self.index.d.next = self.now.val() + 1;
            if self.position_ends.val() {
                // Columns that are not written keep their place.
                self.index.d.next = (self.now.val() | self.last_piece.val()) + 1;
            }
        }
        self.ended.d.next = self.valid.val() && self.position_ends.val() && self.enable.val();
        self.flush.d.next = self.instruction_ends.val();
        self.write.next = self.ended.q.val() && ((self.index.q.val() == 0) || self.flush.q.val());
        self.write_granule.next = self.next_granule.q.val();
        self.granule.next = self.all.y.val();
        if self.write.val() {
            self.next_granule.d.next = self.next_granule.q.val() + 1;
        }
        if self.valid.val() && self.begins.val() {
            self.next_granule.d.next = self.base.val();
        }
    }
}
