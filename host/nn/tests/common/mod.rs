//! The bundled digits, and a network small enough for tests.
#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too

use std::path::Path;

use cbp_nn::data::{Samples, load_mnist};
use cbp_nn::{CbpConfig, Mlp, PretrainConfig, pretrain};

/// The first `train` and `test` digits of the bundled sample.
pub fn digits(train: usize, test: usize) -> (Samples, Samples) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist-sample");
    let (train_set, test_set) = load_mnist(&dir).unwrap();
    (train_set.sample(train, 3), test_set.sample(test, 3))
}

/// A float network 784-48-48-48-10.
pub fn small_float(train: &Samples, test: &Samples, epochs: u32) -> Mlp {
    let mut config = PretrainConfig::demo(epochs);
    config.hidden = vec![48; 3];
    config.training.batch = 64;
    pretrain(&config, train, test, &mut ()).unwrap().network
}

/// Constrained training of that network.
pub fn small_cbp(epochs: u32) -> CbpConfig {
    let mut config = CbpConfig::demo(epochs);
    config.training.batch = 64;
    config
}
