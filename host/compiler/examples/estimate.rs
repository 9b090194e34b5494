//! The cycle model's table for one network: `cargo run --example estimate -- small two-bit-shift resnet18 16`.

use cbp_compiler::predict::{Timing, estimate, networks};
use cbp_isa::{Preset, WeightSet};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [preset, set, network, batch] = arguments.as_slice() else {
        return Err("usage: estimate <preset> <set> <resnet18|resnet50|alexnet> <batch>".into());
    };
    let config = Preset::named(preset).ok_or("no such preset")?.config(set.parse::<WeightSet>()?);
    let batch: usize = batch.parse()?;
    let layers = match network.as_str() {
        "resnet18" => networks::resnet18(),
        "resnet50" => networks::resnet50(),
        "alexnet" => networks::ALEXNET.to_vec(),
        _ => return Err("no such network".into()),
    };
    println!(
        "{:<20} {:>6} {:>10} {:>10} {:>9} {:>10} {:>6}",
        "layer", "steps", "compute", "read", "written", "cycles", "use"
    );
    let (mut cycles, mut useful) = (0, 0.0);
    for layer in &layers {
        let e = estimate(layer, &config, batch, &Timing::default());
        let flags = [
            (e.ppu_bound, " PPU-bound"),
            (e.memory_bound, " memory-bound"),
            (!e.double_buffered, " single-buffered"),
        ];
        let flags: String = flags.into_iter().filter(|(set, _)| *set).map(|(_, text)| text).collect();
        println!(
            "{:<20} {:>6} {:>10} {:>10} {:>9} {:>10} {:>6.3}{flags}",
            e.name, e.steps, e.compute, e.read, e.written, e.cycles, e.utilisation
        );
        for obstacle in &e.obstacles {
            println!("    refused: {obstacle}");
        }
        cycles += e.cycles;
        useful += e.utilisation * e.cycles as f64;
    }
    println!("{} cycles per image, utilisation {:.3}", cycles / batch as u64, useful / cycles as f64);
    Ok(())
}
