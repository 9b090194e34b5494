//! A property: a module, a bench around it, and copies of the module that break it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use cbp_hdl::lang::emit::emit;
use rust_hdl::core::prelude::Block;

use crate::Error;
use crate::yosys::{self, Verdict};

/// A change to a module's text that must be refuted.
#[derive(Debug, Clone)]
pub struct Broken {
    /// What it does wrong.
    pub what: &'static str,
    /// Text in the module, found exactly once or replaced at its first place.
    pub from: String,
    /// What stands there instead.
    pub to: String,
    /// More hints, for this copy.
    pub hints: Vec<(&'static str, String)>,
}

/// What a module does in a bench, for all inputs and for ever.
#[derive(Debug, Clone)]
pub struct Property {
    /// What is claimed.
    pub name: String,
    /// The module and those below it.
    pub design: String,
    /// Name of the module.
    pub top: String,
    /// Inner nets that the bench sees: the flattened path, the bits, the bench's name.
    pub inner: Vec<(String, usize, String)>,
    /// Inner nets that may have any value: what drives them is left out.
    pub cut: Vec<String>,
    /// Numbers for the bench.
    pub numbers: Vec<(&'static str, u64)>,
    /// What the bench assumes and asserts.
    pub bench: String,
    /// Longest induction, and longest counterexample, in cycles.
    pub steps: usize,
    /// Inputs and their values in counterexamples to broken copies, so that they are found sooner.
    pub hints: Vec<(&'static str, String)>,
    /// Wrong modules.
    pub broken: Vec<Broken>,
}

/// A property's verdict, and those on its broken copies.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Verdict on the module.
    pub verdict: Verdict,
    /// Time for it.
    pub time: Duration,
    /// Verdicts on the broken copies.
    pub broken: Vec<(&'static str, Verdict)>,
}

impl Outcome {
    /// Proven, and every broken copy refuted.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self.verdict, Verdict::Proven { .. })
            && !self.broken.is_empty()
            && self.broken.iter().all(|(_, v)| matches!(v, Verdict::Refuted))
    }
}

impl Property {
    /// A property of a block; `bench` is the text of a bench.
    ///
    /// # Errors
    /// The block has no Verilog.
    pub fn new(name: impl Into<String>, block: &impl Block, bench: &str) -> Result<Self, Error> {
        let design = emit(block, "dut")?;
        Ok(Self {
            name: name.into(),
            top: design.top().into(),
            design: design.text(),
            inner: Vec::new(),
            cut: Vec::new(),
            numbers: Vec::new(),
            bench: bench.into(),
            steps: 8,
            hints: Vec::new(),
            broken: Vec::new(),
        })
    }

    /// The bench sees the net at `path` as `name`.
    #[must_use]
    pub fn inner(mut self, path: &str, bits: usize, name: &str) -> Self {
        self.inner.push((path.into(), bits, name.into()));
        self
    }

    /// The net at `path` may have any value.
    #[must_use]
    pub fn cut(mut self, path: &str) -> Self {
        self.cut.push(path.into());
        self
    }

    /// The bench knows `value` as `name`.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: u64) -> Self {
        self.numbers.push((name, value));
        self
    }

    /// Induction may take as many cycles.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Counterexamples are looked for with `input` at `value` only: those to the last broken copy, or to all of them
    /// if there is none yet.
    #[must_use]
    pub fn hint(mut self, input: &'static str, value: impl Into<String>) -> Self {
        self.broken.last_mut().map_or(&mut self.hints, |b| &mut b.hints).push((input, value.into()));
        self
    }

    /// A copy with `to` in place of the first `from` must be refuted.
    #[must_use]
    pub fn broken(mut self, what: &'static str, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.broken.push(Broken { what, from: from.into(), to: to.into(), hints: Vec::new() });
        self
    }

    /// Decides it, and then its broken copies.
    ///
    /// # Errors
    /// Yosys is missing or fails; a broken copy's text is not in the module.
    pub fn decide(&self) -> Result<Outcome, Error> {
        let start = Instant::now();
        let verdict = yosys::prove(self)?;
        let time = start.elapsed();
        let mut broken = Vec::new();
        for copy in &self.broken {
            if !self.design.contains(&copy.from) {
                let reason = format!("no text for the broken copy ({}): {}", copy.what, copy.from);
                return Err(Error::Property { property: self.name.clone(), reason });
            }
            broken.push((copy.what, yosys::refute(self, copy)?));
        }
        Ok(Outcome { verdict, time, broken })
    }

    /// The bench as a module: the module's inputs are free, `reset` is active in the first cycle and whenever it likes.
    ///
    /// # Errors
    /// The module has no header.
    pub fn bench(&self, design: &str) -> Result<String, Error> {
        let header = design
            .split(&format!("module {} (\n", self.top))
            .nth(1)
            .and_then(|rest| rest.split_once("\n);"))
            .ok_or_else(|| Error::Property { property: self.name.clone(), reason: "no header".into() })?
            .0;
        let (mut ports, mut nets, mut pins) = (String::new(), String::new(), String::new());
        for line in header.lines() {
            let words: Vec<&str> = line.trim_end_matches(',').split_whitespace().collect();
            let (Some(direction), Some(name)) = (words.first(), words.last()) else { continue };
            let range = words.iter().find(|w| w.starts_with('[')).copied().unwrap_or_default();
            let _ = match (*direction, *name) {
                (_, "clock") => Ok(()),
                ("input", "reset") => writeln!(nets, "  wire reset = first || reset_any;"),
                ("input", _) => write!(ports, ",\n  input wire {range} {name}"),
                _ => writeln!(nets, "  wire {range} {name};"),
            };
            let _ = write!(pins, "{}.{name}({name})", if pins.is_empty() { "" } else { ", " });
        }
        for (path, bits, name) in &self.inner {
            let _ = writeln!(nets, "  wire [{}:0] {name};", bits - 1);
            let _ = write!(pins, ", .\\{path} ({name})");
        }
        for (name, value) in &self.numbers {
            let _ = writeln!(nets, "  localparam {name} = {value};");
        }
        let (top, body) = (&self.top, &self.bench);
        Ok(format!(
            "module bench (\n  input wire clock,\n  input wire reset_any{ports}\n);\n  \
             // The first cycle: everything but this register starts with any value.\n  \
             reg first = 1'b1;\n  always @(posedge clock) first <= 1'b0;\n\
             {nets}  {top} dut ({pins});\n{body}\nendmodule\n"
        ))
    }
}
