//! An on-chip buffer: written beat by beat, read word by word.

use crate::lang::prelude::*;

/// `depth` words of `beats` beats. One memory per beat position, so that a beat is written alone.
#[derive(LogicBlock)]
pub struct Buffer {
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
    /// Read a word.
    pub read_enable: Signal<In, Bit>,
    /// Word to read.
    pub read_word: Wire<In>,
    /// Its beats, one cycle later.
    pub beat: Vec<Wire<Out>>,
    memory: Vec<Ram>,
    beats: Const,
    _address: usize,
}

/// Bits of an on-chip word address, as in instructions.
pub const WORD_BITS: usize = 16;
/// Bits of a buffer that is worth block RAM even where its words are many times wider than deep.
const LARGE: usize = 1 << 17;
/// Bits of a beat index within a word.
pub const BEAT_BITS: usize = 8;

impl Buffer {
    /// A buffer of `depth` words of `beats` beats of `width` bits.
    #[must_use]
    pub fn new(depth: usize, beats: usize, width: usize) -> Self {
        let large = depth * beats * width >= LARGE;
        let memory = if large { Ram::in_blocks } else { Ram::new };
        Self {
            clock: Signal::default(),
            write_enable: Signal::default(),
            write_word: Wire::new(WORD_BITS),
            write_beat: Wire::new(BEAT_BITS),
            write_data: Wire::new(width),
            read_enable: Signal::default(),
            read_word: Wire::new(WORD_BITS),
            beat: Wire::many(beats, width),
            memory: (0..beats).map(|_| memory(width, depth)).collect(),
            beats: beats.into(),
            _address: depth.ilog2() as usize,
        }
    }
}

impl Logic for Buffer {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.beats.value {
            self.memory[i].write_enable.next = self.write_enable.val() && (self.write_beat.val() == i);
            self.memory[i].write_address.next = bits_resize(self.write_word.val(), self._address);
            self.memory[i].write_data.next = self.write_data.val();
            self.memory[i].read_enable.next = self.read_enable.val();
            self.memory[i].read_address.next = bits_resize(self.read_word.val(), self._address);
            self.beat[i].next = self.memory[i].read_data.val();
        }
    }
}
