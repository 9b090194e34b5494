//! The training loop, for float and constrained networks alike.

use std::convert::Infallible;

use cbp_numerics::WeightSet;

use crate::cbp::constraint::Window;
use crate::cbp::metrics::{ConstraintMetrics, GridDistance};
use crate::cbp::schedule::Schedule;
use crate::cbp::weights::ConstrainedWeights;
use crate::config::{CbpConfig, Ends, TrainConfig};
use crate::data::Dataset;
use crate::data::augment::{Shift, fill_batch};
use crate::error::{ExportError, TrainError};
use crate::export::{export, layer_name};
use crate::latent::{LatentWeights, UpdateReport, WeightRule};
use crate::layer::{Layer, ParamGrad};
use crate::mlp::{Mlp, Tape};
use crate::trained::TrainedMlp;
use crate::optimiser::SgdStep;
use crate::progress::{EpochMetrics, Progress};
use crate::rng::{Purpose, keyed, permutation};

/// The step of the window at which the published code cuts the learning rate.
const RATE_CUT_AT: u32 = 20;

/// A network in training with everything that the next step depends on.
///
/// The same settings, seed and data give the same bits on the same type of CPU, for any number of threads of the rayon
/// pool that [`Trainer::run`] is called in.
#[derive(Clone, Debug, PartialEq)]
pub struct Trainer {
    /// Computes with the deployed weights.
    pub(crate) network: Mlp,
    /// One per linear layer.
    pub(crate) latent: Vec<LatentWeights>,
    /// One per layer.
    pub(crate) velocity: Vec<ParamGrad>,
    pub(crate) training: TrainConfig,
    pub(crate) cbp: Option<CbpState>,
    /// Epochs done.
    pub(crate) epoch: u32,
}

/// What constrained training adds, besides the multipliers, which are with their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CbpState {
    pub(crate) set: WeightSet,
    pub(crate) ends: Ends,
    pub(crate) config: CbpConfig,
    pub(crate) schedule: Schedule,
}

/// Sums over the batches of an epoch.
#[derive(Default)]
struct EpochSums {
    loss: f64,
    update: UpdateReport,
    rate: f32,
}

impl Trainer {
    /// Float training of a network.
    #[must_use]
    pub fn float(network: Mlp, training: TrainConfig) -> Self {
        let Ok(trainer) =
            Self::with_rules(network, training, None, |_, _| Ok::<_, Infallible>(WeightRule::Float));
        trainer
    }

    /// Constrained training that starts from a float network. The scales follow from its weights and stay.
    ///
    /// # Errors
    /// [`TrainError::Scale`] if a layer has no usable scale.
    pub fn constrained(
        float: &Mlp,
        set: WeightSet,
        ends: Ends,
        config: CbpConfig,
    ) -> Result<Self, TrainError> {
        let state = CbpState { set, ends, config, schedule: Schedule::new(config.patience) };
        let mut trainer = Self::with_scales(float, state, |index, weights| {
            let scales = config.scale.scales(set, &weights.values, weights.inputs);
            match scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
                Some(&scale) => Err(TrainError::Scale { layer: layer_name(index), scale }),
                None => Ok(scales),
            }
        })?;
        trainer.set_window();
        trainer.update_multipliers();
        Ok(trainer)
    }

    /// Constrained training with given scales of each constrained layer; λ = 0, and the window is not yet set.
    pub(crate) fn with_scales<E>(
        float: &Mlp,
        cbp: CbpState,
        scales: impl Fn(usize, &LatentWeights) -> Result<Vec<f32>, E>,
    ) -> Result<Self, E> {
        let network = match cbp.config.activations {
            Some(_) => float.with_quantised_activations(),
            None => float.clone(),
        };
        let last = network.linears().count() - 1;
        Self::with_rules(network, cbp.config.training, Some(cbp), |index, weights| {
            if cbp.ends == Ends::Int8 && (index == 0 || index == last) {
                return Ok(WeightRule::Int8);
            }
            let scales = scales(index, weights)?;
            let weights = ConstrainedWeights::new(cbp.set, &scales, weights.values.len());
            Ok(WeightRule::Constrained(Box::new(weights)))
        })
    }

    fn with_rules<E>(
        mut network: Mlp,
        training: TrainConfig,
        cbp: Option<CbpState>,
        rule: impl Fn(usize, &LatentWeights) -> Result<WeightRule, E>,
    ) -> Result<Self, E> {
        let mut latent = Vec::new();
        for (index, linear) in network.linears_mut().enumerate() {
            let mut weights = LatentWeights {
                values: linear.weight.clone(),
                inputs: linear.inputs,
                rule: WeightRule::Float,
            };
            weights.rule = rule(index, &weights)?;
            weights.deploy(&mut linear.weight);
            latent.push(weights);
        }
        let velocity = network.layers.iter().map(Layer::zero_grad).collect();
        Ok(Self { network, latent, velocity, training, cbp, epoch: 0 })
    }

    /// The network as it stands. Its weights are the deployed ones, so its results are those of the quantised network.
    #[must_use]
    pub fn network(&self) -> &Mlp {
        &self.network
    }

    /// Epochs done.
    #[must_use]
    pub fn epochs_done(&self) -> u32 {
        self.epoch
    }

    /// Describes the network in integers and scales.
    ///
    /// # Errors
    /// [`ExportError`] if a value is not finite or not on its grid.
    pub fn export(&self) -> Result<TrainedMlp, ExportError> {
        export(&self.network, &self.latent)
    }

    /// Trains for the epochs that are left, and reports on each; before the first one, also on the state at the start.
    ///
    /// # Errors
    /// [`TrainError::Settings`] if the data do not fit, [`TrainError::Diverged`], or [`TrainError::Stopped`]. The state is
    /// then the one after the last whole epoch, and another call goes on from there.
    pub fn run(
        &mut self,
        train: &Dataset,
        test: &Dataset,
        progress: &mut dyn Progress,
    ) -> Result<Vec<EpochMetrics>, TrainError> {
        self.check(train, test)?;
        // Inside the pool each parallel loop starts at once; from outside, each would wake and await another thread.
        rayon::scope(|_| self.run_in_pool(train, test, progress))
    }

    fn run_in_pool(
        &mut self,
        train: &Dataset,
        test: &Dataset,
        progress: &mut dyn Progress,
    ) -> Result<Vec<EpochMetrics>, TrainError> {
        let mut history = Vec::new();
        if self.epoch == 0 {
            self.network.calibrate(train);
            self.report(&EpochSums::default(), 0, test, progress, &mut history)?;
        }
        let mut tape = Tape::new(&self.network, self.training.batch);
        let mut grads: Vec<ParamGrad> = self.network.layers.iter().map(Layer::zero_grad).collect();
        while self.epoch < self.training.epochs {
            let before = self.clone();
            let sums = match self.train_epoch(train, &mut tape, &mut grads, progress) {
                Ok(sums) => sums,
                Err(error) => {
                    // Half an epoch cannot be resumed, so it is undone.
                    *self = before;
                    return Err(error);
                }
            };
            self.epoch += 1;
            self.end_epoch(sums.loss + sums.update.constraint_term);
            let steps = train.len() / self.training.batch;
            self.report(&sums, steps, test, progress, &mut history)?;
        }
        Ok(history)
    }

    fn check(&self, train: &Dataset, test: &Dataset) -> Result<(), TrainError> {
        let error = |what, remedy| Err(TrainError::Settings { what, remedy });
        let sizes = self.network.sizes();
        let (inputs, classes) = (sizes[0], sizes[sizes.len() - 1]);
        for data in [train, test] {
            if data.pixels() != inputs {
                let what = format!("images have {} pixels, the network {inputs} inputs", data.pixels());
                return error(what, "use the data set that the network was made for");
            }
            if let Some(label) = data.labels.iter().find(|&&label| usize::from(label) >= classes) {
                let what = format!("a label is {label}, the network has {classes} classes");
                return error(what, "use the data set that the network was made for");
            }
        }
        let batch = self.training.batch;
        if batch < 2 || batch > train.len() {
            let what = format!("a batch of {batch} does not fit {} training images", train.len());
            return error(what, "choose a batch from 2 to the number of images");
        }
        Ok(())
    }

    fn train_epoch(
        &mut self,
        train: &Dataset,
        tape: &mut Tape,
        grads: &mut [ParamGrad],
        progress: &mut dyn Progress,
    ) -> Result<EpochSums, TrainError> {
        let TrainConfig { batch, seed, max_shift, epochs, .. } = self.training;
        let epoch = self.epoch + 1;
        if let Some(activations) = self.cbp.and_then(|cbp| cbp.config.activations) {
            let frozen = epoch + activations.frozen_epochs > epochs;
            self.network.quantisers_mut().for_each(|quantiser| quantiser.frozen = frozen);
        }
        let order = permutation(&mut keyed(seed, Purpose::Order, u64::from(epoch), 0), train.len());
        let shift = Shift { seed, epoch: u64::from(epoch), largest: max_shift };
        let batches = train.len() / batch;
        let mut sums = EpochSums::default();
        for (index, images) in order.chunks_exact(batch).enumerate() {
            let labels: Vec<u8> = images.iter().map(|&image| train.labels[image as usize]).collect();
            fill_batch(&mut tape.input, train, images, Some(shift));
            self.network.forward_train(tape);
            let loss = self.network.backward(tape, &labels, grads);
            if !loss.is_finite() {
                return Err(TrainError::Diverged { epoch, batch: index + 1 });
            }
            let step = self.sgd_step(index, batches);
            let report = self.update(grads, &step);
            sums.loss += loss;
            sums.update.constraint_term += report.constraint_term;
            sums.update.codes_changed += report.codes_changed;
            sums.rate = step.rate;
            if progress.batch(epoch, index + 1, batches).is_break() {
                return Err(TrainError::Stopped { epoch });
            }
        }
        Ok(sums)
    }

    fn sgd_step(&self, batch: usize, batches: usize) -> SgdStep {
        let TrainConfig { epochs, rate, rate_schedule, momentum, weight_decay, .. } = self.training;
        let step = u64::from(self.epoch) * batches as u64 + batch as u64;
        let is_cut = self.cbp.is_some_and(|cbp| cbp.schedule.g() >= RATE_CUT_AT);
        let factor = rate_schedule.factor(step, u64::from(epochs) * batches as u64, is_cut);
        let clip = if self.cbp.is_some() { 1.0 } else { f32::INFINITY };
        SgdStep { rate: rate * factor, momentum, weight_decay, clip }
    }

    fn update(&mut self, grads: &mut [ParamGrad], step: &SgdStep) -> UpdateReport {
        let mut sum = UpdateReport::default();
        let mut latent = self.latent.iter_mut();
        let without_decay = step.without_decay();
        let layers = self.network.layers.iter_mut().zip(grads).zip(&mut self.velocity);
        for ((layer, grad), velocity) in layers {
            let bias = match layer {
                Layer::Linear(linear) => {
                    if let Some(latent) = latent.next() {
                        let deployed = &mut linear.weight;
                        let report = latent.update(deployed, &mut grad.weight, &mut velocity.weight, step);
                        sum.constraint_term += report.constraint_term;
                        sum.codes_changed += report.codes_changed;
                    }
                    linear.bias.as_mut()
                }
                Layer::BatchNorm(norm) => {
                    without_decay.apply(&mut norm.gamma, &grad.weight, &mut velocity.weight);
                    Some(&mut norm.beta)
                }
                Layer::Relu | Layer::Quantise(_) => None,
            };
            if let Some(bias) = bias {
                without_decay.apply(bias, &grad.bias, &mut velocity.bias);
            }
        }
        sum
    }

    fn end_epoch(&mut self, lagrangian_sum: f64) {
        if let Some(cbp) = &mut self.cbp
            && cbp.schedule.end_epoch(lagrangian_sum)
        {
            self.set_window();
            self.update_multipliers();
        }
    }

    /// Gives all constrained layers the window of now.
    pub(crate) fn set_window(&mut self) {
        let Some(cbp) = &self.cbp else { return };
        let window = if cbp.config.window { Window::at(cbp.schedule.g()) } else { Window::NONE };
        for (weights, _) in self.latent.iter_mut().filter_map(LatentWeights::constrained_mut) {
            weights.set_window(window);
        }
    }

    fn update_multipliers(&mut self) {
        let Some(CbpState { config, .. }) = self.cbp else { return };
        if config.multipliers {
            for latent in &mut self.latent {
                let inputs = latent.inputs;
                if let Some((weights, values)) = latent.constrained_mut() {
                    weights.update_multipliers(values, inputs, config.multiplier_rate);
                }
            }
        }
    }

    fn report(
        &self,
        sums: &EpochSums,
        steps: usize,
        test: &Dataset,
        progress: &mut dyn Progress,
        history: &mut Vec<EpochMetrics>,
    ) -> Result<(), TrainError> {
        let every = self.training.evaluate_every;
        let is_due = self.epoch == self.training.epochs || (every > 0 && self.epoch.is_multiple_of(every));
        let metrics = EpochMetrics {
            epoch: self.epoch,
            rate: sums.rate,
            loss: sums.loss / steps.max(1) as f64,
            lagrangian_sum: sums.loss + sums.update.constraint_term,
            accuracy: is_due.then(|| self.network.accuracy(test)),
            latent_accuracy: (is_due && self.cbp.is_some()).then(|| self.latent_network().accuracy(test)),
            constraint: self.cbp.as_ref().map(|cbp| self.constraint_metrics(cbp, &sums.update, steps)),
        };
        history.push(metrics);
        match progress.epoch(&metrics) {
            std::ops::ControlFlow::Break(()) if self.epoch < self.training.epochs => {
                Err(TrainError::Stopped { epoch: self.epoch })
            }
            _ => Ok(()),
        }
    }

    /// The network with the latent weights in place of the constrained ones.
    fn latent_network(&self) -> Mlp {
        let mut network = self.network.clone();
        for (linear, latent) in network.linears_mut().zip(&self.latent) {
            if latent.constrained().is_some() {
                linear.weight.clone_from(&latent.values);
            }
        }
        network
    }

    fn constraint_metrics(&self, cbp: &CbpState, update: &UpdateReport, steps: usize) -> ConstraintMetrics {
        let mut metrics = ConstraintMetrics { g: cbp.schedule.g(), ..ConstraintMetrics::default() };
        let mut distance = GridDistance::default();
        let mut count = 0;
        for latent in &self.latent {
            if let Some(weights) = latent.constrained() {
                weights.measure(&latent.values, latent.inputs, &mut distance);
                metrics.multiplier_updates = weights.multipliers.updates;
                metrics.multiplier_max = metrics.multiplier_max.max(weights.multipliers.max());
                count += latent.values.len();
            }
        }
        distance.report(&mut metrics);
        metrics.codes_changed_per_step = update.codes_changed as f64 / (count * steps).max(1) as f64;
        metrics
    }
}
