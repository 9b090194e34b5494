//! What samples are made of.

use std::path::{Path, PathBuf};

use cbp_numerics::Shape;

use crate::DataError;

/// What the images are made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Pixels: n × height × width × channels, 0 = black. The real value of a pixel p is p / 255.
    Bytes {
        /// Of one image.
        shape: Shape,
        /// All images, one after the other.
        values: Vec<u8>,
    },
    /// Finite numbers: n × height × width × channels, or n × features (1 × 1 × features).
    Floats {
        /// Of one row or image.
        shape: Shape,
        /// All of them, one after the other.
        values: Vec<f32>,
    },
    /// JPEG or PNG files, decoded when they are needed; sizes may differ.
    Files {
        /// What they are decoded to.
        colour: Colour,
        /// One per image.
        paths: Vec<PathBuf>,
    },
}

/// Channels of decoded image files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Red, green, blue; grey images have three equal channels.
    #[default]
    Rgb,
    /// One channel; colours become their luminance.
    Grey,
}

impl Colour {
    /// Number of channels.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Grey => 1,
        }
    }
}

impl Content {
    /// Number of samples, if sizes agree.
    pub(super) fn len(&self, path: &Path) -> Result<usize, DataError> {
        let (shape, values) = match self {
            Self::Bytes { shape, values } => (shape, values.len()),
            Self::Floats { shape, values } => (shape, values.len()),
            Self::Files { paths, .. } => return Ok(paths.len()),
        };
        if shape.values() == 0 || !values.is_multiple_of(shape.values()) {
            let expected = format!("whole images of {shape}");
            return Err(DataError::WrongShape { path: path.into(), expected, found: vec![values] });
        }
        Ok(values / shape.values())
    }

    pub(super) fn check_finite(&self, path: &Path) -> Result<(), DataError> {
        let Self::Floats { shape, values } = self else { return Ok(()) };
        let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
        let position = format!("value {} of sample {}", at % shape.values(), at / shape.values());
        Err(DataError::NotFinite { path: path.into(), position, value: values[at].into() })
    }

    /// A copy of the samples `indices`, which must exist.
    pub(super) fn choose(&self, indices: &[u32]) -> Self {
        match self {
            Self::Bytes { shape, values } => {
                Self::Bytes { shape: *shape, values: gather(values, shape.values(), indices) }
            }
            Self::Floats { shape, values } => {
                Self::Floats { shape: *shape, values: gather(values, shape.values(), indices) }
            }
            Self::Files { colour, paths } => {
                let paths = indices.iter().map(|&i| paths[i as usize].clone()).collect();
                Self::Files { colour: *colour, paths }
            }
        }
    }
}

fn gather<T: Copy>(values: &[T], size: usize, indices: &[u32]) -> Vec<T> {
    indices.iter().flat_map(|&i| &values[i as usize * size..][..size]).copied().collect()
}
