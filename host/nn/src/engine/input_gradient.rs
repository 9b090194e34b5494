//! The gradient of the loss with respect to the input: for saliency, adversarial examples, and tests.

use super::{Engine, Gradients, Purpose, Settings, StepKey};
use crate::graph::{Graph, GraphError, Op};
use crate::model::Model;

/// dL/dx of the mean softmax cross-entropy of a batch, images × rows × columns × channels as `images` themselves. The
/// network is as in inference: running statistics, ranges as they are, nothing dropped.
///
/// `relu_grad_at_zero` is that of [`Settings`].
///
/// # Errors
/// None for a graph that was checked; passed on from its reconstruction.
///
/// # Panics
/// Unless there is one label per image, less than the number of outputs.
pub fn grad_input(
    model: &Model,
    images: &[f32],
    labels: &[u32],
    relu_grad_at_zero: f32,
) -> Result<Vec<f32>, GraphError> {
    let (graph, parameters) = model.clone().into_parts();
    let mut nodes = graph.nodes().to_vec();
    for node in &mut nodes {
        if let Op::Dropout { probability } = &mut node.op {
            *probability = 0.0;
        }
    }
    let graph = Graph::new(graph.name(), graph.input(), nodes)?;
    let mut model = Model::from_checked_parts(graph, parameters);
    let settings =
        Settings { relu_grad_at_zero, frozen_norms: true, frozen_ranges: true, norm_momentum: None };
    let purpose = Purpose::Training { input_gradient: true };
    let mut engine = Engine::new(model.graph(), labels.len(), purpose, settings);
    engine.input_mut(labels.len()).copy_from_slice(images);
    engine.forward_train(&mut model, StepKey::default());
    engine.cross_entropy(model.graph(), labels);
    engine.backward(&model, &mut Gradients::zeros(&model));
    Ok(engine.input_gradient().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architectures;
    use crate::graph::Shape;

    /// Along a random direction, against central differences of the loss that inference gives.
    #[test]
    fn is_the_slope_of_the_loss() {
        let shape = Shape::new(16, 16, 3);
        for name in ["resnet20", "lenet5"] {
            let model = Model::new(architectures::build(name, shape, 10).unwrap().unwrap(), 3);
            let labels = [1, 7, 4];
            let wave = |i: usize, k: f32| (i as f32 * k).sin();
            let images: Vec<f32> = (0..3 * shape.values()).map(|i| wave(i, 0.37)).collect();
            let direction: Vec<f32> = (0..images.len()).map(|i| wave(i, 1.91)).collect();
            let gradient = grad_input(&model, &images, &labels, 0.0).unwrap();
            let slope: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
            let loss = |step: f32| {
                let mut engine = Engine::new(model.graph(), 3, Purpose::Inference, Settings::default());
                let moved = images.iter().zip(&direction).map(|(x, d)| x + step * d);
                engine.input_mut(3).iter_mut().zip(moved).for_each(|(to, from)| *to = from);
                engine.infer(&model);
                engine.cross_entropy(model.graph(), &labels)
            };
            let difference = (loss(1e-4) - loss(-1e-4)) / 2e-4;
            assert!(
                (slope - difference).abs() < 0.02 * difference.abs() + 1e-2,
                "{name}: {slope} {difference}"
            );
        }
    }
}
