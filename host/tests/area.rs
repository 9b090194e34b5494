//! The area of the array, mapped by Yosys, and that a multiplier in it is found.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use cbp_hdl::Design;
use cbp_host::area::{Bench, Family};
use cbp_isa::{Config, Preset, WeightSet};
use cbp_yosys::{Way, Yosys};

fn config(preset: &str, set: WeightSet) -> Config {
    Preset::named(preset).unwrap().config(set)
}

/// The array of preset `small` stays below so many look-up tables per MAC.
fn at_most(set: WeightSet, bar: f64) {
    let (config, yosys) = (config("small", set), Yosys::find().unwrap());
    let design = cbp_hdl::verilog(&config).unwrap();
    let array = Bench::new(&design, &config, Family::Xc7, &yosys).unwrap().array().unwrap();
    println!("{set}: {:.2} LUT, {:.2} FF per MAC", array.lut_per_mac, array.ff_per_mac);
    assert!(array.lut_per_mac <= bar, "{set}: {:.2} LUT per MAC, {bar} allowed", array.lut_per_mac);
    assert_eq!(array.multipliers, 0);
    // Whatever is in the array is in a column or shared.
    assert_eq!(array.column * config.columns + array.shared, array.total);
    // No accumulator of 32 bits with its drain register has less.
    assert!(array.column.ff >= 64 && array.column.lut >= 32, "{:?}", array.column);
}

#[test]
fn binary() {
    at_most(WeightSet::Binary, 11.0);
}

#[test]
fn ternary() {
    at_most(WeightSet::Ternary, 11.8);
}

#[test]
fn one_bit_shift() {
    at_most(WeightSet::OneBitShift, 16.0);
}

#[test]
fn two_bit_shift() {
    at_most(WeightSet::TwoBitShift, 22.5);
}

#[test]
fn a_multiplier_in_the_array_is_found() {
    let yosys = Yosys::find().unwrap();
    let config = config("tiny", WeightSet::Ternary);
    let multipliers =
        |design: &Design| Bench::new(design, &config, Family::Xc7, &yosys).unwrap().multipliers();
    let mut design = cbp_hdl::verilog(&config).unwrap();
    assert_eq!(multipliers(&design), 0);
    // An adder of the columns multiplies.
    let adder = design.modules.iter_mut().find(|m| m.name == "cbp_accelerator_adder").unwrap();
    let text = adder.text.replacen("} - {", "} * {", 1);
    assert_ne!(text, adder.text);
    adder.text = text;
    let found = multipliers(&design);
    assert!(found >= config.columns && found.is_multiple_of(config.columns), "{found}");
}

/// A design of the accelerator's outline: the columns compute `column`, post-processing multiplies, and so does,
/// perhaps, something else.
fn outline(column: &str, elsewhere: &str) -> String {
    let ports = "input clock, input [7:0] a, input [7:0] b, output reg [15:0] y";
    let module = |name: &str, value: &str| {
        format!("module cbp_accelerator_{name}({ports}); always @(posedge clock) y <= {value}; endmodule\n")
    };
    let instance = |module: &str, i: usize| {
        format!(" cbp_accelerator_{module} {module}_{i}(clock, a + {i}, b, y[{} +: 16]);\n", 16 * i)
    };
    let columns: String = (0..8).map(|i| instance("column", i)).collect();
    format!(
        "{}{}{}module cbp_accelerator_array(input clock, input [7:0] a, input [7:0] b, output [127:0] y);\n{columns}\
         endmodule\n\
         module cbp_accelerator(input clock, input [7:0] a, input [7:0] b, output [159:0] y);\n\
         cbp_accelerator_array array(clock, a, b, y[127:0]);\n{}{}endmodule\n",
        module("column", column),
        module("post", "a * b"),
        module("elsewhere", elsewhere),
        instance("post", 8),
        instance("elsewhere", 9),
    )
}

/// `cbp hdl area`, with a Python that has another design synthesised.
fn command(design: &str, family: &str) -> (Option<i32>, serde_json::Value, String) {
    let Way::Python(python) = Yosys::find().unwrap().way().clone() else { panic!("no pyosys; run ./test") };
    let folder = tempfile::tempdir().unwrap();
    let (file, wrapper) = (folder.path().join("other.v"), folder.path().join("python"));
    fs::write(&file, design).unwrap();
    let text = format!(
        "#!/bin/sh\nif [ -e design.v ]; then cp {} design.v; fi\nexec {} \"$@\"\n",
        file.display(),
        python.display()
    );
    fs::write(&wrapper, text).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cbp"))
        .args(["hdl", "area", "--preset", "tiny", "--set", "binary", "--family", family, "--json"])
        .env("CBP_PYTHON", &wrapper)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), errors)
}

#[test]
fn the_command_reports_and_succeeds() {
    let (status, report, errors) = command(&outline("a + b", "a - b"), "xc7");
    assert_eq!(status, Some(0), "{errors}");
    assert!(report["yosys"].as_str().unwrap().starts_with("Yosys "));
    assert!(errors.contains(report["yosys"].as_str().unwrap()), "which Yosys is not said: {errors}");
    assert_eq!((&report["preset"], &report["set"]), (&"tiny".into(), &"binary".into()));
    assert_eq!((&report["family"], &report["lanes"]), (&"xc7".into(), &8.into()));
    let array = &report["array"];
    assert_eq!(array["multipliers"], 0);
    // 8 columns of 9 bits, 64 MACs by the configuration.
    assert_eq!(array["ff_per_mac"], 9.0 / 8.0);
    let luts = array["lut"].as_f64().unwrap();
    assert!((array["lut_per_mac"].as_f64().unwrap() - luts / 64.0).abs() < 1e-9);
    let (core, around) = (&report["core"], &report["around_the_array"]);
    assert_eq!((&core["dsp"], &core["bram"]), (&1.into(), &0.0.into()));
    assert_eq!(
        core["lut"].as_u64().unwrap(),
        array["lut"].as_u64().unwrap() + around["lut"].as_u64().unwrap()
    );
    assert!(core["ff"].as_u64().unwrap() > 8 * 9);
}

#[test]
fn the_command_fails_for_a_multiplier_where_none_may_be() {
    let (status, report, errors) = command(&outline("a * b", "a * b"), "ecp5");
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains("the array has multipliers: 8"), "{errors}");
    assert_eq!(report["array"]["multipliers"], 8);
    assert!(errors.contains("outside post-processing: 1"), "{errors}");
    assert_eq!(report["around_the_array"]["stray_multipliers"], 1);
}

#[test]
fn a_design_of_another_shape_is_refused() {
    let design = outline("a + b", "a - b").replacen("cbp_accelerator_column column_7", "// ", 1);
    let (status, _, errors) = command(&design, "xc7");
    assert_eq!(status, Some(2), "{errors}");
    assert!(errors.contains("cbp_accelerator_column is there 7 times; 8 were expected"), "{errors}");
}
