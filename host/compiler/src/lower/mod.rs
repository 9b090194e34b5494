//! From a network's layers to what the device runs one after the other.
//!
//! - [`Tensors`]: where every tensor lies; concatenations cost nothing, their parts are written in place
//! - [`Stage`]: a layer for the array, or for the maximum lanes; pooling by mean, sums and copies are products with
//!   weights of 1 on the array
//! - [`Products`]: the weights of a stage
//! - [`keep`]: which results stay on chip
//! - [`packs`]: whether a convolution of few channels runs on packed kernel windows

mod keep;
mod packing;
mod products;
mod stage;
mod stages;
mod tensors;

pub(crate) use keep::keep;
pub(crate) use packing::packs;
pub(crate) use products::Products;
pub(crate) use stage::{Kind, Operand, Stage, Tile};
pub(crate) use stages::stages;
pub(crate) use tensors::{ALIGNMENT, Tensors};

use cbp_isa::Config;

/// Bytes to which channels are padded in host memory: whole beats and whole PPU groups.
pub(crate) fn unit(config: &Config) -> usize {
    config.ppu_lanes.max(config.beat_bytes())
}
