//! Outputs and accuracy of a network over a data set.

use std::sync::Arc;

use cbp_data::{Batch, Batches, Pipeline, Plan, Samples};

use crate::engine::{Engine, Purpose, Settings};
use crate::error::TrainError;
use crate::model::Model;

/// Bytes that values of a batch may take.
const MEMORY: usize = 256 << 20;
/// The most images of a batch.
const BATCH: usize = 500;

/// How a network does on a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Images evaluated: those that could be read.
    pub images: usize,
    /// Images whose class is the largest output.
    pub right: usize,
    /// Images whose class is among the five largest outputs.
    pub right_in_five: usize,
    /// Images that could not be read: files and causes.
    pub bad_images: Vec<String>,
}

impl Evaluation {
    /// Share of images whose class is predicted right.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.images.max(1) as f64
    }

    /// Share of images whose class is among the five largest outputs.
    #[must_use]
    pub fn accuracy_in_five(&self) -> f64 {
        self.right_in_five as f64 / self.images.max(1) as f64
    }
}

/// Outputs of every image, images × outputs, in the order of the samples.
///
/// # Errors
/// The data cannot be read or do not fit, or an output is not finite.
pub fn outputs(model: &Model, samples: &Arc<Samples>, pipeline: &Pipeline) -> Result<Vec<f32>, TrainError> {
    let mut all = Vec::new();
    for_each_batch(model, samples, pipeline, |outputs, _| all.extend_from_slice(outputs))?;
    Ok(all)
}

/// How a network does.
///
/// # Errors
/// The data cannot be read or do not fit, or an output is not finite.
pub fn evaluate(
    model: &Model,
    samples: &Arc<Samples>,
    pipeline: &Pipeline,
) -> Result<Evaluation, TrainError> {
    evaluate_with(model, samples, pipeline, |_| ())
}

/// As [`evaluate`]; calls `on_images` with the number of images of each batch once it is done.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_with(
    model: &Model,
    samples: &Arc<Samples>,
    pipeline: &Pipeline,
    mut on_images: impl FnMut(usize),
) -> Result<Evaluation, TrainError> {
    let classes = model.graph().output().values();
    let (mut images, mut right, mut right_in_five) = (0, 0, 0);
    let bad_images = for_each_batch(model, samples, pipeline, |outputs, batch| {
        let rows = outputs.chunks_exact(classes).zip(&batch.labels).zip(&batch.stands_in);
        for ((row, &label), _) in rows.filter(|&(_, &stands_in)| !stands_in) {
            let rank = rank(row, label);
            images += 1;
            right += usize::from(rank == 0);
            right_in_five += usize::from(rank < 5);
        }
        on_images(batch.len());
    })?;
    Ok(Evaluation { images, right, right_in_five, bad_images })
}

/// How many classes come before this one: those with larger outputs, and of equal ones the lower. A label that is no class
/// comes last.
pub fn rank<T: PartialOrd>(outputs: &[T], label: u32) -> usize {
    let Some(own) = outputs.get(label as usize) else { return outputs.len() };
    let before = |(class, output): &(usize, &T)| *output > own || (*output >= own && *class < label as usize);
    outputs.iter().enumerate().filter(before).count()
}

/// Calls `visit` with the outputs of each batch; gives the bad images.
fn for_each_batch(
    model: &Model,
    samples: &Arc<Samples>,
    pipeline: &Pipeline,
    mut visit: impl FnMut(&[f32], &Batch),
) -> Result<Vec<String>, TrainError> {
    let mut engine = engine_for(model, Purpose::Inference, samples.len());
    let mut batches = Batches::new(Arc::clone(samples), pipeline, &Plan::evaluation(engine.capacity()))?;
    check_shape(model, batches.shape())?;
    for batch in batches.by_ref() {
        let batch = batch?;
        engine.input_mut(batch.len()).copy_from_slice(&batch.images);
        // Inside the pool each parallel loop starts at once; from outside, each would wake and await another thread.
        let outputs = rayon::scope(|_| engine.infer(model));
        if let Some(&value) = outputs.iter().find(|output| !output.is_finite()) {
            return Err(TrainError::Outputs { value });
        }
        visit(outputs, &batch);
    }
    Ok(batches.report().named())
}

/// An engine with as large a batch as memory allows.
pub(super) fn engine_for(model: &Model, purpose: Purpose, images: usize) -> Engine {
    let of_one = Engine::new(model.graph(), 1, purpose, Settings::default()).bytes();
    let batch = (MEMORY / of_one.max(1)).clamp(1, BATCH).min(images.max(1));
    Engine::new(model.graph(), batch, purpose, Settings::default())
}

/// Whether prepared images are what a network reads.
pub(super) fn check_shape(model: &Model, found: cbp_numerics::Shape) -> Result<(), TrainError> {
    let needed = model.graph().input();
    // A vector and an image of as many values are the same to a network that begins with a linear layer.
    if found == needed || (found.values() == needed.values() && needed.positions() == 1) {
        return Ok(());
    }
    Err(TrainError::Settings {
        what: format!("images are {found} after preprocessing, the network reads {needed}"),
        remedy: "choose other preprocessing, or the data set that the network was made for",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_outputs_rank_by_class() {
        assert_eq!([0, 1].map(|label| rank(&[1.0, 1.0], label)), [0, 1]);
        assert_eq!([0, 1, 2, 3].map(|label| rank(&[0.5, 2.0, -1.0], label)), [1, 0, 2, 3]);
    }
}
