//! Options about data sets as a user sees them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::{refused, succeeds, table};

/// Trains nothing on the data of these options, and gives what the metrics say of the run.
fn settings(run: &Path, data: &[&str]) -> serde_json::Value {
    let train = ["train", "--model", "mlp", "--epochs", "0", "--batch", "10", "--out", run.to_str().unwrap()];
    succeeds(&[&train[..], data].concat());
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    serde_json::from_str::<serde_json::Value>(metrics.lines().next().unwrap()).unwrap()["settings"].take()
}

/// What `cbp import` says of a run.
fn description(run: &Path) -> String {
    succeeds(&["import", run.to_str().unwrap()])
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
    let (run, path) = (run.to_str().unwrap(), data.to_str().unwrap());
    let train = ["train", "--model", "mlp", "--resize", "8x8", "--epochs", "1", "--batch", "20"];
    let out = succeeds(&[&train[..], &["--data", path, "--out", run]].concat());
    assert!(out.contains("2 images could not be read: ") && out.contains("dark/050.png: "), "{out}");
    let metrics = fs::read_to_string(Path::new(run).join("metrics.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    let bad = |part: &str| last["bad_images"].to_string().contains(&format!("{part}/dark/050.png"));
    assert!(bad("train") && bad("val"), "{last}");
    let out = succeeds(&["eval", run, "--data", path]);
    assert!(out.contains("119 images: ") && out.contains("1 images could not be read: "), "{out}");

    for i in [0, 2] {
        fs::write(data.join(format!("val/dark/{i:03}.png")), b"none").unwrap();
    }
    let eval = ["eval", run, "--data", path];
    refused(&eval, &["more than 1 % of all"]);
    let out = succeeds(&[&eval[..], &["--allow-bad", "0.03"]].concat());
    assert!(out.contains("117 images: ") && out.contains("3 images could not be read: "), "{out}");
    refused(&[&eval[..], &["--allow-bad", "0.02"]].concat(), &["more than 2 % of all"]);
    refused(&[&eval[..], &["--allow-bad", "2"]].concat(), &["2 is no share", "choose 0 to 1"]);
}

#[test]
fn pictures_are_read_in_colour_or_grey() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    pictures(&data);
    for (options, shape) in [(&[][..], "8×8×3"), (&["--grey"], "8×8×1")] {
        let run = dir.path().join(shape);
        let data = ["--data", data.to_str().unwrap(), "--resize", "8x8"];
        settings(&run, &[&data, options].concat());
        assert!(description(&run).contains(&format!("an image of {shape}")), "{}", description(&run));
    }
}

#[test]
fn cifar_100_has_classes_and_groups() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let record = |i: u8| [vec![i % 20, i % 100], vec![i; 3072]].concat();
    for (file, records) in [("train.bin", 0..40), ("test.bin", 100..120)] {
        fs::write(data.join(file), records.flat_map(record).collect::<Vec<u8>>()).unwrap();
    }
    for (options, outputs) in [(&[][..], "100 outputs"), (&["--coarse"], "20 outputs")] {
        let run = dir.path().join(outputs);
        settings(&run, &[&["--data", data.to_str().unwrap()], options].concat());
        assert!(description(&run).contains(outputs), "{}", description(&run));
    }
}

#[test]
fn tables_have_the_delimiter_and_the_header_that_are_stated() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.csv");
    // Column names that could be numbers; the label comes last.
    let rows = (0..60).map(|i| format!("{i};{};{}\n", i % 7, i % 2));
    fs::write(&table, "7;7;1\n".to_owned() + &rows.collect::<String>()).unwrap();
    let data = ["--data", table.to_str().unwrap(), "--hold-out", "20"];
    let images = |name: &str, options: &[&str]| {
        settings(&dir.path().join(name), &[&data, options].concat())["training_images"].as_u64().unwrap()
    };
    assert_eq!(images("values", &["--delimiter", ";"]), 41);
    assert_eq!(images("names", &["--delimiter", ";", "--header", "true"]), 40);
    let label = ["--delimiter", ";", "--label-column", "1"];
    settings(&dir.path().join("label"), &[&data[..], &label].concat());
    assert!(description(&dir.path().join("label")).contains("8 outputs"));

    let out = dir.path().join("none");
    let train = ["train", "--model", "mlp", "--out", out.to_str().unwrap()];
    refused(&[&train[..], &data].concat(), &["one column", "another delimiter"]);
    refused(&[&train[..], &data, &["--delimiter", "ab"]].concat(), &["one ASCII character"]);
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
    succeeds(&["eval", &run, "--data", &own]);
    refused(&["eval", &run, "--data", &other], &["class 1 is \"cow\"", "\"dog\""]);
}
