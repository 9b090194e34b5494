//! Where a step lies in its tensor: outside of it, lanes read padding.

use cbp_isa::instruction::compute;

use super::sequencer::INSTRUCTION_BITS;
use crate::lang::prelude::*;
use crate::parts::decode::decoder;

decoder!(
    /// The fields of COMPUTE that place its steps.
    CoordinateFields, compute::FIELDS, INSTRUCTION_BITS, x, x_step1, x_step3, width, y, y_step2, y_step4, height,
);

/// Column and row of the step at hand, 16 bits signed; no padding is ever stored.
#[derive(LogicBlock)]
pub struct Coordinates {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The running instruction.
    pub instruction: Wire<In>,
    /// It starts.
    pub start: Signal<In, Bit>,
    /// A step is issued.
    pub issue: Signal<In, Bit>,
    /// It is the last of loop i0.
    pub end0: Signal<In, Bit>,
    /// It is in the last round of i1.
    pub end1: Signal<In, Bit>,
    /// It is in the last round of i2.
    pub end2: Signal<In, Bit>,
    /// It is the last of its position.
    pub last_step: Signal<In, Bit>,
    /// Its position is the last of i3.
    pub end3: Signal<In, Bit>,
    /// The step at hand lies outside the tensor.
    pub outside: Signal<Out, Bit>,
    fields: CoordinateFields,
    column: Reg,
    column3: Reg,
    row: Reg,
    row4: Reg,
    next_column3: Wire<Local>,
    next_row4: Wire<Local>,
}

impl Default for Coordinates {
    fn default() -> Self {
        let word = || Reg::plain(16);
        Self {
            clock: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            start: Signal::default(),
            issue: Signal::default(),
            end0: Signal::default(),
            end1: Signal::default(),
            end2: Signal::default(),
            last_step: Signal::default(),
            end3: Signal::default(),
            outside: Signal::default(),
            fields: CoordinateFields::default(),
            column: word(),
            column3: word(),
            row: word(),
            row4: word(),
            next_column3: Wire::new(16),
            next_row4: Wire::new(16),
        }
    }
}

impl Logic for Coordinates {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.outside.next = self.column.q.val().get_bit(15)
            || (self.column.q.val() >= self.fields.width.val())
            || self.row.q.val().get_bit(15)
            || (self.row.q.val() >= self.fields.height.val());
        self.next_column3.next = self.column3.q.val() + unsigned_cast(self.fields.x_step3.val());
        self.next_row4.next = self.row4.q.val() + unsigned_cast(self.fields.y_step4.val());
        if self.issue.val() {
            if self.end0.val() {
                self.column.d.next = self.column.q.val() + unsigned_cast(self.fields.x_step1.val());
                if self.end1.val() {
                    self.column.d.next = self.column3.q.val();
                    self.row.d.next = self.row.q.val() + unsigned_cast(self.fields.y_step2.val());
                    if self.end2.val() {
                        self.row.d.next = self.row4.q.val();
                    }
                }
            }
            if self.last_step.val() {
                self.column3.d.next = self.next_column3.val();
                self.column.d.next = self.next_column3.val();
                if self.end3.val() {
                    self.column3.d.next = self.fields.x.val();
                    self.column.d.next = self.fields.x.val();
                    self.row4.d.next = self.next_row4.val();
                    self.row.d.next = self.next_row4.val();
                }
            }
        }
        if self.start.val() {
            self.column.d.next = self.fields.x.val();
            self.column3.d.next = self.fields.x.val();
            self.row.d.next = self.fields.y.val();
            self.row4.d.next = self.fields.y.val();
        }
    }
}
