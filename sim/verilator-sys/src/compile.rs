//! Verilator and g++: from a source to a shared library.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::model::Extra;
use crate::port::{Direction, Source};
use crate::tools::{COMPILER, VERILATOR, run, versions};
use crate::{Error, cache, lint, shim};

// Short functions: on the 1,024-lane array g++ takes 29 s instead of 150 s, and the model loses 0-14 % (about 5 % on average).
const VERILATOR_FLAGS: &[&str] = &[
    "--cc",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--noassert",
    "--output-split",
    "10000",
    "--output-split-cfuncs",
    "500",
    "-Wno-fatal",
    "--prefix",
    shim::PREFIX,
];

// Measured on 1,024 lanes: -O3 and -march=native gain nothing over -O2, which compiles three times faster than -O3.
const FAST: &[&str] = &["-O2"];
const SLOW: &[&str] = &["-O0"]; // construction and reset of variables, run once

/// Line and toggle coverage, of buses up to a ring entry's 1,024 bits. Counters make the text a hundred times longer:
/// inlined into one module it would be twice as long again.
const COVERAGE_FLAGS: &[&str] =
    &["--coverage-line", "--coverage-toggle", "--coverage-max-width", "1024", "-fno-inline"];

/// Such a model runs once.
const COVERAGE_LEVEL: &[&str] = &["-O1"];

/// Not inlined, a model has hundreds of files, and reading the headers takes longer than the rest of most of them; so
/// they are compiled together up to this size.
const BATCH_BYTES: u64 = 3 << 20;

/// `-fno-gnu-unique`, hidden symbols: libraries of different models live in one process and must not share.
const COMPILER_FLAGS: &[&str] = &[
    "-std=gnu++17",
    "-faligned-new",
    "-fcf-protection=none",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-gnu-unique",
    "-w",
    "-DVL_USER_FINISH",
    "-DVL_USER_STOP",
    "-DVL_USER_FATAL",
];

/// The shared library of `source`, from the cache or newly built.
pub(crate) fn library(source: &Source<'_>, extra: Extra, cache: &Path) -> Result<PathBuf, Error> {
    source.check()?;
    let versions = versions()?;
    let trace = extra == Extra::Trace;
    let mut flags = format!("{VERILATOR_FLAGS:?}{FAST:?}{SLOW:?}{COMPILER_FLAGS:?}{trace}");
    if extra == Extra::Coverage {
        let _ = write!(flags, "{COVERAGE_FLAGS:?}{COVERAGE_LEVEL:?}");
    }
    let shim = shim::text(source, extra);
    let key = cache::key(&[&versions, &flags, &shim, source.top, source.text]);
    let directory = cache::entry(cache, &key, |work| {
        let mut runtime = vec![runtime(&versions, &["verilated", "verilated_threads"], cache)?];
        match extra {
            Extra::None => {}
            Extra::Trace => runtime.push(self::runtime(&versions, &["verilated_fst_c"], cache)?),
            Extra::Coverage => runtime.push(self::runtime(&versions, &["verilated_cov"], cache)?),
        }
        build(source, extra, &shim, work, &runtime)
    })?;
    Ok(directory.join("model.so"))
}

/// Parts of Verilator's own run-time library, compiled once for all models.
fn runtime(versions: &str, names: &[&str], cache: &Path) -> Result<PathBuf, Error> {
    let key = cache::key(&[versions, &format!("{names:?}{FAST:?}{COMPILER_FLAGS:?}")]);
    cache::entry(cache, &format!("runtime-{key}"), |work| {
        let include = include_directory()?;
        let jobs = names.iter().map(|name| (include.join(format!("{name}.cpp")), FAST)).collect();
        objects(jobs, work, &include)
    })
}

fn build(
    source: &Source<'_>,
    extra: Extra,
    shim: &str,
    work: &Path,
    runtime: &[PathBuf],
) -> Result<(), Error> {
    let write = |name: &str, text: &str| {
        let path = work.join(name);
        fs::write(&path, text).map_err(Error::io(path))
    };
    write("dut.v", source.text)?;
    write("shim.cpp", shim)?;
    let mut command = Command::new(VERILATOR);
    command.current_dir(work).args(VERILATOR_FLAGS).args(["--top-module", source.top, "--Mdir", "obj"]);
    command.args(lint::waiver_arguments());
    match extra {
        Extra::None => {}
        Extra::Trace => _ = command.arg("--trace-fst"),
        Extra::Coverage => _ = command.args(COVERAGE_FLAGS),
    }
    let watched: Vec<_> = source.ports.iter().filter(|p| p.direction == Direction::Inside).collect();
    if !watched.is_empty() {
        let mut rules = "`verilator_config\n".to_owned();
        for port in watched {
            let signal = port.name.rsplit('.').next().unwrap_or_default();
            let _ = writeln!(rules, "public_flat_rd -module \"*\" -var \"{signal}\"");
        }
        write("watched.vlt", &rules)?;
        command.arg("watched.vlt");
    }
    let log = run(VERILATOR, command.arg("dut.v"))?;
    write("verilator.log", &log)?;

    let generated = work.join("obj");
    let fast = if extra == Extra::Coverage { COVERAGE_LEVEL } else { FAST };
    let mut jobs = vec![(work.join("shim.cpp"), fast)];
    for path in files(&generated, "cpp")? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let slow = name.ends_with("__Slow") || name.ends_with("__Syms");
        jobs.push((path, if slow { SLOW } else { fast }));
    }
    let include = include_directory()?;
    if extra == Extra::Coverage {
        jobs = batches(&jobs, &generated)?;
    }
    objects(jobs, &generated, &include)?;

    let mut link = Command::new(COMPILER);
    link.args(["-shared", "-Wl,-Bsymbolic", "-o"]).arg(work.join("model.so"));
    link.args(files(&generated, "o")?);
    for part in runtime {
        link.args(files(part, "o")?);
    }
    link.args(["-pthread", "-latomic"]);
    if extra == Extra::Trace {
        link.arg("-lz");
    }
    run(COMPILER, &mut link)?;
    fs::remove_dir_all(&generated).map_err(Error::io(&generated))
}

/// A file to compile, and how well.
type Job = (PathBuf, &'static [&'static str]);

/// The same with files of one level put together.
fn batches(jobs: &[Job], out: &Path) -> Result<Vec<Job>, Error> {
    let mut batches: Vec<Job> = Vec::new();
    for level in [SLOW, COVERAGE_LEVEL] {
        let (mut text, mut bytes) = (String::new(), 0);
        let files: Vec<_> = jobs.iter().filter(|(_, l)| *l == level).map(|(path, _)| path).collect();
        for (index, path) in files.iter().enumerate() {
            let _ = writeln!(text, "#include \"{}\"", path.display());
            bytes += fs::metadata(path).map_or(0, |m| m.len());
            if bytes >= BATCH_BYTES || index + 1 == files.len() {
                let batch = out.join(format!("batch_{}.cpp", batches.len()));
                fs::write(&batch, &text).map_err(Error::io(&batch))?;
                batches.push((batch, level));
                (text, bytes) = (String::new(), 0);
            }
        }
    }
    Ok(batches)
}

/// Compiles every file to an object in `out`, the largest first, on all processors.
fn objects(mut jobs: Vec<Job>, out: &Path, include: &Path) -> Result<(), Error> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |m| m.len());
    jobs.sort_by_key(|(path, level)| {
        let weight = if *level == SLOW { 1 } else { 10 };
        std::cmp::Reverse(weight * size(path))
    });
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let fail = |error| {
        next.store(usize::MAX / 2, Ordering::Relaxed); // the others stop after their current file
        failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads.min(jobs.len()) {
            scope.spawn(|| {
                while let Some((path, level)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let object = out.join(path.file_name().unwrap_or_default()).with_extension("o");
                    let mut command = Command::new(COMPILER);
                    command.args(COMPILER_FLAGS).args(*level).arg("-I").arg(out).arg("-I").arg(include);
                    command.arg("-I").arg(include.join("vltstd")).arg("-c").arg(path).arg("-o").arg(object);
                    if let Err(error) = run(COMPILER, &mut command) {
                        fail(error);
                    }
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn include_directory() -> Result<PathBuf, Error> {
    let root = run(VERILATOR, Command::new(VERILATOR).args(["--getenv", "VERILATOR_ROOT"]))?;
    Ok(Path::new(root.trim()).join("include"))
}

fn files(directory: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::io(directory))? {
        let path = entry.map_err(Error::io(directory))?.path();
        if path.extension().is_some_and(|e| e == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
