//! The program as a user runs it.

#![allow(dead_code)] // not every file of tests needs all of it

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

pub fn cbp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cbp")).args(arguments).output().unwrap()
}

pub fn succeeds(arguments: &[&str]) -> String {
    let output = cbp(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit status 2, and a standard error that holds all `parts`, which it gives.
pub fn refused(arguments: &[&str], parts: &[&str]) -> String {
    refusal(cbp(arguments), parts)
}

/// The same where no file can grow beyond 8 KiB, as on a full disk.
pub fn refused_without_space(arguments: &[&str], parts: &[&str]) -> String {
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut command = Command::new("bash");
    refusal(command.args(["-c", limited, env!("CARGO_BIN_EXE_cbp")]).args(arguments).output().unwrap(), parts)
}

fn refusal(output: Output, parts: &[&str]) -> String {
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    text
}

/// A table of two classes that one number tells apart, far from 0: useless without its standardisation.
pub fn table(path: &Path, rows: usize, shift: f32) -> String {
    let row = |index: usize| {
        let class = index % 2;
        format!("{class},{},{}\n", 500.0 + shift + class as f32 + 0.001 * index as f32, index % 7)
    };
    fs::write(path, "label,a,b\n".to_owned() + &(0..rows).map(row).collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}
