//! `cbp hdl`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbp_host::files::write_whole;
use clap::Subcommand;

use super::array::Array;

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
}

impl Hdl {
    pub fn run(&self) -> Result<ExitCode> {
        let Self::Emit { array, out } = self;
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
}
