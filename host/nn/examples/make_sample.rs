//! Makes the bundled sample of digits from the full data set:
//! `cargo run --release -p cbp-nn --example make_sample -- FULL_MNIST_DIRECTORY data/mnist-sample`

use std::path::Path;
use std::process::ExitCode;

use cbp_nn::data::{DataError, load_mnist, save_mnist};

const SEED: u64 = 2021;
const TRAIN: usize = 8000;
const TEST: usize = 2000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [full, sample] = arguments.as_slice() else {
        eprintln!("usage: make_sample FULL_MNIST_DIRECTORY TARGET_DIRECTORY");
        return ExitCode::FAILURE;
    };
    match make(Path::new(full), Path::new(sample)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(full: &Path, sample: &Path) -> Result<(), DataError> {
    let (train, test) = load_mnist(full)?;
    let (train, test) = (train.sample(TRAIN, SEED), test.sample(TEST, SEED));
    save_mnist(sample, &train, &test)?;
    for (name, data) in [("train", &train), ("test", &test)] {
        let mut per_class = [0; 10];
        for &label in data.labels() {
            per_class[label as usize] += 1;
        }
        println!("{name}: {} images, per class {per_class:?}", data.len());
    }
    Ok(())
}
