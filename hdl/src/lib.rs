//! The CBP accelerator in rust-hdl.

pub mod array;
pub mod compute;
pub mod lang;
pub mod parts;
