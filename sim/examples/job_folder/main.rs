//! Writes a job by hand as a folder: `cargo run -p cbp-sim --example job_folder -- PRESET SET FOLDER [SEED]`.

mod folder;
mod fully_connected;

use std::error::Error;
use std::path::Path;

use cbp_isa::{Preset, WeightSet};
use folder::{JobFolder, Memory};
use fully_connected::FullyConnected;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const BATCH: usize = 80;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (preset, set, path, seed) = match arguments.as_slice() {
        [preset, set, path] => (preset, set, path, 1),
        [preset, set, path, seed] => (preset, set, path, seed.parse()?),
        _ => return Err("give a preset, a weight set, a folder and perhaps a seed".into()),
    };
    let set: WeightSet = set.parse()?;
    let config = Preset::named(preset).ok_or("no such preset")?.config(set);
    let job = FullyConnected::random(&config, BATCH, &mut ChaCha8Rng::seed_from_u64(seed))?;
    let segments = vec![
        ("program", Memory::Contents(job.program_bytes())),
        ("constants", Memory::Contents(job.constants)),
        ("inputs", Memory::Contents(job.inputs)),
        ("outputs", Memory::Expected(job.outputs)),
    ];
    JobFolder { config: &config, instructions: job.program.len(), segments }.write(Path::new(path))
}
