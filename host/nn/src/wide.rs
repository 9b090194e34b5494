//! Loops compiled for the widest vectors of the CPU at hand.

/// Runs an expression in a function that is compiled once per vector extension, and chosen at run time.
///
/// Results stay the same: each element's operations are the same ones in the same order, and Rust never fuses a
/// multiplication with an addition by itself. The closure is always inlined, since the compiler's own choice would
/// leave larger ones outside, compiled for the smallest vectors; and it takes what it uses by value, because a number
/// behind a reference might be changed by the stores of the loop, which would then stay scalar.
macro_rules! wide {
    ($work:expr) => {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            move || $work,
        )
    };
}

pub(crate) use wide;
