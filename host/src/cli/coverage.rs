//! `cbp hdl coverage`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbp_host::coverage::exclusions::{self, CHECKED_IN};
use cbp_host::coverage::{Report, Workload, measure};
use cbp_isa::WeightSet;
use clap::Args;

/// Options of `cbp hdl coverage`.
#[derive(Args)]
pub struct Coverage {
    /// Arrays to run; may be repeated [default: all four]
    #[arg(long = "set", value_name = "SET")]
    sets: Vec<WeightSet>,
    /// Random layers on every array
    #[arg(long, default_value_t = 24)]
    layers: u64,
    /// Random networks on every array
    #[arg(long, default_value_t = 2)]
    networks: u64,
    /// Random programs on every array, and as many commands and instructions that are refused
    #[arg(long, default_value_t = 90)]
    programs: u64,
    /// Percent that lines and bits must reach, each in total
    #[arg(long, default_value_t = 95.0, value_parser = percent)]
    bar: f64,
    /// Exclusions (TOML) [default: tests/coverage/exclusions.toml as it was when cbp was built]
    #[arg(long, value_name = "FILE")]
    exclusions: Option<PathBuf>,
    /// Also list what was not reached: module, line of the module, name
    #[arg(long)]
    uncovered: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Coverage {
    pub fn run(&self) -> Result<ExitCode> {
        let exclusions = match &self.exclusions {
            Some(path) => {
                let name = path.display();
                let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
                exclusions::read(&text).with_context(|| format!("{name} is no list of exclusions"))?
            }
            None => exclusions::read(CHECKED_IN)?,
        };
        let sets = if self.sets.is_empty() { &WeightSet::ALL[..] } else { &self.sets };
        let workload = Workload { layers: self.layers, networks: self.networks, programs: self.programs };
        let points = measure(sets, workload, &|step| eprintln!("{step}"))?;
        let mut report = Report::new(&points, exclusions, self.bar);
        let uncovered =
            if self.uncovered { report.uncovered.clone() } else { std::mem::take(&mut report.uncovered) };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
            if self.uncovered {
                for (module, line, name) in &uncovered {
                    println!("not reached: {module}:{line}: {name}");
                }
            }
        }
        let failures = report.failures();
        for failure in &failures {
            eprintln!("cbp: {failure}");
        }
        Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// A percentage, for clap.
fn percent(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value| (0.0..=100.0).contains(value));
    value.ok_or_else(|| "use a number from 0 to 100".to_owned())
}
