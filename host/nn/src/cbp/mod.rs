//! Constrained backpropagation: what it adds to training with quantised weights.
//!
//! The loss of a batch is the Lagrangian C(y, t; Q(w)) + Σ λ·cs(w; g). `grid` holds the levels and the quantiser Q,
//! `constraint` the sawtooth with its unconstrained window cs, `multipliers` the λ and their ascent, `schedule` the
//! moment at which the window narrows and λ rises, `scale` the choice of a level's size, `weights` one layer of all
//! that, `metrics` how far the latent weights are from the grid.
//!
//! Source: Kim & Jeong, "CBP: backpropagation with constraint on weight precision using a pseudo-Lagrange multiplier
//! method", NeurIPS 2021, and its published code where the paper is silent.

pub mod constraint;
pub mod grid;
pub mod metrics;
pub mod multipliers;
pub mod scale;
pub mod schedule;
mod steps;
pub(crate) mod weights;
