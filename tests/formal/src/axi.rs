//! Handshakes and bursts on the AXI ports.

use cbp_hdl::control::axi_lite::AxiLite;
use cbp_hdl::dma::read_port::ReadPort;
use cbp_hdl::dma::write_port::{UNDER_WAY, WritePort};
use cbp_hdl::parts::Bursts;
use cbp_isa::Config;

use crate::rings::config;
use crate::{Error, Property};

/// What is proven of the AXI ports.
///
/// # Errors
/// A module has no Verilog.
pub fn properties() -> Result<Vec<Property>, Error> {
    let config = config()?;
    Ok(vec![bursts(&config)?, read_port(&config)?, write_port(&config)?, axi_lite()?])
}

fn log2_beat(config: &Config) -> u64 {
    u64::from(config.beat_bytes().ilog2())
}

fn bursts(config: &Config) -> Result<Property, Error> {
    let name = "bursts: cover the run, at most the limit, never across 4 KiB, as long as may be";
    Ok(Property::new(name, &Bursts::new(config, 1), include_str!("benches/bursts.v"))?
        .number("LOG2_BEAT", log2_beat(config))
        .inner("offer", 1, "offer")
        .inner("length", 9, "length")
        .inner("waiting_full", 1, "waiting_full")
        .inner("some_q", 1, "some_q")
        .inner("fits_q", 1, "fits_q")
        .inner("measured_q", 1, "measured_q")
        .inner("most_q", 9, "most_q")
        .inner("left_q", 24, "left_q")
        .inner("next_q", 64, "next_q")
        .broken("the page does not matter", "left_q <= {12'd0, room}", "1'd1")
        .broken("a page is a beat longer", "12'd512 - page", "12'd513 - page")
        .broken("the limit does not matter", "left_q <= {15'd0, limit}", "1'd1")
        .broken("bursts are queued where there is no room", "&& ~waiting_full", "")
        .broken("ready before the last burst", "(fits_q && ~waiting_full)", "~waiting_full"))
}

fn read_port(config: &Config) -> Result<Property, Error> {
    // Few tags, so that the bus is soon full.
    let config = &Config { read_tags: 4, ..config.clone() };
    let tags = config.read_tags;
    let bits = tags.ilog2() as usize + 1;
    let mut property = Property::new(
        "read port: requests hold still and are legal, at most the tags under way",
        &ReadPort::new(config),
        include_str!("benches/read_port.v"),
    )?
    .number("LOG2_BEAT", log2_beat(config))
    .number("TAGS", tags as u64)
    .number("TAG_BITS", bits as u64)
    .inner("under_way_q", bits, "under_way");
    for client in 0..3 {
        for end in ["newest", "next"] {
            property =
                property.inner(&format!("begun.{end}_{client}_q"), bits - 1, &format!("{end}_{client}"));
        }
    }
    Ok(property
        .steps(tags + 4)
        .broken("a request is dropped", "if (arready) begin", "if (1'd1) begin")
        .broken("a request is replaced while it waits", "~valid_q || arready", "1'd1")
        .broken(
            "one read too many",
            format!("under_way_q < {bits}'d{tags}"),
            format!("under_way_q <= {bits}'d{tags}"),
        )
        .broken("the length is off by one", "length - 9'd1", "length")
        .broken("a burst that ends stays in the log", ".pop(finish)", ".pop(1'd0)"))
}

fn write_port(config: &Config) -> Result<Property, Error> {
    let name = "write port: addresses and beats hold still, bursts legal, a bound on what is under way";
    let bits = UNDER_WAY.ilog2() as usize + 1;
    Ok(Property::new(name, &WritePort::new(config), include_str!("benches/write_port.v"))?
        .number("LOG2_BEAT", log2_beat(config))
        .number("DATA", config.axi_bits as u64)
        .number("UNDER_WAY", UNDER_WAY as u64)
        .inner("under_way_q", bits, "held")
        .steps(UNDER_WAY + 4)
        .hint("store_address", "0")
        .hint("store_data", "0")
        .hint("completion_address", "0")
        .hint("completion_data", "0")
        .broken("an address is dropped", "if (awready) begin", "if (1'd1) begin")
        .broken("an address is replaced while it waits", "~valid_q || awready", "1'd1")
        .broken("both clients' beats are taken", "wready && ~completing", "wready")
        .broken("one write too many", format!("under_way_q != {bits}'d{UNDER_WAY}"), "1'd1")
        .hint("store_burst", "1")
        .hint("store_beats", "1")
        .hint("completing", "0")
        .hint("awready", "1")
        .hint("bvalid", "0"))
}

fn axi_lite() -> Result<Property, Error> {
    let name = "AXI-Lite: an answer per access, held until taken, never a hang";
    Ok(Property::new(name, &AxiLite::default(), include_str!("benches/axi_lite.v"))?
        .broken("the answer to a write is dropped", "answer_q && bready", "answer_q")
        .broken("the answer to a read is dropped", "reading_q && rready", "reading_q")
        .broken(
            "a write is taken while an answer waits",
            "(awvalid && wvalid) && ~answer_q",
            "awvalid && wvalid",
        )
        .broken(
            "an address is taken without data",
            "assign awready = write",
            "assign awready = awvalid && ~answer_q",
        )
        .broken("a strobe bit is ignored", "wstrb[3]", "wstrb[2]"))
}
