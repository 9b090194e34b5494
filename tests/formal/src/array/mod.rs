//! The array, from its adders to a column: every sum equals the formula, with weights as the instruction set
//! decodes them.
//!
//! Units are proven at eight bits of activation, with any sum of the units before them; sums of many lanes, which
//! also show that operands, codes and signs meet, at as many bits as are decided within seconds.

mod accumulator;
mod chain;
mod column;
mod sums;
mod units;
mod weights;

use std::fmt::Write;

use cbp_isa::WeightSet;

use crate::{Error, Property};

/// What is proven of the array.
///
/// # Errors
/// A module has no Verilog.
pub fn properties() -> Result<Vec<Property>, Error> {
    let mut properties = vec![sums::adder()?, sums::tree(2)?, sums::tree(4)?];
    for set in WeightSet::ALL {
        properties.extend(units::heads(set)?);
        properties.extend(units::members(set)?);
    }
    for set in WeightSet::ALL {
        properties.extend(chain::chains(set)?);
    }
    for set in WeightSet::ALL {
        properties.push(column::column(set)?);
    }
    properties.push(accumulator::accumulator()?);
    Ok(properties)
}

/// The bench of a sum: `text` defines `total` and `result`; `latency` cycles after `total`, and once that was
/// defined for `before` cycles, `result` is the same number.
fn sum(property: Property, text: &str, bits: usize, latency: usize, before: usize) -> Property {
    let bench = format!("{text}{}", include_str!("../benches/sum.v"));
    Property { bench, ..property }
        .number("BITS", bits as u64)
        .number("LATENCY", latency as u64)
        .number("AGE", (latency + before) as u64)
        .steps(latency + before + 2)
}

/// Registers: `later` is what `name` was `cycles` ago.
fn delay(name: &str, later: &str, bits: usize, cycles: usize) -> String {
    let (top, mut text, mut last) = (bits - 1, String::new(), name.to_owned());
    for i in 1..=cycles {
        let _ = writeln!(
            text,
            "  reg signed [{top}:0] {later}_{i};\n  always @(posedge clock) {later}_{i} <= {last};"
        );
        last = format!("{later}_{i}");
    }
    text + &format!("  wire signed [{top}:0] {later} = {last};\n")
}
