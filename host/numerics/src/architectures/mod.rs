//! Published networks with random weights: the shapes that tests, predictions and measurements are about.
//!
//! Layers, names and sizes are those of torchvision where it has the network. Batch normalisation is folded into
//! requantisation, a residual's addition into the convolution before it. The first and the last layer have int8
//! weights, all others a constrained set; the last layer is raw. Requantisation constants are calibrated, so that
//! activations neither die nor saturate at any depth.
//!
//! - [`ARCHITECTURES`], [`named`]: all of them
//! - one function each: [`resnet18`], [`resnet50`], [`resnet20`], [`alexnet`], [`vgg16`], [`googlenet`], [`lenet5`]

mod alexnet;
mod googlenet;
mod lenet;
mod plan;
mod resnet;
mod resnet20;
mod vgg;

use crate::{Network, NetworkError, WeightSet};

pub use alexnet::alexnet;
pub use googlenet::googlenet;
pub use lenet::lenet5;
pub use resnet::{resnet18, resnet50};
pub use resnet20::resnet20;
pub use vgg::vgg16;

/// A published network.
#[derive(Debug)]
pub struct Architecture {
    /// Name on the command line.
    pub name: &'static str,
    /// Height and width of the input that it was published with.
    pub size: usize,
    build: fn(WeightSet, usize, u64) -> Result<Network, NetworkError>,
}

impl Architecture {
    /// The network with random weights of `set`, for square inputs of `size`.
    ///
    /// # Errors
    /// The input is too small for one of its windows.
    pub fn build(&self, set: WeightSet, size: usize, seed: u64) -> Result<Network, NetworkError> {
        (self.build)(set, size, seed)
    }
}

/// All architectures.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "lenet5", size: 28, build: lenet5 },
    Architecture { name: "resnet20", size: 32, build: resnet20 },
    Architecture { name: "alexnet", size: 224, build: alexnet },
    Architecture { name: "vgg16", size: 224, build: vgg16 },
    Architecture { name: "googlenet", size: 224, build: googlenet },
    Architecture { name: "resnet18", size: 224, build: resnet18 },
    Architecture { name: "resnet50", size: 224, build: resnet50 },
];

/// The architecture of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().find(|architecture| architecture.name == name)
}
