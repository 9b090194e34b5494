//! Matrix products and convolutions in f32: what nearly all the time of training goes into.
//!
//! The design names crate `gemm` for them; these are kernels of our own, since they reach its bars and `gemm` did not.
//!
//! Images are stored position after position with their channels side by side (NHWC), weights as
//! `[output][kernel row][kernel column][input channel]`. A convolution is never unfolded in memory: for every output
//! position, [`reads::Reads`] lists where each element of the kernel finds its channels, and the innermost loop
//! follows those places. A fully connected layer is a convolution of 1 × 1 images.
//!
//! - [`reads`]: which input values an output position reads, for the forward step and for the input gradient
//! - `tile`: the innermost loop, a block of results in registers
//! - `panel`: weights or activations in the order that the innermost loop reads them
//! - [`product`]: y = W·x (+ b), and dL/dx = Wᵀ·dL/dy
//! - [`weight_gradient`]: dL/dW = dL/dy·xᵀ
//! - `split`: a matrix handed out in disjoint blocks to threads; `scratch`: where a thread packs panels
//!
//! Every result is one chain of fused multiply-adds per block of [`product::BLOCK`] terms (weight gradients:
//! [`weight_gradient::BLOCK`] positions), in an order that follows the data alone. So results depend neither on the
//! number of threads nor on the shape of the register block.

mod panel;
pub(crate) mod product;
pub(crate) mod reads;
mod roof;
mod scratch;
mod split;
mod tile;
pub(crate) mod weight_gradient;

pub use roof::{Roof, fma_roof};
#[cfg(test)]
mod tests;
