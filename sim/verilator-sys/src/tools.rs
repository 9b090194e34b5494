//! The programs that build models.

use std::io;
use std::process::{Command, Output};

use crate::Error;

pub(crate) const VERILATOR: &str = "verilator";
pub(crate) const COMPILER: &str = "g++";

/// Runs a tool to its end; a bad exit status is an error that carries what the tool printed.
pub(crate) fn run(tool: &'static str, command: &mut Command) -> Result<String, Error> {
    let output = output(tool, command)?;
    let text = printed(&output);
    if output.status.success() { Ok(text) } else { Err(Error::ToolFailed { tool, output: text }) }
}

/// Runs a tool to its end, whatever it says.
pub(crate) fn output(tool: &'static str, command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Error::ToolMissing { tool },
        _ => Error::Io { path: tool.into(), source: e },
    })
}

/// Standard output and standard error of a finished tool.
pub(crate) fn printed(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

/// Versions of both tools, part of the key of every built model.
pub(crate) fn versions() -> Result<String, Error> {
    let verilator = run(VERILATOR, Command::new(VERILATOR).arg("--version"))?;
    let compiler = run(COMPILER, Command::new(COMPILER).arg("--version"))?;
    Ok(format!("{}\n{}\n", verilator.trim(), compiler.lines().next().unwrap_or_default()))
}
