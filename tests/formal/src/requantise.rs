//! The post-processing lane, in two halves that meet at P: the products, and everything after them.

use cbp_hdl::compute::ppu_lane::PpuLane;
use cbp_hdl::lang::arith::MultiplySigned;
use cbp_hdl::lang::prelude::*;
use cbp_isa::parameters::{encode_parameter, parameter};

use crate::{Error, Property};

/// What is proven of requantisation.
///
/// # Errors
/// A module has no Verilog.
pub fn properties() -> Result<Vec<Property>, Error> {
    Ok(vec![multiplier()?, products()?, rounding()?])
}

/// P at its register, and s beside it.
fn halves(property: Property) -> Property {
    property.inner("high6_q", 24, "total_upper").inner("bits6_q", 24, "total_lower").inner(
        "shifts_5_q",
        6,
        "places",
    )
}

/// The multiplier leaf alone: a leaf is written in place, so it needs a block to stand in.
#[derive(LogicBlock)]
struct Multiplier {
    clock: Signal<In, Clock>,
    a: Wire<In>,
    b: Wire<In>,
    y: Wire<Out>,
    multiply: MultiplySigned,
}

impl Logic for Multiplier {
    #[hdl_gen]
    fn update(&mut self) {
        self.multiply.a.next = self.a.val();
        self.multiply.b.next = self.b.val();
        self.y.next = self.multiply.y.val();
    }
}

fn multiplier() -> Result<Property, Error> {
    let block = Multiplier {
        clock: Signal::default(),
        a: Wire::new(8),
        b: Wire::new(5),
        y: Wire::new(13),
        multiply: MultiplySigned::new(8, 5),
    };
    let bench = "  wire signed [12:0] product = $signed(a) * $signed(b);\n  always @* assert ($signed(y) == product);\n";
    Ok(Property::new("multiplier leaf, 8 by 5 bits: the signed product", &block, bench)?
        .broken("the first factor has no sign", "{a[7]}", "{1'b0}")
        .broken("the second factor has no sign", "{b[4]}", "{1'b0}"))
}

fn products() -> Result<Property, Error> {
    let name = "PPU lane, first half: P = acc*m + B + r*R, every operand";
    Ok(halves(Property::new(name, &PpuLane::new(32), include_str!("benches/products.v"))?)
        .number("MULTIPLIER", parameter::MULTIPLIER.lsb as u64)
        .number("BIAS", parameter::BIAS.lsb as u64)
        .number("SHIFT", parameter::SHIFT.lsb as u64)
        .number("RESIDUAL", parameter::RESIDUAL_MULTIPLIER.lsb as u64)
        .steps(9)
        .hint("acc", "32'h87654321")
        .hint("residual", "8'h85")
        .hint(
            "record",
            format!("128'h{:032x}", u128::from_le_bytes(encode_parameter(-321, 1 << 40, 5, -0x12_3456_789a))),
        )
        .broken("the bias is not added", "wide3 + bias_1_q", "wide3")
        .broken("the residual is subtracted", "wide5 + sum4_y", "sum4_y - wide5")
        .broken("the product of the lower part of acc has no sign", "acc_low2_q[40]", "1'b0")
        .broken("the product of the lower part of R has no sign", "residual_low4_q[32]", "1'b0")
        .broken("the upper part of acc does not count", "acc_high3_q + low3_q", "low3_q")
        .broken("the upper part of R does not count", "residual_high5_q + low5_q", "low5_q")
        .broken("the upper part of R has no sign", "factor_3_q[39:24]", "{1'b0, factor_3_q[38:24]}")
        .broken("the accumulator has no sign", "accs_1_q[31:24]", "{1'b0, accs_1_q[30:24]}")
        .broken("s - 1 instead of s", "shifts_0_q <= fields_shift", "shifts_0_q <= fields_shift - 6'd1"))
}

fn rounding() -> Result<Property, Error> {
    let name = "PPU lane, second half: clamp(((P + 2^(s-1)) >> s) + z, lo, hi) and P > 0, every P";
    Ok(halves(Property::new(name, &PpuLane::new(32), include_str!("benches/requantise.v"))?)
        .cut("high6_q")
        .cut("bits6_q")
        .cut("shifts_5_q")
        .steps(6)
        .broken("rounds down", "(zero_point << 1) | 11'd1", "zero_point << 1")
        .broken("the zero point counts once", "zero_point << 1", "zero_point")
        .broken("a bit that is too high goes unseen", "differs[47:41]", "differs[47:42]")
        .broken("so does one after the shift by fours", "(fours != 2'd3)", "1'd0")
        .broken("so does one after the shift by ones", "fine_differs[9] &&", "1'd0 &&")
        .broken("what is too large is cut", "over = late_over_q", "over = 1'd0")
        .broken("the shift is logical", "upper} : {{8{upper[16]}}", "upper} : {{8{1'b0}}")
        .broken("below and above exchanged", "$signed(moved) < $signed(low)", "$signed(moved) > $signed(low)")
        .broken("0 counts as positive", "(|total) && ~top", "~top"))
}
