//! What the written Verilog computes, under Verilator, for every pair of bytes; and its text for one block.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]
#![allow(clippy::collapsible_match, reason = "a guard is not hardware")]

mod common;

use cbp_hdl::compute::loops::Loops;
use cbp_hdl::lang::arith::{Concat, LessSigned, MultiplySigned, ShiftRightSigned, Split};
use cbp_hdl::lang::emit::emit;
use cbp_hdl::lang::prelude::*;
use common::hardware::hardware;
use common::{Bench, part};

hardware! { Expressions {
    a: Wire<In> = Wire::new(8),
    b: Wire<In> = Wire::new(8),
    // The patterns that rust-hdl's own writer gets wrong.
    cast_difference: Wire<Out> = Wire::new(16),
    cast_sum: Wire<Out> = Wire::new(9),
    difference_above: Signal<Out, Bit> = Signal::default(),
    mask_equals: Signal<Out, Bit> = Signal::default(),
    wraps_to_zero: Signal<Out, Bit> = Signal::default(),
    extended: Wire<Out> = Wire::new(16),
    // Everything else that changes a width or depends on one.
    negative: Wire<Out> = Wire::new(8),
    twice_negative: Wire<Out> = Wire::new(8),
    shifted_out: Wire<Out> = Wire::new(8),
    shifted_by: Wire<Out> = Wire::new(8),
    inverted_equals: Signal<Out, Bit> = Signal::default(),
    compared: Wire<Out> = Wire::new(4),
    reduced: Wire<Out> = Wire::new(3),
    chosen_bit: Signal<Out, Bit> = Signal::default(),
    pair: Wire<Out> = Wire::new(2),
    product: Wire<Out> = Wire::new(16),
    arithmetic: Wire<Out> = Wire::new(8),
    halves: Wire<Out> = Wire::new(8),
    compare: Vec<Signal<Local, Bit>> = (0..4).map(|_| Signal::default()).collect(),
    compares: Concat = Concat::new(4, 1),
    reduce: Concat = Concat::new(3, 1),
    index: Wire<Local> = Wire::new(3),
    multiply: MultiplySigned = MultiplySigned::new(8, 8),
    shift: ShiftRightSigned = ShiftRightSigned::new(8, 8),
    less: LessSigned = LessSigned::new(8),
    less_signed: Signal<Out, Bit> = Signal::default(),
    split: Split = Split::new(2, 4),
    join: Concat = Concat::new(2, 4),
} #[hdl_gen] fn update(&mut self) {
    self.cast_difference.next = bits_resize(self.a.val() - self.b.val(), 16);
    self.cast_sum.next = bits_resize(self.a.val() + self.b.val(), 9);
    self.difference_above.next = self.a.val() - self.b.val() > 128;
    self.mask_equals.next = self.a.val() & self.b.val() == 8;
    self.wraps_to_zero.next = self.a.val() + 1 == 0;
    self.extended.next = signed_cast(self.a.val());
    self.negative.next = -self.a.val();
    self.twice_negative.next = -(-self.a.val());
    self.shifted_out.next = (self.a.val() << 1) >> 1;
    self.shifted_by.next = self.a.val() << self.b.val();
    self.inverted_equals.next = !self.a.val() == self.b.val();
    self.compare[0].next = self.a.val() < self.b.val();
    self.compare[1].next = self.a.val() <= self.b.val();
    self.compare[2].next = self.a.val() > self.b.val();
    self.compare[3].next = (self.a.val() >= self.b.val()) ^ (self.a.val() != self.b.val());
    for i in 0..4 {
        self.compares.parts[i].next = self.compare[i].val().into();
    }
    self.compared.next = self.compares.y.val();
    self.reduce.parts[0].next = self.a.val().any().into();
    self.reduce.parts[1].next = self.a.val().all().into();
    self.reduce.parts[2].next = self.a.val().xor().into();
    self.reduced.next = self.reduce.y.val();
    self.index.next = bits_resize(self.b.val(), 3);
    self.chosen_bit.next = self.a.val().get_bit(self.index.val());
    self.pair.next = self.a.val().get_bits::<2>(self.b.val().get_bits::<1>(0));
    // Leaves that take bits of their inputs, given expressions.
    self.multiply.a.next = -self.a.val();
    self.multiply.b.next = self.b.val() ^ 0x55;
    self.product.next = self.multiply.y.val();
    self.shift.a.next = -self.a.val();
    self.shift.amount.next = self.b.val();
    self.arithmetic.next = self.shift.y.val();
    self.less.a.next = -self.a.val();
    self.less.b.next = self.b.val();
    self.less_signed.next = self.less.y.val();
    self.split.x.next = -self.a.val();
    self.join.parts[0].next = self.split.parts[1].val();
    self.join.parts[1].next = self.split.parts[0].val();
    self.halves.next = self.join.y.val();
}}

#[test]
fn expressions_of_all_bytes() {
    let mut bench = Bench::new(&[part("e", &Expressions::default())]);
    for (a, b) in (0..=255u8).flat_map(|a| (0..=255u8).map(move |b| (a, b))) {
        bench.set("e.a", a.into());
        bench.set("e.b", b.into());
        bench.tick();
        let (negative, signed) = (a.wrapping_neg(), a.wrapping_neg().cast_signed());
        let bits = |bits: &[bool]| bits.iter().rev().fold(0, |n, &bit| n << 1 | u64::from(bit));
        let expected: [(&str, u64); 19] = [
            ("cast_difference", a.wrapping_sub(b).into()),
            ("cast_sum", a.wrapping_add(b).into()),
            ("difference_above", (a.wrapping_sub(b) > 128).into()),
            ("mask_equals", (a & b == 8).into()),
            ("wraps_to_zero", (a.wrapping_add(1) == 0).into()),
            ("extended", i16::from(a.cast_signed()).cast_unsigned().into()),
            ("negative", negative.into()),
            ("twice_negative", a.into()),
            ("shifted_out", (a & 127).into()),
            ("shifted_by", a.checked_shl(b.into()).unwrap_or(0).into()),
            ("inverted_equals", (!a == b).into()),
            ("compared", bits(&[a < b, a <= b, a > b, (a >= b) ^ (a != b)])),
            ("reduced", bits(&[a != 0, a == 255, a.count_ones() % 2 == 1])),
            ("chosen_bit", (a >> (b & 7) & 1).into()),
            ("pair", (a >> (b & 1) & 3).into()),
            ("product", (i16::from(signed) * i16::from((b ^ 0x55).cast_signed())).cast_unsigned().into()),
            ("arithmetic", (signed >> b.min(7)).cast_unsigned().into()),
            ("halves", negative.rotate_left(4).into()),
            ("less_signed", (signed < b.cast_signed()).into()),
        ];
        for (port, value) in expected {
            assert_eq!(bench.get(&format!("e.{port}")), value, "{port} of a = {a}, b = {b}");
        }
    }
}

#[derive(Copy, Clone, PartialEq, Eq, Debug, LogicState)]
enum Phase {
    Rest,
    Work,
    Halt,
}

hardware! { Machine {
    clock: Signal<In, Clock> = Signal::default(),
    reset: Signal<In, Bit> = Signal::default(),
    go: Signal<In, Bit> = Signal::default(),
    // Keywords of Verilog and SystemVerilog.
    initial: Wire<In> = Wire::new(8),
    endmodule: Wire<Out> = Wire::new(8),
    unique0: Wire<Local> = Wire::new(8),
    resting: Signal<Out, Bit> = Signal::default(),
    phase: Dff<Phase> = Dff::default(),
    count: Reg = Reg::with_reset(8, 5),
    data: Reg = Reg::plain(8),
} #[hdl_gen] fn update(&mut self) {
    // A read means the latest assignment above it.
    self.unique0.next = self.initial.val();
    if self.unique0.val() > 200 {
        self.unique0.next = 200.into();
    }
    match self.phase.q.val() {
        Phase::Rest => {
            if self.go.val() {
                self.phase.d.next = Phase::Work;
                self.data.d.next = self.unique0.val();
            }
        }
        Phase::Work => {
            self.count.d.next = self.count.q.val() + 1;
            if self.count.q.val() == 9 {
                self.phase.d.next = Phase::Halt;
            }
        }
        Phase::Halt => {}
    }
    self.resting.next = self.phase.q.val() == Phase::Rest;
    self.endmodule.next = self.count.q.val() + self.data.q.val();
}}

#[test]
fn registers_hold() {
    let mut bench = Bench::new(&[part("m", &Machine::default())]);
    bench.reset("m");
    bench.set("m.initial_", 250);
    bench.flag("m.go", true);
    bench.tick();
    assert!(bench.is("m.resting"));
    for cycle in 0..20 {
        bench.set("m.initial_", cycle);
        bench.flag("m.go", cycle % 2 == 0);
        bench.tick();
        assert!(!bench.is("m.resting"));
        // The count moves for five cycles and then holds; the data was taken once, at most 200.
        assert_eq!(bench.get("m.endmodule_"), 200 + 5 + cycle.min(5).cast_unsigned(), "cycle {cycle}");
    }
    bench.flag("m.go", false);
    bench.reset("m");
    bench.tick();
    assert!(bench.is("m.resting"));
    assert_eq!(bench.get("m.endmodule_"), 205, "data has no reset, the count goes back to 5");
}

hardware! { Toggle {
    clock: Signal<In, Clock> = Signal::default(),
    reset: Signal<In, Bit> = Signal::default(),
    enable: Signal<In, Bit> = Signal::default(),
    step: Wire<In> = Wire::new(4),
    total: Wire<Out> = Wire::new(6),
    odd: Signal<Out, Bit> = Signal::default(),
    sum: Reg = Reg::with_reset(6, 1),
} #[hdl_gen] fn update(&mut self) {
    if self.enable.val() && (self.step.val() != 0) {
        self.sum.d.next = self.sum.q.val() + unsigned_cast(self.step.val());
    }
    self.total.next = self.sum.q.val();
    self.odd.next = self.sum.q.val().get_bit(0);
}}

const TOGGLE: &str = "\
module toggle (
  input  wire clock,
  input  wire reset,
  input  wire enable,
  input  wire [3:0] step,
  output wire [5:0] total,
  output wire odd
);
  reg [5:0] sum_d;
  reg [5:0] sum_q;
  always @* begin
    sum_d = sum_q;
    if (enable && (step != 4'd0)) begin
      sum_d = sum_q + {2'd0, step};
    end
  end
  assign total = sum_q;
  assign odd = sum_q[0];
  always @(posedge clock) if (reset) sum_q <= 6'd1; else sum_q <= sum_d;
endmodule
";

/// The text is what people read and other tools take, so a change of it is a decision.
#[test]
fn text_of_a_block() {
    assert_eq!(emit(&Toggle::default(), "toggle").unwrap().text(), TOGGLE);
}

#[test]
fn equal_blocks_share_a_module() {
    let design = emit(&Loops::default(), "loops").unwrap();
    let names: Vec<&str> = design.modules.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        names,
        ["loops_fields", "loops_i0", "loops_i1", "loops_passes", "loops"],
        "one counter per width"
    );
    assert_eq!(emit(&Loops::default(), "loops").unwrap().text(), design.text());
    assert_eq!(emit(&Doubled::default(), "module").unwrap().top(), "module_");
}

hardware! { Doubled {
    a: Wire<In> = Wire::new(8),
    y: Wire<Out> = Wire::new(8),
} #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val() << 1;
}}
