//! What the multipliers do: with them the latent weights end on the grid, without them they do not.

mod common;

use cbp_nn::cbp::scale::ScaleMode;
use cbp_nn::{CbpConfig, Trainer, WeightSet};

const EPOCHS: u32 = 30;

#[test]
fn latent_weights_end_on_the_grid_only_with_multipliers() {
    let data = common::digits(2000, 1000);
    let float = common::small_float(&data, 10);
    for set in WeightSet::ALL {
        let run = |multipliers| {
            let config = CbpConfig { scale: ScaleMode::Paper, multipliers, ..common::small_cbp(EPOCHS) };
            let history = Trainer::constrained(&float, set, config).unwrap().run(&data, &mut ()).unwrap();
            let last = &history[history.len() - 1];
            let satisfied = |epoch: usize| history[epoch].constraint.unwrap().satisfied;
            (
                satisfied(0),
                satisfied(history.len() - 1),
                last.accuracy.unwrap(),
                last.latent_accuracy.unwrap(),
            )
        };
        let (start, with, accuracy, latent_accuracy) = run(true);
        let (_, without, plain_accuracy, plain_latent_accuracy) = run(false);
        println!(
            "{set}, seed 1, scale mean |w|, {EPOCHS} epochs: within 0.05 a at the start {:.1} %, after CBP {:.1} %, \
             after training without multipliers {:.1} %; accuracy {accuracy} and {plain_accuracy} (latent weights \
             {latent_accuracy} and {plain_latent_accuracy})",
            100.0 * start,
            100.0 * with,
            100.0 * without,
        );
        let least = if set == WeightSet::Binary { 0.8 } else { 0.9 };
        assert!(with > least, "{set}: {with} of the latent weights are on the grid");
        assert!(without < 0.25, "{set}: {without} without multipliers");
        assert!((accuracy - latent_accuracy).abs() < 0.02, "{set}: {accuracy}, latent {latent_accuracy}");
    }
}
