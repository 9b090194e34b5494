//! The weight buffer: written beat by beat or a group of codes at once, read word by word.

use super::buffer::{BEAT_BITS, WORD_BITS};
use crate::lang::prelude::*;

/// `depth` words of `groups` groups of `planes` beats. One memory per beat, so that the beats of a group are written
/// alone or together.
#[derive(LogicBlock)]
pub struct WeightBuffer {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Write a beat.
    pub write_enable: Signal<In, Bit>,
    /// Write a group.
    pub write_group: Signal<In, Bit>,
    /// Word to write to.
    pub write_word: Wire<In>,
    /// Beat of that word; of a group, the first one.
    pub write_beat: Wire<In>,
    /// The beats of the group; the beat, on the plane it is of.
    pub plane_data: Vec<Wire<In>>,
    /// Read a word.
    pub read_enable: Signal<In, Bit>,
    /// Word to read.
    pub read_word: Wire<In>,
    /// Its beats, one cycle later.
    pub beat: Vec<Wire<Out>>,
    memory: Vec<Ram>,
    groups: Const,
    planes: Const,
    _address: usize,
}

impl WeightBuffer {
    /// A buffer of `depth` words of `groups` groups of `planes` beats of `width` bits.
    #[must_use]
    pub fn new(depth: usize, groups: usize, planes: usize, width: usize) -> Self {
        Self {
            clock: Signal::default(),
            write_enable: Signal::default(),
            write_group: Signal::default(),
            write_word: Wire::new(WORD_BITS),
            write_beat: Wire::new(BEAT_BITS),
            plane_data: Wire::many(planes, width),
            read_enable: Signal::default(),
            read_word: Wire::new(WORD_BITS),
            beat: Wire::many(groups * planes, width),
            memory: (0..groups * planes).map(|_| Ram::new(width, depth)).collect(),
            groups: groups.into(),
            planes: planes.into(),
            _address: depth.ilog2() as usize,
        }
    }
}

impl Logic for WeightBuffer {
    #[hdl_gen]
    fn update(&mut self) {
        for p in 0..self.planes.value {
            for g in 0..self.groups.value {
                self.memory[g * self.planes.value + p].write_enable.next = (self.write_enable.val()
                    && (self.write_beat.val() == (g * self.planes.value + p)))
                    || (self.write_group.val() && (self.write_beat.val() == (g * self.planes.value)));
                self.memory[g * self.planes.value + p].write_address.next =
                    bits_resize(self.write_word.val(), self._address);
                self.memory[g * self.planes.value + p].write_data.next = self.plane_data[p].val();
                self.memory[g * self.planes.value + p].read_enable.next = self.read_enable.val();
                self.memory[g * self.planes.value + p].read_address.next =
                    bits_resize(self.read_word.val(), self._address);
                self.beat[g * self.planes.value + p].next =
                    self.memory[g * self.planes.value + p].read_data.val();
            }
        }
    }
}
