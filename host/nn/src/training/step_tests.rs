//! Whole steps of constrained training against the oracle: the network's gradient, the constraint's, the clips, and the
//! optimiser, in f64.

use cbp_data::rng::{Purpose, keyed, symmetric};
use cbp_numerics::WeightSet;

use crate::architectures::{Hidden, mlp};
use crate::cbp::grid::Grid;
use crate::cbp::scale::ScaleMode;
use crate::config::{CbpConfig, Ends, Loss, TrainConfig};
use crate::graph::Shape;
use crate::model::{Model, Parameters};
use crate::oracle::constraint::{constraint_term, levels, nearest};
use crate::oracle::reference::Reference;
use crate::training::Trainer;

const IMAGES: usize = 8;
const STEPS: usize = 4;

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// A step, and what the oracle makes of the same state.
fn compare(trainer: &mut Trainer, input: &[f32], labels: &[u32], what: &str) {
    let Some(cbp) = trainer.cbp else { unreachable!("constrained training") };
    let TrainConfig { momentum, weight_decay, gradient_clip, .. } = trainer.training;
    let step = trainer.sgd_step(STEPS);
    let before = trainer.clone();

    let reference = Reference::new(&before.model, before.settings());
    let values = reference.forward(&wide(input));
    let outputs = &values[values.len() - 1];
    let (loss, gradient) = match trainer.training.loss {
        Loss::CrossEntropy => reference.cross_entropy(outputs, labels),
        Loss::MeanSquaredError => {
            let classes = outputs.len() / labels.len();
            let is_class = |i: usize| labels[i / classes] as usize == i % classes;
            let targets: Vec<f64> = (0..outputs.len()).map(|i| f64::from(u8::from(is_class(i)))).collect();
            reference.squared_error(outputs, &targets)
        }
    };
    let gradients = reference.backward(&wide(input), &values, gradient);

    let mut workspace = trainer.workspace();
    workspace.input_mut(IMAGES).copy_from_slice(input);
    let report = trainer.step(&mut workspace, labels, STEPS).unwrap();
    assert!((report.loss - loss).abs() < 1e-5 * loss.max(1.0), "{what}: loss {}, {loss}", report.loss);

    let g = cbp.config.window.then(|| cbp.schedule.g());
    let mut term = 0.0;
    for node in before.model.graph().weighted() {
        let (Some(old), Some(new)) = (&before.latent[node], &trainer.latent[node]) else { continue };
        let Parameters::Weights { weight: deployed, .. } = &trainer.model.parameters()[node] else {
            continue;
        };
        let old_velocity = wide(&before.velocity.nodes[node].weight);
        let new_latent = wide(&new.values);
        for (row, latent) in wide(&old.values).chunks_exact(old.inputs).enumerate() {
            let range = row * old.inputs..(row + 1) * old.inputs;
            let mut gradient = gradients.parameters[node][0][range.clone()].to_vec();
            let mut bound = f64::INFINITY;
            let mut levels_here = Vec::new();
            if let Some(weights) = old.constrained() {
                let grid: &Grid = weights.grid(row);
                levels_here = levels(cbp.set, f64::from(grid.scale()));
                let lambda = wide(&weights.multipliers.lambda[range.clone()]);
                let (value, slopes) = constraint_term(&levels_here, g, latent, &lambda);
                term += value;
                gradient.iter_mut().zip(slopes).for_each(|(gradient, slope)| *gradient += slope);
                bound = cbp.config.weight_clip.map_or(bound, f64::from);
            }
            let clip = gradient_clip.map_or(f64::INFINITY, f64::from);
            for (i, (index, w)) in range.zip(latent).enumerate() {
                let decayed = gradient[i].clamp(-clip, clip) + f64::from(weight_decay) * w;
                let velocity = f64::from(momentum) * old_velocity[index] + decayed;
                let expected = (w - f64::from(step.rate) * velocity).clamp(-bound, bound);
                let found = new_latent[index];
                assert!((found - expected).abs() < 2e-5, "{what}, node {node}[{index}]: {found}, {expected}");
                if !levels_here.is_empty() {
                    let q = if cbp.config.straight_through { nearest(&levels_here, found) } else { found };
                    let w = f64::from(deployed[index]);
                    assert!((w - q).abs() < 1e-6, "{what}, node {node}[{index}]: computes with {w}, not {q}");
                }
            }
        }
    }
    assert!((report.constraint_term - term).abs() < 1e-4 * term.max(1.0), "{what}: {term}");
}

#[test]
fn steps_are_those_of_the_oracle() {
    let mut rng = keyed(3, Purpose::Subset, 0, 0);
    let input: Vec<f32> = (0..IMAGES * 6).map(|_| symmetric(&mut rng)).collect();
    let labels: Vec<u32> = (0..IMAGES as u32).map(|image| image % 3).collect();
    let mut float = Model::new(mlp(Shape::vector(6), &[10, 9, 8], 3, Hidden::Bias).unwrap(), 5);
    // Without biases, sums with equal weights can cancel to exactly 0, and rounding then decides what ReLU lets pass.
    for parameters in float.parts_mut().1 {
        if let Parameters::Weights { bias: Some(bias), .. } = parameters {
            bias.fill_with(|| 0.1 * symmetric(&mut rng));
        }
    }
    for set in WeightSet::ALL {
        for scale in [ScaleMode::Paper, ScaleMode::LeastSquares, ScaleMode::LeastSquaresPerChannel] {
            // Multipliers, window, straight-through, gradient clip, weight clip, loss.
            for (multipliers, window, straight_through, clip, weight_clip, loss) in [
                (true, true, true, Some(1.0), Some(1.0), Loss::CrossEntropy),
                (false, true, true, None, None, Loss::MeanSquaredError),
                (true, false, true, Some(0.05), Some(0.4), Loss::CrossEntropy),
                (true, true, false, Some(1.0), Some(1.0), Loss::CrossEntropy),
                (true, false, false, None, None, Loss::MeanSquaredError),
            ] {
                let usual = CbpConfig::short(10);
                let training = TrainConfig {
                    batch: IMAGES,
                    gradient_clip: clip,
                    weight_decay: 1e-2,
                    loss,
                    ..usual.training
                };
                let config = CbpConfig {
                    training,
                    scale,
                    multipliers,
                    window,
                    straight_through,
                    weight_clip,
                    multiplier_rate: 0.05,
                    ends: Ends::Float,
                    activations: None,
                    ..usual
                };
                let mut trainer = Trainer::constrained(&float, set, config).unwrap();
                // Through three windows.
                for epoch in 0..3 {
                    for step in 0..2 {
                        let what = format!(
                            "{set}, {scale:?}, multipliers {multipliers}, window {window}, straight-through \
                             {straight_through}, epoch {epoch}, step {step}"
                        );
                        compare(&mut trainer, &input, &labels, &what);
                    }
                    trainer.end_epoch();
                }
            }
        }
    }
}
