//! `cbp train`, `quantize` and `eval` as a user sees them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-sample")
}

/// `cbp` with the digits of the repository.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cbp"));
    command.args(arguments).arg("--data").arg(sample());
    command
}

fn cbp(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = cbp(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit status 2, and one line on standard error that holds all `parts`.
fn refused(arguments: &[&str], parts: &[&str]) {
    let output = cbp(arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

/// What `cbp` says where no file can grow beyond 8 KiB, as on a full disk.
fn without_space(arguments: &[&str]) -> String {
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_cbp")]).args(arguments).arg("--data").arg(sample());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
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
    let mut child = command(&[&constrain[..], &[&killed, "--save-every", "0"]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.starts_with("epoch   2:")));
    child.kill().unwrap();
    child.wait().unwrap();
    let read = |run: &str, file: &str| fs::read(Path::new(run).join(file)).unwrap();
    let last = read(&killed, "checkpoint.safetensors");
    let full = without_space(&["train", "--resume", &killed, "--save-every", "0"]);
    assert!(full.contains("checkpoint.safetensors: ") && full.contains("free space"), "{full}");
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
    for line in metrics.lines().skip(1) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["epoch", "rate", "loss", "lagrangian_sum", "accuracy", "latent_accuracy"] {
            assert!(!line[key].is_null(), "{key} in {line}");
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
    let mut child = command(&[&train[..], &[&stopped]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
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

/// 120 pictures in two classes for each part, one of them cut in the middle.
fn pictures(folder: &Path) {
    for part in ["train", "val"] {
        for i in 0..120_u8 {
            let class = folder.join(part).join(if i.is_multiple_of(2) { "dark" } else { "light" });
            fs::create_dir_all(&class).unwrap();
            let level = if i.is_multiple_of(2) { i / 2 } else { 255 - i };
            let path = class.join(format!("{i:03}.png"));
            image::RgbImage::from_fn(9, 9, |x, y| image::Rgb([level, level ^ x as u8, level ^ y as u8]))
                .save(&path)
                .unwrap();
            if i == 50 {
                let bytes = fs::read(&path).unwrap();
                fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            }
        }
    }
}

#[test]
fn images_that_cannot_be_read_are_named_and_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let (data, run) = (dir.path().join("data"), dir.path().join("run"));
    pictures(&data);
    let cbp = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cbp"));
        let output = command.args(arguments).arg("--data").arg(&data).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let run = run.to_str().unwrap();
    let train = ["train", "--model", "mlp", "--resize", "8x8", "--epochs", "1", "--batch", "20"];
    let (success, out, error) = cbp(&[&train[..], &["--out", run]].concat());
    assert!(success, "{error}");
    assert!(out.contains("2 images could not be read: ") && out.contains("dark/050.png: "), "{out}");
    let metrics = fs::read_to_string(Path::new(run).join("metrics.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    let bad = |part: &str| last["bad_images"].to_string().contains(&format!("{part}/dark/050.png"));
    assert!(bad("train") && bad("val"), "{last}");
    let (_, out, _) = cbp(&["eval", run]);
    assert!(out.contains("119 images: ") && out.contains("1 images could not be read: "), "{out}");

    for i in [0, 2] {
        fs::write(data.join(format!("val/dark/{i:03}.png")), b"none").unwrap();
    }
    let (success, _, error) = cbp(&["eval", run]);
    assert!(!success && error.contains("more than 1 % of all"), "{error}");
}
