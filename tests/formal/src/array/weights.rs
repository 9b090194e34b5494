//! The weights that codes stand for, as Verilog written by the instruction set's own decoder.

use std::fmt::Write;
use std::ops::Range;

use cbp_hdl::array::shape::Shape;
use cbp_isa::WeightSet;
use cbp_isa::weight_code::{decode_word, sign_reference};

/// Lanes of a word.
const LANES: usize = 128;

/// The lane and those of `lanes` that its sign depends on.
fn ancestry(set: WeightSet, lanes: &Range<usize>, lane: usize) -> Vec<usize> {
    let next = |&lane: &usize| sign_reference(set, lane).filter(|other| lanes.contains(other));
    std::iter::successors(Some(lane), next).collect()
}

/// The weight of `lane` in a word that has `codes` in the lanes named and 0 in all others.
fn weight(set: WeightSet, lane: usize, codes: impl Iterator<Item = (usize, u8)>) -> i8 {
    let (mut word, mut weights) = ([0; LANES], [0; LANES]);
    for (lane, code) in codes {
        word[lane] = code;
    }
    decode_word(set, &word, &mut weights);
    weights[lane]
}

/// Verilog of the sum of products of the activations `x_i`, from `x_0` on, with the weights of `lanes`: units and chains
/// summed one after the other, as the array does, which spares the solver the laws of arithmetic.
pub fn dot(shape: &Shape, lanes: &Range<usize>) -> String {
    let top = shape.activation_bits + shape.set.max_shift() as usize;
    let mut text = String::new();
    for (i, lane) in lanes.clone().enumerate() {
        let _ = writeln!(text, "  wire signed [{top}:0] product_{lane} = $signed(x_{i}) * weight_{lane};");
    }
    let all: Vec<String> = lanes.clone().map(|lane| format!("product_{lane}")).collect();
    let together = |names: &[String], each: usize| -> Vec<String> {
        names.chunks(each).map(|some| format!("({})", some.join(" + "))).collect()
    };
    let units = together(&all, shape.unit_lanes());
    let chains = together(&units, shape.chain_units());
    text + &format!("  wire signed [BITS-1:0] total = {};\n", chains.join(" + "))
}

/// Verilog of the numbers `weight_i` of `lanes`, from their codes `lane_i`; the codes of all other lanes are 0.
pub fn weights(set: WeightSet, lanes: &Range<usize>) -> String {
    let (bits, top) = (set.code_bits() as usize, set.max_shift() + 1);
    let mut text = String::new();
    for lane in lanes.clone() {
        let of = ancestry(set, lanes, lane);
        let wide = bits * of.len();
        let code = |word: u32, place: usize| (word >> (place * bits)) as u8 & ((1 << bits) - 1);
        let _ = writeln!(
            text,
            "  function signed [{top}:0] decode_{lane}(input [{}:0] codes);\n    case (codes)",
            wide - 1
        );
        for word in 0..1_u32 << wide {
            let codes = of.iter().enumerate().map(|(place, &lane)| (lane, code(word, place)));
            let _ = writeln!(text, "      {word}: decode_{lane} = {};", weight(set, lane, codes));
        }
        let names: Vec<String> = of.iter().rev().map(|lane| format!("lane_{lane}")).collect();
        let _ = writeln!(
            text,
            "    endcase\n  endfunction\n  wire signed [{top}:0] weight_{lane} = decode_{lane}({{{}}});",
            names.join(", ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use cbp_isa::weight_code::chain_lanes;

    /// A table of a lane leaves the other lanes out, so these must not matter.
    #[test]
    fn a_weight_depends_on_its_ancestry_only() {
        for set in WeightSet::ALL {
            let (chain, bits) = (chain_lanes(set), set.code_bits() as usize);
            // Every word of codes of the first chain, and of one whose lanes count from its first.
            for lanes in [0..chain, chain..2 * chain] {
                for word in 0..1_u32 << (chain * bits) {
                    let code =
                        |lane: usize| (word >> ((lane - lanes.start) * bits)) as u8 & ((1 << bits) - 1);
                    for lane in lanes.clone() {
                        let all = weight(set, lane, lanes.clone().map(|l| (l, code(l))));
                        let few = ancestry(set, &lanes, lane).into_iter().map(|l| (l, code(l)));
                        assert_eq!(weight(set, lane, few), all, "{set}, lane {lane}, word {word:#x}");
                    }
                }
            }
        }
    }
}
