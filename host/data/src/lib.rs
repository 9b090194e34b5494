//! Images and labels for training.
//!
//! - [`Samples`]: a data set, in memory or as image files;
//! - [`read`]: the file formats; [`open`] finds out which one a path holds;
//! - [`preprocess`]: from stored images to the numbers that a network reads, for training and for evaluation;
//! - [`batches`]: the images of an epoch, made ahead on background threads;
//! - [`files`]: written whole or not at all;
//! - [`rng`]: random numbers keyed by what they are for.
//!
//! Nothing depends on the number of threads: the same seed gives the same bits.

// Names, not code.
#![allow(clippy::doc_markdown)]

pub mod batches;
mod error;
pub mod files;
pub mod preprocess;
pub mod read;
pub mod rng;
mod samples;

pub use batches::{Batch, Batches, Fault, Order, Plan, Remainder};
pub use error::DataError;
pub use preprocess::{Draws, PIXEL_SCALE, Pipeline, PipelineError, Prepared, Preprocess, Step};
pub use read::mnist::{load_mnist, save_mnist};
pub use read::{Format, LabelColumn, Layout, Opened, ReadOptions, TableOptions, idx, open};
pub use samples::{Classes, Colour, Content, Fingerprint, Part, Samples};
