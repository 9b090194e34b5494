//! The command `cbp`.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

const MISSING: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && error.kind() != MISSING => {
            // clap's first paragraph says what is wrong; one line is enough.
            let text = error.to_string();
            let first = text.split("\n\n").next().unwrap_or(&text);
            let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
            eprintln!("cbp: {}; see --help", line.strip_prefix("error: ").unwrap_or(&line));
            return ExitCode::from(2);
        }
        // --help, --version, and no command at all.
        Err(text) => text.exit(),
    };
    match cli::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            // One line: the cause, and what lies behind it.
            eprintln!("cbp: {error:#}");
            ExitCode::from(2)
        }
    }
}
