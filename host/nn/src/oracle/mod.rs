//! Backpropagation as the textbook writes it: slow, in f64, for tests and for reading.
//!
//! - [`dense`]: fully connected networks in matrix form, with augmented activations and Jacobian products (Ostwald and
//!   Usee, 2021, arXiv 2107.09384), and once more with explicit Kronecker products
//! - [`mod@reference`]: any [`crate::graph::Graph`], each node by its definition and its explicit Jacobian
//! - [`matrix`]: just enough of matrices
//!
//! The engine that trains is compared with these; these are compared with each other and with central differences.
#![doc = include_str!("chapter.md")]

pub mod dense;
pub mod matrix;
pub mod reference;

use crate::cbp::constraint::{Constraint, Window};
use crate::cbp::grid::Grid;

/// CBP's term of the Lagrangian, Σ λ·cs(w; g), and its derivative for each weight (Kim and Jeong, 2021, equation 7).
#[must_use]
pub fn constraint_term(grid: &Grid, window: Window, weights: &[f32], lambda: &[f32]) -> (f64, Vec<f64>) {
    let constraint = Constraint::new(grid, window);
    let pairs = || weights.iter().zip(lambda);
    let value = pairs().map(|(&w, &lambda)| f64::from(lambda) * f64::from(constraint.value(w))).sum();
    let slope = |(&w, &lambda)| f64::from(lambda) * f64::from(constraint.slope(w));
    (value, pairs().map(slope).collect())
}
