//! A resumed training is the uninterrupted one, and damaged files are refused.
#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too

mod common;

use std::ops::ControlFlow;

use cbp_nn::architectures::lenet5;
use cbp_nn::data::Preprocess;
use cbp_nn::graph::Shape;
use cbp_nn::training::{EpochMetrics, HoldOut, Progress, TrainingData, evaluate};
use cbp_nn::{CbpConfig, CheckpointError, Ends, Loss, Model, Parameters, TrainError, Trainer, WeightSet};
use safetensors::SafeTensors;

/// Stops after an epoch, or after a step of the next one.
struct StopAt {
    epoch: u32,
    step: Option<usize>,
}

impl Progress for StopAt {
    fn step(&mut self, trainer: &Trainer, _: usize) -> ControlFlow<()> {
        let is_here = trainer.epochs_done() == self.epoch && Some(trainer.steps_done_in_epoch()) == self.step;
        if is_here { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn epoch(&mut self, _: &Trainer, metrics: &EpochMetrics) -> ControlFlow<()> {
        let is_here = self.step.is_none() && metrics.epoch == self.epoch;
        if is_here { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn trainers(float: &Model) -> Vec<Trainer> {
    let config = common::small_cbp(4);
    let mut paper = CbpConfig { training: config.training, ends: Ends::Constrained, ..CbpConfig::paper(4) };
    paper.straight_through = false;
    paper.training.loss = Loss::MeanSquaredError;
    let mut convolutional = common::small_cbp(4);
    convolutional.training.batch = 100;
    let lenet = Model::new(lenet5(Shape::new(28, 28, 1), 10).unwrap(), 1);
    vec![
        Trainer::float(float.clone(), config.training).unwrap(),
        Trainer::constrained(float, WeightSet::TwoBitShift, config).unwrap(),
        Trainer::constrained(float, WeightSet::Binary, paper).unwrap(),
        Trainer::constrained(&lenet, WeightSet::Ternary, convolutional).unwrap(),
    ]
}

#[test]
fn resuming_gives_the_same_bits() {
    let data = common::digits(400, 100);
    let float = common::small_float(&data, 1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("training.safetensors");
    for mut trainer in trainers(&float) {
        let mut whole = trainer.clone();
        let history = whole.run(&data, &mut ()).unwrap();
        for (epoch, step) in [(0, None), (0, Some(1)), (0, Some(3)), (2, None), (3, Some(2))] {
            let stopped = trainer.run(&data, &mut StopAt { epoch, step });
            let reached = if step.is_some() { epoch + 1 } else { epoch };
            assert!(matches!(stopped, Err(TrainError::Stopped { epoch }) if epoch == reached), "{stopped:?}");
            assert_eq!((trainer.epochs_done(), trainer.steps_done_in_epoch()), (epoch, step.unwrap_or(0)));
            trainer.save(&path).unwrap();
            let checkpoint = Trainer::load(&path).unwrap();
            assert_eq!(checkpoint.platform_warning, None);
            trainer = checkpoint.trainer;
        }
        let rest = trainer.run(&data, &mut ()).unwrap();
        assert_eq!(rest, history[4..]);
        // Bits, not values: the debug form tells −0 from 0.
        assert!(format!("{trainer:?}") == format!("{whole:?}"), "the resumed training differs");
    }
}

#[test]
fn a_damaged_file_is_refused_and_a_failed_save_leaves_the_old_one() {
    let data = common::digits(100, 100);
    let float = common::small_float(&data, 1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("training.safetensors");
    let trainer = &trainers(&float)[1];
    trainer.save(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let refuses = |bytes: &[u8], expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        let message = Trainer::load(&path).unwrap_err().to_string();
        assert!(message.contains("training.safetensors: ") && message.contains(expected), "{message}");
    };
    for len in [100, good.len() / 2, good.len() - 1] {
        refuses(&good[..len], "start the training again");
    }
    for len in [0, 7, 8] {
        refuses(&good[..len], "is no checkpoint; name the folder of a run");
    }
    let replaced = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat()
    };
    refuses(&replaced("\\\"version\\\":4", "\\\"version\\\":7"), "version 7, this program reads 4");
    refuses(&replaced("fc2.lambda", "fc2.lambdo"), "fc2.lambda");
    refuses(&replaced("two-bit-shift", "two-bit-shaft"), "two-bit-shaft");
    let other = std::env::consts::ARCH;
    std::fs::write(&path, replaced(other, &"z".repeat(other.len()))).unwrap();
    let warning = Trainer::load(&path).unwrap().platform_warning.unwrap();
    assert!(
        warning.contains("saved on zzz") && warning.contains(&format!("resumed on {other}")),
        "{warning}"
    );
    refuses(&replaced("cbp-checkpoint", "cbp-checkpaint"), "is no checkpoint");

    // What a kill within a save leaves is gone after the next one.
    std::fs::write(dir.path().join(".training.safetensors.tmp"), b"half").unwrap();
    trainer.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), good);
    let nowhere = dir.path().join("no/such/directory/file");
    assert!(matches!(trainer.save(&nowhere), Err(CheckpointError::Io { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), good);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn numbers_that_are_none_are_neither_read_nor_saved_nor_evaluated() {
    let data = common::digits(100, 100);
    let float = common::small_float(&data, 1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("training.safetensors");
    let trainer = &trainers(&float)[1];
    trainer.save(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    for (tensor, value, expected) in [
        ("fc4.bias", f32::NAN, "tensor fc4.bias[1] is NaN"),
        ("fc2.weight", f32::INFINITY, "tensor fc2.weight[1] is inf"),
        ("fc2.lambda", f32::NAN, "tensor fc2.lambda[1] is NaN"),
        ("bn1.running_var", -0.5, "tensor bn1.running_var[1] is -0.5"),
    ] {
        let data = SafeTensors::deserialize(&good).unwrap().tensor(tensor).unwrap().data().as_ptr();
        let at = data.addr() - good.as_ptr().addr() + 4;
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
        std::fs::write(&path, bad).unwrap();
        let error = Trainer::load(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::NotFinite { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }

    std::fs::write(&path, &good).unwrap();
    let first = float.graph().weighted().next().unwrap();
    let (graph, mut parameters) = float.into_parts();
    let Parameters::Weights { weight, .. } = &mut parameters[first] else { unreachable!("weights") };
    weight.fill(f32::NAN);
    let diverged = Model::with_parameters(graph, parameters).unwrap();
    let evaluated = evaluate(&diverged, &data.test, &data.preprocess.evaluation);
    assert!(matches!(evaluated, Err(TrainError::Outputs { value }) if value.is_nan()), "{evaluated:?}");
    let saved = Trainer::float(diverged, common::small_training(1)).unwrap().save(&path);
    assert!(matches!(saved, Err(CheckpointError::NotFinite { .. })), "{saved:?}");
    assert_eq!(std::fs::read(&path).unwrap(), good);
}

#[test]
fn training_that_follows_starts_from_all_latent_weights() {
    let data = common::digits(200, 100);
    let float = common::small_float(&data, 1);
    let config = CbpConfig { multipliers: false, weight_clip: None, ..common::small_cbp(1) };
    let trainer = Trainer::constrained(&float, WeightSet::Ternary, config).unwrap();
    let weights = |model: &Model| -> Vec<Vec<f32>> {
        let of = |parameters: &Parameters| match parameters {
            Parameters::Weights { weight, .. } => Some(weight.clone()),
            _ => None,
        };
        model.parameters().iter().filter_map(of).collect()
    };
    // Before the first step they are the float weights, those of the int8 ends too.
    assert_eq!(weights(&trainer.latent_model()), weights(&float));
    assert_ne!(weights(&trainer.deployed())[0], weights(&float)[0]);
}

#[test]
fn a_run_goes_on_with_its_own_data_only_and_may_become_longer() {
    let data = common::digits(200, 100);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("training.safetensors");
    let mut trainer = Trainer::float(common::small_float(&data, 1), common::small_training(1)).unwrap();
    trainer.run(&data, &mut ()).unwrap();
    trainer.save(&path).unwrap();
    let mut trainer = Trainer::load(&path).unwrap().trainer;
    let mut refuses = |data: &TrainingData, expected: &str| {
        let message = trainer.run(data, &mut ()).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("began with"), "{message}");
    };
    refuses(&common::digits(201, 100), "the training set has 201 images, not 200");
    refuses(&common::digits(200, 101), "the test set has 101 images, not 100");
    let hold_out = Some(HoldOut { images: 100, seed: 7 });
    refuses(&TrainingData { hold_out, ..data.clone() }, "100 test images set aside with seed 7, not");
    let preprocess = Preprocess::plain();
    refuses(&TrainingData { preprocess, ..data.clone() }, "preprocessed in another way");
    assert_eq!(trainer.run(&data, &mut ()).unwrap(), []);
    trainer.extend(2).unwrap();
    assert_eq!(trainer.run(&data, &mut ()).unwrap().len(), 1);
    let message = trainer.extend(1).unwrap_err().to_string();
    assert!(message.contains("1 epochs are fewer than the 2 of this run"), "{message}");
}

#[test]
fn statistics_need_two_images_and_take_no_more_than_there_are() {
    let data = common::digits(50, 50);
    let float = common::small_float(&common::digits(100, 50), 1);
    let mut trainer = Trainer::constrained(&float, WeightSet::Ternary, common::small_cbp(1)).unwrap();
    assert_eq!(trainer.fit_statistics(&data, 1000).unwrap(), 50);
    assert_eq!(trainer.fit_statistics(&data, 20).unwrap(), 20);
    for images in [0, 1] {
        let message = trainer.fit_statistics(&data, images).unwrap_err().to_string();
        assert!(message.contains("take at least 2"), "{message}");
    }
}

#[test]
fn something_must_be_constrained() {
    let float = common::small_float(&common::digits(100, 100), 1);
    let kept = ["fc2".to_owned(), "fc3".to_owned()];
    let constrain = |kept: &[String]| {
        Trainer::constrained_except(kept, &float, WeightSet::Binary, common::small_cbp(1)).map(drop)
    };
    constrain(&kept[..1]).unwrap();
    let message = constrain(&kept).unwrap_err().to_string();
    assert!(message.contains("no layer is left to constrain; keep fewer"), "{message}");
}
