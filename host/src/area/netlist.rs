//! Cells of a design by module, as `stat -json` of Yosys prints them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Cells of every module.
#[derive(Debug, Default)]
pub struct Netlist {
    modules: BTreeMap<String, BTreeMap<String, usize>>,
}

#[derive(Deserialize)]
struct Statistics {
    modules: BTreeMap<String, Module>,
}

#[derive(Deserialize)]
struct Module {
    num_cells_by_type: BTreeMap<String, usize>,
    // Some versions list instances of modules apart from cells.
    #[serde(default)]
    num_submodules_by_type: BTreeMap<String, usize>,
}

impl Netlist {
    /// Reads the output of `stat -json`.
    ///
    /// # Errors
    /// It is of another form.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        // The names of modules come with Verilog's backslash, those of cell types without.
        let plain = |name: String| name.strip_prefix('\\').map(str::to_owned).unwrap_or(name);
        let named = |cells: BTreeMap<String, usize>| cells.into_iter().map(move |(n, c)| (plain(n), c));
        let statistics: Statistics = serde_json::from_str(text)?;
        let modules = statistics.modules.into_iter().map(|(name, module)| {
            let mut cells: BTreeMap<_, _> = named(module.num_cells_by_type).collect();
            cells.extend(named(module.num_submodules_by_type));
            (plain(name), cells)
        });
        Ok(Self { modules: modules.collect() })
    }

    /// The cells of a module without those of modules below it.
    pub fn own_cells(&self, module: &str) -> impl Iterator<Item = (&str, usize)> {
        self.inside(module).filter(|(name, _)| !self.modules.contains_key(*name))
    }

    /// The cells of a module with everything below it.
    pub fn cells(&self, top: &str) -> impl Iterator<Item = (&str, usize)> {
        self.below(top).into_iter().filter(|(name, _)| !self.modules.contains_key(*name))
    }

    /// How often each cell, and each module, is there below `top`.
    #[must_use]
    pub fn below(&self, top: &str) -> BTreeMap<&str, usize> {
        let mut total = BTreeMap::new();
        for (name, count) in self.inside(top) {
            *total.entry(name).or_default() += count;
            for (inner, each) in self.below(name) {
                *total.entry(inner).or_default() += count * each;
            }
        }
        total
    }

    /// The modules at most so many levels below `top`, except `hole` and what is only in it.
    #[must_use]
    pub fn near(&self, top: &str, levels: usize, hole: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if levels > 0 {
            let children = self.inside(top).map(|(name, _)| name);
            for child in children.filter(|c| *c != hole && self.modules.contains_key(*c)) {
                found.insert(child.to_owned());
                found.append(&mut self.near(child, levels - 1, hole));
            }
        }
        found
    }

    /// Cells and modules right inside a module.
    fn inside(&self, module: &str) -> impl Iterator<Item = (&str, usize)> {
        self.modules.get(module).into_iter().flatten().map(|(name, count)| (name.as_str(), *count))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn instances_multiply() {
        let text = r#"{"creator": "Yosys", "modules": {
            "\\top": {"num_cells_by_type": {"pair": 3, "LUT2": 1}},
            "\\pair": {"num_cells_by_type": {"\\leaf": 2, "FDRE": 1}},
            "\\leaf": {"num_cells_by_type": {"LUT2": 5}}}}"#;
        let netlist = Netlist::read(text).unwrap();
        assert_eq!(netlist.cells("top").collect::<Vec<_>>(), [("FDRE", 3), ("LUT2", 31)]);
        assert_eq!(netlist.own_cells("top").collect::<Vec<_>>(), [("LUT2", 1)]);
        assert_eq!(netlist.below("top")["leaf"], 6);
        assert_eq!(netlist.near("top", 1, "").into_iter().collect::<Vec<_>>(), ["pair"]);
        assert!(netlist.near("top", 9, "pair").is_empty());
        assert!(Netlist::read("{}").is_err());
    }
}
