//! The accumulator of a column.

use cbp_hdl::array::accumulator::Accumulator;

use crate::{Error, Property};

const SUM: usize = 12;
const WIDTH: usize = 24;

/// Every step of the accumulator and of its drain register.
pub fn accumulator() -> Result<Property, Error> {
    Ok(Property::new(
        "accumulator: 0 or its value << 0, 1, 2, plus sum and carry, when it counts; drained when it is the last",
        &Accumulator::new(SUM, WIDTH),
        include_str!("../benches/accumulator.v"),
    )?
    .number("WIDTH", WIDTH as u64)
    .inner("total_q", WIDTH, "total"))
}
