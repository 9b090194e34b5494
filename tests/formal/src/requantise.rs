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

/// P at its register, and s − 1 beside it.
fn halves(property: Property) -> Property {
    property.inner("total4_q", 48, "total").inner("shift4_q", 6, "places")
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
        .steps(6)
        .hint("acc", "32'h87654321")
        .hint("residual", "8'h85")
        .hint(
            "record",
            format!("128'h{:032x}", u128::from_le_bytes(encode_parameter(-321, 1 << 40, 5, -0x12_3456_789a))),
        )
        .broken("the bias is not added", "product2_q + bias2_q", "product2_q")
        .broken("the residual is subtracted", "sum3_q + residual3_q", "sum3_q - residual3_q")
        .broken("the sum of the lower part is not carried with its sign", "{15{carried[8]}}", "{15{1'b0}}")
        .broken("the upper part of R has no sign", "factor1_q[39:24]", "{1'b0, factor1_q[38:24]}")
        .broken("the accumulator has no sign", "accs_0_q[31]", "1'b0")
        .broken("s instead of s - 1", "fields_shift - 6'd1", "fields_shift"))
}

fn rounding() -> Result<Property, Error> {
    let name = "PPU lane, second half: clamp(((P + 2^(s-1)) >> s) + z, lo, hi) and P > 0, every P";
    Ok(halves(Property::new(name, &PpuLane::new(32), include_str!("benches/requantise.v"))?)
        .cut("total4_q")
        .cut("shift4_q")
        .steps(4)
        .broken("rounds down", "(zero_point << 1) | 11'd1", "zero_point << 1")
        .broken("the zero point counts once", "zero_point << 1", "zero_point")
        .broken("one bit too few is kept", "<< shift4_q) << 9)", "<< shift4_q) << 10)")
        .broken("what is too large is cut", "over5_q <= |too_large", "over5_q <= 1'd0")
        .broken("the shift is logical", "$signed(total) >>> shift4_q", "total >> shift4_q")
        .broken("below and above exchanged", "$signed(moved) < $signed(low)", "$signed(moved) > $signed(low)")
        .broken("0 counts as positive", "(|total) && ~top", "~top"))
}
