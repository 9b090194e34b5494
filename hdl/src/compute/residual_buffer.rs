//! The residual buffer: beats from LOAD, granules to post-processing.

use cbp_isa::Config;

use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::Buffer;

/// Words of whole beats and whole granules, whichever is larger.
#[derive(LogicBlock)]
pub struct ResidualBuffer {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Write a beat.
    pub write_enable: Signal<In, Bit>,
    /// Word to write to.
    pub write_word: Wire<In>,
    /// Beat of that word.
    pub write_beat: Wire<In>,
    /// The beat.
    pub write_data: Wire<In>,
    /// Read a granule.
    pub read_enable: Signal<In, Bit>,
    /// Which one.
    pub read_granule: Wire<In>,
    /// The granule, one cycle later.
    pub granule: Wire<Out>,
    words: Buffer,
    join: Concat,
    split: Split,
    place: Reg,
    beats: Const,
    granules: Const,
    granule_shift: Const,
    granule_mask: Const,
}

impl ResidualBuffer {
    /// The buffer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (axi, word) = (config.axi_bits, config.residual_word_bytes());
        let (beats, granules) = (word / config.beat_bytes(), word / config.ppu_lanes);
        Self {
            clock: Signal::default(),
            write_enable: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(axi),
            read_enable: Signal::default(),
            read_granule: Wire::new(16),
            granule: Wire::new(8 * config.ppu_lanes),
            words: Buffer::new(config.residual_depth / granules, beats, axi),
            join: Concat::new(beats, axi),
            split: Split::new(granules, 8 * config.ppu_lanes),
            place: Reg::plain(16),
            beats: beats.into(),
            granules: granules.into(),
            granule_shift: (granules.ilog2() as usize).into(),
            granule_mask: (granules - 1).into(),
        }
    }
}

impl Logic for ResidualBuffer {
    #[hdl_gen]
    fn update(&mut self) {
        self.words.write_enable.next = self.write_enable.val();
        self.words.write_word.next = self.write_word.val();
        self.words.write_beat.next = self.write_beat.val();
        self.words.write_data.next = self.write_data.val();
        self.words.read_enable.next = self.read_enable.val();
        self.words.read_word.next = self.read_granule.val() >> self.granule_shift.val();
        for i in 0..self.beats.value {
            self.join.parts[i].next = self.words.beat[i].val();
        }
        self.split.x.next = self.join.y.val();
        self.place.d.next = self.read_granule.val() & self.granule_mask.val();
        self.granule.next = self.split.parts[0].val();
        for i in 0..self.granules.value {
            if self.place.q.val() == i {
                self.granule.next = self.split.parts[i].val();
            }
        }
    }
}
