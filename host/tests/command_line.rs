//! The command `cbp` as a user sees it: results, errors in one line with the remedy, exit status.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn cbp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cbp")).args(arguments).output().unwrap()
}

/// Exit status 2, and one line on standard error that holds all `parts`.
fn refused(output: &Output, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

fn one_line(output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{output:?}");
}

/// A folder with the sample's files.
fn digits(folder: &Path) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-sample");
    for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
        let name = format!("{name}-ubyte.gz");
        fs::copy(sample.join(&name), folder.join(&name)).unwrap();
    }
}

#[test]
fn a_small_demo_is_equal_in_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let arguments = ["demo", "--preset", "tiny", "--set", "ternary", "--images", "20", "--float-epochs", "2"];
    let more = ["--cbp-epochs", "2", "--json", json.to_str().unwrap()];
    let output = cbp(&[&arguments[..], &more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["mismatches"], 0);
        assert_eq!(row["images"], 20);
        assert!(row["compared"].as_u64().unwrap() > 20 * 768);
        assert!(row["device_accuracy"].as_f64().unwrap() > 0.5, "{row}");
        for key in [
            "set",
            "ends",
            "float_accuracy",
            "accuracy",
            "cycles_per_image",
            "mac_utilization",
            "weight_bytes",
        ] {
            assert!(!row[key].is_null(), "{key}");
        }
    }
    assert!(String::from_utf8_lossy(&output.stdout).contains("ternary"));
}

#[test]
fn bad_data_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let demo = || cbp(&["demo", "--data", path, "--preset", "tiny", "--images", "1"]);
    refused(&demo(), &["train-images-idx3-ubyte"]);
    digits(folder.path());
    fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    refused(&demo(), &["t10k-labels-idx1-ubyte"]);
    one_line(&demo());
    digits(folder.path());
    let images = folder.path().join("train-images-idx3-ubyte.gz");
    let bytes = fs::read(&images).unwrap();
    fs::write(&images, &bytes[..bytes.len() / 2]).unwrap();
    refused(&demo(), &["train-images-idx3-ubyte"]);
    one_line(&demo());
    fs::write(&images, b"not an IDX file at all").unwrap();
    refused(&demo(), &["train-images-idx3-ubyte"]);
    one_line(&demo());
}

#[test]
fn bad_arguments_are_refused() {
    let output = cbp(&["demo", "--set", "quaternary"]);
    refused(&output, &["quaternary", "two-bit-shift", "--help"]);
    one_line(&output);
    refused(&cbp(&["demo", "--preset", "huge"]), &["huge", "tiny"]);
    refused(&cbp(&["demo", "--images", "0"]), &["--images 0"]);
    refused(&cbp(&["demo", "--images", "100000"]), &["100000", "2000"]);
    let device = |net: &str| cbp(&["bench", "device", "--predict", "--net", net]);
    refused(&device("fc:12"), &["fc:12", "1024x1024"]);
    refused(&device("resnet19"), &["resnet19", "resnet18", "conv:3x3"]);
    refused(&cbp(&["bench", "device", "--link", "gen9x4"]), &["gen9x4", "gen2x4"]);
    refused(&cbp(&["bench", "device", "--batch", "0"]), &["batch"]);
    refused(&cbp(&["bench", "device", "--config", "/nowhere/array.toml"]), &["/nowhere/array.toml"]);
}

#[test]
fn bad_arguments_of_coverage_are_refused_before_any_work() {
    let coverage = |arguments: &[&str]| cbp(&[&["hdl", "coverage"], arguments].concat());
    refused(&coverage(&["--set", "quaternary"]), &["quaternary", "two-bit-shift", "--help"]);
    refused(&coverage(&["--bar", "high"]), &["--bar", "high"]);
    refused(&coverage(&["--bar", "101"]), &["101", "--bar", "0 to 100"]);
    refused(&coverage(&["--programs", "-1"]), &["-1"]);
    let missing = coverage(&["--exclusions", "/nowhere/exclusions.toml"]);
    refused(&missing, &["cannot read /nowhere/exclusions.toml"]);
    one_line(&missing);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exclusions.toml");
    let with = |text: &str| {
        fs::write(&path, text).unwrap();
        coverage(&["--exclusions", path.to_str().unwrap()])
    };
    let bad = with("not a table");
    refused(&bad, &["exclusions.toml", "line 1"]);
    one_line(&bad);
    refused(&with("[[exclude]]\nmodule = \"a\"\nbit = [\"b\"]\nreason = \"c\""), &["exclusions.toml", "bit"]);
    refused(&with("[[exclude]]\nmodule = \"a\"\nreason = \"\""), &["exclusions.toml", "a has no reason"]);
}

#[test]
fn unwritable_outputs_are_refused_before_any_work() {
    let output = cbp(&["demo", "--json", "/nowhere/report.json"]);
    refused(&output, &["cannot write /nowhere/report.json"]);
    one_line(&output);
    refused(&cbp(&["isa", "doc", "--out", "/nowhere/isa.md"]), &["cannot write /nowhere/isa.md"]);
    refused(&cbp(&["hdl", "emit", "--preset", "tiny", "--out", "/proc/nothing"]), &["cannot"]);
}

#[test]
fn a_missing_verilator_is_named_with_the_remedy() {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cbp"))
        .args(["demo", "--preset", "tiny", "--images", "1"])
        .env("PATH", empty.path())
        .env("CBP_CACHE", empty.path())
        .output()
        .unwrap();
    refused(&output, &["verilator", "install"]);
    one_line(&output);
}

#[test]
fn verilog_is_emitted_one_file_per_module() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("rtl");
    let output = cbp(&["hdl", "emit", "--preset", "tiny", "--set", "binary", "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let list = fs::read_to_string(out.join("files.f")).unwrap();
    let top = list.lines().last().unwrap();
    assert!(top.ends_with("cbp_accelerator.v"), "{top}");
    assert!(fs::read_to_string(top).unwrap().contains("module cbp_accelerator ("));
}

#[test]
fn a_benchmark_of_the_device_is_equal_and_near_its_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let timeline = folder.path().join("timeline.json");
    let device = ["--net", "conv:3x3,5-7,12", "--preset", "tiny", "--latency", "40", "--json"];
    let output = cbp(&[&["run"], &device[..], &["--timeline", timeline.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{output:?}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["mismatches"], 0);
    assert_eq!(found["compared"], 7 * 12 * 12);
    assert_eq!(found["layers"].as_array().map(Vec::len), Some(1));
    let (cycles, predicted) = (&found["cycles"], &found["predicted_cycles"]);
    let (cycles, predicted) = (cycles.as_f64().unwrap(), predicted.as_f64().unwrap());
    assert!(cycles > 0.0 && predicted > 0.0);
    let utilization = found["mac_utilization"].as_f64().unwrap();
    let macs = f64::from(5 * 7 * 12 * 12 * 9);
    let lanes = found["lanes"].as_f64().unwrap();
    assert!((utilization - macs / lanes / cycles).abs() < 1e-9, "{utilization}");
    let trace: serde_json::Value = serde_json::from_slice(&fs::read(timeline).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    for engine in ["LOAD", "COMPUTE", "STORE"] {
        assert!(events.iter().any(|e| e["args"]["name"] == engine), "{engine}");
    }
}

#[test]
fn help_has_examples() {
    for command in [
        &["--help"][..],
        &["demo", "--help"],
        &["hdl", "emit", "--help"],
        &["hdl", "coverage", "--help"],
        &["bench", "device", "--help"],
        &["run", "--help"],
    ] {
        let output = cbp(command);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("cbp"), "{command:?}");
    }
}

/// A tree like the kernel's `/sys` with one unbound board in it.
fn fake_sysfs() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let board = tree.path().join("bus/pci/devices/0000:01:00.0");
    fs::create_dir_all(&board).unwrap();
    fs::create_dir_all(tree.path().join("bus/pci/drivers/uio_pci_generic")).unwrap();
    fs::write(tree.path().join("bus/pci/drivers_probe"), "").unwrap();
    for (name, text) in [
        ("vendor", "0x1209\n"),
        ("device", "0xcb00\n"),
        ("class", "0x120000\n"),
        ("resource", "0xfea00000 0xfea0ffff 0x40200\n"),
        ("current_link_speed", "2.5 GT/s PCIe\n"),
        ("current_link_width", "1\n"),
        ("max_link_speed", "5.0 GT/s PCIe\n"),
        ("max_link_width", "4\n"),
        ("driver_override", "(null)\n"),
        ("enable", "0\n"),
    ] {
        fs::write(board.join(name), text).unwrap();
    }
    let mut config = [0; 256];
    config[..4].copy_from_slice(&[0x09, 0x12, 0x00, 0xcb]);
    fs::write(board.join("config"), config).unwrap();
    fs::write(board.join("resource0"), vec![0; 0x1_0000]).unwrap();
    tree
}

#[test]
fn boards_are_listed_and_explained() {
    let tree = fake_sysfs();
    let sysfs = ["--sysfs", tree.path().to_str().unwrap()];
    let run = |arguments: &[&str]| {
        let output = cbp(&[arguments, &sysfs].concat());
        (String::from_utf8_lossy(&output.stdout).into_owned(), output)
    };
    let (text, _) = run(&["devices"]);
    assert!(text.contains("0000:01:00.0") && text.contains("degraded: could be 5.0 GT/s x4"), "{text}");
    let (text, _) = run(&["devices", "--json"]);
    let boards: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&boards[0]["board"], &boards[0]["link_degraded"]), (&"simulated board".into(), &true.into()));
    let (text, output) = run(&["device", "info", "01:00.0"]);
    assert!(output.status.success() && text.contains("not a CBP accelerator"), "{text}");
    let (text, output) = run(&["device", "bind", "0000:01:00.0", "--dry-run"]);
    assert!(output.status.success() && text.contains("echo 'uio_pci_generic' > "), "{text}");
    assert!(!text.contains("bound to"), "{text}");

    let refused = |arguments: &[&str], parts: &[&str]| {
        let (_, output) = run(arguments);
        refused(&output, parts);
        one_line(&output);
    };
    refused(&["device", "bind", "0000:01:00.0"], &["did not take", "put back"]);
    refused(&["device", "bind", "0000:01:00.0", "--driver", "vfio-pci"], &["modprobe vfio-pci"]);
    refused(&["device", "selftest", "0000:01:00.0"], &["not a CBP accelerator"]);
    refused(&["device", "reset", "0000:01:00.0", "--backend", "vfio"], &["IOMMU"]);
    refused(&["device", "reset", "0000:02:00.0"], &["no PCI device at 0000:02:00.0"]);
    refused(&["device", "info", "x"], &["0000:03:00.0"]);
    let enabled = fs::read_to_string(tree.path().join("bus/pci/devices/0000:01:00.0/enable")).unwrap();
    assert!(enabled.starts_with('0'));

    // A board that cannot be read hides no other.
    let sick = tree.path().join("bus/pci/devices/0000:00:01.0");
    fs::create_dir(&sick).unwrap();
    for (name, text) in [("vendor", "0x1209"), ("device", "0xcb00"), ("class", "nonsense")] {
        fs::write(sick.join(name), text).unwrap();
    }
    let (text, output) = run(&["devices"]);
    assert!(
        output.status.success() && text.contains("cannot be read") && text.contains("0000:01:00.0"),
        "{text}"
    );
    let (text, _) = run(&["devices", "--json"]);
    let boards: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(boards[0]["error"].as_str().unwrap().contains("class") && boards[1]["error"].is_null(), "{text}");

    let empty = tempfile::tempdir().unwrap();
    let output = cbp(&["devices", "--sysfs", empty.path().to_str().unwrap()]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("rescan"));
}
