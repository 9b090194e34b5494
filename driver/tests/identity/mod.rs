//! What a device of preset `tiny` says about itself.
#![allow(clippy::unwrap_used)] // helpers of tests

use cbp_isa::registers::{self, MAGIC_VALUE, Register};
use cbp_isa::{Config, ISA_VERSION, Preset, WeightSet};

pub fn config() -> Config {
    Preset::named("tiny").unwrap().config(WeightSet::Ternary)
}

/// Its identity registers.
pub fn registers(address_bits: u32) -> [(Register, u32); 11] {
    let [array, set, activations, weights, parameters, outputs, residuals, lines] = config().to_registers();
    [
        (registers::MAGIC, MAGIC_VALUE),
        (registers::ISA_VERSION, ISA_VERSION),
        (registers::CONFIG_ARRAY, array),
        (registers::CONFIG_SET, set),
        (registers::CONFIG_ACTIVATIONS, activations),
        (registers::CONFIG_WEIGHTS, weights),
        (registers::CONFIG_PARAMETERS, parameters),
        (registers::CONFIG_OUTPUTS, outputs),
        (registers::CONFIG_RESIDUALS, residuals),
        (registers::CONFIG_LINES, lines),
        (registers::DMA_ADDRESS_BITS, address_bits),
    ]
}
