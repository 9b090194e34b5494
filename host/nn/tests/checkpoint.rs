//! A resumed training is the uninterrupted one, and damaged files are refused.
#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too

mod common;

use std::ops::ControlFlow;

use cbp_nn::{CbpConfig, CheckpointError, Ends, EpochMetrics, Mlp, Progress, TrainError, Trainer, WeightSet};

/// Stops after an epoch, or within the next one.
struct StopAt {
    epoch: u32,
    within: bool,
}

impl Progress for StopAt {
    fn batch(&mut self, epoch: u32, batch: usize, _: usize) -> ControlFlow<()> {
        if self.within && epoch == self.epoch + 1 && batch == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn epoch(&mut self, metrics: &EpochMetrics) -> ControlFlow<()> {
        if !self.within && metrics.epoch == self.epoch {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn trainers(float: &Mlp) -> Vec<Trainer> {
    let config = common::small_cbp(4);
    let paper = CbpConfig { training: config.training, ..CbpConfig::paper(4) };
    vec![
        Trainer::float(float.clone(), config.training),
        Trainer::constrained(float, WeightSet::TwoBitShift, Ends::Int8, config).unwrap(),
        Trainer::constrained(float, WeightSet::Binary, Ends::Constrained, paper).unwrap(),
    ]
}

#[test]
fn resuming_gives_the_same_bits() {
    let (train, test) = common::digits(400, 100);
    let float = common::small_float(&train, &test, 1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("training.safetensors");
    for mut trainer in trainers(&float) {
        let mut whole = trainer.clone();
        let history = whole.run(&train, &test, &mut ()).unwrap();
        for (epoch, within) in [(0, false), (0, true), (2, false), (3, true)] {
            let stopped = trainer.run(&train, &test, &mut StopAt { epoch, within });
            let reached = if within { epoch + 1 } else { epoch };
            assert!(matches!(stopped, Err(TrainError::Stopped { epoch }) if epoch == reached), "{stopped:?}");
            assert_eq!(trainer.epochs_done(), epoch);
            trainer.save(&path).unwrap();
            let checkpoint = Trainer::load(&path).unwrap();
            assert_eq!(checkpoint.platform_warning, None);
            trainer = checkpoint.trainer;
        }
        let rest = trainer.run(&train, &test, &mut ()).unwrap();
        assert_eq!(rest, history[4..]);
        // Bits, not values: the debug form tells −0 from 0.
        assert!(format!("{trainer:?}") == format!("{whole:?}"), "the resumed training differs");
    }
}

#[test]
fn a_damaged_file_is_refused_and_a_failed_save_leaves_the_old_one() {
    let (train, test) = common::digits(100, 100);
    let float = common::small_float(&train, &test, 1);
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
    for len in [0, 7, 8, 100, good.len() / 2, good.len() - 1] {
        refuses(&good[..len], "start the training again");
    }
    let replaced = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat()
    };
    refuses(&replaced("\\\"version\\\":1", "\\\"version\\\":7"), "version 7, this program reads 1");
    refuses(&replaced("fc2.lambda", "fc2.lambdo"), "fc2.lambda");
    refuses(&replaced("two-bit-shift", "two-bit-shaft"), "two-bit-shaft");
    refuses(&replaced("cbp-checkpoint", "cbp-checkpaint"), "no metadata");

    std::fs::write(&path, &good).unwrap();
    let nowhere = dir.path().join("no/such/directory/file");
    assert!(matches!(trainer.save(&nowhere), Err(CheckpointError::Io { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), good);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
