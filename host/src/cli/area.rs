//! `cbp hdl area`.

use std::process::ExitCode;

use anyhow::Result;
use cbp_host::area::{Area as Figures, Family, measure};
use cbp_yosys::Yosys;
use clap::Args;
use serde::Serialize;

use super::array::Array;

/// Options of `cbp hdl area`.
#[derive(Args)]
pub struct Area {
    #[command(flatten)]
    array: Array,
    /// Family of FPGAs: xc7 (Xilinx 7 series), ecp5 (Lattice)
    #[arg(long, default_value = "xc7", value_parser = family)]
    family: Family,
    /// Also list what is around the array module by module, so many levels deep [default: 3]
    #[arg(long, value_name = "LEVELS", num_args = 0..=1, default_missing_value = "3")]
    modules: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    preset: &'a str,
    #[serde(flatten)]
    figures: &'a Figures,
}

fn family(name: &str) -> Result<Family, String> {
    Family::ALL
        .into_iter()
        .find(|f| f.name() == name)
        .ok_or_else(|| format!("there is no family {name}; use xc7 or ecp5"))
}

impl Area {
    pub fn run(&self) -> Result<ExitCode> {
        let config = self.array.config()?;
        let yosys = Yosys::find()?;
        eprintln!("{yosys}");
        let figures = measure(&config, self.family, &yosys, self.modules)?;
        if self.json {
            let report = Report { preset: self.array.preset(), figures: &figures };
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{figures}");
        }
        let failures = figures.failures();
        for failure in &failures {
            eprintln!("cbp: {failure}");
        }
        Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
