//! The array: N dot-product columns of K lanes, output-stationary, without a multiplier.

pub mod column;
pub mod lane;
pub mod tree;

pub use column::{Column, sum_latency};
