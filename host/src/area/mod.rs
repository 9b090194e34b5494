//! Area: what the accelerator costs in an FPGA, by Yosys.
//!
//! - [`script`]: what Yosys does
//! - [`netlist`]: the cells it counted
//! - [`cells`]: what one cell costs
//! - [`report`]: the figures, and the checks that they pass
//!
//! The array is everything inside the module `Array`: the columns and what they share. A column is complete: lanes,
//! adder tree, accumulator with digit shift, drain register.

pub mod cells;
pub mod netlist;
pub mod report;
pub mod script;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use cbp_hdl::{Design, TOP, VerilogError};
use cbp_isa::Config;
use cbp_yosys::{RunError, Yosys};
use tempfile::TempDir;

pub use cells::{Family, Resources, UnknownCell};
pub use report::{Area, Around, Array, Module};

use netlist::Netlist;

/// The module of the array.
const ARRAY: &str = "array";
/// The module of a column.
const COLUMN: &str = "column";
/// The module of post-processing.
const POST: &str = "post";

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Verilog.
    #[error(transparent)]
    Verilog(#[from] VerilogError),
    /// Yosys did not do its work.
    #[error(transparent)]
    Yosys(#[from] RunError),
    /// A file could not be written or read.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Yosys' counts have another form than expected.
    #[error("cannot read the counts of this Yosys, 0.70 is known to work: {0}")]
    Counts(#[from] serde_json::Error),
    /// The design does not have a module as often as it should.
    #[error("the module {module} is there {found} times; {expected} were expected")]
    Module {
        /// Its name.
        module: String,
        /// How often it was found.
        found: usize,
        /// How often it should be there.
        expected: usize,
    },
    /// A cell whose cost is not known.
    #[error(transparent)]
    Cell(#[from] UnknownCell),
}

/// The area of the accelerator of a configuration; with `levels`, also what is around the array module by module, so
/// many levels below the top, each mapped by itself, which costs somewhat more than all together.
///
/// # Errors
/// The configuration cannot be built, or Yosys fails.
pub fn measure(config: &Config, family: Family, yosys: &Yosys, levels: Option<usize>) -> Result<Area, Error> {
    let bench = Bench::new(&cbp_hdl::verilog(config)?, config, family, yosys)?;
    let array = bench.array()?;
    let around = bench.around(&array)?;
    Ok(Area {
        yosys: yosys.version().to_owned(),
        family,
        set: config.weight_set.name(),
        lanes: config.lanes,
        columns: config.columns,
        core: array.total + around.total,
        array,
        around_the_array: around,
        modules: levels.map_or(Ok(Vec::new()), |levels| bench.modules(levels))?,
    })
}

/// A design and the means to measure it.
pub struct Bench<'a> {
    config: &'a Config,
    family: Family,
    yosys: &'a Yosys,
    folder: TempDir,
    written: Netlist,
}

impl<'a> Bench<'a> {
    /// Reads a design, the accelerator of `config`.
    ///
    /// # Errors
    /// It lacks the array, or Yosys fails.
    pub fn new(design: &Design, config: &'a Config, family: Family, yosys: &'a Yosys) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(io_error(&env::temp_dir()))?;
        let path = folder.path().join(script::DESIGN);
        fs::write(&path, design.text()).map_err(io_error(&path))?;
        let mut bench = Self { config, family, yosys, folder, written: Netlist::default() };
        bench.written = bench.run(&script::written(TOP))?;
        for (module, expected) in [(ARRAY, 1), (POST, 1), (COLUMN, config.columns)] {
            expect(&bench.written, TOP, &name(module), expected)?;
        }
        Ok(bench)
    }

    /// Cells of the array that multiply or divide, before anything is mapped.
    #[must_use]
    pub fn multipliers(&self) -> usize {
        report::multipliers(&self.written, &name(ARRAY))
    }

    /// Maps the array.
    ///
    /// # Errors
    /// Yosys fails, or the array has cells of unknown cost.
    pub fn array(&self) -> Result<Array, Error> {
        let (array, column) = (name(ARRAY), name(COLUMN));
        let netlist = self.run(&script::array(self.family, &array, &column))?;
        // Otherwise something was left out of the sum, or counted twice.
        expect(&netlist, &array, &column, self.config.columns)?;
        let total = cells::cost(self.family, netlist.cells(&array))?;
        let macs = (self.config.lanes * self.config.columns) as f64;
        Ok(Array {
            lut_per_mac: total.lut as f64 / macs,
            ff_per_mac: total.ff as f64 / macs,
            multipliers: self.multipliers().max(total.dsp),
            total,
            column: cells::cost(self.family, netlist.cells(&column))?,
            shared: cells::cost(self.family, netlist.own_cells(&array))?,
        })
    }

    /// Maps what is around the array, all together.
    ///
    /// # Errors
    /// Yosys fails, or there are cells of unknown cost.
    pub fn around(&self, array: &Array) -> Result<Around, Error> {
        let hole = name(ARRAY);
        let netlist = self.run(&script::around(self.family, TOP, &hole, &[]))?;
        expect(&netlist, TOP, &hole, 1)?;
        let total = cells::cost(self.family, netlist.cells(TOP).filter(|(cell, _)| *cell != hole))?;
        let multipliers = |module| report::multipliers(&self.written, module);
        Ok(Around {
            share: total.lut as f64 / array.total.lut as f64,
            stray_multipliers: multipliers(TOP).saturating_sub(multipliers(&hole) + multipliers(&name(POST))),
            total,
        })
    }

    /// Maps what is around the array module by module, those with most look-up tables first; modules more than
    /// `levels` below the top are part of those they are in.
    ///
    /// # Errors
    /// Yosys fails, or there are cells of unknown cost.
    pub fn modules(&self, levels: usize) -> Result<Vec<Module>, Error> {
        let hole = name(ARRAY);
        let kept: Vec<String> = self.written.near(TOP, levels, &hole).into_iter().collect();
        let netlist = self.run(&script::around(self.family, TOP, &hole, &kept))?;
        let below = netlist.below(TOP);
        let mut modules = Vec::new();
        for name in kept {
            let instances = below.get(name.as_str()).copied().unwrap_or(0);
            let own = netlist.own_cells(&name).filter(|(cell, _)| *cell != hole);
            let total = cells::cost(self.family, own)? * instances;
            modules.push(Module { name, instances, total });
        }
        modules.retain(|m| m.total != Resources::default());
        modules.sort_by_key(|m| std::cmp::Reverse(m.total.lut));
        Ok(modules)
    }

    fn run(&self, script: &str) -> Result<Netlist, Error> {
        self.yosys.run(script, self.folder.path())?;
        let path = self.folder.path().join(script::COUNTS);
        Ok(Netlist::read(&fs::read_to_string(&path).map_err(io_error(&path))?)?)
    }
}

/// The name of a module in the Verilog.
fn name(module: &str) -> String {
    format!("{TOP}_{module}")
}

fn expect(netlist: &Netlist, top: &str, module: &str, expected: usize) -> Result<(), Error> {
    let found = netlist.below(top).get(module).copied().unwrap_or(0);
    if found == expected {
        return Ok(());
    }
    Err(Error::Module { module: module.to_owned(), found, expected })
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}
