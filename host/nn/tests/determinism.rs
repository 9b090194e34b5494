//! The number of threads never changes a bit.
#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too

mod common;

use cbp_nn::architectures::{lenet5, resnet20};
use cbp_nn::data::{Classes, Content, Pipeline, Preprocess, Samples, Step};
use cbp_nn::graph::{Graph, Shape};
use cbp_nn::training::{TrainingData, outputs};
use cbp_nn::{CbpConfig, Ends, Model, Trainer, WeightSet};

/// All state after training with one, two and three threads.
fn compare(name: &str, train: impl Fn() -> (Trainer, Vec<u32>) + Sync) {
    let runs: Vec<(Trainer, Vec<u32>)> = [1, 2, 3]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(&train)
        })
        .collect();
    // The debug form prints every latent weight, momentum and multiplier with all its digits.
    let text = |run: &(Trainer, Vec<u32>)| format!("{run:?}");
    assert!(text(&runs[0]) == text(&runs[1]), "{name}: two threads differ from one");
    assert!(text(&runs[0]) == text(&runs[2]), "{name}: three threads differ from one");
}

fn run(model: &Model, set: WeightSet, config: CbpConfig, data: &TrainingData) -> (Trainer, Vec<u32>) {
    let mut trainer = Trainer::constrained(model, set, config).unwrap();
    trainer.run(data, &mut ()).unwrap();
    let logits = outputs(trainer.model(), &data.test, &data.preprocess.evaluation).unwrap();
    (trainer, logits.into_iter().map(f32::to_bits).collect())
}

#[test]
fn perceptron() {
    let data = common::digits(512, 100);
    compare("mlp", || {
        let float = common::small_float(&data, 1);
        let config = CbpConfig { ends: Ends::Constrained, ..common::small_cbp(1) };
        run(&float, WeightSet::TwoBitShift, config, &data)
    });
}

/// Noise in ten classes.
fn noise(shape: Shape, images: usize) -> TrainingData {
    let value = |i: usize| (i.wrapping_mul(2_654_435_761) >> 13) as u8;
    let values = (0..images * shape.values()).map(value).collect();
    let labels = (0..images as u32).map(|i| i % 10).collect();
    let samples = Samples::new(Content::Bytes { shape, values }, labels, Classes::numbered(10)).unwrap();
    let training = Pipeline { steps: vec![Step::HorizontalFlip] };
    TrainingData::new(samples.clone(), samples, Preprocess { training, ..Preprocess::plain() })
}

#[test]
fn convolutional_networks() {
    for (graph, batch) in
        [(resnet20(Shape::new(16, 16, 3), 10).unwrap(), 20), (lenet5(Shape::new(28, 28, 1), 10).unwrap(), 13)]
    {
        let graph: Graph = graph;
        let data = noise(graph.input(), 40);
        let mut config = CbpConfig::short(1);
        config.training.batch = batch;
        let model = Model::new(graph, 1);
        compare(model.graph().name(), || run(&model, WeightSet::Ternary, config, &data));
    }
}
