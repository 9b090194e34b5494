//! The first error and where it happened.

use cbp_isa::ring::ErrorCode;

use crate::lang::prelude::*;

/// The codes of the sources of errors, by falling priority: the watchdog; a read's response, a write's; LOAD beyond
/// its segment, malformed; STORE beyond its segment, malformed; an unknown instruction; a command that cannot be run; a
/// COMPUTE that cannot be run.
pub const SOURCES: [ErrorCode; 10] = [
    ErrorCode::Wedged,
    ErrorCode::ReadResponse,
    ErrorCode::WriteResponse,
    ErrorCode::OutOfSegment,
    ErrorCode::BadInstruction,
    ErrorCode::OutOfSegment,
    ErrorCode::BadInstruction,
    ErrorCode::BadInstruction,
    ErrorCode::BadDescriptor,
    ErrorCode::BadInstruction,
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
    /// Where, one per source.
    pub address: Vec<Wire<In>>,
    /// An error is latched.
    pub failed: Signal<Out, Bit>,
    /// Its code.
    pub code: Wire<Out>,
    /// Where it happened.
    pub place: Wire<Out>,
    found: Reg,
    found_place: Reg,
    code_q: Reg,
    place_q: Reg,
    now: Wire<Local>,
    now_place: Wire<Local>,
    codes: Vec<Const>,
    sources: Const,
}

impl Default for ErrorLatch {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            clear: Signal::default(),
            raised: SOURCES.iter().map(|_| Signal::default()).collect(),
            address: Wire::many(SOURCES.len(), 64),
            failed: Signal::default(),
            code: Wire::new(32),
            place: Wire::new(64),
            found: Reg::with_reset(32, 0),
            found_place: Reg::plain(64),
            code_q: Reg::with_reset(32, 0),
            place_q: Reg::with_reset(64, 0),
            now: Wire::new(32),
            now_place: Wire::new(64),
            // Walked from the lowest priority up, so that the highest one is assigned last.
            codes: SOURCES.iter().map(|&code| Const::from(code as usize)).collect(),
            sources: SOURCES.len().into(),
        }
    }
}

impl Logic for ErrorLatch {
    #[hdl_gen]
    fn update(&mut self) {
        self.now.next = 0.into();
        self.now_place.next = self.address[0].val();
        for i in 0..self.sources.value {
            if self.raised[self.sources.value - 1 - i].val() {
                self.now.next = self.codes[self.sources.value - 1 - i].val();
                self.now_place.next = self.address[self.sources.value - 1 - i].val();
            }
        }
        self.found.d.next = self.now.val();
        self.found_place.d.next = self.now_place.val();
        if (self.code_q.q.val() == 0) && (self.found.q.val() != 0) {
            self.code_q.d.next = self.found.q.val();
            self.place_q.d.next = self.found_place.q.val();
        }
        if self.clear.val() {
            self.code_q.d.next = 0.into();
        }
        self.failed.next = self.code_q.q.val() != 0;
        self.code.next = self.code_q.q.val();
        self.place.next = self.place_q.q.val();
    }
}
