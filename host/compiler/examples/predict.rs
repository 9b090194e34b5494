//! Predicted cycles of a network's layers: `cargo run --release -p cbp-compiler --example predict -- resnet18 small`.

use cbp_compiler::predict::{Timing, simulate};
use cbp_compiler::{Keep, Options, compile};
use cbp_isa::{Preset, WeightSet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "resnet18".to_owned());
    let preset = arguments.next().unwrap_or_else(|| "small".to_owned());
    let batch: usize = arguments.next().map_or(Ok(1), |n| n.parse())?;
    let set = WeightSet::TwoBitShift;
    let build = cbp_numerics::architectures::named(&name).ok_or("no such network")?;
    let network = build.build(set, build.size, 1)?;
    let config = Preset::named(&preset).ok_or("no such preset")?.config(set);
    let program = compile(&network, &config, Options { batch, keep: Keep::Output, ..Options::default() })?;
    let p = simulate(&program, &Timing::default())?;
    println!("{:24} {:>9} {:>9} {:>9} {:>6}", "layer", "start", "cycles", "ideal", "%");
    for layer in &p.layers {
        let cycles = layer.span.end.saturating_sub(layer.span.start);
        println!(
            "{:24} {:>9} {cycles:>9} {:>9} {:>6.1}",
            layer.name,
            layer.span.start,
            layer.ideal_steps,
            100.0 * layer.utilisation
        );
    }
    if let Ok(wanted) = std::env::var("LAYER") {
        for ((op, layer), span) in program.instructions.iter().zip(&p.spans) {
            if program.layers[*layer].name == wanted {
                let text = match op {
                    cbp_compiler::operation::Operation::Load(l) => {
                        format!("{:?} {:?} w {} {}", l.destination, l.rows, l.wait_compute, l.wait_store)
                    }
                    cbp_compiler::operation::Operation::Compute(c) => format!(
                        "COMPUTE {:?} steps {} w {} {}",
                        c.count,
                        c.steps() * c.positions(),
                        c.wait_load,
                        c.wait_store
                    ),
                    cbp_compiler::operation::Operation::Store(c) => format!("STORE {:?}", c.rows),
                    other => format!("{other:?}"),
                };
                println!("{:>8} {:>8} {text}", span.start, span.end);
            }
        }
    }
    println!(
        "{} instructions, {} cycles, {:.2} %, wait load {} store {}",
        program.instructions.len(),
        p.cycles,
        100.0 * p.utilisation,
        p.wait_load,
        p.wait_store
    );
    Ok(())
}
