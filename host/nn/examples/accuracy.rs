//! Measures the accuracy table: one float network, then all weight sets with both kinds of ends.
//! `cargo run --release -p cbp-nn --example accuracy -- DATA_DIRECTORY FLOAT_EPOCHS CBP_EPOCHS [SEED]`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use cbp_nn::data::load_mnist;
use cbp_nn::{CbpConfig, Ends, PretrainConfig, WeightSet, constrain, pretrain};

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
        return Err("usage: accuracy DATA_DIRECTORY FLOAT_EPOCHS CBP_EPOCHS [SEED]".into());
    };
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse())?;
    let (train, test) = load_mnist(Path::new(data))?;
    let mut float_config = PretrainConfig::demo(float_epochs.parse()?);
    float_config.training.seed = seed;
    let start = Instant::now();
    let float = pretrain(&float_config, &train, &test, &mut ())?;
    let float_accuracy = 100.0 * float.network.accuracy(&test)?;
    println!("float: {float_accuracy:.2} % in {:.1} s", start.elapsed().as_secs_f64());
    println!(
        "set, ends: accuracy % (difference), latent %, satisfied % before -> after, λ max, codes/step, s"
    );
    let mut config = CbpConfig::demo(cbp_epochs.parse()?);
    config.training.seed = seed;
    for ends in [Ends::Int8, Ends::Constrained] {
        for set in WeightSet::ALL {
            let start = Instant::now();
            let result = constrain(&float.network, set, ends, config, &train, &test, &mut ())?;
            let seconds = start.elapsed().as_secs_f64();
            let (first, last) = (result.history[0], result.history[result.history.len() - 1]);
            let before = first.constraint.unwrap_or_default();
            let after = last.constraint.unwrap_or_default();
            let accuracy = 100.0 * last.accuracy.unwrap_or_default();
            println!(
                "{set:14} {ends:11?}: {accuracy:.2} ({:+.2}), {:.2}, {:4.1} -> {:5.1}, {:.3}, {:.5}, {seconds:.1}",
                accuracy - float_accuracy,
                100.0 * last.latent_accuracy.unwrap_or_default(),
                100.0 * before.satisfied,
                100.0 * after.satisfied,
                after.multiplier_max,
                after.codes_changed_per_step,
            );
            result.trainer.export()?;
        }
    }
    Ok(())
}
