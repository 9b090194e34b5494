//! A whole column of two chains, from activations and codes to the drain register.

use std::fmt::Write;

use cbp_hdl::array::Column;
use cbp_hdl::array::accumulator::START_BITS;
use cbp_hdl::array::operands::Operands;
use cbp_hdl::array::shape::Shape;
use cbp_hdl::lang::prelude::*;
use cbp_isa::weight_code::chain_lanes;
use cbp_isa::{Config, WeightSet};

use super::sum;
use super::sums::negations;
use super::weights::{dot, weights};
use crate::rings::config;
use crate::{Error, Property};

/// Bits of an activation.
const BITS: usize = 2;

/// A column and the operands of all columns.
#[derive(LogicBlock)]
struct Fed {
    clock: Signal<In, Clock>,
    x: Vec<Wire<In>>,
    planes: Vec<Wire<In>>,
    valid: Signal<In, Bit>,
    start: Wire<In>,
    last: Signal<In, Bit>,
    out: Wire<Out>,
    operands: Operands,
    column: Column,
    lanes: Const,
    bits: Const,
}

impl Fed {
    fn new(config: &Config) -> Self {
        let shape = Shape::new(config);
        let bits = config.weight_set.code_bits() as usize;
        Self {
            clock: Signal::default(),
            x: Wire::many(config.lanes, config.activation_bits),
            planes: Wire::many(bits, config.lanes),
            valid: Signal::default(),
            start: Wire::new(START_BITS),
            last: Signal::default(),
            out: Wire::new(config.accumulator_bits),
            operands: Operands::new(&shape),
            column: Column::new(config),
            lanes: config.lanes.into(),
            bits: bits.into(),
        }
    }
}

impl Logic for Fed {
    #[hdl_gen]
    fn update(&mut self) {
        for k in 0..self.lanes.value {
            self.operands.x[k].next = self.x[k].val();
            self.column.operand[k].next = self.operands.operand[k].val();
        }
        for p in 0..self.bits.value {
            self.column.planes[p].next = self.planes[p].val();
        }
        self.column.valid.next = self.valid.val();
        self.column.start.next = self.start.val();
        self.column.last.next = self.last.val();
        self.out.next = self.column.out.val();
    }
}

/// A single sum of a column, started from 0 and drained at once.
pub fn column(set: WeightSet) -> Result<Property, Error> {
    let lanes = 2 * chain_lanes(set);
    let config = Config {
        weight_set: set,
        lanes,
        columns: 1,
        activation_bits: BITS,
        accumulator_bits: 12,
        ..config()?
    };
    let shape = Shape::new(&config);
    let planes = set.code_bits() as usize;
    let mut text = String::new();
    for lane in 0..lanes {
        let of: Vec<String> = (0..planes).rev().map(|p| format!("planes_{p}[{lane}]")).collect();
        let _ = writeln!(text, "  wire [{}:0] lane_{lane} = {{{}}};", planes - 1, of.join(", "));
    }
    text += &weights(set, &(0..lanes));
    text += &dot(&shape, &(0..lanes));
    text += "  always @* assume (start == 0 && last);\n  wire signed [BITS-1:0] result = $signed(out);\n";
    let property = Property::new(
        format!(
            "{set}, column of {lanes} lanes: drained is the sum of {BITS}-bit activations times weights, every word of codes"
        ),
        &Fed::new(&config),
        "",
    )?;
    let (sign, second) = (planes - 1, chain_lanes(set));
    Ok(negations(sum(property, &text, config.accumulator_bits, shape.latency() + 1, 0))
        .broken(
            "the second chain takes the sign of the first",
            format!("planes_{sign}[{second}];"),
            format!("planes_{sign}[0];"),
        )
        .broken("the 1 of the complemented head is not added", ".carry(lane_sign_y)", ".carry(1'd0)")
        .broken("the 1 comes before its sum", ".carry(lane_sign_y)", format!(".carry(planes_{sign}[0])"))
        .broken("the first chain counts twice", ".x_1(chain_1_sum)", ".x_1(chain_0_sum)"))
}
