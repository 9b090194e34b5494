//! The adder of two numbers, and the tree that adds chains.

use std::fmt::Write;

use cbp_hdl::array::shape::Shape;
use cbp_hdl::array::tree::SignTree;
use cbp_hdl::lang::adder::SignedAdder;
use cbp_hdl::lang::prelude::*;
use cbp_isa::WeightSet;
use cbp_isa::weight_code::{chain_lanes, sign_reference};

use super::{delay, sum};
use crate::{Error, Property};

/// The adder alone: a leaf is written in place, so it needs a block to stand in.
#[derive(LogicBlock)]
struct Alone {
    clock: Signal<In, Clock>,
    a: Wire<In>,
    b: Wire<In>,
    negative: Signal<In, Bit>,
    sum: Wire<Out>,
    adder: SignedAdder,
}

impl Logic for Alone {
    #[hdl_gen]
    fn update(&mut self) {
        self.adder.a.next = self.a.val();
        self.adder.b.next = self.b.val();
        self.adder.negative.next = self.negative.val();
        self.sum.next = self.adder.sum.val();
    }
}

/// One adder, with operands of unlike widths.
pub fn adder() -> Result<Property, Error> {
    let block = Alone {
        clock: Signal::default(),
        a: Wire::new(10),
        b: Wire::new(8),
        negative: Signal::default(),
        sum: Wire::new(11),
        adder: SignedAdder::new(10, 8, 11),
    };
    let property = Property::new("adder: sum = a + b or a - b, exactly", &block, "")?;
    let text = "  wire signed [BITS-1:0] total = negative ? $signed(a) - $signed(b) : $signed(a) + $signed(b);\n  \
                wire signed [BITS-1:0] result = $signed(sum);\n";
    Ok(negations(sum(property, text, 12, 1, 0))
        .broken("the sign of a is not extended", "a[9]", "1'b0")
        .broken("the sign of b is not extended", "b[7]", "1'b0"))
}

/// The tree over `chains` chains.
pub fn tree(chains: usize) -> Result<Property, Error> {
    let set = WeightSet::Ternary;
    let shape = Shape { set, activation_bits: 8, lanes: chains * chain_lanes(set) };
    let property = Property::new(
        format!("tree of {chains} chains: the sum of all chains, with the signs of their first lanes"),
        &SignTree::new(&shape),
        "",
    )?;
    // The sign bit of the first lane of every chain comes with the codes, that is before the sums of the chains.
    let wait = shape.chain_latency();
    let mut text = String::new();
    for node in 0..chains - 1 {
        let chain = SignTree::second_operand(chains, node);
        text += &delay(&format!("signs_{node}"), &format!("sign_{chain}"), 1, wait);
    }
    let mut summands = Vec::new();
    for chain in 0..chains {
        let next = |&lane: &usize| sign_reference(set, lane);
        let of = std::iter::successors(sign_reference(set, chain * chain_lanes(set)), next);
        let own = (chain > 0).then_some(chain * chain_lanes(set));
        let mut signs = vec!["1'b0".to_owned()];
        signs.extend(own.into_iter().chain(of).map(|lane| format!("sign_{}[0]", lane / chain_lanes(set))));
        let _ = writeln!(text, "  wire minus_{chain} = {};", signs.join(" ^ "));
        summands.push(format!("(minus_{chain} ? -$signed(x_{chain}) : $signed(x_{chain}))"));
    }
    let levels = chains.ilog2() as usize;
    let bits = shape.sum_bits(shape.chain_units()) + levels + 1;
    let _ = writeln!(text, "  wire signed [BITS-1:0] total = {};", summands.join(" + "));
    text += "  wire signed [BITS-1:0] result = $signed(sum);\n";
    let property = negations(sum(property, &text, bits, levels, wait))
        .broken("a chain counts twice", "(x_1)", "(x_0)")
        .broken("a sign is not delayed", "(wait_y)", "(sign)");
    Ok(if chains > 2 {
        property.broken("signs exchanged", ".sign(signs_0)", ".sign(signs_1)")
    } else {
        property
    })
}

/// Copies whose first adder goes wrong about the sign of its second operand.
pub fn negations(property: Property) -> Property {
    property
        .broken("an adder ignores the sign", "{~negative}", "{1'd1}")
        .broken("an adder subtracts whatever the sign", "{~negative}", "{1'd0}")
        .broken("an adder always carries in", ", ~negative}", ", 1'd0}")
}
