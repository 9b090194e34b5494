//! One mutant through the whole-path cases.

use std::time::Duration;

use cbp_driver::{Device, Options};
use cbp_host::cases::{self, Case, faults, registers};
use cbp_isa::WeightSet;
use cbp_sim::{SimOptions, SimTransport};

/// Random layers and networks.
const LAYERS: u64 = 24;
const NETWORKS: u64 = 3;
/// A slow nominal clock: the driver's deadlines end after few cycles.
const CLOCK_HZ: u64 = 10_000;

/// How a mutant fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No case noticed it.
    Survived,
    /// A case failed.
    Killed(String),
    /// It is no Verilog.
    Invalid(String),
}

/// Builds the text and runs the cases on it until one fails.
#[must_use]
pub fn run(text: &str, set: WeightSet) -> Fate {
    let config = match cases::tiny(set) {
        Ok(config) => config,
        Err(e) => return Fate::Invalid(e),
    };
    let options = SimOptions { clock_hz: CLOCK_HZ, ..SimOptions::default() };
    let transport = match SimTransport::new(text, cbp_hdl::TOP, &config, &options) {
        Ok(transport) => transport,
        Err(e) => return Fate::Invalid(e.to_string()),
    };
    let driver = Options { reset_timeout: Duration::from_secs(1), ..Options::default() };
    let mut device = match Device::open(transport, driver) {
        Ok(device) => device,
        Err(e) => return Fate::Killed(format!("open: {e}")),
    };
    match all(&mut device, set) {
        Ok(()) => Fate::Survived,
        Err(reason) => Fate::Killed(reason),
    }
}

fn all(device: &mut Device<SimTransport>, set: WeightSet) -> Result<(), String> {
    for seed in 0..LAYERS / 2 {
        layer(device, set, seed)?;
    }
    faults::named(device).map_err(|e| format!("faults: {e}"))?;
    for seed in LAYERS / 2..LAYERS {
        layer(device, set, seed)?;
    }
    for seed in 0..NETWORKS {
        case(device, cases::graph(set, seed)).map_err(|e| format!("network {seed}: {e}"))?;
    }
    registers::hold_what_is_written(device).map_err(|e| format!("registers: {e}"))?;
    faults::lost(device).map_err(|e| format!("lost: {e}"))
}

fn layer(device: &mut Device<SimTransport>, set: WeightSet, seed: u64) -> Result<(), String> {
    let make = if seed.is_multiple_of(4) { cases::fully_connected } else { cases::any_kind };
    case(device, make(set, seed)).map_err(|e| format!("layer {seed}: {e}"))
}

fn case<E: ToString>(device: &mut Device<SimTransport>, case: Result<Case, E>) -> Result<(), String> {
    let case = case.map_err(|e| e.to_string())?;
    device.transport().sim().set_timing(case.timing.clone()).map_err(|e| e.to_string())?;
    case.run_on(device).map(|_| ())
}
