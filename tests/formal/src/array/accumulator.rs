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
    .inner("total_q", WIDTH, "total")
    .broken("does not start from 0", format!("chosen = {WIDTH}'d0"), "chosen = total_q")
    .broken("moves up one place for two", "total_q << 2", "total_q << 1")
    .broken("always carries in", ", ~carry}", ", 1'd0}")
    .broken("the sign of the sum is not extended", format!("sum[{}]", SUM - 1), "1'b0")
    .broken("every sum counts", "if (valid)", "if (1'd1)")
    .broken("drains what does not end", "if (last)", "if (valid)")
    .broken("drains without the last sum", "drain_d = adder_y", "drain_d = total_q"))
}
