//! A data set: images or rows of numbers, each with a label.

mod classes;
mod content;
mod fingerprint;
mod statistics;

use std::path::Path;

use cbp_numerics::Shape;

pub use classes::Classes;
pub use content::{Colour, Content};
pub use fingerprint::Fingerprint;

use crate::DataError;
use crate::rng::{Purpose, keyed, permutation};

/// The name of data that come from no file, in messages.
const IN_MEMORY: &str = "data in memory";
/// Share of the images that may be bad, if nothing else is said.
const ALLOWED_BAD: f64 = 0.01;

/// Images or rows of numbers with one label each.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    content: Content,
    labels: Vec<u32>,
    classes: Classes,
    allowed_bad: f64,
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
        if let Some(index) = labels.iter().position(|&label| label as usize >= classes.count()) {
            let (label, classes) = (i64::from(labels[index]), classes.count());
            return Err(DataError::Label { path: path.into(), index, label, classes });
        }
        content.check_finite(path)?;
        Ok(Self { content, labels, classes, allowed_bad: ALLOWED_BAD })
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

    /// The largest share of an epoch's images that may be unreadable, 0 to 1: 0.01 unless
    /// [`Samples::allowing_bad`] changed it. Beyond it, reading ends with an error.
    #[must_use]
    pub const fn allowed_bad(&self) -> f64 {
        self.allowed_bad
    }

    /// The same samples, of which this share may be unreadable.
    ///
    /// # Errors
    /// [`DataError::Request`] if it is no share.
    pub fn allowing_bad(self, share: f64) -> Result<Self, DataError> {
        if !(0.0..=1.0).contains(&share) {
            let what = format!("{share} is no share of unreadable images");
            return Err(DataError::Request { what, remedy: "choose 0 to 1" });
        }
        Ok(Self { allowed_bad: share, ..self })
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
        let content = self.content.choose(indices);
        let labels = indices.iter().map(|&i| self.labels[i as usize]).collect();
        Self { content, labels, classes: self.classes.clone(), allowed_bad: self.allowed_bad }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Samples that show which they are: the first pixel and the label are the number of the sample.
    fn numbered(count: u8) -> Samples {
        let values = (0..count).flat_map(|i| [i, 0]).collect();
        let content = Content::Bytes { shape: Shape::new(1, 2, 1), values };
        Samples::new(content, (0..count.into()).collect(), Classes::numbered(count.into())).unwrap()
    }

    proptest! {
        #[test]
        fn a_split_holds_every_sample_once(count in 2_u8..40, part in 1_usize..39, seed: u64) {
            let samples = numbered(count);
            let part = part.min(samples.len() - 1);
            let (first, second) = samples.split(Part::Count(part), seed).unwrap();
            prop_assert_eq!((first.len(), second.len()), (part, samples.len() - part));
            let mut labels = [first.labels(), second.labels()].concat();
            for half in [&first, &second] {
                let pixels = (0..half.len()).map(|i| u32::from(half.bytes(i).unwrap()[0]));
                prop_assert!(pixels.eq(half.labels().iter().copied()));
            }
            labels.sort_unstable();
            prop_assert_eq!(labels, samples.labels());
            prop_assert_eq!(samples.split(Part::Count(part), seed).unwrap(), (first, second));
        }
    }

    #[test]
    fn parts_are_counts_or_shares_and_never_empty() {
        let samples = numbered(10);
        let sizes = |part| samples.split(part, 1).map(|(first, second)| (first.len(), second.len()));
        assert_eq!(sizes(Part::Share(0.25)).unwrap(), (3, 7));
        for part in
            [Part::Share(0.0), Part::Share(1.0), Part::Share(f64::NAN), Part::Count(0), Part::Count(10)]
        {
            assert!(
                sizes(part).unwrap_err().to_string().contains("of 10 samples leave one part without any")
            );
        }
        let lenient = samples.clone().allowing_bad(0.5).unwrap();
        assert!((lenient.split(Part::Count(5), 1).unwrap().1.allowed_bad() - 0.5).abs() < f64::EPSILON);
        for share in [f64::NAN, -0.1, 1.1] {
            let message = samples.clone().allowing_bad(share).unwrap_err().to_string();
            assert!(message.contains("is no share of unreadable images; choose 0 to 1"), "{message}");
        }
        assert_ne!(samples.split(Part::Count(5), 1).unwrap(), samples.split(Part::Count(5), 2).unwrap());
        assert_eq!(samples.sample(4, 1).labels(), samples.sample(99, 1).labels().split_at(4).0);
        assert_eq!(samples.sample(99, 1).len(), 10);
    }

    #[test]
    fn faults_are_named() {
        let shape = Shape::vector(2);
        let make = |values: Vec<f32>, labels| {
            let samples = Samples::new(Content::Floats { shape, values }, labels, Classes::numbered(2));
            samples.unwrap_err().to_string()
        };
        for (text, expected) in [
            (
                make(vec![0.0; 3], vec![0]),
                "data in memory: has dimensions [3], expected whole images of 1×1×2",
            ),
            (make(vec![0.0; 4], vec![0]), "data in memory: has 1 labels for 2 images"),
            (make(vec![], vec![]), "data in memory: holds no images"),
            (make(vec![0.0; 4], vec![1, 2]), "data in memory: label 1 is 2, expected 0 to 1"),
            (
                make(vec![0.0, 0.0, 0.0, f32::INFINITY], vec![1, 0]),
                "data in memory: value 1 of sample 1 is inf",
            ),
        ] {
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(Classes::named(vec!["cat".into()]).name(0), "cat");
        assert_eq!(Classes::named(vec!["cat".into()]).name(1), "1");
    }
}
