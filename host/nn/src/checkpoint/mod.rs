//! Checkpoints: everything that the next step of a [`Trainer`] depends on, in one safetensors file.
//!
//! Tensors are named after the linear layer they belong to (`fc1.latent`, `fc1.gamma`, …); settings and counters are
//! JSON in the file's metadata. A file is written beside its final name and renamed, so it is whole or not there.

mod error;
mod platform;
mod tensors;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::cbp::schedule::Schedule;
use crate::config::{CbpConfig, Ends, TrainConfig};
use crate::mlp::Mlp;
use crate::trainer::{CbpState, Trainer};
pub use error::CheckpointError;
use platform::platform;

/// Version of the file; a change of names or meaning raises it.
const VERSION: u32 = 1;
/// Key of the JSON in the metadata.
const KEY: &str = "cbp-checkpoint";

/// A checkpoint read back.
#[derive(Debug)]
pub struct Checkpoint {
    /// Goes on exactly where the saved one stood.
    pub trainer: Trainer,
    /// Says what differs, if the file was made on another type of CPU or by another version: training goes on from
    /// it, but not bit by bit as it would have there.
    pub platform_warning: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    platform: String,
    epoch: u32,
    sizes: Vec<usize>,
    training: TrainConfig,
    cbp: Option<CbpHeader>,
}

#[derive(Serialize, Deserialize)]
struct CbpHeader {
    set: String,
    ends: Ends,
    config: CbpConfig,
    schedule: Schedule,
    multiplier_updates: u32,
}

impl Trainer {
    /// Writes the checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Io`]; an existing file is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let save = || write_whole(path, &self.to_bytes().map_err(io::Error::other)?);
        save().map_err(|source| CheckpointError::Io { path: path.into(), source })
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] if the file cannot be read, is no checkpoint, or has another version.
    pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
        let bytes =
            std::fs::read(path).map_err(|source| CheckpointError::Io { path: path.into(), source })?;
        let error = |what: String| CheckpointError::Content { path: path.into(), what };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|cause| error(cause.to_string()))?;
        let header = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
        let header = header.ok_or_else(|| error(format!("it has no metadata {KEY}")))?;
        // The version is read first: the rest of another version may not parse.
        let found = serde_json::from_str::<serde_json::Value>(header)
            .ok()
            .and_then(|header| header.get("version").and_then(serde_json::Value::as_u64))
            .ok_or_else(|| error("its metadata have no version".into()))?;
        if found != u64::from(VERSION) {
            return Err(CheckpointError::Version { path: path.into(), found, expected: VERSION });
        }
        let header: Header = serde_json::from_str(header).map_err(|cause| error(cause.to_string()))?;
        let platform_warning = (header.platform != platform())
            .then(|| format!("saved on {}, resumed on {}", header.platform, platform()));
        let file = SafeTensors::deserialize(&bytes).map_err(|cause| error(cause.to_string()))?;
        let trainer = restore(&header, &file).map_err(error)?;
        Ok(Checkpoint { trainer, platform_warning })
    }

    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut parts = Vec::new();
        // One visitor serves reading and writing, so it wants exclusive access: to a copy, here.
        tensors::visit_tensors(&mut self.clone(), &mut |name, shape, values| {
            parts.push((name, shape, little_endian(values)));
            Ok(())
        })?;
        parts.extend(
            tensors::scales(self)
                .into_iter()
                .map(|(name, scales)| (name, vec![scales.len()], little_endian(&scales))),
        );
        let views = parts.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            view.map(|view| (name.as_str(), view)).map_err(|cause| cause.to_string())
        });
        let views: Vec<_> = views.collect::<Result<_, _>>()?;
        let header = serde_json::to_string(&self.header()).map_err(|cause| cause.to_string())?;
        let metadata = HashMap::from([(KEY.to_owned(), header)]);
        safetensors::serialize(views, Some(metadata)).map_err(|cause| cause.to_string())
    }

    fn header(&self) -> Header {
        let constrained = self.latent.iter().find_map(|latent| latent.constrained());
        let multiplier_updates = constrained.map_or(0, |weights| weights.multipliers.updates);
        Header {
            version: VERSION,
            platform: platform(),
            epoch: self.epoch,
            sizes: self.network.sizes(),
            training: self.training,
            cbp: self.cbp.map(|CbpState { set, ends, config, schedule }| CbpHeader {
                set: set.to_string(),
                ends,
                config,
                schedule,
                multiplier_updates,
            }),
        }
    }
}

fn restore(header: &Header, file: &SafeTensors<'_>) -> Result<Trainer, String> {
    tensors::check_sizes(file, &header.sizes)?;
    let network = Mlp::new(&header.sizes, 0);
    let mut trainer = match &header.cbp {
        None => Trainer::float(network, header.training),
        Some(cbp) => {
            let set = cbp.set.parse().map_err(|_| format!("it names a weight set {}", cbp.set))?;
            let CbpHeader { ends, config, schedule, .. } = *cbp;
            if schedule.g() == 0 {
                return Err("its window has the step g = 0".into());
            }
            let state = CbpState { set, ends, config, schedule };
            Trainer::with_scales(&network, state, |index, weights| {
                tensors::read_scales(file, index, weights.values.len() / weights.inputs)
            })?
        }
    };
    trainer.training = header.training;
    trainer.epoch = header.epoch;
    tensors::read_tensors(&mut trainer, file)?;
    if let Some(cbp) = &header.cbp {
        tensors::set_updates(&mut trainer, cbp.multiplier_updates);
        trainer.set_window();
    }
    Ok(trainer)
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Replaces the file at `path` in one step.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
