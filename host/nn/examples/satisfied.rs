//! Measures what the multipliers do on the demo network: the share of latent weights within 0.05·a of a level, with
//! scale `paper`, before training, after CBP's schedule, and after the same training without multipliers.
//! `cargo run --release -p cbp-nn --example satisfied -- DATA_DIRECTORY FLOAT_EPOCHS CBP_EPOCHS [SEED]`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use cbp_nn::architectures::{Hidden, mlp};
use cbp_nn::cbp::scale::ScaleMode;
use cbp_nn::data::{Preprocess, load_mnist};
use cbp_nn::graph::Shape;
use cbp_nn::training::TrainingData;
use cbp_nn::{CbpConfig, Model, TrainConfig, Trainer, WeightSet};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [data, float_epochs, cbp_epochs, rest @ ..] = arguments else {
        return Err("usage: satisfied DATA_DIRECTORY FLOAT_EPOCHS CBP_EPOCHS [SEED]".into());
    };
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse())?;
    let (train, test) = load_mnist(Path::new(data))?;
    let data = TrainingData::new(train, test, Preprocess::mnist(2));
    let graph = mlp(Shape::new(28, 28, 1), &[256; 3], 10, Hidden::BatchNorm)?;
    let config =
        TrainConfig { epochs: float_epochs.parse()?, seed, evaluate_every: 0, ..TrainConfig::default() };
    let mut float = Trainer::float(Model::new(graph, seed), config)?;
    float.run(&data, &mut ())?;
    println!("{cbp_epochs} epochs, seed {seed}, scale mean |w|; share of latent weights on the grid, %");
    for set in WeightSet::ALL {
        let mut shares = Vec::new();
        for multipliers in [true, false] {
            let mut config =
                CbpConfig { scale: ScaleMode::Paper, multipliers, ..CbpConfig::short(cbp_epochs.parse()?) };
            (config.training.seed, config.training.evaluate_every) = (seed, 0);
            let history = Trainer::constrained(float.model(), set, config)?.run(&data, &mut ())?;
            let share = |i: usize| history[i].constraint.map_or(0.0, |c| 100.0 * c.satisfied);
            if multipliers {
                shares.push(share(0));
            }
            shares.push(share(history.len() - 1));
        }
        println!(
            "{set:14} epoch 0: {:5.1}   with multipliers: {:5.1}   without: {:5.1}",
            shares[0], shares[1], shares[2]
        );
    }
    Ok(())
}
