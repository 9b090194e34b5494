//! The images of an epoch, batch after batch, made ahead on background threads.
//!
//! `queue` is the threads, `faults` what happens to images that cannot be used, `plan` what a caller chooses.

mod faults;
mod plan;
mod queue;

use std::iter::FusedIterator;
use std::sync::{Arc, Mutex, PoisonError};

use cbp_numerics::Shape;

pub use faults::{Fault, Report};
pub use plan::{Order, Plan, Remainder};

use crate::preprocess::{Prepared, Scratch};
use crate::{DataError, Draws, Pipeline, Samples};
use queue::Ahead;

/// Batches of an epoch. The same samples, pipeline and plan give the same bits, however many threads there are.
///
/// An image that cannot be used (see [`Fault`]) is replaced in its batch by the next one of the epoch's order that can,
/// the first following the last; label and index are those of the image in its place, which is preprocessed as in its own
/// place. [`Batches::report`] lists such images. Once more than [`Samples::allowed_bad`] of the epoch's images are found
/// bad, the iterator ends with [`DataError::TooManyBad`].
///
/// After an error the iterator ends. Dropping it ends its threads.
#[derive(Debug)]
pub struct Batches {
    queue: Ahead<Result<Made, DataError>>,
    shape: Shape,
    report: Report,
    failed: bool,
}

/// Images with their labels.
///
/// The memory of `images` goes back to the [`Batches`] that made it when the batch is dropped.
#[derive(Debug)]
pub struct Batch {
    /// Batch × height × width × channels.
    pub images: Vec<f32>,
    /// One class per image.
    pub labels: Vec<u32>,
    /// Position of each image in the samples.
    pub indices: Vec<u32>,
    /// Whether each image stands in for one that cannot be used: an evaluation leaves it out.
    pub stands_in: Vec<bool>,
    spare: Arc<Spare>,
}

/// Memory for images that no batch uses now; not more than were ever in use at once.
type Spare = Mutex<Vec<Vec<f32>>>;

/// A batch with the images that could not be used for it.
#[derive(Debug)]
struct Made {
    batch: Batch,
    faults: Vec<Fault>,
}

/// What every thread needs.
struct Work {
    prepared: Prepared<Arc<Samples>>,
    order: Vec<u32>,
    batch: usize,
    draws: Draws,
    allowed_bad: f64,
    spare: Arc<Spare>,
}

impl Batches {
    /// Starts to make batches.
    ///
    /// # Errors
    /// [`DataError::Pipeline`] if the pipeline does not fit the samples; [`DataError::Request`] if the plan does not;
    /// [`DataError::Worker`] if the system gives no threads.
    pub fn new(samples: Arc<Samples>, pipeline: &Pipeline, plan: &Plan) -> Result<Self, DataError> {
        let prepared = pipeline.prepare(samples)?;
        let shape = prepared.shape();
        let order = plan.order(prepared.samples().len())?;
        let batches = plan.batches(order.len())?;
        let (threads, ahead) = plan.threads_and_ahead();
        let allowed_bad = prepared.samples().allowed_bad();
        let report = Report::new(order.len(), allowed_bad);
        let &Plan { batch, draws, .. } = plan;
        let work = Work { prepared, order, batch, draws, allowed_bad, spare: Arc::default() };
        let queue = Ahead::new(batches, threads, ahead, move |number, scratch| work.make(number, scratch));
        let queue = queue.map_err(|error| DataError::Worker { what: error.to_string() })?;
        Ok(Self { queue, shape, report, failed: false })
    }

    /// Shape of one image.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Images found bad so far, in the order of the epoch.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let made = self.queue.next()?.unwrap_or_else(|what| Err(DataError::Worker { what }));
        let batch = made.and_then(|Made { batch, faults }| {
            self.report.add(batch.len(), faults)?;
            Ok(batch)
        });
        self.failed = batch.is_err();
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.queue.left();
        if self.failed { (0, Some(0)) } else { (left, Some(left)) }
    }
}

impl FusedIterator for Batches {}
impl ExactSizeIterator for Batches {}

impl Batch {
    /// Number of images.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.labels.len()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let images = std::mem::take(&mut self.images);
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(images);
    }
}

impl Work {
    fn make(&self, number: usize, scratch: &mut Scratch) -> Result<Made, DataError> {
        let first = number * self.batch;
        let places = first..(first + self.batch).min(self.order.len());
        let values = self.prepared.shape().values();
        let images = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut images = images.unwrap_or_default();
        images.resize(places.len() * values, 0.0);
        let (mut indices, mut faults) = (Vec::with_capacity(places.len()), Vec::new());
        let mut stands_in = Vec::with_capacity(places.len());
        for (place, out) in places.zip(images.chunks_exact_mut(values)) {
            let index = self.fill(place, scratch, out, &mut faults)?;
            stands_in.push(index != self.order[place]);
            indices.push(index);
        }
        let labels = indices.iter().map(|&index| self.prepared.samples().label(index as usize)).collect();
        let batch = Batch { images, labels, indices, stands_in, spare: self.spare.clone() };
        Ok(Made { batch, faults })
    }

    /// Makes the image at `place` of the order, or the next that can be used, and gives its index. Notes a fault of the
    /// image at `place` itself only, so that each image is counted once.
    fn fill(
        &self,
        place: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
        faults: &mut Vec<Fault>,
    ) -> Result<u32, DataError> {
        let images = self.order.len();
        let mut first = None;
        for tried in 0..images {
            let index = self.order[(place + tried) % images];
            match self.prepared.one(index, self.draws, scratch, out) {
                Ok(()) => {
                    faults.extend(first);
                    return Ok(index);
                }
                Err(what) => {
                    let fault = Fault { index, path: self.prepared.path(index).into(), what };
                    let first = first.get_or_insert(fault);
                    let seen = (place + tried + 1).min(images);
                    faults::check(tried + 1, seen, images, self.allowed_bad, first)?;
                }
            }
        }
        // Only if every image may be bad.
        let first = first.map_or_else(String::new, |fault| fault.to_string());
        Err(DataError::TooManyBad { bad: images, images, allowed: self.allowed_bad, first })
    }
}

#[cfg(test)]
mod tests;
