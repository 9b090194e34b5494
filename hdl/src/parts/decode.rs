//! Field decoders, made from the instruction-set table.

use cbp_isa::Field;
use rust_hdl::core::ast::{VerilogExpression, VerilogOp, VerilogStatement};
use rust_hdl::core::prelude::Verilog;

/// The field of this name; names of ports are the table's in lower case.
///
/// # Panics
/// A port that is not in the table is a fault of the hardware description.
#[must_use]
#[allow(clippy::panic)]
pub fn field(table: &[Field], name: &str) -> Field {
    match table.iter().find(|f| f.name.eq_ignore_ascii_case(name)) {
        Some(field) => *field,
        None => panic!("the instruction set has no field {name}"),
    }
}

/// Assigns every named output its bits of `word`.
#[must_use]
pub fn slices(table: &[Field], names: &[&str]) -> Verilog {
    let slice = |name: &&str| {
        let field = field(table, name);
        let word = Box::new(VerilogExpression::Signal("word".into()));
        let lsb = Box::new(VerilogExpression::Literal(field.lsb.into()));
        let value = VerilogExpression::Slice(word, field.width, lsb);
        VerilogStatement::Assignment(VerilogExpression::Signal((*name).into()), value)
    };
    Verilog::Combinatorial(names.iter().map(slice).collect())
}

/// Declares a decoder: a block with an input `word` and one output per named field.
macro_rules! decoder {
    ($(#[$meta:meta])* $name:ident, $table:path, $bits:expr, $($field:ident),* $(,)?) => {
        $(#[$meta])*
        #[derive(LogicBlock)]
        pub struct $name {
            /// The encoded word.
            pub word: Wire<In>,
            $(
                #[doc = concat!("Field `", stringify!($field), "`.")]
                pub $field: Wire<Out>,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    word: Wire::new($bits),
                    $($field: Wire::new($crate::parts::decode::field($table, stringify!($field)).width),)*
                }
            }
        }

        impl Logic for $name {
            fn update(&mut self) {}
            fn hdl(&self) -> Verilog {
                $crate::parts::decode::slices($table, &[$(stringify!($field)),*])
            }
        }
    };
}
pub(crate) use decoder;

/// An expression that is 1 when every reserved field of `table` is 0 in `word`.
#[must_use]
pub fn reserved_clear(table: &[Field]) -> VerilogExpression {
    let clear = |field: &Field| {
        let word = Box::new(VerilogExpression::Signal("word".into()));
        let lsb = Box::new(VerilogExpression::Literal(field.lsb.into()));
        let value = VerilogExpression::Slice(word, field.width, lsb);
        VerilogExpression::Binary(
            Box::new(value),
            VerilogOp::Eq,
            Box::new(VerilogExpression::Literal(0.into())),
        )
    };
    table
        .iter()
        .filter(|f| f.reserved)
        .map(clear)
        .reduce(|a, b| VerilogExpression::Binary(Box::new(a), VerilogOp::LogicalAnd, Box::new(b)))
        .unwrap_or(VerilogExpression::Literal(true.into()))
}
