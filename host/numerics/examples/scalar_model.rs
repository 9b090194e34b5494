//! Seconds that the scalar model takes for one image of a published network:
//! `cargo run --release -p cbp-numerics --example scalar_model resnet18 224`.

use std::time::Instant;

use cbp_numerics::architectures::{ARCHITECTURES, named};
use cbp_numerics::random::Random;
use cbp_numerics::{WeightSet, run_network};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "resnet18".to_owned());
    let names: Vec<&str> = ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
    let architecture = named(&name).ok_or_else(|| format!("{name} is none of {}", names.join(", ")))?;
    let size = arguments.next().map_or(Ok(architecture.size), |size| size.parse())?;
    let start = Instant::now();
    let network = architecture.build(WeightSet::TwoBitShift, size, 1)?;
    let built = start.elapsed().as_secs_f64();
    let input = Random(2).bytes(network.inputs());
    let start = Instant::now();
    run_network(&network, &input, 1)?;
    let seconds = start.elapsed().as_secs_f64();
    let giga = network.macs() as f64 / 1e9;
    println!(
        "{name}, {size}×{size}: built in {built:.2} s, {giga:.3} G MACs in {seconds:.2} s ({:.2} G/s)",
        giga / seconds
    );
    Ok(())
}
