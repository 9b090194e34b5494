//! The CBP accelerator in rust-hdl.

pub mod array;
pub mod lang;
