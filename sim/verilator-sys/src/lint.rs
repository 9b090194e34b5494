//! Verilator's opinion of a text.

use std::process::Command;

use crate::{Error, tools};

/// The only warnings that are waived, with the reason; builds and [`lint`] share the list.
pub const WAIVERS: &[(&str, &str)] = &[
    ("DECLFILENAME", "one text holds all modules"),
    ("UNUSEDSIGNAL", "interfaces carry bits that a configuration does not read"),
];

/// The waivers as arguments.
pub(crate) fn waiver_arguments() -> impl Iterator<Item = String> {
    WAIVERS.iter().map(|(name, _)| format!("-Wno-{name}"))
}

/// The warnings of `verilator --lint-only -Wall`, less [`WAIVERS`]; a clean text gives an empty list.
///
/// # Errors
/// Verilator is missing, or the text is not Verilog at all.
pub fn lint(text: &str, top: &str) -> Result<Vec<String>, Error> {
    let directory = tempfile::tempdir().map_err(Error::io("temporary directory"))?;
    let file = directory.path().join("dut.v");
    std::fs::write(&file, text).map_err(Error::io(&file))?;
    let mut command = Command::new(tools::VERILATOR);
    command.current_dir(directory.path()).args(["--lint-only", "-Wall", "-Wno-fatal", "--top-module", top]);
    let printed = tools::run(tools::VERILATOR, command.args(waiver_arguments()).arg("dut.v"))?;
    // A warning is its first line and the source lines that follow it.
    let mut warnings: Vec<String> = Vec::new();
    for line in printed.lines() {
        if line.starts_with("%Warning") {
            warnings.push(line.to_owned());
        } else if let Some(warning) = warnings.last_mut() {
            warning.push('\n');
            warning.push_str(line);
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_and_dirty_texts() {
        let clean = "module t(input [1:0] a, output [1:0] y); assign y = ~a; endmodule\n";
        assert_eq!(lint(clean, "t").unwrap(), Vec::<String>::new());
        let dirty = "module t(input [1:0] a, output [2:0] y); assign y = a; endmodule\n";
        let warnings = lint(dirty, "t").unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("WIDTH"));
        assert!(matches!(lint("module t(; endmodule", "t"), Err(Error::ToolFailed { .. })));
    }
}
