//! Imported networks give the logits that PyTorch gave.

// Numbers are exact here; PyTorch and others are names; a test may panic.
#![allow(clippy::float_cmp, clippy::doc_markdown, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_exchange::{ImportOptions, Imported, Note, import};
use cbp_nn::Model;
use cbp_nn::engine::{Engine, Purpose, Settings};
use cbp_nn::graph::Op;
use common::forward::forward;
use common::stored;

/// Images of CIFAR-10 for the engine, and how many of them for the slow definition too.
const IMAGES: usize = 400;
const SLOW: usize = 4;

/// Logits by the engine that trains.
fn engine(model: &Model, images: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let mut engine = Engine::new(model.graph(), images.len(), Purpose::Inference, Settings::default());
    engine.input_mut(images.len()).copy_from_slice(&images.concat());
    let values = model.graph().output().values();
    engine.infer(model).chunks(values).map(|row| row.iter().map(|&x| x.into()).collect()).collect()
}

fn check_cifar(imported: &Imported) {
    let images = stored::cifar_images(IMAGES).unwrap();
    let expected = stored::rows("resnet20-cifar10-logits.npy", 10).unwrap();
    for (found, expected) in engine(&imported.model, &images).iter().zip(&expected) {
        let (difference, _) = stored::difference(found, expected);
        assert!(difference < 1e-4, "engine: {difference}");
    }
    for (image, expected) in images.iter().zip(&expected).take(SLOW) {
        let (difference, _) = stored::difference(&forward(&imported.model, image), expected);
        println!("difference {difference:e}");
        assert!(difference < 1e-4, "{difference}");
    }
}

#[test]
fn resnet20_folded() {
    let Some(imported) = stored::network("resnet20-cifar10.onnx") else { return };
    assert_eq!(imported.notes[0], Note::BatchNormFolded { convolutions: 19 });
    check_cifar(&imported);
}

#[test]
fn resnet20_with_batch_norm_and_from_safetensors() {
    let Some(imported) = stored::network("resnet20-cifar10-bn.onnx") else { return };
    check_cifar(&imported);
    let nodes = imported.model.graph().nodes();
    let shortcuts: Vec<&Op> =
        nodes.iter().map(|node| &node.op).filter(|op| matches!(op, Op::Shortcut { .. })).collect();
    let expected = [8, 16].map(|side| Op::Shortcut { stride: 2, before: side, behind: side });
    assert_eq!(shortcuts, expected.iter().collect::<Vec<_>>());
    let norm = nodes.iter().find(|node| node.name == "layer1.0.bn1").unwrap();
    assert_eq!(norm.op, Op::batch_norm(16));

    let graph = imported.model.graph().clone();
    let options = ImportOptions { graph: Some(graph), ignore_unexpected: false };
    let weights = import(&stored::path("resnet20-cifar10.safetensors").unwrap(), &options).unwrap();
    assert_eq!(weights.model, imported.model);
    check_cifar(&weights);
}

fn check_imagenet(name: &str, nodes: usize, parameters: usize) {
    let logits = name.split(['.', '-']).next().unwrap();
    let Some(imported) = stored::network(name) else { return };
    assert_eq!(imported.model.graph().nodes().len(), nodes);
    assert_eq!(imported.model.parameter_count(), parameters);
    let image = &stored::rows("imagenet-input.npy", 3 * 224 * 224).unwrap()[0];
    let expected = &stored::rows(&format!("{logits}-logits.npy"), 1000).unwrap()[0];
    let found = forward(&imported.model, &stored::interleave(image, 3));
    let by_engine = &engine(&imported.model, &[stored::interleave(image, 3)])[0];
    let (difference, largest) = stored::difference(by_engine, expected);
    assert!(difference < 1e-4 * largest, "engine: {difference} of {largest}");
    let (difference, largest) = stored::difference(&found, expected);
    println!("{name}: difference {difference:e} of {largest:e}: {:e}", difference / largest);
    assert!(difference < 1e-4 * largest, "{difference} of {largest}");
}

#[test]
fn alexnet() {
    check_imagenet("alexnet.onnx.gz", 19, 61_100_840);
}

#[test]
fn resnet18() {
    check_imagenet("resnet18.onnx.gz", 49, 11_684_712);
}

#[test]
fn resnet18_with_batch_norm() {
    check_imagenet("resnet18-bn.onnx.gz", 69, 11_689_512);
}

#[test]
fn resnet50() {
    check_imagenet("resnet50.onnx.gz", 122, 25_530_472);
}

#[test]
fn resnet50_with_batch_norm() {
    check_imagenet("resnet50-bn.onnx.gz", 175, 25_557_032);
}

#[test]
fn googlenet() {
    check_imagenet("googlenet.onnx.gz", 139, 6_617_624);
}

#[test]
fn googlenet_with_batch_norm() {
    check_imagenet("googlenet-bn.onnx.gz", 196, 6_624_904);
}
