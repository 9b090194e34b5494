use cbp_data::Preprocess;
use cbp_numerics::WeightSet;
use serde::{Deserialize, Serialize};

use super::description::DataDescription;
use super::quantised::{with_float_activations, with_quantised_activations};
use super::update::update;
use crate::cbp::constraint::Window;
use crate::cbp::schedule::Schedule;
use crate::cbp::weights::ConstrainedWeights;
use crate::config::{CbpConfig, Ends, Loss, TrainConfig};
use crate::engine::{Engine, Gradients, Purpose, Settings, StepKey};
use crate::error::TrainError;
use crate::latent::{LatentWeights, UpdateReport, WeightRule};
use crate::model::{Model, Parameters};
use crate::optimiser::SgdStep;

/// The step of the window at which the published code cuts the learning rate.
const RATE_CUT_AT: u32 = 20;

/// A network in training with everything that the next step depends on.
///
/// The same settings, seed and data give the same bits on the same type of CPU, for any number of threads of the rayon
/// pool that the steps are made in.
#[derive(Clone, Debug, PartialEq)]
pub struct Trainer {
    /// Computes with the deployed weights.
    pub(crate) model: Model,
    /// One per node; nothing where weights are float or there are none.
    pub(crate) latent: Vec<Option<LatentWeights>>,
    /// The optimiser's momentum.
    pub(crate) velocity: Gradients,
    pub(crate) training: TrainConfig,
    pub(crate) cbp: Option<CbpState>,
    /// Layers with weights that are not constrained, besides the ends: int8, or float if the ends are.
    pub(crate) kept: Vec<String>,
    /// Of what it reads; set by [`Trainer::run`].
    pub(crate) data: DataDescription,
    /// Epochs done.
    pub(crate) epoch: u32,
    /// Steps done in the epoch at hand.
    pub(crate) batch: usize,
    /// Over those steps.
    pub(crate) sums: EpochSums,
}

/// What constrained training adds, besides the multipliers, which are with their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CbpState {
    pub(crate) set: WeightSet,
    pub(crate) config: CbpConfig,
    pub(crate) schedule: Schedule,
}

/// Sums over the steps of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochSums {
    pub(crate) loss: f64,
    pub(crate) update: UpdateReport,
    pub(crate) rate: f32,
}

/// What a step tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepReport {
    /// Mean loss of the batch before the step.
    pub loss: f64,
    /// Σ λ·cs before the step.
    pub constraint_term: f64,
    /// Constrained weights whose code changed.
    pub codes_changed: usize,
}

/// Memory for the steps of a [`Trainer`].
#[derive(Debug)]
pub struct Workspace {
    engine: Engine,
    gradients: Gradients,
}

impl Workspace {
    /// The place for the images of the next step: batch × rows × columns × channels.
    pub fn input_mut(&mut self, images: usize) -> &mut [f32] {
        self.engine.input_mut(images)
    }
}

impl Trainer {
    /// Float training of a network. Nodes that round activations stay: see
    /// [`with_float_activations`](super::with_float_activations).
    ///
    /// # Errors
    /// [`TrainError::Settings`] if a setting makes no sense.
    pub fn float(model: Model, training: TrainConfig) -> Result<Self, TrainError> {
        training.check()?;
        Ok(Self::new(model, training))
    }

    fn new(model: Model, training: TrainConfig) -> Self {
        let latent = vec![None; model.graph().nodes().len()];
        let velocity = Gradients::zeros(&model);
        let data = DataDescription::default();
        let sums = EpochSums::default();
        Self {
            model,
            latent,
            velocity,
            training,
            cbp: None,
            kept: Vec::new(),
            data,
            epoch: 0,
            batch: 0,
            sums,
        }
    }

    /// Constrained training that starts from a float network. The scales follow from its weights and stay.
    ///
    /// # Errors
    /// [`TrainError::Scale`] if a layer has no usable scale; [`TrainError::Settings`].
    pub fn constrained(float: &Model, set: WeightSet, config: CbpConfig) -> Result<Self, TrainError> {
        Self::constrained_except(&[], float, set, config)
    }

    /// As [`Trainer::constrained`], but the layers `kept` are not constrained: they are int8, or float if the ends are.
    ///
    /// # Errors
    /// As [`Trainer::constrained`]; [`TrainError::Settings`] if there is no such layer.
    pub fn constrained_except(
        kept: &[String],
        float: &Model,
        set: WeightSet,
        config: CbpConfig,
    ) -> Result<Self, TrainError> {
        let graph = float.graph();
        let names: Vec<&str> = graph.weighted().map(|index| graph.nodes()[index].name.as_str()).collect();
        if let Some(name) = kept.iter().find(|name| !names.contains(&name.as_str())) {
            return Err(TrainError::Settings {
                what: format!("there is no layer {name} with weights, only {}", names.join(", ")),
                remedy: "name some of these",
            });
        }
        let state = CbpState { set, config, schedule: Schedule::new(config.patience) };
        let model = match config.activations {
            Some(activations) => with_quantised_activations(float, activations),
            None => with_float_activations(float),
        };
        let model = model.map_err(|error| TrainError::Settings {
            what: error.to_string(),
            remedy: "choose 2 to 8 bits and other node names",
        })?;
        let mut trainer = Self::with_scales(model, state, kept.to_vec(), |node, weights| {
            let scales = config.scale.scales(set, &weights.values, weights.inputs);
            match scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
                Some(&scale) => Err(TrainError::Scale { layer: node.to_owned(), scale }),
                None => Ok(scales),
            }
        })?;
        // Without layers to keep, a network of two layers is int8 throughout, which is asked for by its ends.
        if !kept.is_empty() && !trainer.latent.iter().flatten().any(|latent| latent.constrained().is_some()) {
            return Err(TrainError::Settings {
                what: "no layer is left to constrain".to_owned(),
                remedy: "keep fewer layers, or constrain the first and the last one too",
            });
        }
        trainer.set_window();
        trainer.update_multipliers();
        Ok(trainer)
    }

    /// Constrained training of a network that has its quantisers of activations already, with given scales of each
    /// constrained node; λ = 0, and the window is not yet set.
    pub(crate) fn with_scales<E: From<TrainError>>(
        model: Model,
        cbp: CbpState,
        kept: Vec<String>,
        scales: impl Fn(&str, &LatentWeights) -> Result<Vec<f32>, E>,
    ) -> Result<Self, E> {
        cbp.config.check()?;
        let mut trainer = Self::new(model, cbp.config.training);
        trainer.cbp = Some(cbp);
        trainer.kept = kept;
        let weighted: Vec<usize> = trainer.model.graph().weighted().collect();
        let ends = [weighted.first().copied(), weighted.last().copied()];
        for node in weighted {
            let is_end = ends.contains(&Some(node));
            let is_kept = trainer.kept.contains(&trainer.model.graph().nodes()[node].name);
            if (is_end || is_kept) && cbp.config.ends == Ends::Float {
                continue;
            }
            let (graph, parameters) = trainer.model.parts_mut();
            let Some(shape) = graph.weight_shape(node) else { continue };
            let Parameters::Weights { weight, .. } = &mut parameters[node] else { continue };
            let mut latent =
                LatentWeights { values: weight.clone(), inputs: shape.row_length(), rule: WeightRule::Int8 };
            if !is_kept && (!is_end || cbp.config.ends == Ends::Constrained) {
                let scales = scales(&graph.nodes()[node].name, &latent)?;
                let mut weights = ConstrainedWeights::new(cbp.set, &scales, shape.len());
                weights.weight_clip = cbp.config.weight_clip;
                weights.straight_through = cbp.config.straight_through;
                latent.rule = WeightRule::Constrained(Box::new(weights));
            }
            latent.deploy(weight);
            trainer.latent[node] = Some(latent);
        }
        Ok(trainer)
    }

    /// The network as it stands. Its weights are the deployed ones, so its results are those of the quantised network
    /// (unless training is not straight-through: see [`Trainer::deployed`]).
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What the network reads, as in the last [`Trainer::run`].
    #[must_use]
    pub fn data(&self) -> &DataDescription {
        &self.data
    }

    /// Says what happens to the images of a network of another program.
    pub fn set_preprocess(&mut self, preprocess: Preprocess) {
        self.data.preprocess = Some(preprocess);
    }

    /// Trains for so many epochs in all, more than before; the learning rate then follows the longer course.
    ///
    /// # Errors
    /// [`TrainError::Settings`] if that is fewer than the run has.
    pub fn extend(&mut self, epochs: u32) -> Result<(), TrainError> {
        if epochs < self.training.epochs {
            let what = format!("{epochs} epochs are fewer than the {} of this run", self.training.epochs);
            return Err(TrainError::Settings { what, remedy: "ask for more, or start another run" });
        }
        self.training.epochs = epochs;
        if let Some(cbp) = &mut self.cbp {
            cbp.config.training.epochs = epochs;
        }
        Ok(())
    }

    /// The weight set, if training is constrained.
    #[must_use]
    pub fn set(&self) -> Option<WeightSet> {
        self.cbp.map(|cbp| cbp.set)
    }

    /// Settings of the constraint, if there is one.
    #[must_use]
    pub fn constraint(&self) -> Option<&CbpConfig> {
        self.cbp.as_ref().map(|cbp| &cbp.config)
    }

    /// Epochs done.
    #[must_use]
    pub fn epochs_done(&self) -> u32 {
        self.epoch
    }

    /// Steps done in the epoch at hand.
    #[must_use]
    pub fn steps_done_in_epoch(&self) -> usize {
        self.batch
    }

    /// Settings of the training.
    #[must_use]
    pub fn training(&self) -> &TrainConfig {
        &self.training
    }

    /// Memory for this trainer's steps.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        let training = Purpose::Training { input_gradient: false };
        let engine = Engine::new(self.model.graph(), self.training.batch, training, Settings::default());
        Workspace { engine, gradients: Gradients::zeros(&self.model) }
    }

    /// One step with the images in the workspace: forward, loss, backward, update. `steps` is the number of steps of
    /// an epoch.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] if the loss is not finite (nothing is then changed but running statistics) or the
    /// constraint's term is not.
    pub fn step(
        &mut self,
        workspace: &mut Workspace,
        labels: &[u32],
        steps: usize,
    ) -> Result<StepReport, TrainError> {
        // Inside the pool each parallel loop starts at once; from outside, each would wake and await another thread.
        rayon::scope(|_| self.step_in_pool(workspace, labels, steps))
    }

    fn step_in_pool(
        &mut self,
        workspace: &mut Workspace,
        labels: &[u32],
        steps: usize,
    ) -> Result<StepReport, TrainError> {
        let Workspace { engine, gradients } = workspace;
        let key = StepKey { seed: self.training.seed, step: self.steps_done(steps) };
        engine.set_settings(self.settings());
        engine.forward_train(&mut self.model, key);
        let graph = self.model.graph();
        let loss = match self.training.loss {
            Loss::CrossEntropy => engine.cross_entropy(graph, labels),
            Loss::MeanSquaredError => engine.squared_error(graph, &one_hot(labels, graph.output().values())),
        };
        if !loss.is_finite() {
            return Err(TrainError::Diverged { epoch: self.epoch + 1, batch: self.batch + 1 });
        }
        engine.backward(&self.model, gradients);
        let step = self.sgd_step(steps);
        let report = update(&mut self.model, &mut self.latent, gradients, &mut self.velocity, &step);
        if !report.constraint_term.is_finite() {
            return Err(TrainError::Diverged { epoch: self.epoch + 1, batch: self.batch + 1 });
        }
        self.sums.loss += loss;
        self.sums.update.constraint_term += report.constraint_term;
        self.sums.update.codes_changed += report.codes_changed;
        self.sums.rate = step.rate;
        self.batch += 1;
        let UpdateReport { constraint_term, codes_changed } = report;
        Ok(StepReport { loss, constraint_term, codes_changed })
    }

    pub(super) fn settings(&self) -> Settings {
        let epoch = self.epoch + 1;
        let frozen = |cbp: CbpState| {
            let frozen = cbp.config.activations.map_or(0, |activations| activations.frozen_epochs);
            epoch + frozen > self.training.epochs
        };
        Settings {
            relu_grad_at_zero: self.training.relu_grad_at_zero,
            frozen_norms: self.training.frozen_norms,
            frozen_ranges: self.cbp.is_some_and(frozen),
            norm_momentum: None,
        }
    }

    /// Steps since the start, with `steps` to an epoch.
    fn steps_done(&self, steps: usize) -> u64 {
        u64::from(self.epoch) * steps as u64 + self.batch as u64
    }

    pub(super) fn sgd_step(&self, steps: usize) -> SgdStep {
        let TrainConfig { epochs, rate, rate_schedule, momentum, weight_decay, gradient_clip, .. } =
            self.training;
        let is_cut = self.cbp.is_some_and(|cbp| cbp.schedule.g() >= RATE_CUT_AT);
        let all = u64::from(epochs) * steps as u64;
        let factor = rate_schedule.factor(self.steps_done(steps), all, self.epoch, is_cut);
        let clip = gradient_clip.unwrap_or(f32::INFINITY);
        SgdStep { rate: rate * factor, momentum, weight_decay, clip }
    }

    /// Gives all constrained layers the window of now.
    pub(crate) fn set_window(&mut self) {
        let Some(cbp) = &self.cbp else { return };
        let window = if cbp.config.window { Window::at(cbp.schedule.g()) } else { Window::NONE };
        for (weights, _) in self.latent.iter_mut().flatten().filter_map(LatentWeights::constrained_mut) {
            weights.set_window(window);
        }
    }

    pub(crate) fn update_multipliers(&mut self) {
        let Some(CbpState { config, .. }) = self.cbp else { return };
        if config.multipliers {
            for latent in self.latent.iter_mut().flatten() {
                let inputs = latent.inputs;
                if let Some((weights, values)) = latent.constrained_mut() {
                    weights.update_multipliers(values, inputs, config.multiplier_rate);
                }
            }
        }
    }
}

/// 1 for the class of each image, 0 for the others: images × classes.
fn one_hot(labels: &[u32], classes: usize) -> Vec<f32> {
    let mut targets = vec![0.0; labels.len() * classes];
    for (target, &label) in targets.chunks_exact_mut(classes).zip(labels) {
        target[label as usize] = 1.0;
    }
    targets
}
