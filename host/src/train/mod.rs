//! Training runs with a folder of their own: checkpoints and metrics.
//!
//! - [`RunFolder`]: what is in the folder
//! - [`Recorder`]: writes it while training goes on

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cbp_nn::training::{EpochMetrics, Progress, TrainingData};
use cbp_nn::{Checkpoint, CheckpointError, TrainError, Trainer};

use crate::files::write_whole;

/// The folder of a run: `checkpoint.safetensors`, from which training goes on and which other commands read, and
/// `metrics.jsonl`, one line per epoch.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

/// A run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Another file cannot be written or read.
    #[error("{path}: {source}; name a folder that can be written, and check the free space", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder holds another run.
    #[error("{path}: holds a run already; go on with --resume, or choose another folder", path = .path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
}

impl RunFolder {
    /// A folder for a new run, made if it is not there.
    ///
    /// # Errors
    /// It holds a run already, or cannot be made.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let folder = Self::at(path);
        if folder.checkpoint().exists() || folder.metrics().exists() {
            return Err(RunError::Taken { path: path.into() });
        }
        fs::create_dir_all(path).map_err(|source| RunError::File { path: path.into(), source })?;
        Ok(folder)
    }

    /// A folder that holds a run.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// Path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    /// Path of the metrics.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The run as it was saved last.
    ///
    /// # Errors
    /// There is no checkpoint, or it is damaged.
    pub fn load(&self) -> Result<Checkpoint, RunError> {
        Ok(Trainer::load(&self.checkpoint())?)
    }

    /// The metrics of epochs 0 ..= `epochs`.
    fn lines_until(&self, epochs: u32) -> Result<Vec<String>, RunError> {
        let path = self.metrics();
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(&path).map_err(|source| RunError::File { path, source })?;
        let is_kept = |line: &&str| {
            let epoch = serde_json::from_str::<serde_json::Value>(line).ok();
            epoch.and_then(|line| line.get("epoch")?.as_u64()).is_some_and(|epoch| epoch <= u64::from(epochs))
        };
        Ok(text.lines().filter(is_kept).map(str::to_owned).collect())
    }
}

/// Saves a run at the end of every epoch, and within epochs at intervals.
pub struct Recorder<'a> {
    folder: RunFolder,
    every: Duration,
    saved: Instant,
    lines: Vec<String>,
    error: Option<RunError>,
    /// Called after every step with the trainer and the number of steps of an epoch; `Break` ends the run.
    on_step: &'a mut dyn FnMut(&Trainer, usize) -> ControlFlow<()>,
    /// Called after every epoch.
    on_epoch: &'a mut dyn FnMut(&EpochMetrics),
}

impl<'a> Recorder<'a> {
    /// For a run in `folder`, saved at least `every` so often.
    pub fn new(
        folder: RunFolder,
        every: Duration,
        on_step: &'a mut dyn FnMut(&Trainer, usize) -> ControlFlow<()>,
        on_epoch: &'a mut dyn FnMut(&EpochMetrics),
    ) -> Self {
        Self { folder, every, saved: Instant::now(), lines: Vec::new(), error: None, on_step, on_epoch }
    }

    /// Trains to the end, or until a caller ends it; what was done is then saved.
    ///
    /// # Errors
    /// Training fails, or a file cannot be written; the last checkpoint is then intact.
    pub fn run(mut self, trainer: &mut Trainer, data: &TrainingData) -> Result<Vec<EpochMetrics>, RunError> {
        self.lines = vec![settings(trainer, data)];
        self.lines.extend(self.folder.lines_until(trainer.epochs_done())?);
        let result = trainer.run(data, &mut self);
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Err(TrainError::Stopped { .. }) = result {
            trainer.save(&self.folder.checkpoint())?;
        }
        Ok(result?)
    }

    fn save(&mut self, trainer: &Trainer) -> Result<(), RunError> {
        trainer.save(&self.folder.checkpoint())?;
        self.saved = Instant::now();
        Ok(())
    }

    fn record(&mut self, trainer: &Trainer, metrics: &EpochMetrics) -> Result<(), RunError> {
        let path = self.folder.metrics();
        let error = |source| RunError::File { path: path.clone(), source };
        self.lines.push(serde_json::to_string(metrics).map_err(|cause| error(cause.into()))?);
        let text = self.lines.join("\n") + "\n";
        write_whole(&path, text.as_bytes()).map_err(error)?;
        self.save(trainer)
    }

    fn or_break(&mut self, result: Result<(), RunError>) -> ControlFlow<()> {
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// The first line of the metrics: what the run is.
fn settings(trainer: &Trainer, data: &TrainingData) -> String {
    let settings = serde_json::json!({
        "network": trainer.model().graph().name(),
        "parameters": trainer.model().parameter_count(),
        "set": trainer.set().map(cbp_nn::WeightSet::name),
        "training": trainer.training(),
        "constraint": trainer.constraint(),
        "training_images": data.train.len(),
        "test_images": data.test.len(),
        "hold_out": data.hold_out,
    });
    serde_json::json!({ "settings": settings }).to_string()
}

impl Progress for Recorder<'_> {
    fn step(&mut self, trainer: &Trainer, steps: usize) -> ControlFlow<()> {
        if (self.on_step)(trainer, steps).is_break() {
            return ControlFlow::Break(());
        }
        if self.saved.elapsed() < self.every {
            return ControlFlow::Continue(());
        }
        let saved = self.save(trainer);
        self.or_break(saved)
    }

    fn epoch(&mut self, trainer: &Trainer, metrics: &EpochMetrics) -> ControlFlow<()> {
        (self.on_epoch)(metrics);
        let recorded = self.record(trainer, metrics);
        self.or_break(recorded)
    }
}
