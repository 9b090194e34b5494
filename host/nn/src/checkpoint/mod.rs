//! Checkpoints: everything that the next step of a [`Trainer`] depends on, in one safetensors file.
//!
//! Tensors are named after the node they belong to (`conv1.weight`, `conv1.lambda`, …); the graph, settings and counters
//! are JSON in the file's metadata. A file is written beside its final name and renamed, so it is whole or not there.

mod error;
mod platform;
mod tensors;

use std::collections::HashMap;
use std::io;
use std::path::Path;

use cbp_data::files::write_whole;
use cbp_numerics::Shape;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::cbp::schedule::Schedule;
use crate::config::{CbpConfig, TrainConfig};
use crate::graph::{Graph, Node};
use crate::training::{CbpState, DataDescription, EpochSums, Trainer};
pub use error::CheckpointError;
use platform::platform;
use tensors::Described;

/// Version of the file; a change of names or meaning raises it.
const VERSION: u32 = 4;
/// Key of the JSON in the metadata.
const KEY: &str = "cbp-checkpoint";
/// Bytes at the beginning of a file that the key is among.
const START: usize = 64;

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
    network: String,
    /// Rows, columns and channels.
    input: [usize; 3],
    nodes: Vec<Node>,
    data: DataDescription,
    training: TrainConfig,
    cbp: Option<CbpHeader>,
    epoch: u32,
    batch: usize,
    sums: EpochSums,
}

#[derive(Serialize, Deserialize)]
struct CbpHeader {
    set: String,
    config: CbpConfig,
    schedule: Schedule,
    kept: Vec<String>,
    multiplier_updates: u32,
}

impl Trainer {
    /// Writes the checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], or [`CheckpointError::NotFinite`] if training has diverged; an existing file is then
    /// unchanged.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        tensors::check(self).map_err(|what| CheckpointError::NotFinite { path: path.into(), what })?;
        let save = || write_whole(path, &self.to_bytes().map_err(io::Error::other)?);
        save().map_err(|source| CheckpointError::Io { path: path.into(), source })
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] if the file cannot be read, is no checkpoint, has another version, or holds numbers that
    /// are not finite.
    pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
        let bytes =
            std::fs::read(path).map_err(|source| CheckpointError::Io { path: path.into(), source })?;
        // The key comes first, so a file that was cut short has it too.
        let start = &bytes[..bytes.len().min(START)];
        if !start.windows(KEY.len()).any(|window| window == KEY.as_bytes()) {
            return Err(CheckpointError::Foreign { path: path.into() });
        }
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
        let trainer = restore(header, &file).map_err(error)?;
        tensors::check(&trainer).map_err(|what| CheckpointError::NotFinite { path: path.into(), what })?;
        Ok(Checkpoint { trainer, platform_warning })
    }

    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut tensors: Vec<(String, Vec<usize>, &[f32])> = Vec::new();
        tensors::visit(self, &mut |name, shape, values| tensors.push((name, shape, values)));
        let scales = tensors::scales(self);
        tensors.extend(scales.iter().map(|(name, scales)| (name.clone(), vec![scales.len()], &scales[..])));
        // Numbers of files are little endian, as those of all processors that this runs on.
        let views = tensors.into_iter().map(|(name, shape, values)| {
            let view = TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values));
            view.map(|view| (name, view)).map_err(|cause| cause.to_string())
        });
        let views: Vec<_> = views.collect::<Result<_, _>>()?;
        let header = serde_json::to_string(&self.header()).map_err(|cause| cause.to_string())?;
        let metadata = HashMap::from([(KEY.to_owned(), header)]);
        safetensors::serialize(views, Some(metadata)).map_err(|cause| cause.to_string())
    }

    fn header(&self) -> Header {
        let constrained = self.latent.iter().flatten().find_map(|latent| latent.constrained());
        let multiplier_updates = constrained.map_or(0, |weights| weights.multipliers.updates);
        let graph = self.model.graph();
        let Shape { height, width, channels } = graph.input();
        Header {
            version: VERSION,
            platform: platform(),
            network: graph.name().to_owned(),
            input: [height, width, channels],
            nodes: graph.nodes().to_vec(),
            data: self.data.clone(),
            training: self.training,
            cbp: self.cbp.map(|CbpState { set, config, schedule }| CbpHeader {
                set: set.to_string(),
                config,
                schedule,
                kept: self.kept.clone(),
                multiplier_updates,
            }),
            epoch: self.epoch,
            batch: self.batch,
            sums: self.sums,
        }
    }
}

fn restore(header: Header, file: &SafeTensors<'_>) -> Result<Trainer, String> {
    let [height, width, channels] = header.input;
    let graph = Graph::new(header.network, Shape::new(height, width, channels), header.nodes)
        .map_err(|cause| cause.to_string())?;
    let model = tensors::read_model(graph, file)?;
    let mut trainer = match &header.cbp {
        None => Trainer::float(model, header.training).map_err(|error| error.to_string())?,
        Some(cbp) => {
            let set = cbp.set.parse().map_err(|_| format!("it names a weight set {}", cbp.set))?;
            let CbpHeader { config, schedule, .. } = *cbp;
            if schedule.g() == 0 {
                return Err("its window has the step g = 0".into());
            }
            let state = CbpState { set, config, schedule };
            let scales = |node: &str, outputs| tensors::read_scales(file, node, outputs).map_err(Described);
            Trainer::with_scales(model, state, cbp.kept.clone(), |node, weights| {
                scales(node, weights.values.len() / weights.inputs)
            })
            .map_err(|described| described.0)?
        }
    };
    tensors::read_rest(&mut trainer, file)?;
    trainer.data = header.data;
    trainer.epoch = header.epoch;
    trainer.batch = header.batch;
    trainer.sums = header.sums;
    if let Some(cbp) = &header.cbp {
        for latent in trainer.latent.iter_mut().flatten() {
            if let Some((weights, _)) = latent.constrained_mut() {
                weights.multipliers.updates = cbp.multiplier_updates;
            }
        }
        trainer.set_window();
    }
    Ok(trainer)
}
