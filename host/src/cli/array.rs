//! Which array: a preset, or a configuration of one's own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use cbp_host::config_file;
use cbp_isa::{Config, Preset, WeightSet};
use clap::Args;

/// Options of every command that needs an array.
#[derive(Args)]
pub struct Array {
    /// Size of the array: tiny, small, versa, axau15, acorn
    #[arg(long, default_value = "small", value_parser = super::preset)]
    preset: &'static Preset,
    /// Weight set the array is built for; it runs every smaller set too
    #[arg(long, default_value = "two-bit-shift")]
    set: WeightSet,
    /// A configuration of one's own (TOML): what differs from the preset, such as `lanes = 16`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Array {
    /// Name of the preset.
    pub fn preset(&self) -> &'static str {
        self.preset.name
    }

    /// The configuration.
    ///
    /// # Errors
    /// The file cannot be read, or what it asks for cannot be built.
    pub fn config(&self) -> Result<Config> {
        let base = self.preset.config(self.set);
        let Some(path) = &self.config else { return Ok(base) };
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        config_file::read(&text, &base).with_context(|| format!("{name} is no configuration"))
    }
}
