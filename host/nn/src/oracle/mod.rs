//! Backpropagation as the textbook writes it: slow, in f64, for tests and for reading.
//!
//! - [`dense`]: fully connected networks in matrix form, with augmented activations and Jacobian products (Ostwald and
//!   Usee, 2021, arXiv 2107.09384), and once more with explicit Kronecker products
//! - [`mod@reference`]: any [`crate::graph::Graph`], each node by its definition and its explicit Jacobian
//! - [`mod@constraint`]: CBP's term of the Lagrangian
//! - [`matrix`]: just enough of matrices
//!
//! The engine that trains is compared with these; these are compared with each other and with central differences.
#![doc = include_str!("chapter.md")]

pub mod constraint;
pub mod dense;
pub mod matrix;
pub mod reference;
