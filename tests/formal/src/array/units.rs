//! The units of a chain: each equals multiplication by the weights of its codes.

use std::fmt::Write;
use std::ops::Range;

use cbp_hdl::array::head::Head;
use cbp_hdl::array::member::Member;
use cbp_hdl::array::shape::Shape;
use cbp_isa::WeightSet;
use cbp_isa::weight_code::chain_lanes;

use super::sums::negations;
use super::weights::weights;
use super::{delay, sum};
use crate::{Error, Property};

/// The shape of two chains with activations of 8 bits.
fn shape(set: WeightSet) -> Shape {
    Shape { set, activation_bits: 8, lanes: 2 * chain_lanes(set) }
}

/// Text that defines `product`, the sum of activation times weight over the lanes of a unit, and `minus`, the
/// sign of its first lane.
fn product(shape: &Shape, lanes: &Range<usize>, bits: usize) -> String {
    let (code, first) = (shape.set.code_bits() as usize, lanes.start);
    let mut text = String::new();
    for lane in lanes.clone() {
        let _ = writeln!(
            text,
            "  wire [{}:0] lane_{lane} = code[{} +: {code}];",
            code - 1,
            (lane - first) * code
        );
    }
    text += &weights(shape.set, lanes);
    let _ = writeln!(text, "  wire minus = lane_{first}[{}];", code - 1);
    let _ = if shape.pairs() {
        // A pair's operands are a + b and a - b, and ua + vb is (u + v)/2 (a + b) + (u - v)/2 (a - b).
        writeln!(
            text,
            "  wire signed [1:0] sums = (weight_{first} + weight_{last}) / 3'sd2;\n  \
             wire signed [1:0] differences = (weight_{first} - weight_{last}) / 3'sd2;\n  \
             wire signed [{top}:0] product = $signed(operand_0) * sums + $signed(operand_1) * differences;",
            last = first + 1,
            top = bits - 1
        )
    } else {
        writeln!(text, "  wire signed [{}:0] product = $signed(operand_0) * weight_{first};", bits - 1)
    };
    text
}

/// The head of the first chain, complemented by a negative code, and that of any other, which is never negated.
pub fn heads(set: WeightSet) -> Result<Vec<Property>, Error> {
    Ok(vec![head(set, true)?, head(set, false)?])
}

fn head(set: WeightSet, signed: bool) -> Result<Property, Error> {
    let shape = shape(set);
    let bits = shape.selected_bits() + 1;
    let first = if signed { 0 } else { chain_lanes(set) };
    let (name, result) = if signed {
        ("first head: value + sign", "$signed(value) + $signed({1'b0, sign})")
    } else {
        ("other head: ± value", "sign ? -$signed(value) : $signed(value)")
    };
    let mut text = product(&shape, &(first..first + shape.unit_lanes()), bits + 1);
    text += &delay("minus", "sign", 1, 1);
    let _ = writeln!(
        text,
        "  wire signed [BITS-1:0] total = product;\n  wire signed [BITS-1:0] result = {result};"
    );
    let property = Property::new(
        format!("{set}, {name} = activation times weight, every code"),
        &Head::new(&shape, signed),
        "",
    )?;
    let property = codes(sum(property, &text, bits, 1, 0), &shape);
    Ok(if signed {
        property.broken("not complemented", "result_d = ~chosen", "result_d = chosen").broken(
            "negated, not complemented",
            "result_d = ~chosen",
            "result_d = -chosen",
        )
    } else {
        property.broken("complemented", "result_q <= chosen", "result_q <= ~chosen")
    })
}

/// Copies of a unit that misread a code.
fn codes(property: Property, shape: &Shape) -> Property {
    let zero = format!("chosen = {}'d0", shape.selected_bits());
    match shape.set {
        WeightSet::Binary => property.broken("sum and difference exchanged", "if (code[1])", "if (~code[1])"),
        WeightSet::Ternary => property.broken("0 reads as 1", zero, "chosen = wide_0").broken(
            "-1 reads as 0",
            "if (code[0])",
            "if (|code)",
        ),
        WeightSet::OneBitShift => property
            .broken("0 reads as 1", zero, "chosen = wide_0")
            .broken("2 reads as 1", "wide_0 << 1", "wide_0")
            .broken("the sign of the operand is not extended", "operand_0[7]", "1'b0"),
        WeightSet::TwoBitShift => property
            .broken("0 reads as 1", zero, "chosen = wide_0")
            .broken("4 reads as 2", "wide_0 << 2", "wide_0 << 1")
            .broken("2 reads as 4", "wide_0 << 1", "wide_0 << 2")
            .broken("the sign of the operand is not extended", "operand_0[7]", "1'b0"),
    }
}

/// Copies of a member of two-bit shifts, whose operand stands in two registers, that go wrong about these.
fn registers(property: Property) -> Property {
    property
        .broken("0 reads as 1", "low_0_d = 8'd0", "low_0_d = operand_0")
        .broken("2 reads as 1", "wide_0 << 1", "wide_0")
        .broken("4 reads as 2", "wide_1 << 2", "wide_1 << 1")
        .broken("0 reads as 4", "code[1:0] == 2'd1", "code[0]")
        .broken("the sign comes before its operand", "(control_0_q[2])", "(code[2])")
        .broken("the sign of the operand is not extended", "low_0_q[7]", "1'b0")
}

/// The members of a chain, with any sum before them.
pub fn members(set: WeightSet) -> Result<Vec<Property>, Error> {
    (1..shape(set).chain_units()).map(|place| member(set, place)).collect()
}

fn member(set: WeightSet, place: usize) -> Result<Property, Error> {
    let shape = shape(set);
    let (before, after) = (shape.sum_bits(place), shape.sum_bits(place + 1));
    // A unit of the second chain whose first lane has no sign: its own sign is relative to that.
    let first = chain_lanes(set) + place * shape.unit_lanes();
    let bits = after + 1;
    let mut text = product(&shape, &(first..first + shape.unit_lanes()), bits);
    // Cycles by which operand and code come before the sum of the units before.
    let wait = shape.arrival(0) + place - shape.arrival(place);
    text += &delay("product", "summand", bits, wait);
    text += "  wire signed [BITS-1:0] total = $signed(sum_in) + summand;\n  \
             wire signed [BITS-1:0] result = $signed(sum);\n";
    if before == after {
        text += "  // That the sum of a whole chain fits is proven of the chain.\n  \
                 always @* assume (total[BITS-1] == total[BITS-2]);\n";
    }
    let property = Property::new(
        format!("{set}, member {place}: sum = sum before + activation times weight, every code"),
        &Member::new(&shape, place),
        "",
    )?;
    let property = negations(sum(property, &text, bits, 1, wait)).broken(
        "the sign of the summand is not extended",
        format!("b[{}]", shape.selected_bits() - 1),
        "1'b0",
    );
    Ok(if set == WeightSet::TwoBitShift { registers(property) } else { codes(property, &shape) })
}
