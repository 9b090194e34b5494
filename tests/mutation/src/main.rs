//! Mutants of the emitted Verilog: how many do the whole-path cases notice?
//!
//! Each mutant has one line changed (an operator, a constant, a condition, an assignment); it is built with Verilator
//! and run through random layers, networks, faults and registers in a process of its own, because a broken design may
//! hang. Survivors are listed, those that mean the same as the original among them.

mod mutate;
mod sites;
mod trial;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cbp_isa::WeightSet;
use clap::Parser;

use sites::{GROUPS, Mutant};
use trial::Fate;

/// Makes mutants of the emitted Verilog and counts those that the whole-path cases kill.
#[derive(Parser)]
#[command(after_help = "Example: tests/mutation/run --count 30 --seed 2
Exit status 1: fewer killed than the bar.")]
struct Arguments {
    /// Mutants, as many of every group: array, requantiser, rings
    #[arg(long, default_value_t = 120)]
    count: usize,
    /// Leaves out so many of them: to go on where a run was ended
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Chooses them
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Percent that must be killed
    #[arg(long, default_value_t = 80.0)]
    bar: f64,
    /// Seconds until a mutant counts as hanging, its build excepted
    #[arg(long, default_value_t = 120)]
    patience: u64,
    /// One mutant, in this process: array, module, line, text; prints how it fares
    #[arg(long, num_args = 4, hide = true)]
    trial: Option<Vec<String>>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mutation: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some([set, module, line, text]) = arguments.trial.as_deref() {
        return trial(set.parse()?, module, line.parse()?, text);
    }
    let cache = tempfile::tempdir()?;
    let mut mutants = sites::choose(arguments.count, arguments.seed)?;
    mutants.drain(..arguments.skip.min(mutants.len()));
    let (mut fates, started) = (Vec::new(), Instant::now());
    for (index, mutant) in mutants.iter().enumerate() {
        let fate = outside(mutant, cache.path(), Duration::from_secs(arguments.patience))?;
        let said = match &fate {
            Fate::Survived => "SURVIVED".to_owned(),
            Fate::Killed(reason) => format!("killed by {}", first_line(reason)),
            Fate::Invalid(reason) => format!("no Verilog: {}", first_line(reason)),
        };
        println!("{:>4} {:<11} {}: {said}", arguments.skip + index + 1, mutant.group, place(mutant));
        std::io::stdout().flush()?;
        fates.push(fate);
    }
    Ok(report(arguments, &mutants, &fates, started.elapsed()))
}

/// Totals and survivors.
fn report(arguments: &Arguments, mutants: &[Mutant], fates: &[Fate], time: Duration) -> ExitCode {
    let of = |group: Option<&str>, test: fn(&Fate) -> bool| {
        let both = mutants.iter().zip(fates);
        both.filter(|(m, f)| group.is_none_or(|g| g == m.group) && test(f)).count()
    };
    println!();
    for (mutant, _) in mutants.iter().zip(fates).filter(|(_, f)| **f == Fate::Survived) {
        println!("survivor: {}", place(mutant));
        println!("    {}\n    {}", mutant.before.trim(), mutant.after.trim());
    }
    let mut percent = 0.0;
    for group in GROUPS.iter().map(|g| Some(g.name)).chain([None]) {
        let killed = of(group, |f| matches!(f, Fate::Killed(_)));
        let valid = of(group, |f| !matches!(f, Fate::Invalid(_)));
        percent = 100.0 * killed as f64 / valid.max(1) as f64;
        println!("{:<11} {killed:>4} of {valid:>4} killed, {percent:.1} %", group.unwrap_or("all"));
    }
    let invalid = of(None, |f| matches!(f, Fate::Invalid(_)));
    println!("{invalid} were no Verilog; seed {}, {} s", arguments.seed, time.as_secs());
    if percent < arguments.bar {
        eprintln!("mutation: {percent:.1} % killed, the bar is {} %", arguments.bar);
        return ExitCode::from(1);
    }
    ExitCode::SUCCESS
}

fn place(mutant: &Mutant) -> String {
    let Mutant { set, module, line, what, .. } = mutant;
    let module = module.strip_prefix(cbp_hdl::TOP).unwrap_or(module).trim_start_matches('_');
    format!("{set} {module}:{}: {what}", line + 1)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(100).collect()
}

/// A mutant in this process. Exit status 0: it survived, 1: killed, 3: no Verilog.
fn trial(set: WeightSet, module: &str, line: usize, text: &str) -> Result<ExitCode> {
    let text = sites::mutated(&sites::design(set)?, module, line, text)?;
    Ok(match trial::run(&text, set) {
        Fate::Survived => ExitCode::SUCCESS,
        Fate::Killed(reason) => {
            println!("{reason}");
            ExitCode::from(1)
        }
        Fate::Invalid(reason) => {
            println!("{reason}");
            ExitCode::from(3)
        }
    })
}

/// A mutant in a process of its own.
fn outside(mutant: &Mutant, cache: &Path, patience: Duration) -> Result<Fate> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--trial").arg(mutant.set.name()).arg(&mutant.module).arg(mutant.line.to_string());
    command.arg(&mutant.after).env("CBP_CACHE", cache).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().context("cannot start a trial")?;
    let Some(status) = wait(&mut child, patience)? else {
        return Ok(Fate::Killed("hanging".to_owned()));
    };
    let status = status.code();
    let mut said = String::new();
    if let Some(mut out) = child.stdout.take() {
        std::io::Read::read_to_string(&mut out, &mut said)?;
    }
    Ok(match status {
        Some(0) => Fate::Survived,
        Some(1) => Fate::Killed(said),
        Some(3) => Fate::Invalid(said),
        other => Fate::Killed(format!("an end with status {other:?}")),
    })
}

/// The exit status, or nothing if it had to be ended.
fn wait(child: &mut Child, patience: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
