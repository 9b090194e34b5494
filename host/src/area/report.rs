//! The figures, and the checks that they pass.

use std::fmt;

use cbp_hdl::TOP;
use serde::Serialize;

use super::netlist::Netlist;
use super::{Family, Resources};

/// Cells that multiply or divide, before they are mapped.
const MULTIPLIERS: [&str; 8] =
    ["$mul", "$macc", "$macc_v2", "$div", "$mod", "$divfloor", "$modfloor", "$pow"];

/// Multipliers in a module and below it, as the Verilog was written.
#[must_use]
pub fn multipliers(written: &Netlist, top: &str) -> usize {
    written.cells(top).filter(|(cell, _)| MULTIPLIERS.contains(cell)).map(|(_, count)| count).sum()
}

/// Area of the accelerator.
#[derive(Debug, Clone, Serialize)]
pub struct Area {
    /// Version of Yosys.
    pub yosys: String,
    /// Family of the FPGA.
    pub family: Family,
    /// Weight set of the array.
    pub set: &'static str,
    /// Lanes K of a column.
    pub lanes: usize,
    /// Columns N.
    pub columns: usize,
    /// The array.
    pub array: Array,
    /// The whole core, array included.
    pub core: Resources,
    /// The core without the array.
    pub around_the_array: Around,
    /// What is around the array, module by module, if asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
}

/// The array: everything inside it, whatever it is for.
#[derive(Debug, Clone, Serialize)]
pub struct Array {
    /// Look-up tables / (lanes · columns).
    pub lut_per_mac: f64,
    /// Flip-flops / (lanes · columns).
    pub ff_per_mac: f64,
    /// Multipliers: cells that multiply or divide in the Verilog, or hard multipliers once mapped.
    pub multipliers: usize,
    /// All of it.
    #[serde(flatten)]
    pub total: Resources,
    /// One column.
    pub column: Resources,
    /// What the columns share.
    pub shared: Resources,
}

/// The core without the array.
#[derive(Debug, Clone, Serialize)]
pub struct Around {
    /// Look-up tables / look-up tables of the array.
    pub share: f64,
    /// Multipliers that do not belong to post-processing.
    pub stray_multipliers: usize,
    /// All of it.
    #[serde(flatten)]
    pub total: Resources,
}

/// A module around the array.
#[derive(Debug, Clone, Serialize)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// How often it is there.
    pub instances: usize,
    /// All instances together, without the modules below it that are listed themselves.
    #[serde(flatten)]
    pub total: Resources,
}

impl Area {
    /// The checks that fail, in words; none if the design keeps its promises.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.array.multipliers > 0 {
            failures.push(format!("the array has multipliers: {}", self.array.multipliers));
        }
        if self.around_the_array.stray_multipliers > 0 {
            let count = self.around_the_array.stray_multipliers;
            failures.push(format!("multipliers around the array, outside post-processing: {count}"));
        }
        failures
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (array, around) = (&self.array, &self.around_the_array);
        writeln!(
            f,
            "{} lanes × {} columns, {}, {}: {:.2} LUT and {:.2} FF per MAC, {} multipliers in the array",
            self.lanes,
            self.columns,
            self.set,
            self.family,
            array.lut_per_mac,
            array.ff_per_mac,
            array.multipliers
        )?;
        writeln!(
            f,
            "{:28} {:>8} {:>10} {:>8} {:>7} {:>7} {:>5}",
            "", "LUT", "of memory", "FF", "carry", "BRAM", "DSP"
        )?;
        let rows = [
            ("a column", array.column),
            ("shared by the columns", array.shared),
            ("array", array.total),
            ("around the array", around.total),
            ("core", self.core),
        ];
        for (name, total) in rows {
            row(f, name, total)?;
        }
        for module in &self.modules {
            let name = module.name.strip_prefix(TOP).unwrap_or(&module.name).trim_start_matches('_');
            row(f, &format!("  {} × {name}", module.instances), module.total)?;
        }
        writeln!(f, "around the array: {:.1} % of the array's LUTs", 100.0 * around.share)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, total: Resources) -> fmt::Result {
    writeln!(
        f,
        "{name:28} {:>8} {:>10} {:>8} {:>7} {:>7} {:>5}",
        total.lut, total.lut_memory, total.ff, total.carry, total.bram, total.dsp
    )
}
