//! The job loop: command and completion rings.

use cbp_hdl::control::jobs::Jobs;
use cbp_isa::{Config, Preset, WeightSet};

use crate::{Error, Property};

/// The smallest preset.
///
/// # Errors
/// It is not there.
pub(crate) fn config() -> Result<Config, Error> {
    Preset::named("tiny")
        .map(|p| p.config(WeightSet::TwoBitShift))
        .ok_or_else(|| Error::Property { property: "configuration".into(), reason: "no preset tiny".into() })
}

/// What is proven of the rings.
///
/// # Errors
/// A module has no Verilog.
pub fn properties() -> Result<Vec<Property>, Error> {
    let jobs = Property::new(
        "jobs: rings never overrun, one completion per command, phase, stable requests",
        &Jobs::new(&Config { axi_bits: 256, ..config()? }), // an entry in few beats keeps counterexamples short
        include_str!("benches/jobs.v"),
    )?
    .inner("state_q", 4, "state_q")
    .inner("completions_held_q", 32, "completions_held_q")
    .cut("runnable")
    .steps(22)
    .hint("completion_log2[3:1]", "0")
    .hint("command_log2[3:1]", "0")
    .hint("completion_base", "0")
    .hint("command_base", "0")
    .broken(
        "a command is taken when the completion ring is full",
        "completions_held_q < completion_room",
        "completions_held_q <= completion_room",
    )
    .broken("the phase never changes", "phase_q_q <= ~wrap[0]", "phase_q_q <= 1'd1")
    .broken("the first phase is 0", "phase_q_q <= ~wrap[0]", "phase_q_q <= wrap[0]")
    .broken("commands are taken from an empty ring", "(producer != consumer_q_q)", "1'd1")
    .broken(
        "the completion counts before its response",
        "4'd11: begin\n        if (quiet) begin",
        "4'd11: begin\n        if (1'd1) begin",
    )
    .broken(
        "the request is dropped before it is taken",
        "if (burst_ready) begin\n          state_d = 4'd2",
        "if (1'd1) begin\n          state_d = 4'd2",
    )
    .broken("a halted queue goes on", "~halted_q_q", "1'd1")
    .broken("entries are 16 bytes apart", "completion_slot << 5", "completion_slot << 4")
    .broken(
        "two entries for one command",
        "completion_producer_q_q + 32'd1",
        "completion_producer_q_q + 32'd2",
    );
    Ok(vec![jobs])
}
