//! Adders in the form that synthesis maps to one look-up table per bit.
//!
//! The carry chain takes one operand as it is; the other, and whatever selects and negates it, shares the look-up
//! table of the sum bit. Two things decide whether synthesis sees it so:
//!
//! - the carry-in is a lowest bit that is set on both sides: a + b + c is `{a, c} + {b, c}`, and the carry leaves
//!   that bit exactly if c is set; a sum of three terms would become two adders;
//! - which operand comes first: Yosys swaps those of an addition at will, but not those of a subtraction, so
//!   a + b is written as a − ~b, less the 1 that the lowest bit absorbs.

use super::prelude::*;

/// a + b or a − b, registered; the carry chain takes a as it is.
#[derive(LogicBlock)]
pub struct SignedAdder {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// First operand, signed.
    pub a: Wire<In>,
    /// Second operand, signed.
    pub b: Wire<In>,
    /// Subtract b.
    pub negative: Signal<In, Bit>,
    /// The result, signed, one cycle later.
    pub sum: Wire<Out>,
}

impl SignedAdder {
    /// Operands of `a` and `b` bits, a sum of `sum` bits, none of them wider than the sum.
    #[must_use]
    pub fn new(a: usize, b: usize, sum: usize) -> Self {
        Self {
            clock: Signal::default(),
            a: Wire::new(a),
            b: Wire::new(b),
            negative: Signal::default(),
            sum: Wire::new(sum),
        }
    }
}

impl Logic for SignedAdder {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let width = self.sum.width();
        let (a, b) = (extended("a", self.a.width(), width), extended("b", self.b.width(), width));
        Verilog::Custom(format!(
            "wire [{width}:0] total = {{{a}, negative}} - {{{b} ^ {{{width}{{~negative}}}}, ~negative}};\n\
             reg [{last}:0] register;\n\
             assign sum = register;\n\
             always @(posedge clock) register <= total[{width}:1];\n",
            last = width - 1
        ))
    }
}

/// sum + start + carry, signed, as wide as `start`.
#[derive(LogicBlock)]
pub struct CarryAdder {
    /// The operand that comes from a register.
    pub sum: Wire<In>,
    /// The operand that is selected.
    pub start: Wire<In>,
    /// One more.
    pub carry: Signal<In, Bit>,
    /// The result.
    pub y: Wire<Out>,
}

impl CarryAdder {
    /// A sum of `sum` bits, a result of `width`.
    #[must_use]
    pub fn new(sum: usize, width: usize) -> Self {
        Self { sum: Wire::new(sum), start: Wire::new(width), carry: Signal::default(), y: Wire::new(width) }
    }
}

impl Logic for CarryAdder {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let width = self.start.width();
        let sum = extended("sum", self.sum.width(), width);
        Verilog::Custom(format!(
            "wire [{width}:0] total = {{{sum}, carry}} - {{~start, ~carry}};\nassign y = total[{width}:1];\n"
        ))
    }
}

/// Verilog of a port of `from` bits, sign-extended.
fn extended(name: &str, from: usize, to: usize) -> String {
    match to - from {
        0 => name.into(),
        more => format!("{{{{{more}{{{name}[{}]}}}}, {name}}}", from - 1),
    }
}
