//! Where PACK's lines lie in the line buffer: products with the pitch, by adding and shifting.

use crate::lang::prelude::*;

/// Works out a waiting PACK's line addresses modulo 2^16, a bit of the factors a cycle, usually while LOADs before it
/// are still arriving.
#[derive(LogicBlock)]
pub struct LineSteps {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// A PACK is waiting, and stays until `done`.
    pub waiting: Signal<In, Bit>,
    /// Beats from line to line.
    pub pitch: Wire<In>,
    /// Beat of line 0.
    pub base: Wire<In>,
    /// First line of the first window.
    pub line: Wire<In>,
    /// Lines from output row to output row.
    pub line_step: Wire<In>,
    /// Lines from kernel row to kernel row.
    pub piece_step: Wire<In>,
    /// The next PACK will be another.
    pub done: Signal<In, Bit>,
    /// The results are there.
    pub ready: Signal<Out, Bit>,
    /// Beat of the first line.
    pub first_address: Wire<Out>,
    /// Beats from output row to output row.
    pub row_step: Wire<Out>,
    /// Beats from kernel row to kernel row.
    pub piece_pitch: Wire<Out>,
    busy: Dff<Bit>,
    ready_q: Dff<Bit>,
    left: Reg,
    shifted: Reg,
    line_left: Reg,
    row_left: Reg,
    piece_left: Reg,
    first: Reg,
    row: Reg,
    piece: Reg,
}

impl Default for LineSteps {
    fn default() -> Self {
        let word = || Reg::plain(16);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            waiting: Signal::default(),
            pitch: Wire::new(16),
            base: Wire::new(16),
            line: Wire::new(16),
            line_step: Wire::new(8),
            piece_step: Wire::new(8),
            done: Signal::default(),
            ready: Signal::default(),
            first_address: Wire::new(16),
            row_step: Wire::new(16),
            piece_pitch: Wire::new(16),
            busy: Dff::default(),
            ready_q: Dff::default(),
            left: Reg::plain(4),
            shifted: word(),
            line_left: word(),
            row_left: Reg::plain(8),
            piece_left: Reg::plain(8),
            first: word(),
            row: word(),
            piece: word(),
        }
    }
}

impl Logic for LineSteps {
    #[hdl_gen]
    fn update(&mut self) {
        if self.waiting.val() && !self.busy.q.val() && !self.ready_q.q.val() {
            self.busy.d.next = true;
            self.left.d.next = 15.into();
            self.shifted.d.next = self.pitch.val();
            self.line_left.d.next = self.line.val();
            self.row_left.d.next = self.line_step.val();
            self.piece_left.d.next = self.piece_step.val();
            self.first.d.next = self.base.val();
            self.row.d.next = 0.into();
            self.piece.d.next = 0.into();
        }
        if self.busy.q.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.shifted.d.next = self.shifted.q.val() << 1;
            self.line_left.d.next = self.line_left.q.val() >> 1;
            self.row_left.d.next = self.row_left.q.val() >> 1;
            self.piece_left.d.next = self.piece_left.q.val() >> 1;
            // A negative line is its two's complement, which is as good modulo 2^16.
            if self.line_left.q.val().get_bit(0) {
                self.first.d.next = self.first.q.val() + self.shifted.q.val();
            }
            if self.row_left.q.val().get_bit(0) {
                self.row.d.next = self.row.q.val() + self.shifted.q.val();
            }
            if self.piece_left.q.val().get_bit(0) {
                self.piece.d.next = self.piece.q.val() + self.shifted.q.val();
            }
            if self.left.q.val() == 0 {
                self.busy.d.next = false;
                self.ready_q.d.next = true;
            }
        }
        if self.done.val() {
            self.ready_q.d.next = false;
        }
        self.ready.next = self.ready_q.q.val();
        self.first_address.next = self.first.q.val();
        self.row_step.next = self.row.q.val();
        self.piece_pitch.next = self.piece.q.val();
    }
}
