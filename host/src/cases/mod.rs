//! Random cases of the whole path: compile, run on the RTL, compare every value with the scalar model.
//!
//! - [`Case`], [`fully_connected`], [`any_kind`], [`graph`]: networks with their options and the memory's timing
//! - [`faults`]: programs that must not run and memory that fails
//! - [`refused`]: commands and instructions that no device runs, random bits in all their other fields
//! - [`instructions`]: random programs against the interpreter of the instruction set
//! - [`long`]: jobs that are long in something, and many of them
//! - [`registers`]: every register written and read back
//! - [`resets`]: a reset in every cycle of a job
//!
//! The system tests run them on devices of their own, the coverage one after the other on one device.

mod buffers;
pub mod faults;
pub mod instructions;
pub mod long;
mod program;
mod queue;
pub mod refused;
pub mod registers;
pub mod resets;

use cbp_compiler::{CompileError, Keep, Options, compile};
use cbp_driver::Device;
use cbp_isa::{Config, Preset, WeightSet};
use cbp_numerics::random::{self, Kind, Random, Shape, network};
use cbp_numerics::{Network, NetworkError};
use cbp_sim::{SimOptions, SimTransport, Timing};

use crate::compare::{compare, scalar_model};
use crate::runtime::{Session, simulator};

/// One network, and how it is run.
pub struct Case {
    /// What it is, for a message.
    pub name: String,
    /// Of a single layer: its kind.
    pub kind: Option<Kind>,
    /// The network.
    pub network: Network,
    /// How it is compiled.
    pub options: Options,
    /// Runs of the program; each has a batch of its own.
    pub runs: usize,
    /// When the memory answers.
    pub timing: Timing,
    /// Draws the input.
    pub random: Random,
}

/// How a case went, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was equal.
    Equal,
    /// The compiler refused the network for the array's size.
    Refused,
}

impl Case {
    /// Runs it on a device of its own.
    ///
    /// # Errors
    /// What failed, or how much differs; and what the compiler refuses for another reason than the array's size.
    pub fn run(self, config: &Config) -> Result<Outcome, String> {
        let sim = SimOptions { timing: self.timing.clone(), ..SimOptions::default() };
        let mut device = simulator(config, &sim).map_err(|e| e.to_string())?;
        self.run_on(&mut device)
    }

    /// Runs it on a device, whose memory answers as it does.
    ///
    /// # Errors
    /// As [`Case::run`].
    pub fn run_on(mut self, device: &mut Device<SimTransport>) -> Result<Outcome, String> {
        let (name, options, runs) = (&self.name, self.options, self.runs);
        equal(&self.network, device, options, runs, &mut self.random)
            .map_err(|e| format!("{name}, {options:?}, {runs} runs: {e}"))
    }
}

fn equal(
    network: &Network,
    device: &mut Device<SimTransport>,
    options: Options,
    runs: usize,
    random: &mut Random,
) -> Result<Outcome, String> {
    let program = match compile(network, device.config(), options) {
        Ok(program) => program,
        Err(
            CompileError::Weights { .. }
            | CompileError::Buffer { .. }
            | CompileError::DoubledRequant { .. }
            | CompileError::DoubledAccumulator { .. },
        ) => return Ok(Outcome::Refused),
        Err(e) => return Err(e.to_string()),
    };
    let input = random.bytes(runs * options.batch * network.inputs());
    let mut session = Session::new(device, program, options.keep).map_err(|e| e.to_string())?;
    let run = session.run(&input).map_err(|e| e.to_string())?;
    let model = scalar_model(network, &input).map_err(|e| e.to_string())?;
    let comparison = compare(&run.layers, &model, options.keep);
    if comparison.compared == 0 || comparison.mismatches != 0 {
        return Err(format!("{comparison:?}"));
    }
    Ok(Outcome::Equal)
}

/// Preset `tiny` with an array for this set.
///
/// # Errors
/// There is no such preset.
pub fn tiny(array: WeightSet) -> Result<Config, String> {
    Ok(Preset::named("tiny").ok_or("there is no preset tiny")?.config(array))
}

/// A memory that answers in one of several kinds of disorder, or once in a while after a fixed time.
pub fn timing(random: &mut Random) -> Timing {
    match random.below(16) {
        0 => Timing::default(),
        _ => Timing::Random { seed: random.bits(), max_latency: [20, 100, 400][random.below(3)] },
    }
}

/// Sets that an array for `array` runs, and `None` for int8.
#[must_use]
pub fn layer_sets(array: WeightSet) -> Vec<Option<WeightSet>> {
    let sets = WeightSet::ALL.into_iter().filter(|&s| array.includes(s)).map(Some);
    sets.chain([None]).collect()
}

fn options(random: &mut Random, most: usize) -> Options {
    Options {
        batch: 1 + random.below(most),
        keep: [Keep::Output, Keep::ActivationsAndMasks][random.below(2)],
        on_chip: random.below(2) == 0,
        resident: random.below(2) == 0,
        ..Options::default()
    }
}

/// A fully connected layer of any shape.
///
/// # Errors
/// A fault of the generator.
pub fn fully_connected(array: WeightSet, seed: u64) -> Result<Case, NetworkError> {
    let mut random = Random(seed);
    let sets = layer_sets(array);
    let shape = Shape {
        outputs: 1 + random.below(300),
        set: sets[random.below(sets.len())],
        raw: random.below(3) == 0,
        extreme: random.below(10) == 0,
    };
    let inputs = 1 + random.below(300);
    let (options, runs) = (options(&mut random, 9), 1 + random.below(2));
    let timing = timing(&mut random);
    let network = network(inputs, std::slice::from_ref(&shape), seed)?;
    let (name, kind) = (format!("{inputs} inputs, {shape:?}"), Some(Kind::FullyConnected));
    Ok(Case { name, kind, network, options, runs, timing, random })
}

/// A layer of a kind that the seed chooses, with what it needs before it.
///
/// # Errors
/// A fault of the generator.
pub fn any_kind(array: WeightSet, seed: u64) -> Result<Case, NetworkError> {
    let mut random = Random(seed ^ 0x6b69_6e64);
    let kind = Kind::ALL[random.below(Kind::ALL.len())];
    let shape = random::Options { size: 10, kernel: 7, macs: 40_000, ..random::Options::new(array) };
    let (options, runs) = (options(&mut random, 3), 1 + random.below(2));
    let timing = timing(&mut random);
    let network = random::layer_of(kind, &shape, seed)?;
    Ok(Case { name: format!("{kind:?}"), kind: Some(kind), network, options, runs, timing, random })
}

/// A network with branches, residuals and concatenations.
///
/// # Errors
/// A fault of the generator.
pub fn graph(array: WeightSet, seed: u64) -> Result<Case, NetworkError> {
    let mut random = Random(seed ^ 0x6e65_7477);
    let shape = random::Options { size: 12, macs: 40_000, layers: 10, ..random::Options::new(array) };
    let options = Options {
        batch: 1 + random.below(4),
        keep: [Keep::Output, Keep::Activations, Keep::ActivationsAndMasks][random.below(3)],
        on_chip: random.below(2) == 0,
        resident: random.below(2) == 0,
        ..Options::default()
    };
    let runs = 1 + random.below(2);
    let timing = timing(&mut random);
    let network = random::graph(&shape, seed)?;
    let name = format!("{} layers", network.layers().len());
    Ok(Case { name, kind: None, network, options, runs, timing, random })
}
