//! The loop over epochs and batches.

use std::sync::Arc;

use cbp_data::{Batches, Draws, Plan, Preprocess, Samples};
use serde::{Deserialize, Serialize};

use super::description::DataDescription;
use super::evaluate::{check_shape, engine_for, evaluate};
use super::progress::{EpochMetrics, Progress};
use super::trainer::{EpochSums, Trainer, Workspace};
use crate::cbp::metrics::{ConstraintMetrics, GridDistance};
use crate::engine::Purpose;
use crate::error::TrainError;
use crate::latent::LatentWeights;
use crate::model::{Model, Parameters};

/// Images that first ranges of quantisers are taken from.
const CALIBRATION: usize = 500;

/// What a network is trained and tested on.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// Training set.
    pub train: Arc<Samples>,
    /// Test set.
    pub test: Arc<Samples>,
    /// What happens to images before the network reads them.
    pub preprocess: Preprocess,
    /// How the test set was taken from the training set, if it was.
    pub hold_out: Option<HoldOut>,
}

/// Test images that were set aside from a training set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldOut {
    /// How many.
    pub images: usize,
    /// Which: key of the random choice.
    pub seed: u64,
}

impl TrainingData {
    /// Training and test set that were always apart, and what happens to their images.
    #[must_use]
    pub fn new(train: Samples, test: Samples, preprocess: Preprocess) -> Self {
        Self { train: Arc::new(train), test: Arc::new(test), preprocess, hold_out: None }
    }
}

impl Trainer {
    /// Trains for the epochs that are left, and reports on each; before the first one, also on the state at the start.
    /// A trainer that was stopped, or saved and loaded, goes on where it stood, with the same data.
    ///
    /// # Errors
    /// [`TrainError::Settings`] or [`TrainError::Data`] if the data do not fit or are not those of the run, [`TrainError::Diverged`], or
    /// [`TrainError::Stopped`].
    pub fn run(
        &mut self,
        data: &TrainingData,
        progress: &mut dyn Progress,
    ) -> Result<Vec<EpochMetrics>, TrainError> {
        self.check(data)?;
        let description = DataDescription::of(data);
        if let Some(what) = self.data.difference(&description) {
            let what = format!("this run was made with other data: {what}");
            return Err(TrainError::Settings { what, remedy: "give it the data set that it began with" });
        }
        self.data = description;
        let steps = data.train.len() / self.training.batch;
        let mut history = Vec::new();
        if self.epoch == 0 && self.batch == 0 {
            self.calibrate(data)?;
            history.push(self.metrics(data, steps, Vec::new())?);
            self.tell(&history, progress)?;
        }
        let mut workspace = self.workspace();
        while self.epoch < self.training.epochs && !self.is_satisfied() {
            let bad = self.run_epoch(data, &mut workspace, steps, progress)?;
            self.end_epoch();
            history.push(self.metrics(data, steps, bad)?);
            self.sums = EpochSums::default();
            self.tell(&history, progress)?;
        }
        Ok(history)
    }

    fn check(&self, data: &TrainingData) -> Result<(), TrainError> {
        let error = |what, remedy| Err(TrainError::Settings { what, remedy });
        let classes = self.model.graph().output().values();
        for samples in [&data.train, &data.test] {
            if let Some(label) = samples.labels().iter().find(|&&label| label as usize >= classes) {
                let what = format!("a label is {label}, the network has {classes} classes");
                return error(what, "use the data set that the network was made for");
            }
        }
        let (batch, images) = (self.training.batch, data.train.len());
        if batch < 2 || batch > images {
            let what = format!("a batch of {batch} does not fit {images} training images");
            return error(what, "choose a batch from 2 to the number of images");
        }
        Ok(())
    }

    /// The rest of an epoch; gives the bad images.
    fn run_epoch(
        &mut self,
        data: &TrainingData,
        workspace: &mut Workspace,
        steps: usize,
        progress: &mut dyn Progress,
    ) -> Result<Vec<String>, TrainError> {
        let draws = Draws { seed: self.training.seed, epoch: u64::from(self.epoch) + 1 };
        let plan = Plan { start: self.batch, ..Plan::training(self.training.batch, draws) };
        let mut batches = Batches::new(Arc::clone(&data.train), &data.preprocess.training, &plan)?;
        check_shape(&self.model, batches.shape())?;
        for batch in batches.by_ref() {
            let batch = batch?;
            workspace.input_mut(batch.len()).copy_from_slice(&batch.images);
            self.step(workspace, &batch.labels, steps)?;
            if progress.step(self, steps).is_break() {
                return Err(TrainError::Stopped { epoch: self.epoch + 1 });
            }
        }
        Ok(batches.report().named())
    }

    /// Gives quantisers of activations a first range, from the first training images.
    pub(super) fn calibrate(&mut self, data: &TrainingData) -> Result<(), TrainError> {
        if !self.model.parameters().iter().any(|parameters| matches!(parameters, Parameters::Range(_))) {
            return Ok(());
        }
        let first = (0..data.train.len().min(CALIBRATION) as u32).collect();
        let mut engine = engine_for(&self.model, Purpose::Inference, CALIBRATION);
        let plan = Plan { order: cbp_data::Order::Given(first), ..Plan::evaluation(engine.capacity()) };
        let batches = Batches::new(Arc::clone(&data.train), &data.preprocess.evaluation, &plan)?;
        check_shape(&self.model, batches.shape())?;
        for batch in batches {
            let batch = batch?;
            engine.input_mut(batch.len()).copy_from_slice(&batch.images);
            rayon::scope(|_| engine.calibrate(&mut self.model));
        }
        Ok(())
    }

    /// Advances the window and the multipliers at the end of an epoch.
    pub(super) fn end_epoch(&mut self) {
        self.epoch += 1;
        self.batch = 0;
        let lagrangian = self.sums.loss + self.sums.update.constraint_term;
        if let Some(cbp) = &mut self.cbp
            && cbp.schedule.end_epoch(lagrangian)
        {
            self.set_window();
            self.update_multipliers();
        }
    }

    /// Whether the rule that ends training early says so.
    pub(super) fn is_satisfied(&self) -> bool {
        let Some(cbp) = &self.cbp else { return false };
        cbp.config.stop.is_some_and(|stop| {
            let metrics = self.constraint_metrics(1);
            cbp.schedule.g() >= stop.g && metrics.is_some_and(|metrics| metrics.satisfied >= stop.satisfied)
        })
    }

    fn tell(&self, history: &[EpochMetrics], progress: &mut dyn Progress) -> Result<(), TrainError> {
        let Some(metrics) = history.last() else { return Ok(()) };
        let goes_on = self.epoch < self.training.epochs;
        if progress.epoch(self, metrics).is_break() && goes_on {
            return Err(TrainError::Stopped { epoch: self.epoch });
        }
        Ok(())
    }

    fn metrics(
        &self,
        data: &TrainingData,
        steps: usize,
        mut bad_images: Vec<String>,
    ) -> Result<EpochMetrics, TrainError> {
        let every = self.training.evaluate_every;
        let is_last = self.epoch == self.training.epochs || self.is_satisfied();
        let is_due = is_last || (every > 0 && self.epoch.is_multiple_of(every));
        let evaluate = |model: &Model| evaluate(model, &data.test, &data.preprocess.evaluation);
        let is_latent_due = is_due && self.cbp.is_some();
        let deployed = is_due.then(|| evaluate(&self.deployed())).transpose()?;
        let latent = is_latent_due.then(|| evaluate(&self.unconstrained())).transpose()?;
        bad_images.extend(deployed.iter().flat_map(|deployed| deployed.bad_images.clone()));
        let done = if self.epoch == 0 { 0 } else { steps };
        Ok(EpochMetrics {
            epoch: self.epoch,
            rate: self.sums.rate,
            loss: (done > 0).then(|| self.sums.loss / done as f64),
            lagrangian_sum: (done > 0).then_some(self.sums.loss + self.sums.update.constraint_term),
            accuracy: deployed.map(|deployed| deployed.accuracy()),
            latent_accuracy: latent.map(|latent| latent.accuracy()),
            constraint: self.constraint_metrics(done),
            bad_images,
        })
    }

    /// The network with rounded weights, whatever the forward step computes with.
    #[must_use]
    pub fn deployed(&self) -> Model {
        self.with_weights(LatentWeights::round)
    }

    /// The network with the weights that training moves, in place of all rounded ones.
    #[must_use]
    pub fn latent_model(&self) -> Model {
        self.with_weights(|latent, weight| weight.copy_from_slice(&latent.values))
    }

    /// The network with its latent weights where they are constrained, and int8 weights as they are deployed: what
    /// differs from [`Trainer::deployed`] is the constraint alone.
    fn unconstrained(&self) -> Model {
        self.with_weights(|latent, weight| match latent.constrained() {
            Some(_) => weight.copy_from_slice(&latent.values),
            None => latent.round(weight),
        })
    }

    fn with_weights(&self, mut change: impl FnMut(&LatentWeights, &mut [f32])) -> Model {
        let mut model = self.model.clone();
        for (parameters, latent) in model.parts_mut().1.iter_mut().zip(&self.latent) {
            if let (Parameters::Weights { weight, .. }, Some(latent)) = (parameters, latent) {
                change(latent, weight);
            }
        }
        model
    }

    /// State of the constraints over an epoch of `steps`.
    pub(crate) fn constraint_metrics(&self, steps: usize) -> Option<ConstraintMetrics> {
        let cbp = self.cbp.as_ref()?;
        let mut metrics = ConstraintMetrics { g: cbp.schedule.g(), ..ConstraintMetrics::default() };
        let mut least = f32::INFINITY;
        let mut distance = GridDistance::default();
        let mut count = 0;
        for latent in self.latent.iter().flatten() {
            if let Some(weights) = latent.constrained() {
                weights.measure(&latent.values, latent.inputs, &mut distance);
                metrics.multiplier_updates = weights.multipliers.updates;
                let (min, max) = weights.multipliers.range();
                least = least.min(min);
                metrics.multiplier_max = metrics.multiplier_max.max(max);
                metrics.multiplier_mean += weights.multipliers.sum();
                count += latent.values.len();
            }
        }
        distance.report(&mut metrics);
        metrics.multiplier_min = if least.is_finite() { least } else { 0.0 };
        metrics.multiplier_mean /= count.max(1) as f64;
        metrics.codes_changed_per_step =
            self.sums.update.codes_changed as f64 / (count * steps).max(1) as f64;
        Some(metrics)
    }
}
