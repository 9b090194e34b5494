//! Lanes and adder trees.

use std::fmt::Write;

use cbp_hdl::array::lane::{Lane, product_bits};
use cbp_hdl::array::tree::{Adder, AdderTree};
use cbp_isa::WeightSet;
use cbp_isa::weight_code::decode_weight;

use crate::{Error, Property};

/// What is proven of the array.
///
/// # Errors
/// A module has no Verilog.
pub fn properties() -> Result<Vec<Property>, Error> {
    let mut properties = Vec::new();
    for set in WeightSet::ALL {
        properties.push(lane(set)?);
    }
    properties.push(adder()?);
    for count in [2, 4, 8] {
        properties.push(tree(count)?);
    }
    Ok(properties)
}

/// A function from a code to its weight, as the instruction set's table has it.
fn decode(set: WeightSet) -> String {
    let bits = set.code_bits();
    let mut text =
        format!("  function signed [7:0] decode(input [{top}:0] code);\n    case (code)\n", top = bits - 1);
    for code in 0..1_u8 << bits {
        let _ = writeln!(text, "      {code}: decode = {};", decode_weight(set, code));
    }
    text + "    endcase\n  endfunction\n"
}

fn lane(set: WeightSet) -> Result<Property, Error> {
    let bits = set.code_bits();
    let codes: Vec<String> = (0..bits).rev().map(|i| format!("code_{i}")).collect();
    let bench = format!(
        "{}  wire [{}:0] code = {{{}}};\n{}",
        decode(set),
        bits - 1,
        codes.join(", "),
        include_str!("benches/product.v")
    );
    Ok(Property::new(
        format!("lane, {set}: product = activation times weight, every code"),
        &Lane::new(set, 8),
        &bench,
    )?
    .number("BITS", product_bits(set, 8) as u64)
    .broken("not negated", "result_d = -chosen", "result_d = chosen")
    .broken("one's complement", "result_d = -chosen", "result_d = ~chosen")
    .broken("the sign bit is not extended", "{x[7]}}", "{1'b0}}"))
}

/// One registered adder of the tree.
fn adder() -> Result<Property, Error> {
    let bench =
        format!("  wire signed [8:0] total = $signed(a) + $signed(b);\n{}", include_str!("benches/sum.v"));
    Ok(Property::new("adder: sum = a + b, one bit wider", &Adder::new(8), &bench)?
        .number("BITS", 9)
        .number("LEVELS", 1)
        .broken("subtracts", "left + right", "left - right")
        .broken("the sign of a is not extended", "{a[7]}}", "{1'b0}}")
        .broken("the carry into the top bit is lost", "left + right", "{left[8], left[7:0] + right[7:0]}"))
}

/// A tree of `count` summands.
fn tree(count: usize) -> Result<Property, Error> {
    let levels = count.ilog2() as usize;
    let summands: Vec<String> = (0..count).map(|i| format!("$signed(x_{i})")).collect();
    let bench = format!(
        "  wire signed [BITS-1:0] total = {};\n{}",
        summands.join(" + "),
        include_str!("benches/sum.v")
    );
    Ok(Property::new(
        format!("adder tree of {count}: the sum of all summands"),
        &AdderTree::new(count, 8),
        &bench,
    )?
    .number("BITS", (8 + levels) as u64)
    .number("LEVELS", levels as u64)
    .steps(levels + 2)
    .broken("a summand counts twice", "(x_1)", "(x_0)")
    .broken("an adder subtracts", "left + right", "left - right")
    .broken("the widest adder drops its carry", "left + right", "{left[2], left[1:0] + right[1:0]}"))
}
