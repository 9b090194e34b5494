//! Whole trainings in one call.

use cbp_data::Samples;
use cbp_numerics::{Shape, WeightSet};

use crate::config::{CbpConfig, Ends, PretrainConfig};
use crate::error::TrainError;
use crate::mlp::Mlp;
use crate::progress::{EpochMetrics, Progress};
use crate::trainer::Trainer;

const CLASSES: usize = 10;

/// A float network and how it came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Pretrained {
    /// The network.
    pub network: Mlp,
    /// One entry per epoch, and one before the first.
    pub history: Vec<EpochMetrics>,
}

/// A constrained network and how it came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Constrained {
    /// Holds the network, exports it, and could train on.
    pub trainer: Trainer,
    /// One entry per epoch, and one before the first.
    pub history: Vec<EpochMetrics>,
}

/// Trains a float network for digits of ten classes.
///
/// # Errors
/// As [`Trainer::run`].
pub fn pretrain(
    config: &PretrainConfig,
    train: &Samples,
    test: &Samples,
    progress: &mut dyn Progress,
) -> Result<Pretrained, TrainError> {
    // Image files have no size of their own; the trainer refuses them, whatever the network.
    let mut sizes = vec![train.shape().map_or(1, Shape::values)];
    sizes.extend(&config.hidden);
    sizes.push(CLASSES);
    let mut trainer = Trainer::float(Mlp::new(&sizes, config.training.seed), config.training);
    let history = trainer.run(train, test, progress)?;
    Ok(Pretrained { network: trainer.network().clone(), history })
}

/// Trains a float network on with CBP, until its weights are in the set.
///
/// # Errors
/// As [`Trainer::constrained`] and [`Trainer::run`].
pub fn constrain(
    float: &Mlp,
    set: WeightSet,
    ends: Ends,
    config: CbpConfig,
    train: &Samples,
    test: &Samples,
    progress: &mut dyn Progress,
) -> Result<Constrained, TrainError> {
    let mut trainer = Trainer::constrained(float, set, ends, config)?;
    let history = trainer.run(train, test, progress)?;
    Ok(Constrained { trainer, history })
}
