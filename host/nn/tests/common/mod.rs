//! The bundled digits, and a network small enough for tests.
#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too
#![allow(dead_code)] // each test uses a part

use std::path::Path;

use cbp_nn::architectures::{Hidden, mlp};
use cbp_nn::data::{Preprocess, load_mnist};
use cbp_nn::graph::Shape;
use cbp_nn::training::TrainingData;
use cbp_nn::{CbpConfig, Model, TrainConfig, Trainer};

/// The first `train` and `test` digits of the bundled sample, shifted in training.
pub fn digits(train: usize, test: usize) -> TrainingData {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist-sample");
    let (train_set, test_set) = load_mnist(&dir).unwrap();
    TrainingData::new(train_set.sample(train, 3), test_set.sample(test, 3), Preprocess::mnist(2))
}

/// Settings of float training.
pub fn small_training(epochs: u32) -> TrainConfig {
    TrainConfig { epochs, batch: 64, evaluate_every: 0, ..TrainConfig::default() }
}

/// A trained float network 784-48-48-48-10.
pub fn small_float(data: &TrainingData, epochs: u32) -> Model {
    let graph = mlp(Shape::new(28, 28, 1), &[48; 3], 10, Hidden::BatchNorm).unwrap();
    let mut trainer = Trainer::float(Model::new(graph, 1), small_training(epochs)).unwrap();
    trainer.run(data, &mut ()).unwrap();
    trainer.model().clone()
}

/// Constrained training of that network.
pub fn small_cbp(epochs: u32) -> CbpConfig {
    let mut config = CbpConfig::short(epochs);
    (config.training.batch, config.training.evaluate_every) = (64, 0);
    config
}
