//! The Verilog of every preset and weight set: emitted, linted, and free of multiplications in the array.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use cbp_hdl::{Design, TOP, verilog};
use cbp_isa::{PRESETS, Preset, WeightSet};
use verilator_sys::lint;

/// Every preset that `takes` accepts, with every weight set.
fn designs(takes: impl Fn(&Preset) -> bool) -> impl Iterator<Item = (String, Design)> {
    PRESETS.iter().filter(move |p| takes(p)).flat_map(|preset| {
        WeightSet::ALL.map(|set| (format!("{}, {set}", preset.name), verilog(&preset.config(set)).unwrap()))
    })
}

/// `verilator --lint-only -Wall` has nothing to say but what is waived in `verilator_sys::WAIVERS`.
fn clean(name: &str, design: &Design) {
    let warnings = lint(&design.text(), TOP).unwrap();
    assert!(warnings.is_empty(), "{name}: {} warnings\n{}", warnings.len(), warnings[0]);
}

#[test]
fn lint_of_the_tiny_preset() {
    for (name, design) in designs(|p| p.name == "tiny") {
        clean(&name, &design);
    }
}

/// The board presets differ in nothing but numbers, so one weight set stands for the others.
#[test]
fn lint_of_the_other_presets() {
    for preset in PRESETS.iter().filter(|p| p.name != "tiny") {
        clean(preset.name, &verilog(&preset.config(WeightSet::TwoBitShift)).unwrap());
    }
}

/// The modules that a module instantiates: lines `name instance (`.
fn children(text: &str, names: &BTreeSet<&str>) -> Vec<String> {
    let instance =
        |line: &str| line.strip_suffix(" (")?.trim_start().split_once(' ').map(|(m, _)| m.to_owned());
    text.lines().skip(1).filter_map(instance).filter(|m| names.contains(m.as_str())).collect()
}

/// In all presets and sets the `*` operator stands in the post-processing lane only, and nowhere in the array.
#[test]
fn no_multiplication_in_the_array() {
    for (name, design) in designs(|_| true) {
        let texts: BTreeMap<&str, &str> =
            design.modules.iter().map(|m| (m.name.as_str(), m.text.as_str())).collect();
        let names: BTreeSet<&str> = texts.keys().copied().collect();
        assert_eq!(names.len(), design.modules.len(), "{name}: two modules of one name");
        let multiplies =
            |text: &str| text.replace("always @*", "").replace("(* ", "").replace(" *)", "").contains('*');
        let with: Vec<&str> = names.iter().copied().filter(|m| multiplies(texts[m])).collect();
        let [ppu_lane] = with[..] else { panic!("{name}: {with:?} multiply") };
        assert!(texts[ppu_lane].contains(" record"), "{name}: {ppu_lane} is not the post-processing lane");
        // Everything below the array.
        let mut below: BTreeSet<String> = BTreeSet::new();
        let mut open: Vec<String> = names
            .iter()
            .filter(|m| m.starts_with("cbp_accelerator_array"))
            .map(|m| (*m).to_owned())
            .collect();
        assert_eq!(open.len(), 1, "{name}: there is one array");
        while let Some(module) = open.pop() {
            open.extend(children(texts[module.as_str()], &names));
            below.insert(module);
        }
        for kind in ["column", "chain", "member", "tree", "adder"] {
            assert!(below.iter().any(|m| m.contains(kind)), "{name}: {below:?}");
        }
        assert!(below.iter().all(|m| !multiplies(texts[m.as_str()])), "{name}: {below:?}");
    }
}
