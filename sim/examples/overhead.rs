//! What a cycle costs beyond the model itself: `cargo run --release -p cbp-sim --example overhead DEVICE.v`.
//!
//! The text is the accelerator (or the test device of `sim/tests`, its defines included) for preset `tiny`.

use std::time::Instant;

use cbp_hdl::TOP;
use cbp_isa::{Preset, WeightSet};
use cbp_sim::{SimDevice, SimOptions, Timing, ports};
use verilator_sys::{Library, Source};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which Verilog file?")?;
    let text = std::fs::read_to_string(path)?;
    let config = Preset::named("tiny").ok_or("no preset")?.config(WeightSet::OneBitShift);
    let started = Instant::now();
    let library = Library::load(&Source { text: &text, top: TOP, clock: "clock", ports: &ports(&config) }, false)?;
    println!("model loaded after {:.1} s", started.elapsed().as_secs_f64());

    let cycles = 2_000_000;
    let mut model = library.instance()?;
    let model_alone = per_cycle(cycles, || Ok(model.tick()?))?;
    println!("model alone                {model_alone:6.1} ns per cycle");
    for (name, timing) in [("fixed", Timing::default()), ("random", Timing::Random { seed: 1, max_latency: 100 })] {
        let mut device = SimDevice::from_library(&library, &config, &SimOptions { timing, ..SimOptions::default() })?;
        let with_memory = per_cycle(cycles, || Ok(device.tick()?))?;
        println!("with idle memory ({name:6})  {with_memory:6.1} ns: {:.1} more", with_memory - model_alone);
    }
    Ok(())
}

fn per_cycle(
    cycles: u32,
    mut tick: impl FnMut() -> Result<(), Box<dyn std::error::Error>>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let started = Instant::now();
    for _ in 0..cycles {
        tick()?;
    }
    Ok(started.elapsed().as_secs_f64() * 1e9 / f64::from(cycles))
}
