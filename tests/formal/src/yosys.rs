//! What Yosys does: reads the module and its bench, decides by temporal induction.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use cbp_yosys::{RunError, Yosys};

use crate::{Broken, Error, Property};

/// What Yosys found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The assertions hold for ever; shown by induction over so many cycles.
    Proven {
        /// Cycles.
        steps: usize,
    },
    /// A run from the start breaks an assertion.
    Refuted,
    /// Neither was found.
    Undecided,
}

/// Looks for a proof of the property, or a counterexample to it.
///
/// # Errors
/// Yosys is missing, or refuses the text.
pub fn prove(property: &Property) -> Result<Verdict, Error> {
    run(property, &property.design, &format!("-tempinduct -maxsteps {}", property.steps))
}

/// Looks for a counterexample to the property in a broken copy.
///
/// # Errors
/// Yosys is missing, or refuses the text.
pub fn refute(property: &Property, copy: &Broken) -> Result<Verdict, Error> {
    let design = property.design.replacen(&copy.from, &copy.to, 1);
    let hints = property.hints.iter().chain(&copy.hints);
    let mut options = format!("-tempinduct -tempinduct-baseonly -maxsteps {}", property.steps);
    for (net, value) in hints {
        let _ = write!(options, " -set {net} {value}");
    }
    run(property, &design, &options)
}

fn run(property: &Property, design: &str, option: &str) -> Result<Verdict, Error> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let folder = tempfile::tempdir().map_err(io(&env::temp_dir()))?;
    let kept = env::var_os("CBP_FORMAL_FOLDER").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(folder.path());
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(io(&path))
    };
    write("dut.v", design)?;
    write("bench.v", &property.bench(design)?)?;
    let text = Yosys::find()?.run(&script(property, option), folder);
    let text = text.map_err(|source| Error::Yosys { property: property.name.clone(), source })?;
    let silent = || RunError::Failed(format!("no verdict in what it printed:\n{text}"));
    verdict(&text).ok_or_else(|| Error::Yosys { property: property.name.clone(), source: silent() })
}

fn script(property: &Property, option: &str) -> String {
    let lines = |command: &str, nets: &mut dyn Iterator<Item = &String>| {
        nets.fold(String::new(), |text, net| text + command + " w:" + net + "\n")
    };
    let inner =
        |word: bool| property.inner.iter().map(|(net, ..)| net).filter(move |n| n.ends_with(']') == word);
    let cut = lines("cutpoint", &mut property.cut.iter());
    let nets = lines("expose", &mut inner(false));
    let words = lines("expose", &mut inner(true));
    // Hierarchy goes first, so that inner nets have names to be seen by; words get theirs when memories go.
    format!(
        "read_verilog dut.v\nhierarchy -check -top {top}\nproc\nflatten\n{cut}{nets}memory\nopt_clean\n{words}\
         read_verilog -formal -sv bench.v\nhierarchy -check -top bench\nproc\nflatten\nmemory\nchformal -lower\nopt -full\n\
         check -assert\n\
         sat -set-assumes -prove-asserts {option} bench\n",
        top = property.top,
    )
}

fn verdict(output: &str) -> Option<Verdict> {
    if output.contains("Induction step proven: SUCCESS!") {
        Some(Verdict::Proven { steps: output.matches("** Trying induction with length ").count() })
    } else if output.contains("model found for base case: FAIL!") {
        Some(Verdict::Refuted)
    } else if output.contains("Reached maximum number of time steps") {
        Some(Verdict::Undecided)
    } else {
        None
    }
}
