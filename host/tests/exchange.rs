//! `cbp import`, `export` and `ablation` as a user sees them, and the options about data sets.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::{refused, refused_without_space, succeeds, table};

fn accuracy(arguments: &[&str]) -> f64 {
    let text = succeeds(&[&["eval", "--json"], arguments].concat());
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["accuracy"].as_f64().unwrap()
}

#[test]
fn preprocessing_goes_with_the_network_to_other_programs_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let table = table(&folder.path().join("table.csv"), 300, 0.0);
    let data = ["--data", &table, "--hold-out", "100"];
    let run = path("run");
    succeeds(
        &[&["train", "--model", "mlp", "--epochs", "3", "--batch", "20", "--out", &run], &data[..]].concat(),
    );
    let expected = accuracy(&[&run, "--data", &table]);
    assert!(expected > 0.95, "{expected}");

    let (onnx, weights) = (path("a.onnx"), path("a.safetensors"));
    for file in [&onnx, &weights] {
        succeeds(&["export", &run, "--to", file]);
        // A full disk leaves what is there.
        let whole = fs::read(file).unwrap();
        refused_without_space(&["export", &run, "--to", file], &[file.as_str(), "free space"]);
        assert!(fs::read(file).unwrap() == whole, "a failed export damaged {file}");
    }
    refused(&["export", &run, "--to", &weights, "--qonnx"], &["--qonnx", ".onnx"]);
    assert!((accuracy(&[&[onnx.as_str()], &data[..]].concat()) - expected).abs() < 1e-9);
    let form = ["--model", "mlp", "--input", "1x1x2", "--classes", "2"];
    assert!((accuracy(&[&[weights.as_str()], &form[..], &data].concat()) - expected).abs() < 1e-9);
    refused(&[&["eval", &weights], &data[..]].concat(), &["without a network"]);
    refused(&[&["eval", &onnx, "--model", "mlp"], &data[..]].concat(), &["network of its own"]);

    for (file, more) in [(&onnx, &[][..]), (&weights, &form[..])] {
        let imported = format!("{file}.imported");
        let text = succeeds(&[&["import", file, "--out", &imported], more].concat());
        assert!(!text.contains("does not say"), "{text}");
        let found = accuracy(&[&[imported.as_str()], &data[..]].concat());
        assert!((found - expected).abs() < 1e-9, "{found} in place of {expected}");
    }
    // What is stated comes before what the file says.
    let plain = path("plain");
    succeeds(&["import", &onnx, "--preprocess", "plain", "--out", &plain]);
    assert!(accuracy(&[&[plain.as_str()], &data[..]].concat()) < expected - 0.2);
    let line = refused(&["import", &table], &["table.csv"]);
    assert_eq!(line.matches("table.csv").count(), 1, "{line}");
    assert_eq!(line.matches("ONNX file").count(), 1, "{line}");
}

#[test]
fn a_file_of_another_program_without_preprocessing_takes_that_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let table = table(&folder.path().join("table.csv"), 300, 0.0);
    let data = ["--data", &table, "--hold-out", "100"];
    let (run, file, imported) = (path("run"), path("a.safetensors"), path("imported"));
    succeeds(
        &[&["train", "--model", "mlp", "--epochs", "3", "--batch", "20", "--out", &run], &data[..]].concat(),
    );
    let expected = accuracy(&[&run, "--data", &table]);
    succeeds(&["export", &run, "--to", &file]);
    // As another program would write it: under a key of its own.
    let bytes = fs::read(&file).unwrap();
    let at = bytes.windows(14).position(|window| window == b"cbp-preprocess").unwrap();
    let mut other = bytes;
    other[at..at + 3].copy_from_slice(b"xyz");
    fs::write(&file, other).unwrap();
    let form = ["--model", "mlp", "--input", "1x1x2", "--classes", "2"];
    let text = succeeds(&[&["import", &file, "--out", &imported], &form[..]].concat());
    assert!(text.contains("--preprocess"), "{text}");
    let found = accuracy(&[&[imported.as_str()], &data[..]].concat());
    assert!((found - expected).abs() < 1e-9, "{found} in place of {expected}");
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-sample");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").to_str().unwrap().to_owned();
    let train = |more: &[&str], parts: &[&str]| {
        let usual = ["train", "--model", "mlp", "--out", &out, "--data", data.to_str().unwrap()];
        refused(&[&usual[..], more].concat(), parts);
    };
    for option in
        ["--patience=3", "--multiplier-rate=1", "--no-multipliers", "--no-window", "--no-straight-through"]
    {
        train(&[option], &["--set"]);
    }
    for option in ["--scale=lsq", "--ends=int8", "--activations=4"] {
        train(&[option], &["add --set"]);
    }
    train(&["--step-epochs", "3"], &["--schedule step"]);
    train(&["--input", "1x1x4"], &["--from"]);
    train(&["--batch", "0"], &["a batch of 0", "choose a batch"]);
    assert!(!Path::new(&out).join("checkpoint.safetensors").exists());
}

#[test]
fn help_of_training_commands_has_examples() {
    for command in ["train", "quantize", "eval", "import", "export", "ablation"] {
        let text = succeeds(&[command, "--help"]);
        assert!(text.contains("Example") && text.contains(&format!("cbp {command} ")), "{command}");
    }
}

#[test]
fn an_ablation_has_a_row_per_set_and_mode() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-sample");
    let short = ["--seeds", "1", "--float-epochs", "0", "--epochs", "0", "--modes", "cbp,ste-only", "--json"];
    let sets = ["--sets", "binary,ternary", "--data", data.to_str().unwrap()];
    let table: serde_json::Value =
        serde_json::from_str(&succeeds(&[&["ablation"], &short[..], &sets].concat())).unwrap();
    let rows = table["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| (row["set"].as_str(), row["mode"].as_str())).collect();
    assert_eq!(
        names,
        [
            (Some("binary"), Some("cbp")),
            (Some("binary"), Some("ste-only")),
            (Some("ternary"), Some("cbp")),
            (Some("ternary"), Some("ste-only"))
        ]
    );
    let sets = ["--model", "mlp", "--data", data.to_str().unwrap()];
    refused(&[&["ablation"], &short[..], &sets].concat(), &["--model", "--from"]);
}

#[test]
fn an_ablation_can_start_from_a_trained_network() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run").to_str().unwrap().to_owned();
    let data = ["--data", concat!(env!("CARGO_MANIFEST_DIR"), "/../data/mnist-sample")];
    succeeds(&[&["train", "--model", "mlp", "--epochs", "1", "--out", &run], &data[..]].concat());
    let short = ["--seeds", "2", "--epochs", "0", "--modes", "cbp", "--sets", "binary", "--json"];
    let text = succeeds(&[&["ablation", "--from", &run], &short[..], &data].concat());
    let table: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((table["network"].as_str(), table["float_epochs"].as_u64()), (Some("mlp"), None));
    // Nothing was trained, so all seeds are the network of the run.
    let expected = accuracy(&[&[run.as_str()], &data[..]].concat());
    assert!((table["float_accuracy"].as_f64().unwrap() - expected).abs() < 1e-9, "{table}");
    let accuracies = table["rows"][0]["accuracies"].as_array().unwrap();
    assert!(accuracies.len() == 2 && accuracies[0] == accuracies[1], "{table}");
}
