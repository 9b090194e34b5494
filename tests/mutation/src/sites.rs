//! Where mutants are made: modules of the accelerator, in groups.

use anyhow::{Context, Result};
use cbp_hdl::{Design, TOP};
use cbp_host::cases;
use cbp_isa::WeightSet;
use cbp_numerics::random::Random;

use crate::mutate::mutants;

/// A group of modules.
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// Its modules, all variants of each.
    pub modules: &'static [&'static str],
    /// Arrays that the mutants are made of.
    pub sets: &'static [WeightSet],
}

/// All groups.
pub const GROUPS: &[Group] = &[
    Group {
        name: "array",
        modules: &["chain", "head", "member", "adder", "tree", "node", "accumulator", "column"],
        sets: &[WeightSet::TwoBitShift, WeightSet::Ternary, WeightSet::Binary],
    },
    Group { name: "requantiser", modules: &["lane", "shift"], sets: &[WeightSet::Binary] },
    Group {
        name: "rings",
        modules: &["jobs", "fetch", "completion", "load_queue", "queue", "load_to_compute"],
        sets: &[WeightSet::Binary],
    },
];

/// One mutant.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Its group.
    pub group: &'static str,
    /// The array it is made of.
    pub set: WeightSet,
    /// The module.
    pub module: String,
    /// Line of the module, from 0.
    pub line: usize,
    /// What was done.
    pub what: &'static str,
    /// The line as it was.
    pub before: String,
    /// The line as it is.
    pub after: String,
}

/// The Verilog of an array.
///
/// # Errors
/// There is none.
pub fn design(set: WeightSet) -> Result<Design> {
    Ok(cbp_hdl::verilog(&cases::tiny(set).map_err(anyhow::Error::msg)?)?)
}

/// The design's text with one line changed.
///
/// # Errors
/// There is no such line.
pub fn mutated(design: &Design, module: &str, line: usize, after: &str) -> Result<String> {
    let mut design = design.clone();
    let module = design.modules.iter_mut().find(|m| m.name == module).context("no such module")?;
    let mut lines: Vec<&str> = module.text.lines().collect();
    *lines.get_mut(line).context("no such line")? = after;
    module.text = lines.join("\n") + "\n";
    Ok(design.text())
}

/// Whether a module is one of these, whatever its variant.
fn is_of(name: &str, modules: &[&str]) -> bool {
    let short = name.strip_prefix(TOP).unwrap_or(name).trim_start_matches('_');
    let base = match short.rsplit_once('_') {
        Some((base, number)) if number.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => short,
    };
    modules.contains(&base)
}

/// `count` mutants, as many of every group; within a group each module's turn comes round, and the seed chooses.
///
/// # Errors
/// An array has no Verilog.
pub fn choose(count: usize, seed: u64) -> Result<Vec<Mutant>> {
    let mut random = Random(seed);
    let mut chosen = Vec::new();
    for (index, group) in GROUPS.iter().enumerate() {
        let mut modules: Vec<Vec<Mutant>> = Vec::new();
        for &set in group.sets {
            for module in design(set)?.modules.iter().filter(|m| is_of(&m.name, group.modules)) {
                let lines = module.text.lines().enumerate();
                let all = lines.flat_map(|(line, before)| {
                    mutants(before).into_iter().map(move |change| Mutant {
                        group: group.name,
                        set,
                        module: module.name.clone(),
                        line,
                        what: change.what,
                        before: before.to_owned(),
                        after: change.line,
                    })
                });
                modules.push(all.collect());
            }
        }
        let wanted = (count + index) / GROUPS.len();
        let before = chosen.len();
        while chosen.len() < before + wanted && modules.iter().any(|m| !m.is_empty()) {
            for module in modules.iter_mut().filter(|m| !m.is_empty()) {
                if chosen.len() < before + wanted {
                    chosen.push(module.swap_remove(random.below(module.len())));
                }
            }
        }
    }
    Ok(chosen)
}
