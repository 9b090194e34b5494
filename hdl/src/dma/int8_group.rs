//! Groups of 8-bit weights on their way into the weight buffer.

use cbp_isa::Config;

use super::recoder::Recoder;
use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::LoopCounter;

/// Beats of a group: `axi_bits` weights of 8 bits.
pub const GROUP_BEATS: usize = 8;

/// Collects a group of weights beat by beat and writes the one before it digit by digit.
///
/// A digit's code bits are written all at once, each into the memory of its beat. So a group takes as many cycles
/// as an int8 layer takes passes, and beats come one per cycle unless these are more than eight.
#[derive(LogicBlock)]
pub struct Int8Group {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// A new LOAD: forget the group that is being collected.
    pub restart: Signal<In, Bit>,
    /// The next beat can be taken.
    pub ready: Signal<Out, Bit>,
    /// The next beat completes its group.
    pub completes: Signal<Out, Bit>,
    /// A beat is taken.
    pub put: Signal<In, Bit>,
    /// The beat.
    pub beat: Wire<In>,
    /// With the last beat of a group: the word of its first digit.
    pub word: Wire<In>,
    /// And its place there, in beats.
    pub place: Wire<In>,
    /// Words from a digit to the next.
    pub digit_step: Wire<In>,
    /// Write a digit.
    pub write: Signal<Out, Bit>,
    /// Into this word.
    pub write_word: Wire<Out>,
    /// From this beat on.
    pub write_place: Wire<Out>,
    /// Its code bits, one beat each.
    pub plane: Vec<Wire<Out>>,
    /// It is the last digit of its group.
    pub done: Signal<Out, Bit>,
    collected: Vec<Reg>,
    filled: Reg,
    full: Dff<Bit>,
    group: Vec<Reg>,
    group_all: Concat,
    weights: Split,
    writing: Dff<Bit>,
    digit: Reg,
    digits: LoopCounter,
    digit_word: Reg,
    digit_place: Reg,
    end: Signal<Local, Bit>,
    recoder: Vec<Recoder>,
    joined: Vec<Concat>,
    early_beats: Const,
    columns: Const,
    lanes: Const,
    planes: Const,
    passes: Const,
}

impl Int8Group {
    /// The groups of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (axi, lanes) = (config.axi_bits, config.lanes);
        let planes = config.weight_set.code_bits() as usize;
        let columns = axi / lanes;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            restart: Signal::default(),
            ready: Signal::default(),
            completes: Signal::default(),
            put: Signal::default(),
            beat: Wire::new(axi),
            word: Wire::new(16),
            place: Wire::new(8),
            digit_step: Wire::new(16),
            write: Signal::default(),
            write_word: Wire::new(16),
            write_place: Wire::new(8),
            plane: Wire::many(planes, axi),
            done: Signal::default(),
            collected: Reg::many(GROUP_BEATS - 1, axi),
            filled: Reg::with_reset(3, 0),
            full: Dff::default(),
            group: Reg::many(GROUP_BEATS, axi),
            group_all: Concat::new(GROUP_BEATS, axi),
            weights: Split::new(axi, 8),
            writing: Dff::default(),
            digit: Reg::with_reset(4, 0),
            digits: LoopCounter::new(4),
            digit_word: Reg::plain(16),
            digit_place: Reg::plain(8),
            end: Signal::default(),
            recoder: (0..columns).map(|_| Recoder::new(config.weight_set, lanes)).collect(),
            joined: (0..planes).map(|_| Concat::new(columns, lanes)).collect(),
            early_beats: (GROUP_BEATS - 1).into(),
            columns: columns.into(),
            lanes: lanes.into(),
            planes: planes.into(),
            passes: config.int8_passes().into(),
        }
    }
}

impl Logic for Int8Group {
    #[hdl_gen]
    fn update(&mut self) {
        self.digits.count.next = self.passes.val();
        self.digits.start.next = self.put.val() && self.full.q.val();
        self.digits.step.next = self.writing.q.val();
        self.end.next = self.digits.last.val();
        self.done.next = self.writing.q.val() && self.end.val();
        self.completes.next = self.full.q.val();
        // The last beat goes straight to the group that is written next, so that group must be free by then.
        self.ready.next = !self.writing.q.val() || self.end.val() || !self.full.q.val();
        if self.writing.q.val() {
            self.digit.d.next = self.digit.q.val() + 1;
            self.digit_word.d.next = self.digit_word.q.val() + self.digit_step.val();
            if self.end.val() {
                self.writing.d.next = false;
            }
        }
        for i in 0..self.early_beats.value {
            if self.put.val() && (self.filled.q.val() == i) {
                self.collected[i].d.next = self.beat.val();
            }
            if self.put.val() && self.full.q.val() {
                self.group[i].d.next = self.collected[i].q.val();
            }
            self.group_all.parts[i].next = self.group[i].q.val();
        }
        self.group_all.parts[self.early_beats.value].next = self.group[self.early_beats.value].q.val();
        if self.put.val() {
            self.filled.d.next = self.filled.q.val() + 1;
            self.full.d.next = self.filled.q.val() == (self.early_beats.val() - 1);
            if self.full.q.val() {
                self.group[self.early_beats.value].d.next = self.beat.val();
                self.writing.d.next = true;
                self.digit.d.next = 0.into();
                self.digit_word.d.next = self.word.val();
                self.digit_place.d.next = self.place.val();
            }
        }
        if self.restart.val() {
            self.filled.d.next = 0.into();
            self.full.d.next = false;
        }
        self.weights.x.next = self.group_all.y.val();
        for n in 0..self.columns.value {
            self.recoder[n].digit.next = self.digit.q.val();
            for k in 0..self.lanes.value {
                self.recoder[n].weight[k].next = self.weights.parts[n * self.lanes.value + k].val();
            }
            for p in 0..self.planes.value {
                self.joined[p].parts[n].next = self.recoder[n].plane[p].val();
            }
        }
        for p in 0..self.planes.value {
            self.plane[p].next = self.joined[p].y.val();
        }
        self.write.next = self.writing.q.val();
        self.write_word.next = self.digit_word.q.val();
        self.write_place.next = self.digit_place.q.val();
    }
}
