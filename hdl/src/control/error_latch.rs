//! The first error and where it happened.

use cbp_isa::ring::ErrorCode;

use crate::lang::arith::Choose;
use crate::lang::prelude::*;

/// What an error's place is an address of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A burst that was read.
    Read,
    /// A burst that was written.
    Write,
    /// A row of a LOAD.
    Load,
    /// A row of a STORE.
    Store,
    /// An instruction: its index.
    Program,
    /// A command entry.
    Command,
}

/// Kinds of places.
const KINDS: usize = 6;
/// A power of two that is enough; those behind the last stand for it.
const PLACES: usize = 8;

/// The sources of errors, by falling priority: the watchdog; a read's response, a write's; LOAD beyond its segment,
/// malformed; STORE beyond its segment, malformed; an unknown instruction; a command that cannot be run; a COMPUTE that
/// cannot be run.
pub const SOURCES: [(ErrorCode, Place); 10] = [
    (ErrorCode::Wedged, Place::Read),
    (ErrorCode::ReadResponse, Place::Read),
    (ErrorCode::WriteResponse, Place::Write),
    (ErrorCode::OutOfSegment, Place::Load),
    (ErrorCode::BadInstruction, Place::Load),
    (ErrorCode::OutOfSegment, Place::Store),
    (ErrorCode::BadInstruction, Place::Store),
    (ErrorCode::BadInstruction, Place::Program),
    (ErrorCode::BadDescriptor, Place::Command),
    (ErrorCode::BadInstruction, Place::Program),
];

/// Latches the first error until it is cleared, two cycles after it is raised.
#[derive(LogicBlock)]
pub struct ErrorLatch {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// No error.
    pub reset: Signal<In, Bit>,
    /// Forget the error.
    pub clear: Signal<In, Bit>,
    /// Errors in this cycle, one per source.
    pub raised: Vec<Signal<In, Bit>>,
    /// Where they would have been, one per [`Place`]: two cycles later.
    pub address: Vec<Wire<In>>,
    /// An error is latched.
    pub failed: Signal<Out, Bit>,
    /// Its code.
    pub code: Wire<Out>,
    /// Where it happened.
    pub place: Wire<Out>,
    found: Reg,
    found_which: Reg,
    which_q: Reg,
    latches: Dff<Bit>,
    code_q: Reg,
    place_q: Reg,
    now: Wire<Local>,
    which: Wire<Local>,
    place_now: Choose,
    codes: Vec<Const>,
    places: Vec<Const>,
    sources: Const,
    kinds: Const,
}

impl Default for ErrorLatch {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            clear: Signal::default(),
            raised: SOURCES.iter().map(|_| Signal::default()).collect(),
            address: Wire::many(KINDS, 64),
            failed: Signal::default(),
            code: Wire::new(32),
            place: Wire::new(64),
            found: Reg::with_reset(32, 0),
            found_which: Reg::plain(3),
            which_q: Reg::plain(3),
            latches: Dff::default(),
            code_q: Reg::with_reset(32, 0),
            place_q: Reg::with_reset(64, 0),
            now: Wire::new(32),
            which: Wire::new(3),
            place_now: Choose::new(PLACES, 64, 3),
            // Walked from the lowest priority up, so that the highest one is assigned last.
            codes: SOURCES.iter().map(|&(code, _)| Const::from(code as usize)).collect(),
            places: SOURCES.iter().map(|&(_, place)| Const::from(place as usize)).collect(),
            sources: SOURCES.len().into(),
            kinds: KINDS.into(),
        }
    }
}

impl Logic for ErrorLatch {
    #[hdl_gen]
    fn update(&mut self) {
        self.now.next = 0.into();
        self.which.next = 0.into();
        for i in 0..self.sources.value {
            if self.raised[self.sources.value - 1 - i].val() {
                self.now.next = self.codes[self.sources.value - 1 - i].val();
                self.which.next = self.places[self.sources.value - 1 - i].val();
            }
        }
        self.found.d.next = self.now.val();
        self.found_which.d.next = self.which.val();
        for i in 0..self.kinds.value {
            self.place_now.parts[i].next = self.address[i].val();
        }
        self.place_now.parts[6].next = self.address[5].val();
        self.place_now.parts[7].next = self.address[5].val();
        self.latches.d.next = false;
        if (self.code_q.q.val() == 0) && (self.found.q.val() != 0) {
            self.code_q.d.next = self.found.q.val();
            self.latches.d.next = true;
            self.which_q.d.next = self.found_which.q.val();
        }
        // The place follows the code by a cycle.
        self.place_now.index.next = self.which_q.q.val();
        if self.latches.q.val() {
            self.place_q.d.next = self.place_now.y.val();
        }
        if self.clear.val() {
            self.code_q.d.next = 0.into();
        }
        self.failed.next = self.code_q.q.val() != 0;
        self.code.next = self.code_q.q.val();
        self.place.next = self.place_q.q.val();
    }
}
