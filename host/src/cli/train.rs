//! `cbp train`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cbp_host::train::{Recorder, RunError, RunFolder};
use cbp_nn::cbp::scale::ScaleMode;
use cbp_nn::training::{EpochMetrics, TrainingData, with_float_activations};
use cbp_nn::{
    ActivationConfig, CbpConfig, Ends, Loss, Model, RateSchedule, StopRule, TrainConfig, TrainError, Trainer,
    WeightSet,
};
use clap::{Args, ValueEnum};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::bars::{bad_images, bar};
use super::data::Data;
use super::network::{Form, Network, architecture};

/// Options that a run has settled when it begins: they cannot be given with --resume.
const SETTLED: &[&str] = &[
    "model",
    "input",
    "ignore_unexpected",
    "from",
    "set",
    "out",
    "batch",
    "rate",
    "schedule",
    "step_epochs",
    "momentum",
    "loss",
    "evaluate_every",
    "weight_decay",
    "gradient_clip",
    "frozen_norms",
    "seed",
    "paper",
    "patience",
    "multiplier_rate",
    "scale",
    "ends",
    "activations",
    "weight_clip",
    "keep",
    "stop_at_g",
    "stop_satisfied",
    "no_multipliers",
    "no_window",
    "no_straight_through",
    "relu_grad_at_zero",
];

/// Exit status of a run that a signal ended, as shells have it for SIGINT.
const STOPPED: u8 = 130;

#[derive(Args)]
#[command(after_help = "Examples:
  cbp train --model lenet5 --data ~/mnist --epochs 20 --out float
  cbp train --from float --set ternary --data ~/mnist --epochs 20 --out ternary
  cbp train --from float --set binary --paper --data ~/mnist --epochs 200 --out published
  cbp train --from resnet18.onnx --set two-bit-shift --data ~/imagenet --epochs 20 --out constrained
  cbp train --resume ternary --data ~/mnist

Networks: mlp, lenet5, vgg7, resnet20, resnet18, resnet50, alexnet, googlenet.
The folder holds checkpoint.safetensors, from which training goes on, and metrics.jsonl: a line with the settings, then one per epoch.
Images that cannot be read are named, and do not count in accuracies; more of them than --allow-bad end the run.
Ctrl-C ends training after the running batch and saves it (exit status 130); a second one kills.")]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub struct Train {
    #[command(flatten)]
    form: Form,
    /// A trained network: a run's folder, its checkpoint, ONNX, or safetensors with PyTorch's names
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Goes on with the run in this folder, with its settings and its data; --epochs can make it longer
    #[arg(long, value_name = "DIR", conflicts_with_all = SETTLED)]
    resume: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
    /// Constrain to binary, ternary, one-bit-shift or two-bit-shift [default: float training]
    #[arg(long)]
    set: Option<WeightSet>,
    /// Folder for checkpoints and metrics
    #[arg(long, value_name = "DIR", required_unless_present = "resume")]
    out: Option<PathBuf>,
    /// Passes over the training set [default: 20]; with --resume those of the whole run, no fewer than it has
    #[arg(long)]
    epochs: Option<u32>,
    /// Images per step [default: 128; 256 with --paper]
    #[arg(long)]
    batch: Option<usize>,
    /// What training minimises; targets of the squared error are 1 for the class of an image and 0 for others
    #[arg(long, value_enum, default_value = "cross-entropy")]
    loss: LossName,
    /// Learning rate [default: 0.1; 0.05 constrained; 0.02 with --paper]
    #[arg(long)]
    rate: Option<f32>,
    /// The rate over time [default: cosine; paper with --paper]
    #[arg(long, value_enum)]
    schedule: Option<Schedule>,
    /// Epochs after which --schedule step lowers the rate, again and again [default: a third of all]
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u32).range(1..))]
    step_epochs: Option<u32>,
    /// Momentum of SGD
    #[arg(long, default_value_t = 0.9)]
    momentum: f32,
    /// Accuracy is measured after every so many epochs, and after the last; 0: only then
    #[arg(long, default_value_t = 1, value_name = "EPOCHS")]
    evaluate_every: u32,
    /// Decay of weights
    #[arg(long, default_value_t = 1e-4)]
    weight_decay: f32,
    /// Largest magnitude of an element of the gradient; 0: no bound [default: none; 1 constrained]
    #[arg(long, value_name = "BOUND")]
    gradient_clip: Option<f32>,
    /// Batch norms keep their statistics and use them in training too
    #[arg(long)]
    frozen_norms: bool,
    /// Key of every random number
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The published rules: scale mean |w|, patience 20, float ends and activations
    #[arg(long, requires = "set")]
    paper: bool,
    /// Epochs after which the window narrows at the latest [default: 1; 20 with --paper]
    #[arg(long, requires = "set")]
    patience: Option<u32>,
    /// Step of the multipliers
    #[arg(long, requires = "set", conflicts_with = "no_multipliers")]
    multiplier_rate: Option<f32>,
    #[command(flatten)]
    constrain: ConstrainOptions,
    /// Largest magnitude of a latent weight; 0: no bound [default: 1]
    #[arg(long, value_name = "BOUND", requires = "set")]
    weight_clip: Option<f32>,
    /// Layers that are not constrained, besides the ends: int8, or float if the ends are
    #[arg(long, value_delimiter = ',', value_name = "NAMES", requires = "set")]
    keep: Vec<String>,
    /// End training as soon as the window's step is N and --stop-satisfied holds [default: never]
    #[arg(long, value_name = "N", requires = "set")]
    stop_at_g: Option<u32>,
    /// Share of latent weights on the grid at which --stop-at-g ends training
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, requires = "stop_at_g")]
    stop_satisfied: f64,
    /// No multipliers: straight-through training alone
    #[arg(long, requires = "set")]
    no_multipliers: bool,
    /// No window: every weight is constrained from the start
    #[arg(long, requires = "set")]
    no_window: bool,
    /// Compute with latent weights; only the constraint pulls them onto the grid
    #[arg(long, requires = "set")]
    no_straight_through: bool,
    /// Derivative of ReLU at exactly 0
    #[arg(long, default_value_t = 0.0, value_name = "SLOPE")]
    relu_grad_at_zero: f32,
    /// Save at least so often, in seconds; every epoch is saved anyway
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    save_every: u64,
    /// Threads [default: all processors]; results do not depend on it
    #[arg(long)]
    threads: Option<usize>,
}

/// What becomes of weights and activations.
#[derive(Args)]
pub struct ConstrainOptions {
    /// Choice of scales [default: lsq; paper with --paper and in an ablation]
    #[arg(long, value_enum)]
    scale: Option<Scale>,
    /// First and last layer [default: int8; float with --paper and in an ablation]
    #[arg(long, value_enum)]
    ends: Option<EndsName>,
    /// Bits of activations, 2 to 8; 0: float [default: 8; 0 with --paper and in an ablation]
    #[arg(long, value_name = "BITS")]
    activations: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum LossName {
    CrossEntropy,
    MeanSquaredError,
}

#[derive(Clone, Copy, ValueEnum)]
enum Schedule {
    /// Half a cosine to 0
    Cosine,
    /// A tenth once g reaches 20
    Paper,
    /// A tenth more after each third of the epochs, or as --step-epochs says
    Step,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scale {
    /// mean |w| of the layer
    Paper,
    /// Least squares per layer
    Lsq,
    /// Least squares per output channel
    LsqChannel,
}

#[derive(Clone, Copy, ValueEnum)]
enum EndsName {
    /// As published
    Float,
    /// As the device needs them
    Int8,
    /// Constrained too
    Constrained,
}

impl Train {
    pub fn run(&self) -> Result<ExitCode> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("threads")?;
        }
        let (mut trainer, folder, data) = match &self.resume {
            Some(path) => {
                let folder = RunFolder::at(path);
                let checkpoint = folder.load()?;
                if let Some(warning) = checkpoint.platform_warning {
                    eprintln!("cbp: {warning}: training goes on, but not bit by bit as it would have there");
                }
                let mut trainer = checkpoint.trainer;
                let data = self.data.read(Some(trainer.data()))?;
                if let Some(epochs) = self.epochs {
                    trainer.extend(epochs)?;
                }
                (trainer, folder, data)
            }
            None => self.start()?,
        };
        let is_asked = stop_on_signals()?;
        match follow(&mut trainer, &folder, &data, Duration::from_secs(self.save_every), &is_asked) {
            Err(RunError::Train(TrainError::Stopped { epoch })) if is_asked.load(Ordering::Relaxed) => {
                let run = folder.path().display();
                eprintln!(
                    "cbp: stopped in epoch {epoch} and saved; go on with cbp train --resume {run} and the same data"
                );
                Ok(ExitCode::from(STOPPED))
            }
            result => result.map(|()| ExitCode::SUCCESS).map_err(Into::into),
        }
    }

    fn start(&self) -> Result<(Trainer, RunFolder, TrainingData)> {
        self.check()?;
        let read = |path| Network::read(path, &self.form, self.data.classes);
        let from = self.from.as_deref().map(read).transpose()?;
        let data = self.data.read(from.as_ref().map(Network::data).as_ref())?;
        let float = match (&from, &self.form.model) {
            (Some(network), _) => network.latent(),
            (None, Some(name)) => {
                let input = data.preprocess.shape(&data.train)?;
                let classes = self.data.classes.unwrap_or(data.train.classes().count());
                Model::new(architecture(name, input, classes)?, self.seed)
            }
            (None, None) => bail!("name a network with --model, or a trained one with --from"),
        };
        let trainer = match self.set {
            None => {
                let float = with_float_activations(&float).context("float activations")?;
                Trainer::float(float, self.training(TrainConfig::default()))?
            }
            Some(set) => Trainer::constrained_except(&self.keep, &float, set, self.cbp()?)?,
        };
        let Some(out) = &self.out else { bail!("name a folder with --out") };
        Ok((trainer, RunFolder::create(out)?, data))
    }

    /// Refuses options that would do nothing.
    fn check(&self) -> Result<()> {
        if self.from.is_none() && (self.form.input.is_some() || self.form.ignore_unexpected) {
            bail!("--input and --ignore-unexpected are about the file of --from; leave them out")
        }
        if self.set.is_none() && self.constrain.is_stated() {
            bail!(
                "--scale, --ends and --activations are for constrained training; add --set, or leave them out"
            )
        }
        if self.step_epochs.is_some() && !matches!(self.schedule, Some(Schedule::Step)) {
            bail!("--step-epochs is for --schedule step; add that, or leave it out")
        }
        Ok(())
    }

    fn epochs(&self) -> u32 {
        self.epochs.unwrap_or(20)
    }

    fn training(&self, usual: TrainConfig) -> TrainConfig {
        let rate_schedule = match self.schedule {
            None => usual.rate_schedule,
            Some(Schedule::Cosine) => RateSchedule::Cosine,
            Some(Schedule::Paper) => RateSchedule::Paper,
            Some(Schedule::Step) => {
                RateSchedule::Step { every: self.step_epochs.unwrap_or(self.epochs().div_ceil(3)) }
            }
        };
        let loss = match self.loss {
            LossName::CrossEntropy => Loss::CrossEntropy,
            LossName::MeanSquaredError => Loss::MeanSquaredError,
        };
        TrainConfig {
            loss,
            epochs: self.epochs(),
            batch: self.batch.unwrap_or(usual.batch),
            rate: self.rate.unwrap_or(usual.rate),
            rate_schedule,
            momentum: self.momentum,
            evaluate_every: self.evaluate_every,
            weight_decay: self.weight_decay,
            seed: self.seed,
            relu_grad_at_zero: self.relu_grad_at_zero,
            frozen_norms: self.frozen_norms,
            gradient_clip: bound(self.gradient_clip, usual.gradient_clip),
        }
    }

    fn cbp(&self) -> Result<CbpConfig> {
        let usual =
            if self.paper { CbpConfig::paper(self.epochs()) } else { CbpConfig::short(self.epochs()) };
        self.constrain.over(CbpConfig {
            training: self.training(usual.training),
            multiplier_rate: self.multiplier_rate.unwrap_or(usual.multiplier_rate),
            patience: self.patience.unwrap_or(usual.patience),
            multipliers: !self.no_multipliers,
            window: !self.no_window,
            straight_through: !self.no_straight_through,
            weight_clip: bound(self.weight_clip, usual.weight_clip),
            stop: self.stop_at_g.map(|g| StopRule { g, satisfied: self.stop_satisfied }),
            ..usual
        })
    }
}

/// A bound that is asked for, where 0 means none.
fn bound(asked: Option<f32>, usual: Option<f32>) -> Option<f32> {
    asked.map_or(usual, |bound| (bound != 0.0).then_some(bound))
}

impl ConstrainOptions {
    fn is_stated(&self) -> bool {
        self.scale.is_some() || self.ends.is_some() || self.activations.is_some()
    }

    /// These choices in place of the usual ones.
    pub fn over(&self, usual: CbpConfig) -> Result<CbpConfig> {
        let frozen_epochs = usual.training.epochs.div_ceil(4);
        let activations = match self.activations {
            None => usual.activations,
            Some(0) => None,
            Some(bits @ 2..=8) => Some(ActivationConfig { bits, frozen_epochs }),
            Some(bits) => bail!("--activations {bits}: 2 to 8 bits are possible, or 0 for float"),
        };
        let ends = match self.ends {
            None => usual.ends,
            Some(EndsName::Float) => Ends::Float,
            Some(EndsName::Int8) => Ends::Int8,
            Some(EndsName::Constrained) => Ends::Constrained,
        };
        let scale = match self.scale {
            None => usual.scale,
            Some(Scale::Paper) => ScaleMode::Paper,
            Some(Scale::Lsq) => ScaleMode::LeastSquares,
            Some(Scale::LsqChannel) => ScaleMode::LeastSquaresPerChannel,
        };
        Ok(CbpConfig { ends, scale, activations, ..usual })
    }
}

/// A flag that the first SIGINT or SIGTERM sets; the second one kills.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let is_asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the signal that sets the flag must not find it set.
        flag::register_conditional_default(signal, Arc::clone(&is_asked)).context("signals")?;
        flag::register(signal, Arc::clone(&is_asked)).context("signals")?;
    }
    Ok(is_asked)
}

/// Trains with a bar and a line per epoch, until the end or until it is asked to stop.
fn follow(
    trainer: &mut Trainer,
    folder: &RunFolder,
    data: &TrainingData,
    every: Duration,
    is_asked: &AtomicBool,
) -> Result<(), RunError> {
    let training = *trainer.training();
    // A batch of 0 is refused when training begins.
    let steps = data.train.len().checked_div(training.batch).unwrap_or(0) as u64;
    let bar = bar("", u64::from(training.epochs) * steps);
    let start = Instant::now();
    let first = u64::from(trainer.epochs_done()) * steps + trainer.steps_done_in_epoch() as u64;
    let mut on_step = |trainer: &Trainer, steps: usize| {
        let done = u64::from(trainer.epochs_done()) * steps as u64 + trainer.steps_done_in_epoch() as u64;
        let images = (done - first) * training.batch as u64;
        bar.set_position(done);
        bar.set_message(format!("{:.0} images/s", images as f64 / start.elapsed().as_secs_f64()));
        if is_asked.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut on_epoch = |metrics: &EpochMetrics| bar.suspend(|| println!("{}", line(metrics)));
    let recorder = Recorder::new(folder.clone(), every, &mut on_step, &mut on_epoch);
    recorder.run(trainer, data)?;
    bar.finish_and_clear();
    println!("{}", folder.checkpoint().display());
    Ok(())
}

/// An epoch in one line.
fn line(metrics: &EpochMetrics) -> String {
    let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.2}", 100.0 * share));
    let accuracy = percent(metrics.accuracy);
    let loss = metrics.loss.map_or("-".to_owned(), |loss| format!("{loss:.4}"));
    let mut parts = vec![format!("epoch {:3}: loss {loss}, accuracy {accuracy} %", metrics.epoch)];
    if let Some(constraint) = metrics.constraint {
        parts.push(format!("latent {} %", percent(metrics.latent_accuracy)));
        parts.push(format!("{:.1} % on the grid", 100.0 * constraint.satisfied));
        parts.push(format!("g {}", constraint.g));
        parts.push(format!("λ ≤ {:.3}", constraint.multiplier_max));
        parts
            .push(format!("{:.4} % of the codes change per step", 100.0 * constraint.codes_changed_per_step));
    }
    parts.extend(bad_images(&metrics.bad_images));
    parts.join(", ")
}
