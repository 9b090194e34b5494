//! A whole chain, from activations and codes.

use std::fmt::Write;

use cbp_hdl::array::chain::Chain;
use cbp_hdl::array::operands::Operands;
use cbp_hdl::array::shape::Shape;
use cbp_hdl::lang::prelude::*;
use cbp_isa::WeightSet;
use cbp_isa::weight_code::chain_lanes;

use super::sums::negations;
use super::weights::{dot, weights};
use super::{delay, sum};
use crate::{Error, Property};

/// A chain and its part of the operands.
#[derive(LogicBlock)]
struct Fed {
    clock: Signal<In, Clock>,
    x: Vec<Wire<In>>,
    code: Vec<Wire<In>>,
    sum: Wire<Out>,
    operands: Operands,
    chain: Chain,
    lanes: Const,
    units: Const,
}

impl Fed {
    fn new(shape: &Shape, signed: bool) -> Self {
        let units = shape.chain_units();
        Self {
            clock: Signal::default(),
            x: Wire::many(shape.lanes, shape.activation_bits),
            code: Wire::many(units, shape.unit_code_bits()),
            sum: Wire::new(shape.sum_bits(units)),
            operands: Operands::new(shape),
            chain: Chain::new(shape, signed),
            lanes: shape.lanes.into(),
            units: units.into(),
        }
    }
}

impl Logic for Fed {
    #[hdl_gen]
    fn update(&mut self) {
        for k in 0..self.lanes.value {
            self.operands.x[k].next = self.x[k].val();
            self.chain.operand[k].next = self.operands.operand[k].val();
        }
        for u in 0..self.units.value {
            self.chain.code[u].next = self.code[u].val();
        }
        self.sum.next = self.chain.sum.val();
    }
}

/// The first chain, whose sum lacks a 1 if its sign is negative, and any other, to whose sum the tree gives the sign.
pub fn chains(set: WeightSet) -> Result<Vec<Property>, Error> {
    Ok(vec![chain(set, true)?, chain(set, false)?])
}

fn chain(set: WeightSet, signed: bool) -> Result<Property, Error> {
    // As many as are decided within seconds.
    let activation_bits = match set {
        WeightSet::Ternary => 8,
        WeightSet::Binary | WeightSet::OneBitShift => 4,
        WeightSet::TwoBitShift => 3,
    };
    let shape = Shape { set, activation_bits, lanes: chain_lanes(set) };
    let first = if signed { 0 } else { chain_lanes(set) };
    let lanes = first..first + shape.lanes;
    let code = set.code_bits() as usize;
    let mut text = String::new();
    for lane in lanes.clone() {
        let (unit, place) = ((lane - first) / shape.unit_lanes(), (lane - first) % shape.unit_lanes());
        let _ =
            writeln!(text, "  wire [{}:0] lane_{lane} = code_{unit}[{} +: {code}];", code - 1, place * code);
    }
    let latency = shape.chain_latency();
    text += &weights(set, &lanes);
    text += &dot(&shape, &lanes);
    text += &delay(&format!("lane_{first}[{}]", code - 1), "sign", 1, latency);
    let (name, result) = if signed {
        ("first chain: sum + sign", "$signed(sum) + $signed({1'b0, sign})")
    } else {
        ("other chain: ± sum", "sign ? -$signed(sum) : $signed(sum)")
    };
    let _ = writeln!(text, "  wire signed [BITS-1:0] result = {result};");
    let property = Property::new(
        format!(
            "{set}, {name} = sum of {activation_bits}-bit activations times weights, every word of codes"
        ),
        &Fed::new(&shape, signed),
        "",
    )?;
    let (last, each) = (shape.chain_units() - 1, shape.unit_operands());
    let property = negations(sum(property, &text, shape.sum_bits(last + 1) + 1, latency, 0))
        .broken("a member takes the code of the head", ".code(wait_1_y)", ".code(wait_0_y)")
        .broken("a code is not delayed", format!(".code(wait_{last}_y)"), format!(".code(code_{last})"))
        .broken("a member takes the operand of the head", format!("(operand_{each})"), "(operand_0)");
    Ok(if shape.pairs() {
        property.broken("the difference of a pair is its sum", "left - right", "left + right")
    } else {
        property.broken("an activation is not delayed", format!("= wait_{last}_y"), format!("= x_{last}"))
    })
}
