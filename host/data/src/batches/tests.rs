use proptest::prelude::*;

use super::*;
use crate::preprocess::{CIFAR10_MEAN, CIFAR10_STD};
use crate::{Classes, Colour, Content, Preprocess};

fn images(count: usize, shape: Shape) -> Arc<Samples> {
    let values = (0..count * shape.values()).map(|i| (i * 31 % 251) as u8).collect();
    let labels = (0..count as u32).map(|i| i % 7).collect();
    Arc::new(Samples::new(Content::Bytes { shape, values }, labels, Classes::numbered(7)).unwrap())
}

fn files(paths: Vec<std::path::PathBuf>) -> Arc<Samples> {
    let labels = (0..paths.len() as u32).collect();
    let classes = Classes::numbered(paths.len());
    Arc::new(Samples::new(Content::Files { colour: Colour::Rgb, paths }, labels, classes).unwrap())
}

/// Everything of an epoch that can be compared.
fn run(samples: &Arc<Samples>, pipeline: &Pipeline, plan: &Plan) -> Vec<(Vec<u32>, Vec<u32>, Vec<u32>)> {
    let batches = Batches::new(samples.clone(), pipeline, plan).unwrap();
    let parts = |batch: Batch| {
        let bits = batch.images.iter().map(|value| value.to_bits()).collect();
        (batch.indices.clone(), batch.labels.clone(), bits)
    };
    batches.map(|batch| parts(batch.unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn threads_and_start_do_not_change_a_bit(
        count in 20_usize..60, batch in 1_usize..20, seed: u64, epoch in 0_u64..9, start in 0_usize..3,
    ) {
        let samples = images(count, Shape::new(32, 32, 3));
        let pipeline = Preprocess::cifar(CIFAR10_MEAN, CIFAR10_STD).training;
        let plan = Plan { threads: 1, ahead: 1, ..Plan::training(batch, Draws { seed, epoch }) };
        let whole = run(&samples, &pipeline, &plan);
        prop_assert_eq!(whole.len(), count / batch);
        let start = start.min(whole.len());
        for (threads, ahead) in [(2, 0), (5, 1), (3, 7)] {
            let plan = Plan { start, threads, ahead, ..plan.clone() };
            prop_assert_eq!(&run(&samples, &pipeline, &plan), &whole[start..]);
        }
        let other = run(&samples, &pipeline, &Plan { draws: Draws { seed, epoch: epoch + 1 }, ..plan });
        prop_assert!(other != whole);
    }
}

#[test]
fn a_batch_holds_what_fill_makes_of_its_images() {
    let samples = images(40, Shape::new(28, 28, 1));
    let pipeline = Preprocess::mnist(2).training;
    let draws = Draws { seed: 5, epoch: 3 };
    let prepared = pipeline.prepare(samples.clone()).unwrap();
    for batch in Batches::new(samples.clone(), &pipeline, &Plan::training(16, draws)).unwrap() {
        let batch = batch.unwrap();
        let mut expected = vec![0.0; batch.images.len()];
        prepared.fill(&mut expected, &batch.indices, draws).unwrap();
        assert_eq!(batch.images, expected);
        assert!(
            batch.labels.iter().zip(&batch.indices).all(|(&label, &i)| label == samples.label(i as usize))
        );
    }
}

#[test]
fn evaluation_has_every_image_once_and_training_whole_batches() {
    let samples = images(10, Shape::new(2, 2, 1));
    let pipeline = Pipeline::default();
    let kept = run(&samples, &pipeline, &Plan::evaluation(4));
    assert_eq!(kept.iter().map(|batch| batch.0.len()).collect::<Vec<_>>(), [4, 4, 2]);
    assert!(kept.iter().flat_map(|batch| &batch.0).copied().eq(0..10));
    let dropped = run(&samples, &pipeline, &Plan::training(4, Draws::default()));
    assert_eq!(dropped.iter().map(|batch| batch.0.len()).collect::<Vec<_>>(), [4, 4]);
    let given = Plan { order: Order::Given(vec![7, 7, 1]), ..Plan::evaluation(2) };
    let indices: Vec<_> = run(&samples, &pipeline, &given).into_iter().map(|batch| batch.0).collect();
    assert_eq!(indices, [vec![7, 7], vec![1]]);
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let samples = images(10, Shape::new(2, 2, 1));
    let message =
        |plan: Plan| Batches::new(samples.clone(), &Pipeline::default(), &plan).unwrap_err().to_string();
    let plan = Plan::training(4, Draws::default());
    for (plan, expected) in [
        (Plan { batch: 0, ..plan.clone() }, "10 images give no batch of 0; choose"),
        (Plan { batch: 11, ..plan.clone() }, "10 images give no batch of 11; choose"),
        (Plan { start: 3, ..plan.clone() }, "the epoch has 2 batches, it cannot start after 3; start"),
        (
            Plan { order: Order::Given(vec![10]), ..plan.clone() },
            "the order has image 10, the data set images 0 to 9",
        ),
        (Plan { order: Order::Given(vec![]), ..plan }, "0 images give no batch of 4"),
    ] {
        let message = message(plan);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn memory_of_dropped_batches_is_used_again() {
    let samples = images(64, Shape::new(8, 8, 1));
    let plan = Plan { threads: 1, ahead: 1, ..Plan::training(4, Draws::default()) };
    let batches = Batches::new(samples, &Pipeline::default(), &plan).unwrap();
    let seen: std::collections::BTreeSet<_> =
        batches.map(|batch| batch.unwrap().images.as_ptr() as usize).collect();
    assert!(seen.len() <= 3, "{} buffers for 16 batches", seen.len());
}

/// A folder of `count` pictures, of which those in `bad` are cut.
fn pictures(dir: &std::path::Path, count: usize, bad: &[usize]) -> Arc<Samples> {
    let path = |i: usize| dir.join(format!("{i:03}.jpg"));
    for i in 0..count {
        let size = 12 + i as u32 % 5;
        crate::preprocess::test_picture(size, 16).save(path(i)).unwrap();
        if bad.contains(&i) {
            let bytes = std::fs::read(path(i)).unwrap();
            std::fs::write(path(i), &bytes[..bytes.len() - 20]).unwrap();
        }
    }
    files((0..count).map(path).collect())
}

fn allowing(samples: Arc<Samples>, share: f64) -> Arc<Samples> {
    Arc::new(Arc::unwrap_or_clone(samples).allowing_bad(share).unwrap())
}

#[test]
fn a_bad_image_is_replaced_by_the_next_readable_one_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let samples = pictures(dir.path(), 12, &[2, 3, 11]);
    let pipeline = Pipeline {
        steps: vec![crate::Step::RandomResizedCrop { size: 8, scale: [0.5, 1.0], ratio: [1.0, 1.0] }],
    };
    let samples = allowing(samples, 0.25);
    let plan = Plan::evaluation(5);
    let whole = run(&samples, &pipeline, &Plan { threads: 1, ..plan.clone() });
    let indices: Vec<u32> = whole.iter().flat_map(|batch| batch.0.clone()).collect();
    assert_eq!(indices, [0, 1, 4, 4, 4, 5, 6, 7, 8, 9, 10, 0]);
    assert_eq!(whole[0].1, [0, 1, 4, 4, 4]);
    assert_eq!(whole, run(&samples, &pipeline, &Plan { threads: 4, ..plan.clone() }));

    let mut batches = Batches::new(samples, &pipeline, &plan).unwrap();
    let stands_in: Vec<bool> = batches.by_ref().flat_map(|batch| batch.unwrap().stands_in.clone()).collect();
    let places: Vec<usize> = (0..12).filter(|&place| stands_in[place]).collect();
    assert_eq!(places, [2, 3, 11]);
    let report = batches.report();
    assert_eq!(report.faults().iter().map(|fault| fault.index).collect::<Vec<_>>(), [2, 3, 11]);
    let text = report.to_string();
    assert!(text.starts_with("3 of 12 images could not be used and were replaced\n"), "{text}");
    assert!(text.contains("003.jpg: the JPEG file is truncated"), "{text}");
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn too_many_bad_images_end_the_epoch_with_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let samples = pictures(dir.path(), 12, &[2, 5, 6]);
    let pipeline = Pipeline { steps: vec![crate::Step::Resize { height: 8, width: 8 }] };
    for (allowed_bad, good, expected) in [
        (0.01, 0, "1 of 3 images so far are unreadable, more than 1 % of all; first"),
        (0.1, 1, "2 of 7 images so far are unreadable, more than 10 % of all; first"),
        (0.2, 1, "3 of 8 images so far are unreadable, more than 20 % of all; first"),
    ] {
        let samples = allowing(samples.clone(), allowed_bad);
        let mut batches = Batches::new(samples, &pipeline, &Plan::evaluation(4)).unwrap();
        let results: Vec<_> = batches.by_ref().collect();
        assert_eq!(results.len(), good + 1, "{allowed_bad}");
        let message = results[good].as_ref().unwrap_err().to_string();
        assert!(
            message.contains(expected) && message.contains(".jpg: the JPEG file is truncated"),
            "{message}"
        );
        assert_eq!((batches.next().is_none(), batches.len()), (true, 0));
    }
}

#[test]
fn an_epoch_without_any_readable_image_ends_though_all_may_be_bad() {
    let dir = tempfile::tempdir().unwrap();
    let samples = pictures(dir.path(), 3, &[0, 1, 2]);
    let pipeline = Pipeline { steps: vec![crate::Step::Resize { height: 8, width: 8 }] };
    let samples = allowing(samples, 1.0);
    let mut batches = Batches::new(samples, &pipeline, &Plan::evaluation(2)).unwrap();
    let message = batches.next().unwrap().unwrap_err().to_string();
    assert!(message.contains("3 of 3 images so far are unreadable"), "{message}");
    assert!(batches.next().is_none());
}

#[test]
fn images_too_small_for_a_crop_are_bad_too() {
    let dir = tempfile::tempdir().unwrap();
    let samples = pictures(dir.path(), 5, &[]);
    let pipeline = Pipeline { steps: vec![crate::Step::CentreCrop { size: 13 }] };
    let samples = allowing(samples, 0.2);
    let mut batches = Batches::new(samples.clone(), &pipeline, &Plan::evaluation(5)).unwrap();
    assert_eq!(batches.next().unwrap().unwrap().indices, [1, 1, 2, 3, 4]);
    assert_eq!(batches.report().faults()[0].what, "12×16 pixels are too few for a crop of 13");
    let prepared = pipeline.prepare(samples).unwrap();
    let message = prepared.fill(&mut [0.0; 169 * 3], &[0], Draws::default()).unwrap_err().to_string();
    assert!(message.contains("000.jpg: 12×16 pixels are too few for a crop of 13; replace"), "{message}");
}
