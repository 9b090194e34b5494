//! From stored images to the numbers that a network reads: a list of steps, one for training and one for evaluation.
//!
//! [`Preprocess`] is stored with a network. `prepare` checks it against a data set and runs it; `resize`, `window`,
//! `random` and `colour` are the steps; `decode` reads image files; `presets` are the usual lists.

mod colour;
mod decode;
mod extent;
mod image;
mod normalise;
mod prepare;
mod presets;
mod random;
mod range;
mod resize;
mod window;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use decode::tests::picture as test_picture;
pub use normalise::PIXEL_SCALE;
pub(crate) use prepare::Scratch;
pub use prepare::{Draws, Prepared};
pub use presets::{CIFAR10_MEAN, CIFAR10_STD, IMAGENET_MEAN, IMAGENET_STD};

/// What happens to images before a network sees them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Of images to train on.
    pub training: Pipeline,
    /// Of images to evaluate, and of every image once the network is in use.
    pub evaluation: Pipeline,
}

/// Steps in the order in which they are done.
///
/// Images of bytes stay bytes until the end, rounded after each step as Pillow rounds them; there the real value of a
/// pixel p is p / 255. Floats are used as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pipeline {
    /// The steps; none at all is a valid list.
    pub steps: Vec<Step>,
}

/// One step. Sizes are in pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// To this size, bilinear with antialiasing, bit for bit as Pillow.
    Resize {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// The shorter side to `size`, the longer one in proportion (rounded down), as torchvision does it.
    ResizeShortSide {
        /// The shorter side.
        size: usize,
    },
    /// The square in the middle; an odd rest is divided as torchvision does it.
    CentreCrop {
        /// Side of the square.
        size: usize,
    },
    /// A random square of an image with a black border.
    RandomCrop {
        /// Side of the square.
        size: usize,
        /// Width of the border, on all four sides.
        pad: usize,
    },
    /// A random rectangle, resized to a square, as torchvision draws it: ten tries to fit area and shape, otherwise the
    /// largest rectangle in the middle that has an allowed shape.
    RandomResizedCrop {
        /// Side of the square.
        size: usize,
        /// Smallest and largest area, as a share of the image.
        scale: [f32; 2],
        /// Smallest and largest width / height.
        ratio: [f32; 2],
    },
    /// A random shift in both directions; pixels that enter are black (0 for floats).
    Shift {
        /// Largest shift.
        pixels: u32,
    },
    /// Left and right change places in half of the images.
    HorizontalFlip,
    /// Random changes of colour, in a random order, bit for bit as torchvision makes them with Pillow. Only for RGB bytes.
    ColourJitter {
        /// The factor of brightness is drawn from 1 ± this, not below 0.
        brightness: f32,
        /// The same for contrast.
        contrast: f32,
        /// The same for saturation.
        saturation: f32,
        /// The hue turns by up to this share of the circle, in both directions; at most 0.5.
        hue: f32,
    },
    /// (value − mean) / std per channel, where the value of a byte p is p / 255. Only as the last step.
    Normalise {
        /// One per channel, or one for all.
        mean: Vec<f32>,
        /// One per channel, or one for all.
        std: Vec<f32>,
    },
}

impl Step {
    /// The name under which it is stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Resize { .. } => "resize",
            Self::ResizeShortSide { .. } => "resize_short_side",
            Self::CentreCrop { .. } => "centre_crop",
            Self::RandomCrop { .. } => "random_crop",
            Self::RandomResizedCrop { .. } => "random_resized_crop",
            Self::Shift { .. } => "shift",
            Self::HorizontalFlip => "horizontal_flip",
            Self::ColourJitter { .. } => "colour_jitter",
            Self::Normalise { .. } => "normalise",
        }
    }
}

/// Steps that do not fit each other or the images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// A step cannot be done.
    #[error("preprocessing step {position}, {step}: {what}; {remedy}")]
    Step {
        /// Position in the list, from 1.
        position: usize,
        /// Its name.
        step: &'static str,
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Images would come out in different sizes.
    #[error(
        "images of different sizes stay so after preprocessing; add resize, centre_crop or random_resized_crop"
    )]
    Sizes,
    /// Training and evaluation give different shapes.
    #[error(
        "preprocessing for training gives {training}, for evaluation {evaluation}; end both with the same size"
    )]
    Shapes {
        /// Height × width × channels.
        training: cbp_numerics::Shape,
        /// Height × width × channels.
        evaluation: cbp_numerics::Shape,
    },
}
