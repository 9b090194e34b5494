//! Measures how many images per second come out of a data set, as it is recognised, in batches of 100:
//! `cargo run --release -p cbp-data --example loading_rate -- PATH PIPELINE [THREADS [SECONDS]]`
//! where PIPELINE is plain, mnist, cifar or imagenet.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cbp_data::preprocess::{CIFAR10_MEAN, CIFAR10_STD};
use cbp_data::{Batches, Draws, Plan, Preprocess, ReadOptions, open};

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
    let [path, pipeline, rest @ ..] = arguments else {
        return Err("usage: loading_rate PATH plain|mnist|cifar|imagenet [THREADS [SECONDS]]".into());
    };
    let preprocess = match pipeline.as_str() {
        "plain" => Preprocess::plain(),
        "mnist" => Preprocess::mnist(2),
        "cifar" => Preprocess::cifar(CIFAR10_MEAN, CIFAR10_STD),
        "imagenet" => Preprocess::imagenet(),
        other => return Err(format!("{other} is no pipeline; give plain, mnist, cifar or imagenet").into()),
    };
    let threads = rest.first().map_or(Ok(0), |threads| threads.parse())?;
    let seconds = rest.get(1).map_or(Ok(5), |seconds| seconds.parse())?;
    let start = Instant::now();
    let opened = open(Path::new(path), &ReadOptions::default())?;
    let samples = Arc::new(opened.train);
    println!("{:?}: {} images in {:.2} s", opened.format, samples.len(), start.elapsed().as_secs_f64());

    let limit = Duration::from_secs(seconds);
    let (start, mut images, mut epoch) = (Instant::now(), 0, 0);
    while start.elapsed() < limit {
        let plan = Plan { threads, ..Plan::training(100.min(samples.len()), Draws { seed: 1, epoch }) };
        for batch in Batches::new(samples.clone(), &preprocess.training, &plan)? {
            images += batch?.len();
            if start.elapsed() >= limit {
                break;
            }
        }
        epoch += 1;
    }
    println!("{:.0} images/s", images as f64 / start.elapsed().as_secs_f64());
    Ok(())
}
