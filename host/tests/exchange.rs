//! `cbp import`, `export` and `ablation` as a user sees them, and the options about data sets.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn cbp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cbp")).args(arguments).output().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = cbp(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit status 2, and a standard error that holds all `parts`.
fn refused(arguments: &[&str], parts: &[&str]) -> String {
    let output = cbp(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    text
}

fn accuracy(arguments: &[&str]) -> f64 {
    let text = succeeds(&[&["eval", "--json"], arguments].concat());
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["accuracy"].as_f64().unwrap()
}

/// A table of two classes that one number tells apart, far from 0: useless without its standardisation.
fn table(path: &Path, rows: usize, shift: f32) -> String {
    let row = |index: usize| {
        let class = index % 2;
        format!("{class},{},{}\n", 500.0 + shift + class as f32 + 0.001 * index as f32, index % 7)
    };
    fs::write(path, "label,a,b\n".to_owned() + &(0..rows).map(row).collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
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
    succeeds(&["export", &run, "--to", &onnx]);
    succeeds(&["export", &run, "--to", &weights]);
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
fn a_run_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let own = table(&folder.path().join("own.csv"), 300, 0.0);
    let other = table(&folder.path().join("other.csv"), 300, 1.0);
    let run = path("run");
    let train = ["train", "--model", "mlp", "--epochs", "1", "--batch", "20", "--out", &run];
    succeeds(&[&train[..], &["--data", &own, "--hold-out", "100", "--hold-out-seed", "3"]].concat());
    let resume = |more: &[&str]| [&["train", "--resume", &run], more].concat().join("\n");
    let refuses = |more: &[&str], parts: &[&str]| {
        let text = resume(more);
        refused(&text.split('\n').collect::<Vec<_>>(), parts);
    };
    refuses(&["--data", &other], &["other data", "images"]);
    refuses(
        &["--data", &own, "--hold-out-seed", "4"],
        &["seed 4, not 100 test images set aside with seed 3"],
    );
    refuses(&["--data", &own, "--preprocess", "plain"], &["preprocessed in another way"]);
    for option in ["--rate=0.3", "--batch=8", "--seed=2", "--scale=lsq", "--momentum=0.5", "--set=binary"] {
        refuses(&["--data", &own, option], &[option.split('=').next().unwrap(), "--resume"]);
    }
    refuses(&["--data", &own, "--epochs", "0"], &["0 epochs are fewer than the 1"]);
    let text = succeeds(&["train", "--resume", &run, "--data", &own, "--epochs", "2"]);
    assert!(text.contains("epoch   2:"), "{text}");

    // A checkpoint that was cut short is said to be one.
    let checkpoint = Path::new(&run).join("checkpoint.safetensors");
    let bytes = fs::read(&checkpoint).unwrap();
    let cut = path("cut.safetensors");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    refused(&["eval", &cut, "--data", &own], &["cut.safetensors", "checkpoint is damaged"]);
}

#[test]
fn classes_of_other_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str, classes: [&str; 2]| {
        let path = folder.path().join(name);
        let rows = (0..100).map(|index| format!("{},{index},{}\n", index % 2, classes[index % 2]));
        fs::write(&path, rows.collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (own, other) = (named("own.csv", ["cat", "dog"]), named("other.csv", ["cat", "cow"]));
    let run = folder.path().join("run").to_str().unwrap().to_owned();
    let train = ["train", "--model", "mlp", "--epochs", "1", "--batch", "20", "--out", &run];
    succeeds(&[&train[..], &["--data", &own, "--hold-out", "20"]].concat());
    accuracy(&[&run, "--data", &own]);
    refused(&["eval", &run, "--data", &other], &["class 1 is \"cow\"", "\"dog\""]);
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
