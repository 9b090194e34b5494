//! Proofs of single modules: for all inputs, and for all time.
//!
//! A [`Property`] is an emitted module, a bench with assumptions and assertions around it, and broken copies of the
//! module. [`yosys`] decides by temporal induction whether the assertions hold for ever; a proof counts only
//! when every broken copy is refuted by a counterexample.
//!
//! | module | what is proven |
//! |---|---|
//! | [`mod@array`] | units, chains and columns equal multiplication and addition, accumulators their step |
//! | [`requantise`] | the post-processing lane equals the formula of the numerics contract |
//! | [`queues`] | queues keep order and number, token counters never go below 0 |
//! | [`rings`] | the job loop overruns no ring, and its phases alternate |
//! | [`axi`] | handshakes hold still, bursts are legal |
//!
//! Benches are the files in `benches/`; `cargo run -p cbp-formal` prints a line per property.

pub mod array;
pub mod axi;
mod error;
mod property;
pub mod queues;
pub mod requantise;
pub mod rings;
pub mod yosys;

pub use error::Error;
pub use property::{Broken, Outcome, Property};

/// All properties, group by group.
///
/// # Errors
/// A module has no Verilog.
pub fn all() -> Result<Vec<(&'static str, Vec<Property>)>, Error> {
    Ok(vec![
        ("array", array::properties()?),
        ("requantise", requantise::properties()?),
        ("queues", queues::properties()?),
        ("rings", rings::properties()?),
        ("axi", axi::properties()?),
    ])
}
