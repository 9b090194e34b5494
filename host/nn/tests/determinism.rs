//! The number of threads never changes a bit.

mod common;

use cbp_nn::{Ends, Trainer, WeightSet};

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let (train, test) = common::digits(512, 100);
    let runs: Vec<(Vec<u32>, String)> = [1, 2, 3]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let float = common::small_float(&train, &test, 1);
                let config = common::small_cbp(1);
                let mut trainer =
                    Trainer::constrained(&float, WeightSet::TwoBitShift, Ends::Constrained, config).unwrap();
                let history = trainer.run(&train, &test, &mut ()).unwrap();
                let logits = trainer.network().logits(&test).unwrap().into_iter().map(f32::to_bits).collect();
                (logits, format!("{history:?} {trainer:?}"))
            })
        })
        .collect();
    // The debug form prints every latent weight, momentum and multiplier with all its digits.
    assert!(runs[0] == runs[1], "two threads differ from one");
    assert!(runs[0] == runs[2], "three threads differ from one");
}
