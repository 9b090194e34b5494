//! Parameters under PyTorch's names and in its layouts, as safetensors files.
//!
//! - [`load()`], [`save()`], [`write()`]
//!
//! A node `X` has `X.weight` (convolution: OIHW; linear layer: `[output, input]`, with inputs channel after channel where
//! an image was flattened) and `X.bias`; a batch norm `X.weight`, `X.bias`, `X.running_mean`, `X.running_var`; a
//! quantiser `X.range`, which need not be there. `X.num_batches_tracked` is ignored.

// The tensors that a network has.
mod entries;
mod load;
mod save;

pub use load::load;
pub use save::{save, write};
