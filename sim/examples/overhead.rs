//! What a cycle costs, the model alone and with its memory: `cargo run --release -p cbp-sim --example overhead small`.

use std::error::Error;
use std::time::Instant;

use cbp_isa::{Preset, WeightSet};
use cbp_sim::{SimDevice, SimOptions, Timing, ports};
use verilator_sys::{Library, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "tiny".to_owned());
    let config = Preset::named(&name).ok_or("no such preset")?.config(WeightSet::TwoBitShift);
    let design = cbp_hdl::verilog(&config)?;
    let started = Instant::now();
    let text = design.text();
    let ports = ports(&config);
    let library =
        Library::load(&Source { text: &text, top: design.top(), clock: "clock", ports: &ports }, false)?;
    println!("{name}: model loaded after {:.1} s", started.elapsed().as_secs_f64());

    let cycles = 100_000;
    let mut model = library.instance()?;
    let alone = per_cycle(cycles, || Ok(model.tick()?))?;
    println!("model alone                  {alone:8.1} ns per cycle");
    for (name, timing) in
        [("fixed", Timing::default()), ("random", Timing::Random { seed: 1, max_latency: 100 })]
    {
        let mut device =
            SimDevice::from_library(&library, &config, &SimOptions { timing, ..SimOptions::default() })?;
        let together = per_cycle(cycles, || Ok(device.tick()?))?;
        println!("with idle memory ({name:6})    {together:8.1} ns per cycle");
    }
    Ok(())
}

fn per_cycle(
    cycles: u32,
    mut tick: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    for _ in 0..cycles {
        tick()?;
    }
    Ok(started.elapsed().as_secs_f64() * 1e9 / f64::from(cycles))
}
