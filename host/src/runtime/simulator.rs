//! The simulated device of a configuration.

use cbp_driver::{Device, Options};
use cbp_isa::Config;
use cbp_sim::{SimOptions, SimTransport};

/// Why there is no simulated device.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// No model: a configuration that cannot be built, or a missing tool.
    #[error(transparent)]
    Sim(#[from] cbp_sim::SimError),
    /// The model does not answer as it should.
    #[error(transparent)]
    Driver(#[from] cbp_driver::Error),
}

/// Emits, verilates (or takes from the cache) and opens the accelerator of `config`.
///
/// # Errors
/// A configuration that cannot be built, a missing tool, or a device that does not answer.
pub fn simulator(config: &Config, options: &SimOptions) -> Result<Device<SimTransport>, SimulatorError> {
    Ok(Device::open(SimTransport::accelerator(config, options)?, Options::default())?)
}
