//! The output buffer: granules from post-processing, beats to the store engine.

use cbp_isa::Config;

use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;

/// Words of four granules, one memory per granule position.
#[derive(LogicBlock)]
pub struct OutputBuffer {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Write a granule, or four.
    pub write: Signal<In, Bit>,
    /// Granule to write to; raw: a multiple of four.
    pub write_granule: Wire<In>,
    /// Write `raw` to four granules.
    pub write_raw: Signal<In, Bit>,
    /// One granule.
    pub granule: Wire<In>,
    /// Four granules.
    pub raw: Wire<In>,
    /// Read a beat.
    pub read: Signal<In, Bit>,
    /// Which one.
    pub read_beat: Wire<In>,
    /// The beat, one cycle later.
    pub beat: Wire<Out>,
    memory: Vec<Ram>,
    quarter: Wire<Local>,
    write_word: Wire<Local>,
    read_word: Wire<Local>,
    raw_split: Split,
    word: Concat,
    beats: Split,
    selected: Reg,
    select: Wire<Local>,
    output_beats: Const,
    beat_shift: Const,
    select_mask: Const,
    _address: usize,
}

impl OutputBuffer {
    /// The buffer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let granule = 8 * config.ppu_lanes;
        let words = config.output_depth / 4;
        let beats = config.output_beats();
        Self {
            clock: Signal::default(),
            write: Signal::default(),
            write_granule: Wire::new(16),
            write_raw: Signal::default(),
            granule: Wire::new(granule),
            raw: Wire::new(4 * granule),
            read: Signal::default(),
            read_beat: Wire::new(16),
            beat: Wire::new(config.axi_bits),
            memory: (0..4).map(|_| Ram::new(granule, words)).collect(),
            quarter: Wire::new(2),
            write_word: Wire::new(16),
            read_word: Wire::new(16),
            raw_split: Split::new(4, granule),
            word: Concat::new(4, granule),
            beats: Split::new(beats, config.axi_bits),
            selected: Reg::plain(16),
            select: Wire::new(16),
            output_beats: beats.into(),
            beat_shift: (beats.ilog2() as usize).into(),
            select_mask: (beats - 1).into(),
            _address: words.ilog2() as usize,
        }
    }
}

impl Logic for OutputBuffer {
    #[hdl_gen]
    fn update(&mut self) {
        self.quarter.next = bits_resize(self.write_granule.val(), 2);
        self.write_word.next = self.write_granule.val() >> 2;
        self.read_word.next = self.read_beat.val() >> self.beat_shift.val();
        self.raw_split.x.next = self.raw.val();
        for i in 0..4 {
            self.memory[i].write_enable.next =
                self.write.val() && (self.write_raw.val() || (self.quarter.val() == i));
            self.memory[i].write_address.next = bits_resize(self.write_word.val(), self._address);
            self.memory[i].write_data.next = self.granule.val();
            if self.write_raw.val() {
                self.memory[i].write_data.next = self.raw_split.parts[i].val();
            }
            self.memory[i].read_enable.next = self.read.val();
            self.memory[i].read_address.next = bits_resize(self.read_word.val(), self._address);
            self.word.parts[i].next = self.memory[i].read_data.val();
        }
        if self.read.val() {
            self.selected.d.next = self.read_beat.val();
        }
        self.select.next = self.selected.q.val() & self.select_mask.val();
        self.beats.x.next = self.word.y.val();
        self.beat.next = self.beats.parts[0].val();
        for i in 0..self.output_beats.value {
            if self.select.val() == i {
                self.beat.next = self.beats.parts[i].val();
            }
        }
    }
}
