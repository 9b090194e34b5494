//! What travels from the sequencer to post-processing for every output position.

use rust_hdl::core::ast::{VerilogExpression, VerilogOp, VerilogStatement};

use crate::lang::prelude::*;

/// Name and width of every field, lowest first.
const FIELDS: &[(&str, usize)] = &[
    ("out", 16),
    ("parameter_word", 16),
    ("mask_base", 16),
    ("keep", 16),
    ("residual", 16),
    ("last_group", 8),
    ("lo", 8),
    ("hi", 8),
    ("z_out", 8),
    ("signal_load", 4),
    ("signal_store", 4),
    ("target", 2),
    ("raw", 1),
    ("mask", 1),
    ("with_residual", 1),
    ("maximum", 1),
    ("begins", 1),
    ("ends", 1),
];

/// Bits of an encoded position.
pub const POSITION_BITS: usize = 128;

macro_rules! position {
    ($(#[$meta:meta])* $name:ident, $field:ty, $word:ty, $hdl:ident) => {
        $(#[$meta])*
        #[derive(LogicBlock)]
        pub struct $name {
            /// The encoded position.
            pub word: $word,
            /// First granule of the output.
            pub out: $field,
            /// Parameter word of the first group.
            pub parameter_word: $field,
            /// First granule of the instruction's sign masks.
            pub mask_base: $field,
            /// First granule in the activation buffer.
            pub keep: $field,
            /// First granule of the residual operand.
            pub residual: $field,
            /// The last group of P columns to write.
            pub last_group: $field,
            /// Lower clamp.
            pub lo: $field,
            /// Upper clamp.
            pub hi: $field,
            /// Output zero point.
            pub z_out: $field,
            /// Tokens for LOAD when the instruction's last parameters are read, or its last kept granule is written.
            pub signal_load: $field,
            /// Tokens for STORE after the instruction's last position.
            pub signal_store: $field,
            /// Bit 0: to the output buffer; bit 1: to the activation buffer.
            pub target: $field,
            /// Raw accumulators instead of requantised values.
            pub raw: $field,
            /// Also write sign masks.
            pub mask: $field,
            /// Add the residual operand.
            pub with_residual: $field,
            /// Maxima of lanes instead of sums of columns.
            pub maximum: $field,
            /// First position of its instruction.
            pub begins: $field,
            /// Last position of its instruction.
            pub ends: $field,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    word: Wire::new(POSITION_BITS),
                    out: Wire::new(16),
                    parameter_word: Wire::new(16),
                    mask_base: Wire::new(16),
                    keep: Wire::new(16),
                    residual: Wire::new(16),
                    last_group: Wire::new(8),
                    lo: Wire::new(8),
                    hi: Wire::new(8),
                    z_out: Wire::new(8),
                    signal_load: Wire::new(4),
                    signal_store: Wire::new(4),
                    target: Wire::new(2),
                    raw: Wire::new(1),
                    mask: Wire::new(1),
                    with_residual: Wire::new(1),
                    maximum: Wire::new(1),
                    begins: Wire::new(1),
                    ends: Wire::new(1),
                }
            }
        }

        impl Logic for $name {
            fn update(&mut self) {}
            fn hdl(&self) -> Verilog {
                $hdl()
            }
        }
    };
}

position!(
    /// Encodes a position.
    PositionPack, Wire<In>, Wire<Out>, pack
);
position!(
    /// Decodes a position.
    PositionFields, Wire<Out>, Wire<In>, unpack
);

fn offsets() -> impl Iterator<Item = (&'static str, usize, usize)> {
    FIELDS.iter().scan(0, |lsb, (name, width)| {
        let at = *lsb;
        *lsb += width;
        Some((*name, at, *width))
    })
}

fn signal(name: &str) -> VerilogExpression {
    VerilogExpression::Signal(name.into())
}

fn pack() -> Verilog {
    let shifted = |(name, lsb, _): (&str, usize, usize)| {
        let wide = VerilogExpression::Cast(Box::new(signal(name)), POSITION_BITS);
        let places = VerilogExpression::Literal(lsb.into());
        VerilogExpression::Binary(Box::new(wide), VerilogOp::Shl, Box::new(places))
    };
    let all = offsets()
        .map(shifted)
        .reduce(|a, b| VerilogExpression::Binary(Box::new(a), VerilogOp::BitOr, Box::new(b)));
    Verilog::Combinatorial(
        all.map(|all| VerilogStatement::Assignment(signal("word"), all)).into_iter().collect(),
    )
}

fn unpack() -> Verilog {
    let slice = |(name, lsb, width): (&str, usize, usize)| {
        let lsb = Box::new(VerilogExpression::Literal(lsb.into()));
        VerilogStatement::Assignment(
            signal(name),
            VerilogExpression::Slice(Box::new(signal("word")), width, lsb),
        )
    };
    Verilog::Combinatorial(offsets().map(slice).collect())
}
