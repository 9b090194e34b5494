//! `cbp train`, `quantize` and `eval` as a user sees them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::refused_without_space;

/// The digits of the repository.
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/mnist-sample");

/// Arguments with the digits.
fn with_digits<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--data", DIGITS]].concat()
}

/// A command that goes on while the test does something else.
fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cbp"));
    command.args(with_digits(arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    common::succeeds(&with_digits(arguments))
}

/// Refused, in one line.
fn refused(arguments: &[&str], parts: &[&str]) {
    let text = common::refused(&with_digits(arguments), parts);
    assert_eq!(text.lines().count(), 1, "{text}");
}

fn accuracy(network: &str) -> f64 {
    let text = succeeds(&["eval", network, "--json"]);
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["accuracy"].as_f64().unwrap()
}

#[test]
fn float_rounded_constrained_and_resumed_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (float, rounded, whole, killed) = (path("float"), path("rounded"), path("whole"), path("killed"));
    succeeds(&["train", "--model", "mlp", "--epochs", "3", "--out", &float]);
    let float_accuracy = accuracy(&float);
    assert!(float_accuracy > 0.9, "{float_accuracy}");

    succeeds(&["quantize", &float, "--set", "two-bit-shift", "--out", &rounded]);
    let rounded_accuracy = accuracy(&rounded);
    assert!(rounded_accuracy > float_accuracy - 0.05, "{rounded_accuracy} after rounding {float_accuracy}");

    let constrain = ["train", "--from", &float, "--set", "binary", "--epochs", "4", "--out"];
    succeeds(&[&constrain[..], &[&whole]].concat());
    // Killed somewhere in the third epoch, with checkpoints within epochs too.
    let mut child = spawn(&[&constrain[..], &[&killed, "--save-every", "0"]].concat());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.starts_with("epoch   2:")));
    child.kill().unwrap();
    child.wait().unwrap();
    let read = |run: &str, file: &str| fs::read(Path::new(run).join(file)).unwrap();
    let last = read(&killed, "checkpoint.safetensors");
    let resume = with_digits(&["train", "--resume", &killed, "--save-every", "0"]);
    refused_without_space(&resume, &["checkpoint.safetensors: ", "free space"]);
    assert!(read(&killed, "checkpoint.safetensors") == last, "a failed write damaged the checkpoint");
    succeeds(&["train", "--resume", &killed]);
    assert!(
        read(&whole, "checkpoint.safetensors") == read(&killed, "checkpoint.safetensors"),
        "the resumed run differs from the uninterrupted one"
    );
    assert_eq!(read(&whole, "metrics.jsonl"), read(&killed, "metrics.jsonl"));
    let metrics = String::from_utf8(read(&whole, "metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 6);
    let settings: serde_json::Value = serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
    for key in ["network", "set", "training", "constraint", "training_images", "test_images"] {
        assert!(!settings["settings"][key].is_null(), "{key} in {settings}");
    }
    for (epoch, line) in metrics.lines().skip(1).enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["epoch", "rate", "accuracy", "latent_accuracy"] {
            assert!(!line[key].is_null(), "{key} in {line}");
        }
        for key in ["loss", "lagrangian_sum"] {
            assert_eq!(line[key].is_f64(), epoch > 0, "{key} in {line}");
        }
        for key in [
            "satisfied",
            "failure",
            "failure_per_scale",
            "g",
            "multiplier_min",
            "multiplier_max",
            "codes_changed_per_step",
        ] {
            assert!(!line["constraint"][key].is_null(), "{key} in {line}");
        }
    }
}

#[test]
fn a_signal_ends_training_with_a_checkpoint_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, stopped) = (path("whole"), path("stopped"));
    let train = ["train", "--model", "mlp", "--epochs", "3", "--loss", "mean-squared-error", "--out"];
    succeeds(&[&train[..], &[&whole]].concat());
    let mut child = spawn(&[&train[..], &[&stopped]].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("epoch   0:")));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains(&format!("cbp train --resume {stopped}")), "{text}");
    succeeds(&["train", "--resume", &stopped]);
    let read = |run: &str| fs::read(Path::new(run).join("checkpoint.safetensors")).unwrap();
    assert!(read(&whole) == read(&stopped), "the resumed run differs from the uninterrupted one");
}

#[test]
fn a_convolutional_network_goes_to_the_accelerator() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (float, rounded) = (path("float"), path("rounded"));
    succeeds(&["train", "--model", "lenet5", "--epochs", "1", "--out", &float]);
    succeeds(&["quantize", &float, "--set", "two-bit-shift", "--out", &rounded]);
    let figures = |more: &[&str]| -> serde_json::Value {
        serde_json::from_str(&succeeds(&[&["eval", &rounded, "--json"], more].concat())).unwrap()
    };
    let (real, integers) = (figures(&[]), figures(&["--on", "integers"]));
    let accuracy = |figures: &serde_json::Value| figures["accuracy"].as_f64().unwrap();
    assert!((accuracy(&real) - accuracy(&integers)).abs() < 0.005, "{real} {integers}");
    let device = figures(&["--on", "device", "--preset", "tiny", "--images", "2"]);
    assert_eq!(
        (&device["images"], &device["compared"], &device["mismatches"]),
        (&2.into(), &20.into(), &0.into())
    );
    assert!(device["cycles_per_image"].as_f64().unwrap() > 10_000.0);

    refused(&["eval", &float, "--on", "integers"], &["layer conv1 has float weights", "cbp quantize"]);
    refused(&["eval", &rounded, "--on", "device", "--images", "0"], &["--images 0", "at least 1"]);
}

#[test]
fn faults_name_the_cause_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").to_str().unwrap().to_owned();
    refused(&["train", "--model", "mlpp", "--out", &out], &["no network mlpp", "use one of mlp, lenet5"]);
    refused(&["train", "--out", &out], &["--model", "--from"]);
    refused(&["train", "--from", "nowhere", "--out", &out], &["nowhere", "check the path"]);
    refused(&["train", "--resume", &out], &["checkpoint.safetensors", "check the path"]);
    refused(&["train", "--model", "alexnet", "--out", &out], &["28×28×1", "kernel"]);
    refused(
        &["train", "--model", "mlp", "--batch", "1", "--epochs", "1", "--out", &out],
        &["a batch of 1", "choose a batch"],
    );
    let train = ["train", "--model", "mlp", "--out", &out];
    refused(&[&train[..], &["--relu-grad-at-zero", "nan"]].concat(), &["ReLU at 0 is NaN", "choose 0 to 1"]);
    // The folder of that run is there now, but holds nothing.
    succeeds(&["train", "--model", "mlp", "--epochs", "0", "--out", &out]);
    refused(&["train", "--model", "mlp", "--out", &out], &["holds a run already", "--resume"]);
    refused(
        &["quantize", &out, "--set", "ternary", "--activations", "9", "--out", &out],
        &["--activations 9", "2 to 8"],
    );
}
