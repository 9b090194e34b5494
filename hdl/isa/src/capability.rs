//! Capability bits: a driver never guesses what a device can do.

macro_rules! capabilities {
    ($($name:ident: $bit:literal, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $name: u32 = 1 << $bit;
        )*
        /// All bits with their names and meanings.
        pub const CAPABILITIES: &[(&str, u32, &str)] = &[$((stringify!($name), 1 << $bit, $doc)),*];
    };
}

capabilities! {
    SIGN_MASK: 0, "returns the sign of every pre-activation";
    INT8_DIGITS: 1, "runs 8-bit weights as digit passes";
    RESIDUAL: 2, "adds a second operand before rounding";
    POOL: 3, "maximum of activations (max-pooling)";
    THRESHOLD: 4, "step activation";
    STATE: 5, "leaky accumulators";
    SOFT_THRESHOLD: 6, "soft threshold";
    ACC_PRELOAD: 7, "accumulators start from memory";
    TRANSPOSE: 8, "the same weights read as their transpose";
    LEARN: 9, "weight update in place";
    PAGED: 10, "segments of scattered pages";
    PADDING: 11, "COMPUTE reads padding; PACK packs kernel windows of few channels";
    KEEP: 12, "results stay on chip for the next layer";
    SELF_TEST: 13, "built-in self-test";
}
