//! Rounding without training.

use std::sync::Arc;

use cbp_data::{Batches, Draws, Plan};

use super::description::DataDescription;
use super::evaluate::{check_shape, engine_for};
use super::run::TrainingData;
use super::trainer::Trainer;
use crate::engine::{Purpose, Settings, StepKey};
use crate::error::TrainError;
use crate::model::Parameters;

impl Trainer {
    /// Fits a network whose weights were just rounded to its data, without training: running statistics of batch norms
    /// are measured again with the rounded weights, over at most `images` training images, and ranges of quantisers
    /// after them. Rounding changes what a layer puts out by a factor that the old statistics do not know.
    /// Gives the number of images that were used.
    ///
    /// # Errors
    /// The data cannot be read or do not fit, or `images` or the training set are fewer than 2: one image has no
    /// variance.
    pub fn fit_statistics(&mut self, data: &TrainingData, images: usize) -> Result<usize, TrainError> {
        let images = images.min(data.train.len());
        if images < 2 {
            let what = format!("statistics of {images} training images tell nothing");
            return Err(TrainError::Settings { what, remedy: "take at least 2; 1000 are usual" });
        }
        self.calibrate(data)?;
        let training = Purpose::Training { input_gradient: false };
        let mut engine = engine_for(&self.model, training, images);
        let draws = Draws { seed: self.training.seed, epoch: 0 };
        let plan = Plan::training(engine.capacity(), draws);
        let batches = Batches::new(Arc::clone(&data.train), &data.preprocess.evaluation, &plan)?;
        check_shape(&self.model, batches.shape())?;
        let count = images / engine.capacity();
        let mut used = 0;
        for (index, batch) in batches.take(count).enumerate() {
            let batch = batch?;
            used += batch.len();
            // The mean of all batches so far.
            let norm_momentum = Some(1.0 / (index as f32 + 1.0));
            engine.set_settings(Settings { norm_momentum, ..Settings::default() });
            engine.input_mut(batch.len()).copy_from_slice(&batch.images);
            rayon::scope(|_| engine.forward_train(&mut self.model, StepKey::default()).len());
        }
        for parameters in self.model.parts_mut().1 {
            if let Parameters::Range(range) = parameters {
                *range = 0.0;
            }
        }
        self.calibrate(data)?;
        self.data = DataDescription::of(data);
        Ok(used)
    }
}
