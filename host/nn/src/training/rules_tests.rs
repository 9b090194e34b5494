//! Rules that act over epochs: when training stops, when its rate falls, which layers are left alone.
#![allow(clippy::float_cmp)] // rates are exact

use cbp_numerics::WeightSet;

use crate::architectures::{Hidden, mlp};
use crate::config::{CbpConfig, Ends, StopRule};
use crate::graph::Shape;
use crate::latent::WeightRule;
use crate::model::Model;
use crate::training::Trainer;

fn float() -> Model {
    Model::new(mlp(Shape::vector(6), &[10, 9, 8], 3, Hidden::BatchNorm).unwrap(), 5)
}

#[test]
fn the_published_rate_is_cut_once_when_g_reaches_20() {
    let config = CbpConfig { patience: 1, ..CbpConfig::paper(20) };
    let mut trainer = Trainer::constrained(&float(), WeightSet::Ternary, config).unwrap();
    let full = config.training.rate;
    for update in 0..13 {
        // g = 1, 2, …, 10, 20, 30, 40.
        let expected = if update < 10 { full } else { full * 0.1 };
        assert_eq!(trainer.sgd_step(5).rate, expected, "after {update} updates");
        trainer.end_epoch();
    }
}

#[test]
fn training_stops_when_the_window_is_narrow_and_the_weights_are_on_the_grid() {
    let stop = Some(StopRule { g: 3, satisfied: 0.5 });
    let config = CbpConfig { stop, patience: 1, ..CbpConfig::short(20) };
    let mut trainer = Trainer::constrained(&float(), WeightSet::Ternary, config).unwrap();
    let put_on_grid = |trainer: &mut Trainer| {
        for latent in trainer.latent.iter_mut().flatten() {
            let mut rounded = latent.values.clone();
            latent.round(&mut rounded);
            latent.values = rounded;
        }
    };
    trainer.end_epoch();
    trainer.end_epoch();
    assert!(trainer.constraint_metrics(1).unwrap().satisfied < 0.5);
    assert!(!trainer.is_satisfied(), "g is 3, the weights are not on the grid");
    put_on_grid(&mut trainer);
    assert!(trainer.is_satisfied());
    let mut early = Trainer::constrained(&float(), WeightSet::Ternary, config).unwrap();
    put_on_grid(&mut early);
    early.end_epoch();
    assert!(!early.is_satisfied(), "the weights are on the grid, g is 2");
}

#[test]
fn kept_layers_are_as_the_ends_also_from_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.safetensors");
    for ends in [Ends::Int8, Ends::Float, Ends::Constrained] {
        let config = CbpConfig { ends, ..CbpConfig::short(2) };
        let kept = ["fc2".to_owned()];
        let trainer = Trainer::constrained_except(&kept, &float(), WeightSet::Ternary, config).unwrap();
        trainer.save(&path).unwrap();
        let loaded = Trainer::load(&path).unwrap().trainer;
        for trainer in [&trainer, &loaded] {
            assert_eq!(trainer.kept, kept);
            let graph = trainer.model().graph();
            for node in graph.weighted() {
                let rule = trainer.latent[node].as_ref().map(|latent| &latent.rule);
                let is_int8 = matches!(rule, Some(WeightRule::Int8));
                match (graph.nodes()[node].name.as_str(), ends) {
                    ("fc2", Ends::Int8 | Ends::Constrained) | ("fc1" | "fc4", Ends::Int8) => assert!(is_int8),
                    ("fc1" | "fc2" | "fc4", Ends::Float) => assert!(rule.is_none()),
                    _ => assert!(matches!(rule, Some(WeightRule::Constrained(_)))),
                }
            }
        }
    }
    let unknown =
        Trainer::constrained_except(&["fc9".to_owned()], &float(), WeightSet::Ternary, CbpConfig::short(2));
    assert!(unknown.unwrap_err().to_string().contains("no layer fc9"));
}
