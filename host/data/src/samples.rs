//! A data set: images or rows of numbers, each with a label.

use std::path::{Path, PathBuf};

use cbp_numerics::Shape;

use crate::DataError;
use crate::rng::{Purpose, keyed, permutation};

/// The name of data that come from no file, in messages.
const IN_MEMORY: &str = "data in memory";

/// Images or rows of numbers with one label each.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    content: Content,
    labels: Vec<u32>,
    classes: Classes,
}

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

/// The classes that labels count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    count: usize,
    names: Option<Vec<String>>,
}

impl Classes {
    /// Classes without names.
    #[must_use]
    pub const fn numbered(count: usize) -> Self {
        Self { count, names: None }
    }

    /// One class per name.
    #[must_use]
    pub fn named(names: Vec<String>) -> Self {
        Self { count: names.len(), names: Some(names) }
    }

    /// Number of classes.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Their names, in the order of the labels.
    #[must_use]
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// Name of a class, or its number.
    #[must_use]
    pub fn name(&self, label: u32) -> String {
        let name = self.names().and_then(|names| names.get(label as usize));
        name.cloned().unwrap_or_else(|| label.to_string())
    }
}

/// How much of a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// So many samples.
    Count(usize),
    /// Such a share of all, 0 to 1, rounded to the nearest whole number.
    Share(f64),
}

impl Samples {
    /// Samples with labels.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::WrongShape`] or [`DataError::CountMismatch`] if the sizes do not agree,
    /// [`DataError::Label`], or [`DataError::NotFinite`].
    pub fn new(content: Content, labels: Vec<u32>, classes: Classes) -> Result<Self, DataError> {
        Self::from_file(Path::new(IN_MEMORY), content, labels, classes)
    }

    /// As [`Samples::new`]; messages name `path`.
    pub(crate) fn from_file(
        path: &Path,
        content: Content,
        labels: Vec<u32>,
        classes: Classes,
    ) -> Result<Self, DataError> {
        let images = content.len(path)?;
        if images != labels.len() {
            return Err(DataError::CountMismatch { path: path.into(), images, labels: labels.len() });
        }
        if images == 0 {
            return Err(DataError::Empty { path: path.into() });
        }
        if u32::try_from(images).is_err() {
            let what = format!("{}: has {images} samples, more than 32 bits can count", path.display());
            return Err(DataError::Request { what, remedy: "divide it" });
        }
        if let Some(index) = labels.iter().position(|&label| label as usize >= classes.count) {
            let (label, classes) = (i64::from(labels[index]), classes.count);
            return Err(DataError::Label { path: path.into(), index, label, classes });
        }
        content.check_finite(path)?;
        Ok(Self { content, labels, classes })
    }

    /// Number of samples; at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Shape of one sample; `None` for image files, whose shape follows from their preprocessing.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        match self.content {
            Content::Bytes { shape, .. } | Content::Floats { shape, .. } => Some(shape),
            Content::Files { .. } => None,
        }
    }

    /// The images themselves.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Pixels of image `index`, height × width × channels; `None` if the samples are no bytes, or there is no such image.
    #[must_use]
    pub fn bytes(&self, index: usize) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes { shape, values } => values.chunks_exact(shape.values()).nth(index),
            _ => None,
        }
    }

    /// One class per sample, below [`Classes::count`].
    #[must_use]
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The class of sample `index`. Panics if there is no such sample.
    #[must_use]
    pub fn label(&self, index: usize) -> u32 {
        self.labels[index]
    }

    /// The classes.
    #[must_use]
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// The first `count` samples of a random order that depends on `seed` alone (all of them if there are fewer; one if
    /// `count` is 0).
    #[must_use]
    pub fn sample(&self, count: usize, seed: u64) -> Self {
        let order = permutation(&mut keyed(seed, Purpose::Subset, 0, 0), self.len());
        self.choose(&order[..count.clamp(1, order.len())])
    }

    /// Divides the samples at random into `part` and the rest; which go where depends on `seed` alone.
    ///
    /// # Errors
    /// [`DataError::Request`] if one of the two would be empty.
    pub fn split(&self, part: Part, seed: u64) -> Result<(Self, Self), DataError> {
        let count = match part {
            Part::Count(count) => count,
            Part::Share(share) => (share * self.len() as f64).round() as usize,
        };
        if count == 0 || count >= self.len() {
            let what = format!("{count} of {} samples leave one part without any", self.len());
            return Err(DataError::Request { what, remedy: "choose a part between none and all" });
        }
        let order = permutation(&mut keyed(seed, Purpose::Split, 0, 0), self.len());
        Ok((self.choose(&order[..count]), self.choose(&order[count..])))
    }

    /// Copies the samples `indices`, which must exist.
    fn choose(&self, indices: &[u32]) -> Self {
        let content = match &self.content {
            &Content::Bytes { shape, ref values } => {
                Content::Bytes { shape, values: gather(values, shape.values(), indices) }
            }
            &Content::Floats { shape, ref values } => {
                Content::Floats { shape, values: gather(values, shape.values(), indices) }
            }
            &Content::Files { colour, ref paths } => {
                let paths = indices.iter().map(|&i| paths[i as usize].clone()).collect();
                Content::Files { colour, paths }
            }
        };
        let labels = indices.iter().map(|&i| self.labels[i as usize]).collect();
        Self { content, labels, classes: self.classes.clone() }
    }

    /// Mean and standard deviation of each channel over all samples, as [`Step::Normalise`](crate::Step) takes them: of
    /// p / 255 for bytes. A channel that never changes has the deviation 1. `None` for image files.
    #[must_use]
    pub fn statistics(&self) -> Option<(Vec<f32>, Vec<f32>)> {
        let moments = match &self.content {
            Content::Bytes { shape, values } => {
                moments(values.iter().map(|&p| f64::from(p) / 255.0), shape.channels)
            }
            Content::Floats { shape, values } => {
                moments(values.iter().copied().map(f64::from), shape.channels)
            }
            Content::Files { .. } => return None,
        };
        Some(moments.into_iter().unzip())
    }
}

impl Content {
    /// Number of samples, if sizes agree.
    fn len(&self, path: &Path) -> Result<usize, DataError> {
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

    fn check_finite(&self, path: &Path) -> Result<(), DataError> {
        let Self::Floats { shape, values } = self else { return Ok(()) };
        let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
        let position = format!("value {} of sample {}", at % shape.values(), at / shape.values());
        Err(DataError::NotFinite { path: path.into(), position, value: values[at].into() })
    }
}

fn gather<T: Copy>(values: &[T], size: usize, indices: &[u32]) -> Vec<T> {
    indices.iter().flat_map(|&i| &values[i as usize * size..][..size]).copied().collect()
}

/// Mean and deviation per channel, in two passes.
fn moments(values: impl Iterator<Item = f64> + Clone, channels: usize) -> Vec<(f32, f32)> {
    let sums = |term: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![(0.0, 0_u64); channels];
        for (value, channel) in values.clone().zip((0..channels).cycle()) {
            sums[channel].0 += term(channel, value);
            sums[channel].1 += 1;
        }
        sums.into_iter().map(|(sum, count)| sum / count as f64).collect::<Vec<f64>>()
    };
    let means = sums(&|_, value| value);
    let variances = sums(&|channel, value| (value - means[channel]).powi(2));
    let pair = |(&mean, variance): (&f64, f64)| {
        let deviation = variance.sqrt();
        // The mean of equal values is rounded, so their deviation may be a little over 0.
        let changes = deviation > 1e-12 * mean.abs();
        (mean as f32, if changes { deviation as f32 } else { 1.0 })
    };
    means.iter().zip(variances).map(pair).collect()
}
