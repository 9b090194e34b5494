//! `cbp isa`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbp_host::files::{check_writable, write_whole};
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Isa {
    /// Write the document of registers, rings and instructions, made from the table in hdl/isa
    #[command(after_help = "Example: cbp isa doc --out docs/isa.md")]
    Doc {
        /// File to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

impl Isa {
    pub fn run(&self) -> Result<ExitCode> {
        let Self::Doc { out } = self;
        let mut text = String::new();
        cbp_isa::doc::write_markdown(&mut text)?;
        match out {
            Some(path) => {
                check_writable(path).with_context(|| format!("cannot write {}", path.display()))?;
                write_whole(path, text.as_bytes())
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            None => print!("{text}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
