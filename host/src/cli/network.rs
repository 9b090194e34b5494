//! Trained networks that commands read: runs, checkpoints, and files of other programs.

use std::path::Path;

use anyhow::{Context, Result, bail};
use cbp_exchange::{ImportOptions, Imported, import};
use cbp_host::train::RunFolder;
use cbp_nn::architectures::usual_input;
use cbp_nn::graph::{Graph, Shape};
use cbp_nn::training::DataDescription;
use cbp_nn::{CheckpointError, Model, Trainer};
use clap::Args;

/// A network that was read.
pub enum Network {
    /// From a run.
    Run(Box<Trainer>),
    /// From another program.
    File(Box<Imported>),
}

/// What safetensors of another program do not say.
#[derive(Args, Default)]
pub struct Form {
    /// The network by name; of a trained one only where its file has weights alone (safetensors)
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The images that weights are for, rows × columns × channels [default: those usual for the network]
    #[arg(long, value_name = "HxWxC", requires = "model", value_parser = |text: &str| super::sizes::<3>(text))]
    pub input: Option<[usize; 3]>,
    /// Tensors of a file that the network does not need are ignored
    #[arg(long, requires = "model")]
    pub ignore_unexpected: bool,
}

impl Form {
    /// How files of other programs are read; `classes` are those of the network, if they are stated.
    fn options(&self, classes: Option<usize>) -> Result<ImportOptions> {
        let graph = self.model.as_deref().map(|name| {
            let usual = usual_input(name);
            let input =
                self.input.map_or(usual, |[height, width, channels]| Shape::new(height, width, channels));
            architecture(name, input, classes.unwrap_or(if input.height > 32 { 1000 } else { 10 }))
        });
        Ok(ImportOptions { graph: graph.transpose()?, ignore_unexpected: self.ignore_unexpected })
    }
}

impl Network {
    /// Reads a run's folder, a checkpoint, ONNX, or safetensors with PyTorch's names, which need a [`Form`].
    pub fn read(path: &Path, form: &Form, classes: Option<usize>) -> Result<Self> {
        let has_own = |name: &str| -> Result<()> {
            bail!("{}: has a network of its own; leave --model {name} out", path.display())
        };
        let trainer = if path.is_dir() {
            Some(RunFolder::at(path).load()?.trainer)
        } else {
            match Trainer::load(path) {
                Ok(checkpoint) => Some(checkpoint.trainer),
                Err(CheckpointError::Foreign { .. }) => None,
                Err(error) => return Err(error.into()),
            }
        };
        if let Some(trainer) = trainer {
            form.model.as_deref().map_or(Ok(()), has_own)?;
            return Ok(Self::Run(Box::new(trainer)));
        }
        let imported = import(path, &form.options(classes)?)?;
        for note in &imported.notes {
            eprintln!("{}: {note}", path.display());
        }
        Ok(Self::File(Box::new(imported)))
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

    /// What its file says of its data.
    pub fn data(&self) -> DataDescription {
        match self {
            Self::Run(trainer) => trainer.data().clone(),
            Self::File(imported) => {
                DataDescription { preprocess: imported.preprocess.clone(), ..DataDescription::default() }
            }
        }
    }
}

/// A network of the literature by name.
pub fn architecture(name: &str, input: Shape, classes: usize) -> Result<Graph> {
    let names = || cbp_nn::architectures::NAMES.join(", ");
    let graph = cbp_nn::architectures::build(name, input, classes)
        .with_context(|| format!("there is no network {name}; use one of {}", names()))?;
    graph.with_context(|| format!("{name} cannot read images of {input}; use larger ones"))
}
