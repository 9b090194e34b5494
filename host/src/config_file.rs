//! Configurations in TOML: what differs from a preset.
//!
//! ```
//! let base = cbp_isa::PRESETS[0].config(cbp_isa::WeightSet::Ternary);
//! let text = "lanes = 16\ncolumns = 16\nactivation_bits = 4\nweight_set = \"binary\"";
//! let config = cbp_host::config_file::read(text, &base)?;
//! assert_eq!((config.lanes, config.activation_bits, config.ppu_lanes), (16, 4, base.ppu_lanes));
//! # Ok::<(), cbp_host::config_file::BadConfigFile>(())
//! ```

use cbp_isa::{BadConfig, Config, WeightSet};
use serde::Deserialize;

use crate::toml_text::{self, BadToml};

/// Why a text is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum BadConfigFile {
    /// Not TOML, an unknown key, or a value of another kind.
    #[error(transparent)]
    Toml(#[from] BadToml),
    /// No such weight set.
    #[error(transparent)]
    WeightSet(#[from] cbp_isa::UnknownWeightSet),
    /// The parts do not fit each other.
    #[error(transparent)]
    Config(#[from] BadConfig),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lanes: Option<usize>,
    columns: Option<usize>,
    ppu_lanes: Option<usize>,
    weight_set: Option<String>,
    activation_bits: Option<usize>,
    activation_depth: Option<usize>,
    weight_depth: Option<usize>,
    parameter_depth: Option<usize>,
    output_depth: Option<usize>,
    residual_depth: Option<usize>,
    line_depth: Option<usize>,
    axi_bits: Option<usize>,
    read_tags: Option<usize>,
}

/// The configuration that a text describes; what it does not say is as in `base`.
///
/// # Errors
/// It is none, or none that can be built.
pub fn read(text: &str, base: &Config) -> Result<Config, BadConfigFile> {
    let file: File = toml_text::read(text)?;
    let weight_set = match file.weight_set {
        Some(name) => name.parse::<WeightSet>()?,
        None => base.weight_set,
    };
    let config = Config {
        lanes: file.lanes.unwrap_or(base.lanes),
        columns: file.columns.unwrap_or(base.columns),
        ppu_lanes: file.ppu_lanes.unwrap_or(base.ppu_lanes),
        weight_set,
        activation_bits: file.activation_bits.unwrap_or(base.activation_bits),
        accumulator_bits: base.accumulator_bits,
        accumulator_depth: base.accumulator_depth,
        activation_depth: file.activation_depth.unwrap_or(base.activation_depth),
        weight_depth: file.weight_depth.unwrap_or(base.weight_depth),
        parameter_depth: file.parameter_depth.unwrap_or(base.parameter_depth),
        output_depth: file.output_depth.unwrap_or(base.output_depth),
        residual_depth: file.residual_depth.unwrap_or(base.residual_depth),
        line_depth: file.line_depth.unwrap_or(base.line_depth),
        axi_bits: file.axi_bits.unwrap_or(base.axi_bits),
        read_tags: file.read_tags.unwrap_or(base.read_tags),
    };
    config.check()?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let base = cbp_isa::PRESETS[0].config(WeightSet::Ternary);
        let error = |text| read(text, &base).map_err(|e| e.to_string()).unwrap_err();
        assert!(error("lane = 3").contains("unknown field `lane`"), "{}", error("lane = 3"));
        assert!(error("lanes = 9").contains("power of two"));
        assert!(error("weight_set = \"quaternary\"").contains("use binary"));
        assert!(error("activation_bits = 9").contains("2…8"));
        assert!(error("weight_depth = 100").contains("powers of two"));
    }
}
