//! What the Verilog writer refuses, and what it says.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_hdl::lang::arith::Concat;
use cbp_hdl::lang::emit::emit;
use cbp_hdl::lang::prelude::*;
use common::hardware::hardware;
use rust_hdl::core::prelude::{Constant, Signed};

/// The block is refused, at its top, for this reason.
macro_rules! refuses {
    ($block:ident, $reason:expr) => {
        let error = emit(&$block::default(), "dut").unwrap_err();
        assert_eq!((error.path.as_str(), error.reason.as_str()), ("top", $reason));
    };
}

/// One input of 8 bits, another, an output of 8 bits, and an update function with a fault.
macro_rules! fault {
    ($name:ident { $($field:ident: $type:ty = $new:expr),* $(,)? } $($update:tt)*) => {
        hardware! {
            $name {
                a: Wire<In> = Wire::new(8),
                b: Wire<In> = Wire::new(8),
                y: Wire<Out> = Wire::new(8),
                $($field: $type = $new,)*
            }
            $($update)*
        }
    };
}

fault! { Latch {} #[hdl_gen] fn update(&mut self) {
    if self.a.val() == self.b.val() {
        self.y.next = self.a.val();
    }
}}

fault! { LatchInElse { c: Wire<Local> = Wire::new(8) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.c.val();
    if self.a.val() == self.b.val() {
        self.y.next = self.a.val();
    } else if self.a.val() == 3 {
        self.c.next = self.b.val();
    } else {
        self.c.next = self.a.val();
    }
}}

fault! { ReadFirst { c: Wire<Local> = Wire::new(8) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.c.val();
    self.c.next = self.a.val() + self.b.val();
}}

// Both signals are assigned by one `if`, so they share a process.
fault! { ReadFirstInBranch { c: Wire<Local> = Wire::new(8) } #[hdl_gen] fn update(&mut self) {
    if self.a.val() == self.b.val() {
        self.y.next = self.c.val();
        self.c.next = self.a.val();
    } else {
        self.c.next = self.b.val();
        self.y.next = self.c.val();
    }
}}

fault! { Loop {} #[hdl_gen] fn update(&mut self) {
    self.y.next = self.y.val() + self.a.val();
}}

#[test]
fn latches_and_early_reads() {
    refuses!(Latch, "y is not assigned on every path: a latch");
    refuses!(LatchInElse, "c is not assigned on every path: a latch");
    refuses!(ReadFirst, "c is read before its last assignment");
    refuses!(ReadFirstInBranch, "c is read before it is assigned");
    refuses!(Loop, "y is read before it is assigned");
}

fault! { Undriven {} fn update(&mut self) {} }

fault! { UndrivenLocal { c: Wire<Local> = Wire::new(8) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.c.val();
}}

fault! { UndrivenChild { join: Concat = Concat::new(2, 4) } #[hdl_gen] fn update(&mut self) {
    self.join.parts[0].next = self.a.val().get_bits::<4>(0);
    self.y.next = self.join.y.val();
}}

fault! { NoClock { r: Reg = Reg::plain(8) } #[hdl_gen] fn update(&mut self) {
    self.r.d.next = self.a.val();
    self.y.next = self.r.q.val();
}}

fault! { DrivenInput {} #[hdl_gen] fn update(&mut self) {
    self.a.next = self.b.val();
    self.y.next = self.a.val();
}}

fault! { DrivenChild { join: Concat = Concat::new(2, 4) } #[hdl_gen] fn update(&mut self) {
    for i in 0..2 {
        self.join.parts[i].next = self.a.val().get_bits::<4>(0);
    }
    self.join.y.next = self.b.val();
    self.y.next = self.join.y.val();
}}

#[test]
fn nets_without_or_with_two_drivers() {
    refuses!(Undriven, "y is never assigned");
    refuses!(UndrivenLocal, "c is never assigned");
    refuses!(UndrivenChild, "the input join$parts$1 is never assigned");
    refuses!(NoClock, "the input r$clock is never assigned");
    refuses!(DrivenInput, "the input a is assigned");
    refuses!(DrivenChild, "the output join$y is assigned from outside");
}

fault! { NarrowOperand { c: Wire<In> = Wire::new(9) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val() + self.c.val();
}}

fault! { NarrowTarget { c: Wire<In> = Wire::new(9) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.c.val();
}}

fault! { OneBit { f: Wire<Out> = Wire::new(1) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
    self.f.next = self.a.val();
}}

fault! { Literal {} #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val() + 256;
}}

fault! { ComparedLiteral { f: Signal<Out, Bit> = Signal::default() } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
    self.f.next = self.a.val() < 256;
}}

fault! { LooseLiteral { f: Signal<Out, Bit> = Signal::default(), k: Const = 3.into() } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
    self.f.next = self.k.val() == self.k.val();
}}

fault! { BitsBeyond {} #[hdl_gen] fn update(&mut self) {
    self.y.next = unsigned_cast(self.a.val().get_bits::<4>(5));
}}

fault! { TooManyBits {} #[hdl_gen] fn update(&mut self) {
    self.y.next = bits_resize(self.a.val().get_bits::<9>(self.b.val()), 8);
}}

fault! { CutExpression {} #[hdl_gen] fn update(&mut self) {
    self.y.next = unsigned_cast(bits_resize(self.a.val() + self.b.val(), 4));
}}

fault! { BitsOfExpression {} #[hdl_gen] fn update(&mut self) {
    self.y.next = unsigned_cast((self.a.val() + self.b.val()).get_bits::<4>(0));
}}

fault! { NoBits { width: Const = 0.into() } #[hdl_gen] fn update(&mut self) {
    self.y.next = bits_resize(self.a.val(), self.width.value);
}}

fault! { Narrowing { c: Wire<In> = Wire::new(9) } #[hdl_gen] fn update(&mut self) {
    self.y.next = unsigned_cast(self.c.val());
}}

fault! { Multiplication { m: Multiplier = Multiplier::default() } #[hdl_gen] fn update(&mut self) {
    self.m.a.next = self.a.val();
    self.y.next = self.m.y.val();
}}

/// rust-hdl lets types multiply that this layer does not, so the operator is put there by hand.
#[derive(LogicBlock)]
struct Multiplier {
    a: Wire<In>,
    y: Wire<Out>,
}

impl Default for Multiplier {
    fn default() -> Self {
        Self { a: Wire::new(8), y: Wire::new(8) }
    }
}

impl Logic for Multiplier {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        use ast::{VerilogExpression as E, VerilogOp, VerilogStatement};
        let a = || Box::new(E::Signal("a".into()));
        let product = E::Binary(a(), VerilogOp::Mul, a());
        Verilog::Combinatorial(vec![VerilogStatement::Assignment(E::Signal("y$next".into()), product)])
    }
}

#[test]
fn widths() {
    refuses!(NarrowOperand, "assignment to y: `c` is 9 bits wide where 8 are needed");
    refuses!(NarrowTarget, "assignment to y: `c` is 9 bits wide where 8 are needed");
    refuses!(OneBit, "assignment to f: `a` is 8 bits wide where 1 are needed");
    refuses!(Literal, "assignment to y: the literal 256 does not fit in 8 bits");
    refuses!(ComparedLiteral, "assignment to f: the literal 256 does not fit in 8 bits");
    refuses!(BitsBeyond, "assignment to y: bits 8..5 of `a`, which has 8");
    refuses!(TooManyBits, "assignment to y: 9 bits of `a`, which has 8");
    refuses!(CutExpression, "assignment to y: cut `a + b` to 4 bits: assign it to a signal first");
    refuses!(BitsOfExpression, "assignment to y: take bits of `a + b`: assign it to a signal first");
    refuses!(NoBits, "assignment to y: a cast to no bits");
    refuses!(Narrowing, "assignment to y: `c` is 9 bits wide and cannot be widened to 8");
}

#[test]
fn multiplications_outside_leaves() {
    let error = emit(&Multiplication::default(), "dut").unwrap_err();
    let reason = "assignment to y: a multiplication: only leaf blocks multiply";
    assert_eq!((error.path.as_str(), error.reason.as_str()), ("top.m", reason));
}

fault! { NameClash {
    x: Vec<Wire<In>> = Wire::many(2, 8),
    x_1: Wire<In> = Wire::new(8),
} #[hdl_gen] fn update(&mut self) {
    self.y.next = self.x[1].val() + self.x_1.val();
}}

fault! { BlockClash {
    fifo: Vec<Doubler> = vec![Doubler::default()],
    fifo_0: Wire<Local> = Wire::new(8),
} #[hdl_gen] fn update(&mut self) {
    self.fifo[0].a.next = self.a.val();
    self.fifo_0.next = self.fifo[0].y.val();
    self.y.next = self.fifo_0.val();
}}

hardware! { Doubler {
    a: Wire<In> = Wire::new(8),
    y: Wire<Out> = Wire::new(8),
} #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val() << 1;
}}

fault! { LoopVariable { i: Wire<In> = Wire::new(8) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
    for i in 0..2 {
        if self.i.val() == i {
            self.y.next = self.i.val();
        }
    }
}}

fault! { NoSuchIndex { c: Vec<Wire<In>> = Wire::many(2, 8) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
    for i in 0..3 {
        if self.b.val() == i {
            self.y.next = self.c[i].val();
        }
    }
}}

#[test]
fn names() {
    refuses!(NameClash, "x_1 and x$1 would both be called x_1");
    refuses!(BlockClash, "the block fifo$0 and fifo_0 would both be called fifo_0");
    refuses!(LoopVariable, "the loop variable i is also the name of a signal");
    refuses!(NoSuchIndex, "assignment to y: no signal is named c$2");
}

fault! { SignedPort { s: Signal<In, Signed<8>> = Signal::default() } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
}}

fault! { HugeConstant { k: Constant<Bits<200>> = Constant::new(Bits::<200>::default().replace_bit(150, true)) }
#[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
}}

/// The six expressions that rust-hdl's own writer turns into Verilog of another meaning.
///
/// The writer refuses them by the structure of the expression, whatever the names and widths are, so no scan of
/// the sources for patterns is needed: hardware that contains one does not come to exist. Here are those that are
/// refused; the others are written so that they mean what they say, and `meaning.rs` runs them:
///
/// | pattern | rust-hdl's Verilog | here |
/// |---|---|---|
/// | `unsigned_cast(signed_bit_cast::<16, 8>(s))` | extends with zeros | refused |
/// | a signed value in rust-hdl's types (−128 also ends its simulator) | | refused |
/// | `bit_cast::<16, 8>(a - b)` | no wrap at 8 bits | wraps |
/// | `bit_cast::<9, 8>(a + b)` | keeps the carry | wraps |
/// | `a - b > 128` | subtracts at 32 bits | 8 bits |
/// | `a & b == 8` | `a & (b == 8)` | brackets |
/// | `a + 1 == 0` | adds at 32 bits | 8 bits |
#[test]
fn known_traps() {
    refuses!(NestedCast, "assignment to wide: a widening stands where nothing says to which width");
    refuses!(ExtendedExpression, "assignment to wide: sign-extend `a - b`: assign it to a signal first");
    refuses!(LooseLiteral, "assignment to f: a literal stands where nothing gives it a width");
    refuses!(HugeConstant, HUGE);
    let error = emit(&SignedPort::default(), "dut").unwrap_err();
    assert!(error.reason.starts_with("signal s has type Signed(8)"), "{error}");
}

const HUGE: &str =
    "the constant k is 200'h40000000000000000000000000000000000000: negative, or wider than 128 bits";

fault! { NestedCast { wide: Wire<Out> = Wire::new(16) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
    self.wide.next = unsigned_cast(signed_cast(self.a.val()));
}}

fault! { ExtendedExpression { wide: Wire<Out> = Wire::new(16) } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val();
    self.wide.next = signed_cast(self.a.val() - self.b.val());
}}
