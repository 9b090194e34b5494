//! The gradients of a whole network against a slow f64 model: plain loops and central differences.

use cbp_data::rng::{Purpose, keyed, symmetric};
use cbp_data::{Classes, Content, Draws, Pipeline, Samples};
use cbp_numerics::Shape;

use crate::layer::{Layer, ParamGrad};
use crate::mlp::{Mlp, Tape};

const EPS: f64 = 1e-6;

/// A layer's parameters in f64, in the order (weight or gamma, bias or beta).
type Parameters = Vec<[Vec<f64>; 2]>;

fn parameters(network: &Mlp) -> Parameters {
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect();
    let of_layer = |layer: &Layer| match layer {
        Layer::Linear(linear) => [wide(&linear.weight), wide(linear.bias.as_deref().unwrap_or(&[]))],
        Layer::BatchNorm(norm) => [wide(&norm.gamma), wide(&norm.beta)],
        Layer::Relu | Layer::Quantise(_) => [vec![], vec![]],
    };
    network.layers.iter().map(of_layer).collect()
}

/// Mean cross-entropy with batch statistics; `images[i]` holds the features of image i.
fn oracle_loss(network: &Mlp, parameters: &Parameters, mut images: Vec<Vec<f64>>, labels: &[u32]) -> f64 {
    for (layer, [weight, bias]) in network.layers.iter().zip(parameters) {
        match layer {
            Layer::Linear(linear) => {
                for image in &mut images {
                    let row = |o: usize| &weight[o * linear.inputs..][..linear.inputs];
                    let dot = |o| row(o).iter().zip(&*image).map(|(w, x)| w * x).sum::<f64>();
                    let bias = |o: usize| bias.get(o).copied().unwrap_or(0.0);
                    *image = (0..linear.outputs).map(|o| dot(o) + bias(o)).collect();
                }
            }
            Layer::BatchNorm(norm) => {
                let n = images.len() as f64;
                for feature in 0..weight.len() {
                    let mean = images.iter().map(|image| image[feature]).sum::<f64>() / n;
                    let var = images.iter().map(|image| (image[feature] - mean).powi(2)).sum::<f64>() / n;
                    for image in &mut images {
                        let unit = (image[feature] - mean) / (var + f64::from(norm.eps)).sqrt();
                        image[feature] = weight[feature] * unit + bias[feature];
                    }
                }
            }
            Layer::Relu => images.iter_mut().flatten().for_each(|x| *x = x.max(0.0)),
            Layer::Quantise(_) => unreachable!("a rounded value has no derivative to compare with"),
        }
    }
    let cost = |(image, &label): (&Vec<f64>, &u32)| {
        image.iter().map(|x| x.exp()).sum::<f64>().ln() - image[label as usize]
    };
    images.iter().zip(labels).map(cost).sum::<f64>() / labels.len() as f64
}

#[test]
fn every_parameter_of_every_layer() {
    let seed = 11;
    let (batch, sizes) = (9, [6, 5, 7, 3]);
    let mut rng = keyed(seed, Purpose::Weights, 1, 0);
    let mut network = Mlp::new(&sizes, seed);
    for layer in &mut network.layers {
        if let Layer::BatchNorm(norm) = layer {
            norm.gamma.iter_mut().for_each(|gamma| *gamma = 1.0 + 0.5 * symmetric(&mut rng));
            norm.beta.iter_mut().for_each(|beta| *beta = 0.5 * symmetric(&mut rng));
        }
    }
    let values = (0..batch * 6).map(|_| (127.0 * (1.0 + symmetric(&mut rng))) as u8).collect();
    let content = Content::Bytes { shape: Shape::new(2, 3, 1), values };
    let labels = (0..batch as u32).map(|i| i % 3).collect();
    let data = Samples::new(content, labels, Classes::numbered(3)).unwrap();
    let mut tape = Tape::new(&network, batch);
    let mut grads: Vec<ParamGrad> = network.layers.iter().map(Layer::zero_grad).collect();
    let indices: Vec<u32> = (0..batch as u32).collect();
    let images = network.inputs_from(&data, &Pipeline::default()).unwrap();
    images.fill(&mut tape.input, &indices, Draws::default()).unwrap();
    network.forward_train(&mut tape);
    let loss = network.backward(&mut tape, data.labels(), &mut grads);

    let images: Vec<Vec<f64>> =
        tape.input.chunks_exact(6).map(|image| image.iter().map(|&x| f64::from(x)).collect()).collect();
    let mut parameters = parameters(&network);
    let expected = oracle_loss(&network, &parameters, images.clone(), data.labels());
    assert!((loss - expected).abs() < 1e-6, "loss {loss}, oracle {expected}");
    for (layer, grad) in grads.iter().enumerate() {
        for (kind, grad) in [&grad.weight, &grad.bias].into_iter().enumerate() {
            assert_eq!(grad.len(), parameters[layer][kind].len());
            for (index, &found) in grad.iter().enumerate() {
                let kept = parameters[layer][kind][index];
                let mut at = |value| {
                    parameters[layer][kind][index] = value;
                    oracle_loss(&network, &parameters, images.clone(), data.labels())
                };
                let expected = (at(kept + EPS) - at(kept - EPS)) / (2.0 * EPS);
                at(kept);
                assert!(
                    (f64::from(found) - expected).abs() < 1e-5 + 1e-4 * expected.abs(),
                    "seed {seed}, layer {layer}, parameter {kind}[{index}]: {found}, oracle {expected}"
                );
            }
        }
    }
}
