//! Queues and token counters.

use cbp_hdl::parts::{Fifo, Tokens};

use crate::{Error, Property};

const BITS: usize = 3;

/// What is proven of queues and counters.
///
/// # Errors
/// A module has no Verilog.
pub fn properties() -> Result<Vec<Property>, Error> {
    let mut properties = Vec::new();
    for depth in [2, 4, 8] {
        properties.push(fifo(depth)?);
    }
    properties.push(
        Property::new(
            "tokens: ready exactly when enough are held, never below 0",
            &Tokens::default(),
            include_str!("benches/tokens.v"),
        )?
        .inner("held_q", 8, "held_q")
        .broken("ready one token too early", "held_q >= {4'd0, want}", "held_q + 8'd1 >= {4'd0, want}")
        .broken(
            "a token given while others are taken is lost",
            "(held_q + given) - taken",
            "take ? held_q - taken : held_q + given",
        )
        .broken("a reset keeps the tokens", "if (reset) held_q <= 8'd0", "if (1'd0) held_q <= 8'd0"),
    );
    Ok(properties)
}

fn fifo(depth: usize) -> Result<Property, Error> {
    let address = depth.ilog2() as usize;
    let mut property = Property::new(
        format!("fifo of {depth}: order, number, no loss under its contract"),
        &Fifo::new(BITS, depth),
        &format!(
            "  wire [{}:0] words = {{{}}};\n{}",
            BITS * depth - 1,
            words(depth),
            include_str!("benches/fifo.v")
        ),
    )?
    .number("DEPTH", depth as u64)
    .number("BITS", BITS as u64)
    .number("ADDRESS", address as u64)
    .inner("write_q", address, "write_q")
    .inner("read_q", address, "read_q")
    .steps(depth + 4);
    for i in 0..depth {
        property = property.inner(&format!("memory.words[{i}]"), BITS, &format!("word_{i}"));
    }
    let wide = address + 1;
    property = property
        .broken(
            "full one entry too late",
            format!("held_q == {wide}'d{depth}"),
            format!("held_q == {wide}'d{}", (depth + 1) % (2 * depth)),
        )
        .broken(
            "an entry that was just written is overlooked",
            "write_q != read_q",
            "(write_q != read_q) && !push",
        )
        .broken("an entry is read before it is written", "write_q != read_q", "(write_q != read_q) || push")
        .broken("a push is lost when an entry is popped", "if (push) begin", "if (push && !pop) begin")
        .broken("the head moves on without a pop", "pop || ~valid_q_q", "1'd1");
    // A queue of two never holds two entries behind the head.
    if depth > 2 {
        property = property.broken(
            "the write address is the read address",
            "write_address(write_q)",
            "write_address(read_q)",
        );
    }
    Ok(property)
}

/// The memory's words side by side, word 0 lowest.
fn words(depth: usize) -> String {
    (0..depth).rev().map(|i| format!("word_{i}")).collect::<Vec<_>>().join(", ")
}
