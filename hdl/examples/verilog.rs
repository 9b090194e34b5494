//! Writes the accelerator's Verilog: `cargo run -p cbp-hdl --example verilog -- PRESET SET FILE`.

use std::error::Error;

use cbp_isa::{Preset, WeightSet};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [preset, set, file] = arguments.as_slice() else {
        return Err("give a preset, a weight set, a file".into());
    };
    let set = WeightSet::ALL.into_iter().find(|s| s.name() == set).ok_or("no such weight set")?;
    let config = Preset::named(preset).ok_or("no such preset")?.config(set);
    std::fs::write(file, cbp_hdl::verilog(&config)?.text())?;
    Ok(())
}
