//! The array: N dot-product columns of K lanes, output-stationary, without a multiplier.
//!
//! `columns` is the whole, with what all columns share (`operands`); a `column` is chains of lanes (`chain`, made
//! of a `head` and `member`s), a `tree` over the chains and an `accumulator`; the leaf under all of them is
//! `crate::lang::adder`; `shape` holds widths and latencies. The codes that steer it are defined in `cbp_isa::weight_code`.

pub mod accumulator;
pub mod chain;
pub mod column;
mod columns;
pub mod head;
pub mod member;
pub mod operands;
pub mod shape;
pub mod tree;
pub mod wait;

pub use column::Column;
pub use columns::{Array, sum_latency};
