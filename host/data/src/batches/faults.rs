//! Images that cannot be used.

use std::fmt;
use std::path::PathBuf;

use crate::DataError;

/// An image file that cannot be read, is truncated or damaged, or is too small for a crop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its position in the samples.
    pub index: u32,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// Images that could not be used, so far in an epoch. Its text is one line for all, then one per image.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    images: usize,
    seen: usize,
    allowed: f64,
    faults: Vec<Fault>,
}

impl Report {
    pub(super) fn new(images: usize, allowed: f64) -> Self {
        Self { images, seen: 0, allowed, faults: Vec::new() }
    }

    /// Adds a batch; an error once too many images are bad.
    pub(super) fn add(&mut self, seen: usize, faults: Vec<Fault>) -> Result<(), DataError> {
        self.seen += seen;
        self.faults.extend(faults);
        match self.faults.first() {
            Some(first) => check(self.faults.len(), self.seen, self.images, self.allowed, first),
            None => Ok(()),
        }
    }

    /// The images, in the order of the epoch.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Files and causes, in words.
    #[must_use]
    pub fn named(&self) -> Vec<String> {
        self.faults.iter().map(ToString::to_string).collect()
    }

    /// Images looked at, good and bad.
    #[must_use]
    pub const fn seen(&self) -> usize {
        self.seen
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} images could not be used and were replaced", self.faults.len(), self.seen)?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

/// An error if `bad` of the epoch's `images` are more than allowed.
pub(super) fn check(
    bad: usize,
    seen: usize,
    images: usize,
    allowed: f64,
    first: &Fault,
) -> Result<(), DataError> {
    if bad as f64 <= allowed * images as f64 {
        return Ok(());
    }
    Err(DataError::TooManyBad { bad, images: seen, allowed, first: first.to_string() })
}
