//! The command `cbp`.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            // One line: the cause, and what lies behind it.
            eprintln!("cbp: {error:#}");
            ExitCode::from(2)
        }
    }
}
