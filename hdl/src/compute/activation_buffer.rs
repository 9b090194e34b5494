//! The activation buffer: beats from LOAD and PACK, granules that post-processing keeps, words to the lanes.

use cbp_isa::Config;

use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;

/// Words of K bytes, in parts that both a beat and a granule are made of; one memory per part.
///
/// Post-processing goes first: LOAD must not write in a cycle with `keep`.
#[derive(LogicBlock)]
pub struct ActivationBuffer {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// LOAD writes a beat.
    pub write_enable: Signal<In, Bit>,
    /// Word to write to.
    pub write_word: Wire<In>,
    /// Beat of that word.
    pub write_beat: Wire<In>,
    /// The beat.
    pub write_data: Wire<In>,
    /// Post-processing writes a granule.
    pub keep: Signal<In, Bit>,
    /// Granule to write to.
    pub keep_granule: Wire<In>,
    /// The granule.
    pub keep_data: Wire<In>,
    /// Read a word.
    pub read_enable: Signal<In, Bit>,
    /// Word to read.
    pub read_word: Wire<In>,
    /// The word, one cycle later.
    pub word: Wire<Out>,
    memory: Vec<Ram>,
    beat_split: Split,
    granule_split: Split,
    join: Concat,
    place: Wire<Local>,
    kept_word: Wire<Local>,
    target_word: Wire<Local>,
    from_load: Vec<Signal<Local, Bit>>,
    load_part: Vec<Wire<Local>>,
    from_ppu: Vec<Signal<Local, Bit>>,
    ppu_part: Vec<Wire<Local>>,
    parts: Const,
    beats: Const,
    beat_parts: Const,
    granules: Const,
    granule_parts: Const,
    granule_shift: Const,
    granule_mask: Const,
    _address: usize,
}

impl ActivationBuffer {
    /// The buffer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (beat, granule) = (config.beat_bytes(), config.ppu_lanes);
        let part = beat.min(granule);
        let parts = config.lanes / part;
        let granules = config.activation_granules();
        let depth = config.activation_depth;
        let bits = || (0..parts).map(|_| Signal::default()).collect();
        Self {
            clock: Signal::default(),
            write_enable: Signal::default(),
            write_word: Wire::new(16),
            write_beat: Wire::new(8),
            write_data: Wire::new(8 * beat),
            keep: Signal::default(),
            keep_granule: Wire::new(16),
            keep_data: Wire::new(8 * granule),
            read_enable: Signal::default(),
            read_word: Wire::new(16),
            word: Wire::new(8 * config.lanes),
            memory: (0..parts).map(|_| Ram::new(8 * part, depth)).collect(),
            beat_split: Split::new(beat / part, 8 * part),
            granule_split: Split::new(granule / part, 8 * part),
            join: Concat::new(parts, 8 * part),
            place: Wire::new(16),
            kept_word: Wire::new(16),
            target_word: Wire::new(16),
            from_load: bits(),
            load_part: Wire::many(parts, 8 * part),
            from_ppu: (0..parts).map(|_| Signal::default()).collect(),
            ppu_part: Wire::many(parts, 8 * part),
            parts: parts.into(),
            beats: config.activation_beats().into(),
            beat_parts: (beat / part).into(),
            granules: granules.into(),
            granule_parts: (granule / part).into(),
            granule_shift: (granules.ilog2() as usize).into(),
            granule_mask: (granules - 1).into(),
            _address: depth.ilog2() as usize,
        }
    }
}

impl Logic for ActivationBuffer {
    #[hdl_gen]
    fn update(&mut self) {
        self.beat_split.x.next = self.write_data.val();
        for b in 0..self.beats.value {
            for i in 0..self.beat_parts.value {
                self.from_load[b * self.beat_parts.value + i].next =
                    self.write_enable.val() && (self.write_beat.val() == b);
                self.load_part[b * self.beat_parts.value + i].next = self.beat_split.parts[i].val();
            }
        }
        self.granule_split.x.next = self.keep_data.val();
        self.place.next = self.keep_granule.val() & self.granule_mask.val();
        self.kept_word.next = self.keep_granule.val() >> self.granule_shift.val();
        for g in 0..self.granules.value {
            for i in 0..self.granule_parts.value {
                self.from_ppu[g * self.granule_parts.value + i].next =
                    self.keep.val() && (self.place.val() == g);
                self.ppu_part[g * self.granule_parts.value + i].next = self.granule_split.parts[i].val();
            }
        }
        self.target_word.next = self.write_word.val();
        if self.keep.val() {
            self.target_word.next = self.kept_word.val();
        }
        for i in 0..self.parts.value {
            self.memory[i].write_enable.next = self.from_load[i].val() || self.from_ppu[i].val();
            self.memory[i].write_address.next = bits_resize(self.target_word.val(), self._address);
            self.memory[i].write_data.next = self.load_part[i].val();
            if self.keep.val() {
                self.memory[i].write_data.next = self.ppu_part[i].val();
            }
            self.memory[i].read_enable.next = self.read_enable.val();
            self.memory[i].read_address.next = bits_resize(self.read_word.val(), self._address);
            self.join.parts[i].next = self.memory[i].read_data.val();
        }
        self.word.next = self.join.y.val();
    }
}
