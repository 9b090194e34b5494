//! Trained networks that commands read: runs, checkpoints, and files of other programs.

use std::path::Path;

use anyhow::{Context, Result};
use cbp_exchange::{ImportOptions, Imported, import};
use cbp_host::train::RunFolder;
use cbp_nn::data::Preprocess;
use cbp_nn::graph::Graph;
use cbp_nn::{CheckpointError, Model, Trainer};

/// A network that was read.
pub enum Network {
    /// From a run.
    Run(Box<Trainer>),
    /// From another program.
    File(Box<Imported>),
}

impl Network {
    /// Reads a run's folder, a checkpoint, ONNX, or safetensors with PyTorch's names, for which `graph` is needed.
    pub fn read(path: &Path, graph: Option<Graph>) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Run(Box::new(RunFolder::at(path).load()?.trainer)));
        }
        match Trainer::load(path) {
            Ok(checkpoint) => Ok(Self::Run(Box::new(checkpoint.trainer))),
            Err(
                error @ (CheckpointError::Io { .. }
                | CheckpointError::Version { .. }
                | CheckpointError::NotFinite { .. }),
            ) => Err(error.into()),
            // No checkpoint: what else is it?
            Err(CheckpointError::Content { .. }) => {
                let imported = import(path, &ImportOptions { graph, ..ImportOptions::default() })?;
                for note in &imported.notes {
                    eprintln!("{}: {note}", path.display());
                }
                Ok(Self::File(Box::new(imported)))
            }
        }
    }

    /// The network with the weights that it is deployed with.
    pub fn deployed(&self) -> Model {
        match self {
            Self::Run(trainer) => trainer.deployed(),
            Self::File(imported) => imported.model.clone(),
        }
    }

    /// The network with the weights that training moves.
    pub fn latent(&self) -> Model {
        match self {
            Self::Run(trainer) => trainer.latent_model(),
            Self::File(imported) => imported.model.clone(),
        }
    }

    /// What happens to its images, if the file says so.
    pub fn preprocess(&self) -> Option<&Preprocess> {
        match self {
            Self::Run(trainer) => Some(&trainer.data().preprocess),
            Self::File(_) => None,
        }
    }
}

/// A network of the literature by name.
pub fn architecture(name: &str, input: cbp_nn::graph::Shape, classes: usize) -> Result<Graph> {
    let names = || cbp_nn::architectures::NAMES.join(", ");
    let graph = cbp_nn::architectures::build(name, input, classes)
        .with_context(|| format!("there is no network {name}; use one of {}", names()))?;
    graph.with_context(|| format!("{name} cannot read images of {input}; use larger ones"))
}
