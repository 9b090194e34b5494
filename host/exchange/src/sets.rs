//! Which weight sets the weights of a network lie on.

use cbp_nn::graph::WeightShape;
use cbp_nn::{Model, Parameters, WeightSet};

/// Weights that are all levels a·k / 2^D of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct SetOfNode {
    /// The node.
    pub node: String,
    /// The smallest set that has all of them.
    pub set: WeightSet,
    /// a > 0: one of the whole node, or one per output. An output whose weights are all 0 has the largest of the
    /// others.
    pub scales: Vec<f32>,
}

/// The nodes whose weights lie exactly on a set, in order: with one scale if that is possible, otherwise with one per
/// output.
#[must_use]
pub fn recognise_sets(model: &Model) -> Vec<SetOfNode> {
    let graph = model.graph();
    let of_node = |index: usize| {
        let Parameters::Weights { weight, .. } = &model.parameters()[index] else { return None };
        let (set, scales) = recognise(weight, graph.weight_shape(index)?)?;
        Some(SetOfNode { node: graph.nodes()[index].name.clone(), set, scales })
    };
    graph.weighted().filter_map(of_node).collect()
}

/// Set and scales of these weights. A single weight says nothing about its set.
pub(crate) fn recognise(weight: &[f32], shape: WeightShape) -> Option<(WeightSet, Vec<f32>)> {
    let largest = largest(weight);
    if weight.len() < 2 || largest <= 0.0 || !largest.is_finite() {
        return None;
    }
    if let Some(set) = smallest(weight, largest) {
        return Some((set, vec![largest]));
    }
    if shape.row_length() < 2 {
        return None;
    }
    let mut widest = WeightSet::Binary;
    let mut scales = Vec::with_capacity(shape.outputs);
    for row in weight.chunks(shape.row_length()) {
        let own = self::largest(row);
        scales.push(if own > 0.0 { own } else { largest });
        widest = widest.max(smallest(row, *scales.last()?)?);
    }
    Some((widest, scales))
}

fn largest(weights: &[f32]) -> f32 {
    weights.iter().fold(0.0, |largest, w| largest.max(w.abs()))
}

/// The smallest set whose levels at scale `a` these weights are.
fn smallest(weights: &[f32], a: f32) -> Option<WeightSet> {
    // Levels are a times powers of two, which rounds nothing.
    let on = |set: WeightSet, w: f32| {
        set.levels().iter().any(|&k| f32::from(k) / (1_u32 << set.max_shift()) as f32 * a == w)
    };
    WeightSet::ALL.into_iter().find(|&set| weights.iter().all(|&w| on(set, w)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn shape(outputs: usize, inputs: usize) -> WeightShape {
        WeightShape { outputs, kernel: [1, 1], inputs, groups: 1, bias: false }
    }

    #[test]
    fn the_smallest_set_is_found() {
        let a = 0.3_f32;
        for (weights, set) in [
            (vec![a, -a, -a, a], WeightSet::Binary),
            (vec![a, 0.0, -a, a], WeightSet::Ternary),
            (vec![a, 0.0, -a / 2.0, a], WeightSet::OneBitShift),
            (vec![a / 4.0, 0.0, -a / 2.0, a], WeightSet::TwoBitShift),
        ] {
            assert_eq!(recognise(&weights, shape(2, 2)), Some((set, vec![a])), "{weights:?}");
        }
    }

    #[test]
    fn scales_may_differ_between_outputs() {
        let found = recognise(&[0.3, -0.3, 0.0, 0.7, 0.0, 0.0], shape(3, 2));
        assert_eq!(found, Some((WeightSet::Ternary, vec![0.3, 0.7, 0.7])));
    }

    #[test]
    fn other_weights_are_on_no_set() {
        assert_eq!(recognise(&[0.3, 0.1, 0.2, 0.3], shape(2, 2)), None);
        assert_eq!(recognise(&[0.0; 4], shape(2, 2)), None);
        assert_eq!(recognise(&[0.3], shape(1, 1)), None);
        assert_eq!(recognise(&[0.3, 0.7], shape(2, 1)), None);
        assert_eq!(recognise(&[0.5, 0.5 + f32::EPSILON], shape(1, 2)), None);
    }
}
