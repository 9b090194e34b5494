//! How a configuration reads from its registers.

use crate::field::fields;
use crate::{BadConfig, Config, WeightSet};

fields! {
    /// Fields of the register `CONFIG_ARRAY`.
    config_array {
        LANES: 12, "lanes K";
        COLUMNS: 12, "columns N";
        PPU_LANES: 8, "PPU lanes P";
    }
}

fields! {
    /// Fields of the register `CONFIG_SET`.
    config_set {
        WEIGHT_SET: 4, "0 binary, 1 ternary, 2 one-bit shift, 3 two-bit shift";
        ACTIVATION_BITS: 4, "bits of an activation";
        ACCUMULATOR_BITS: 8, "bits of an accumulator";
        ACCUMULATOR_DEPTH: 8, "accumulators per column";
        LOG2_BEAT: 4, "log2 of the AXI beat's bytes";
        LOG2_TAGS: 4, "log2 of the reads in flight";
    }
}

/// The configuration registers: `CONFIG_ARRAY` to `CONFIG_OUTPUTS`, then `CONFIG_RESIDUALS` and `CONFIG_LINES`.
pub type ConfigRegisters = [u32; 8];

impl Config {
    /// What the configuration registers read. The configuration must be one that can be built.
    #[must_use]
    pub const fn to_registers(&self) -> ConfigRegisters {
        let array = self.lanes << config_array::LANES.lsb
            | self.columns << config_array::COLUMNS.lsb
            | self.ppu_lanes << config_array::PPU_LANES.lsb;
        let set = (self.weight_set as usize) << config_set::WEIGHT_SET.lsb
            | self.activation_bits << config_set::ACTIVATION_BITS.lsb
            | self.accumulator_bits << config_set::ACCUMULATOR_BITS.lsb
            | self.accumulator_depth << config_set::ACCUMULATOR_DEPTH.lsb
            | (self.beat_bytes().ilog2() as usize) << config_set::LOG2_BEAT.lsb
            | (self.read_tags.ilog2() as usize) << config_set::LOG2_TAGS.lsb;
        [
            array as u32,
            set as u32,
            self.activation_depth as u32,
            self.weight_depth as u32,
            self.parameter_depth as u32,
            self.output_depth as u32,
            self.residual_depth as u32,
            self.line_depth as u32,
        ]
    }

    /// The configuration that the registers describe.
    ///
    /// # Errors
    /// They describe none that can be built.
    pub fn from_registers(registers: ConfigRegisters) -> Result<Self, BadConfig> {
        let [array, set, activations, weights, parameters, outputs, residuals, lines] = registers;
        let field =
            |register: u32, field: crate::Field| (register as usize >> field.lsb) & field.max() as usize;
        let weight_set = WeightSet::ALL.get(field(set, config_set::WEIGHT_SET)).copied();
        let config = Self {
            lanes: field(array, config_array::LANES),
            columns: field(array, config_array::COLUMNS),
            ppu_lanes: field(array, config_array::PPU_LANES),
            weight_set: weight_set.ok_or(BadConfig("unknown weight set"))?,
            activation_bits: field(set, config_set::ACTIVATION_BITS),
            accumulator_bits: field(set, config_set::ACCUMULATOR_BITS),
            accumulator_depth: field(set, config_set::ACCUMULATOR_DEPTH),
            activation_depth: activations as usize,
            weight_depth: weights as usize,
            parameter_depth: parameters as usize,
            output_depth: outputs as usize,
            residual_depth: residuals as usize,
            line_depth: lines as usize,
            axi_bits: 8 << field(set, config_set::LOG2_BEAT),
            read_tags: 1 << field(set, config_set::LOG2_TAGS),
        };
        config.check()?;
        Ok(config)
    }
}
