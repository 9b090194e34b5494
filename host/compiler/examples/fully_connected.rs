//! The predicted cycles of a fully connected network of random weights, and optionally its instructions:
//! `cargo run --example fully_connected -- small two-bit-shift 64 1024x1024 [list]`.

use cbp_compiler::predict::{Timing, simulate};
use cbp_compiler::{Keep, Options, compile};
use cbp_isa::{Preset, WeightSet};
use cbp_numerics::{Clamp, FullyConnected, Layer, Network, Operation, Output, Requant, Weights};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [preset, set, batch, widths, rest @ ..] = arguments.as_slice() else {
        return Err("usage: fully_connected <preset> <set> <batch> <inputs>x<width>x… [list]".into());
    };
    let set: WeightSet = set.parse()?;
    let config = Preset::named(preset).ok_or("no such preset")?.config(set);
    let widths = widths.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let layers = widths.windows(2).enumerate().map(|(i, pair)| {
        let (inputs, outputs) = (pair[0], pair[1]);
        let levels = set.levels();
        let codes = (0..inputs * outputs).map(|j| levels[j * 7919 % levels.len()]).collect();
        let requant = vec![Requant { multiplier: 1 << 14, bias: 0, shift: 22 }; outputs];
        let output = Output::Requantised { requant, clamp: Clamp::relu(-128) };
        let weights = Weights::Constrained { set, codes };
        let operation = Operation::FullyConnected(FullyConnected { inputs, outputs, weights, output });
        Layer { name: format!("fc{i}"), operation }
    });
    let network = Network::new("random", layers.collect())?;
    let options = Options { batch: batch.parse()?, keep: Keep::ActivationsAndMasks };
    for keep in [Keep::Output, Keep::ActivationsAndMasks] {
        let program = compile(&network, &config, Options { keep, ..options })?;
        let predicted = simulate(&program, &Timing::default())?;
        println!(
            "{keep:?}: {} instructions, {} cycles, utilisation {:.4}, waits for LOAD {} and STORE {}",
            program.instructions.len(),
            predicted.cycles,
            predicted.utilisation,
            predicted.wait_load,
            predicted.wait_store
        );
        for layer in &predicted.layers {
            println!("    {}: {}…{}, {:.4}", layer.name, layer.span.start, layer.span.end, layer.utilisation);
        }
        if !rest.is_empty() {
            for ((operation, _), span) in program.instructions.iter().zip(&predicted.spans) {
                println!("{:>8} {:>8} {operation:?}", span.start, span.end);
            }
        }
    }
    Ok(())
}
