//! The engine against the oracle, and the oracle against itself and central differences.
#![allow(clippy::unwrap_used)] // a test may panic, in its helpers too

mod random;

use std::sync::atomic::{AtomicUsize, Ordering};

use cbp_nn::cbp::constraint::{Constraint, Window as ConstraintWindow};
use cbp_nn::cbp::grid::Grid;
use cbp_nn::engine::{Engine, Gradients, Purpose as For, Settings, StepKey};
use cbp_nn::graph::{Graph, Op, Shape, Source};
use cbp_nn::oracle::constraint::{constraint, constraint_term, levels};
use cbp_nn::oracle::dense::{Activation, Cost, Dense, Layer};
use cbp_nn::oracle::matrix::Matrix;
use cbp_nn::oracle::reference::{Reference, ReferenceGradients};
use cbp_nn::{Model, Parameters, WeightSet};
use proptest::prelude::*;
use random::Random;

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, x| largest.max(x.abs()))
}

/// The largest difference, relative to the largest number, which counts as `least` at least: sums that cancel have no
/// relative accuracy.
fn difference(found: &[f32], expected: &[f64], least: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs());
    differences.fold(0.0, f64::max) / largest(expected).max(least)
}

/// A batch through both; panics with the seed where they differ.
fn compare(seed: u64, smooth: bool) {
    let mut random = Random::new(seed);
    let graph = random.graph(smooth);
    let mut model = random.model(graph);
    let settings = Settings {
        relu_grad_at_zero: [0.0, 0.5, 1.0][random.within(0, 2)],
        frozen_norms: random.within(0, 3) == 0,
        frozen_ranges: true,
        norm_momentum: None,
    };
    let images = random.within(2, 4);
    let values = model.graph().input().values() * images;
    // Coarse numbers: exact zeros and ties occur.
    let input: Vec<f32> = (0..values).map(|_| (8.0 * random.number()).round() / 8.0).collect();
    let outputs = model.graph().output().values();
    let labels: Vec<u32> = (0..images).map(|_| random.within(0, outputs - 1) as u32).collect();
    let targets: Vec<f32> = (0..images * outputs).map(|_| random.number()).collect();
    let squared = random.coin();

    let before = model.clone();
    let mut engine = Engine::new(model.graph(), images + 1, For::Training { input_gradient: true }, settings);
    let mut gradients = Gradients::zeros(&model);
    engine.input_mut(images).copy_from_slice(&input);
    let output = engine.forward_train(&mut model, StepKey { seed, step: 3 }).to_vec();
    let loss = if squared {
        engine.squared_error(model.graph(), &targets)
    } else {
        engine.cross_entropy(model.graph(), &labels)
    };
    engine.backward(&model, &mut gradients);

    let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let (input, targets) = (wide(&input), wide(&targets));
    // Output, loss, gradients of the input and of every parameter, as one list of lists.
    let run = |reference: &Reference<'_>, input: &[f64]| {
        let all = reference.forward(input);
        let outputs = &all[all.len() - 1];
        let (loss, gradient) = if squared {
            reference.squared_error(outputs, &targets)
        } else {
            reference.cross_entropy(outputs, &labels)
        };
        let ReferenceGradients { parameters, input } = reference.backward(input, &all, gradient);
        let mut lists = vec![outputs.clone(), vec![loss], input];
        lists.extend(parameters.into_iter().flatten());
        lists
    };
    let mut reference = Reference::new(&before, settings);
    // What is dropped is chance; what follows from it is not.
    reference.kept =
        (0..before.graph().nodes().len()).map(|node| engine.kept(before.graph(), node)).collect();
    let expected = run(&reference, &input);
    let mut found = vec![output, vec![loss as f32], engine.input_gradient().to_vec()];
    found.extend(gradients.nodes.into_iter().flat_map(|node| [node.weight, node.bias]));
    let least = expected[3..].iter().map(|list| largest(list)).fold(1e-3, f64::max);
    let off = |found: &[Vec<f32>]| {
        let pairs = found.iter().zip(&expected);
        pairs.map(|(found, expected)| difference(found, expected, least)).fold(0.0, f64::max)
    };
    let found_off = off(&found);
    CASES.fetch_add(1, Ordering::Relaxed);
    if found_off < 1e-5 {
        return;
    }
    // Some networks enlarge the rounding of f32 (batch norms of few and similar numbers), or a number lies so near to a
    // bound that rounding takes it to the other side. How far does rounding alone go?
    ILL_CONDITIONED.fetch_add(1, Ordering::Relaxed);
    if is_near_a_jump(&before, &reference.forward(&input), &input) {
        return;
    }
    reference.rounds = true;
    let narrow = |list: Vec<f64>| list.into_iter().map(|x| x as f32).collect();
    let mut rounded_off = 0.0_f64;
    let exact = reference.parameters.clone();
    for round in 0..16 {
        let rounded: Vec<Vec<f32>> = run(&reference, &input).into_iter().map(narrow).collect();
        rounded_off = rounded_off.max(off(&rounded));
        // And again with parameters moved by a few units of the last place: more of them each time.
        let distance = 1e-7 * f64::from(round + 1);
        for (moved, exact) in reference.parameters.iter_mut().flatten().zip(exact.iter().flatten()) {
            for (moved, exact) in moved.iter_mut().zip(exact) {
                *moved = exact * (1.0 + distance * f64::from(random.number()));
            }
        }
    }
    assert!(
        found_off < 1e-3_f64.max(100.0 * rounded_off),
        "seed {seed}: off by {found_off}, the reference in f32 by {rounded_off}\n{:#?}",
        model.graph()
    );
}

/// Whether some number is so near to a bound of a clamp, or to the middle of two codes, that f32 may take it to the
/// other side.
fn is_near_a_jump(model: &Model, values: &[Vec<f64>], input: &[f64]) -> bool {
    let mut nodes = model.graph().nodes().iter().zip(model.parameters());
    nodes.any(|(node, parameters)| {
        let x = match node.inputs[0] {
            Source::Input => input,
            Source::Layer(before) => &values[before],
        };
        match (&node.op, parameters) {
            (&Op::Clamp { low, high }, _) => {
                let near = |x: f64, bound: f32| (x - f64::from(bound)).abs() < 1e-5;
                x.iter().any(|&x| near(x, low) || near(x, high))
            }
            (&Op::Quantise { bits, signed }, &Parameters::Range(range)) => {
                let codes = if signed { (1 << (bits - 1)) - 1 } else { (1 << bits) - 1 };
                let steps = f64::from(codes) / f64::from(range);
                x.iter().any(|x| ((x * steps).rem_euclid(1.0) - 0.5).abs() < 1e-4)
            }
            _ => false,
        }
    })
}

/// Cases compared, and those that f32 cannot compute to five digits.
static CASES: AtomicUsize = AtomicUsize::new(0);
static ILL_CONDITIONED: AtomicUsize = AtomicUsize::new(0);

/// Gradients of the reference against central differences, with steps that agree with each other.
fn central_differences(seed: u64) {
    let mut random = Random::new(seed);
    let graph = random.graph(true);
    let model = random.model(graph);
    let settings = Settings { frozen_norms: random.coin(), ..Settings::default() };
    let mut reference = Reference::new(&model, settings);
    let images = 3;
    for ((node, shape), kept) in
        model.graph().nodes().iter().zip(model.graph().shapes()).zip(&mut reference.kept)
    {
        if let Op::Dropout { .. } = node.op {
            let count = images * shape.values();
            *kept = Some((0..count).map(|_| random.coin()).collect());
        }
    }
    let mut input: Vec<f64> =
        (0..model.graph().input().values() * images).map(|_| f64::from(random.number())).collect();
    let labels = [0, 1, 1];
    let loss = |reference: &Reference<'_>, input: &[f64]| {
        let values = reference.forward(input);
        reference.cross_entropy(&values[values.len() - 1], &labels)
    };
    let values = reference.forward(&input);
    let (_, gradient) = reference.cross_entropy(&values[values.len() - 1], &labels);
    let gradients = reference.backward(&input, &values, gradient);
    let check = |what: &str, found: f64, low: f64, high: f64, step: f64| {
        let expected = (high - low) / (2.0 * step);
        let bound = 1e-6 * expected.abs().max(1.0);
        assert!(
            (found - expected).abs() < bound,
            "seed {seed}, {what}: {found}, central difference {expected}"
        );
    };
    let step = 1e-5;
    for index in 0..input.len() {
        let kept = input[index];
        let mut at = |x| {
            input[index] = x;
            loss(&reference, &input).0
        };
        let (low, high) = (at(kept - step), at(kept + step));
        at(kept);
        check(&format!("input {index}"), gradients.input[index], low, high, step);
    }
    for node in 0..gradients.parameters.len() {
        for list in 0..2 {
            for index in 0..gradients.parameters[node][list].len() {
                let kept = reference.parameters[node][list][index];
                let mut at = |w| {
                    reference.parameters[node][list][index] = w;
                    loss(&reference, &input).0
                };
                let (low, high) = (at(kept - step), at(kept + step));
                at(kept);
                let found = gradients.parameters[node][list][index];
                check(&format!("node {node}, list {list}, {index}"), found, low, high, step);
            }
        }
    }
}

/// A fully connected network of the given widths with random weights.
fn dense(random: &mut Random, widths: &[usize], activation: Activation, cost: Cost) -> Dense {
    let count = widths.len() - 1;
    let layers = widths.windows(2).enumerate().map(|(index, pair)| Layer {
        // Of a size that neither grows nor dies with depth; f32 numbers, which the engine can hold.
        weights: Matrix::from_fn(pair[1], pair[0] + 1, |_, _| {
            f64::from(random.number() * 2.0 / (pair[0] as f32 + 1.0).sqrt())
        }),
        activation: match (index + 1 == count, cost) {
            (true, Cost::CrossEntropy) => Activation::Softmax,
            (true, Cost::SquaredError) => Activation::Identity,
            _ => activation,
        },
    });
    Dense { layers: layers.collect(), cost }
}

fn activations() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Identity),
        Just(Activation::Tanh),
        Just(Activation::Sigmoid),
        Just(Activation::Relu { at_zero: 0.0 }),
        Just(Activation::Box { width: 0.7 }),
    ]
}

fn costs() -> impl Strategy<Value = Cost> {
    prop_oneof![Just(Cost::CrossEntropy), Just(Cost::SquaredError)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn engine_equals_the_reference(seed: u64) {
        compare(seed, false);
        let (cases, ill) = (CASES.load(Ordering::Relaxed), ILL_CONDITIONED.load(Ordering::Relaxed));
        prop_assert!(ill < 5 + cases / 20, "{ill} of {cases} cases were off by more than 1e-5");
    }

    /// Induction: the base case and each step on their own against central differences of C with respect to z, and the
    /// whole against the Kronecker form.
    #[test]
    fn matrix_form_by_induction(
        widths in prop::collection::vec(1_usize..=16, 2..=9),
        activation in activations(),
        cost in costs(),
        seed: u64,
    ) {
        let mut random = Random::new(seed);
        let network = dense(&mut random, &widths, activation, cost);
        let mut column = |len: usize| Matrix::from_fn(len, 1, |_, _| f64::from(random.number()));
        let x = column(widths[0]);
        let last = widths.len() - 1;
        let y = match cost {
            Cost::SquaredError => column(widths[last]),
            Cost::CrossEntropy => Matrix::from_fn(widths[last], 1, |row, _| if row == 0 { 1.0 } else { 0.0 }),
        };
        let trace = network.forward(&x);
        // C as a function of z of one layer.
        let cost_from = |layer: usize, z: &Matrix| {
            let mut a = network.layers[layer].activation.value(z);
            for later in &network.layers[layer + 1..] {
                a = later.activation.value(&(&later.weights * &a.augmented()));
            }
            cost.value(&a, &y)
        };
        let mut delta = network.last_delta(&trace, &y);
        for layer in (0..last).rev() {
            if layer + 1 < last {
                delta = network.delta_before(&trace, layer + 1, &delta);
            }
            for row in 0..delta.rows {
                let moved = |step: f64| {
                    let mut z = trace.z[layer].clone();
                    z[(row, 0)] += step;
                    cost_from(layer, &z)
                };
                let of = |step: f64| (moved(step) - moved(-step)) / (2.0 * step);
                // At a kink differences of two steps disagree: nothing to compare there.
                let (near, far) = (of(1e-6), of(3e-6));
                // A softmax may saturate: ln 0 has no difference.
                if near.is_finite() && (near - far).abs() < 1e-7 * near.abs().max(1.0) {
                    let found = delta[(row, 0)];
                    prop_assert!((found - near).abs() < 1e-6 * near.abs().max(1.0), "layer {layer}: {found}, {near}");
                }
            }
        }
        let (gradients, _) = network.gradients(&x, &y);
        let weights: usize = network.layers.iter().map(|layer| layer.weights.values.len()).sum();
        if weights <= 600 {
            for (matrix, kronecker) in gradients.iter().zip(network.gradients_by_kronecker(&x, &y)) {
                for (a, b) in matrix.values.iter().zip(&kronecker.values) {
                    prop_assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a}, Kronecker {b}");
                }
            }
        }
    }

    /// The engine on a batch against the mean of the matrix form over its images.
    #[test]
    fn engine_equals_the_matrix_form(
        widths in prop::collection::vec(1_usize..=16, 2..=9),
        images in 2_usize..6,
        seed: u64,
    ) {
        let mut random = Random::new(seed);
        let network = dense(&mut random, &widths, Activation::Relu { at_zero: 0.0 }, Cost::CrossEntropy);
        let mut graph = Graph::empty("dense", Shape::vector(widths[0]));
        let mut source = Source::Input;
        let mut parameters = Vec::new();
        for (index, layer) in network.layers.iter().enumerate() {
            let (outputs, inputs) = (layer.weights.rows, layer.weights.columns - 1);
            let op = Op::Linear { inputs, outputs, bias: true };
            source = graph.push(format!("fc{index}"), op, &[source]).unwrap();
            let weight = layer.weights.without_last_column().values.iter().map(|&w| w as f32).collect();
            let bias = (0..outputs).map(|o| layer.weights[(o, inputs)] as f32).collect();
            parameters.push(Parameters::Weights { weight, bias: Some(bias) });
            if index + 1 < network.layers.len() {
                source = graph.push(format!("relu{index}"), Op::RELU, &[source]).unwrap();
                parameters.push(Parameters::None);
            }
        }
        let mut model = Model::with_parameters(graph, parameters).unwrap();
        let input: Vec<f32> = (0..images * widths[0]).map(|_| random.number()).collect();
        let classes = widths[widths.len() - 1];
        let labels: Vec<u32> = (0..images).map(|_| random.within(0, classes - 1) as u32).collect();
        let mut engine =
            Engine::new(model.graph(), images, For::Training { input_gradient: true }, Settings::default());
        let mut gradients = Gradients::zeros(&model);
        engine.input_mut(images).copy_from_slice(&input);
        engine.forward_train(&mut model, StepKey::default());
        engine.cross_entropy(model.graph(), &labels);
        engine.backward(&model, &mut gradients);

        let share = 1.0 / images as f64;
        let mut input_gradients = Vec::new();
        // Nearer to 0, the rounding of f32 may take a number to the other side of ReLU's kink.
        for image in input.chunks_exact(widths[0]) {
            let x: Vec<f64> = image.iter().map(|&x| f64::from(x)).collect();
            let trace = network.forward(&Matrix::column(&x));
            let near = |z: &Matrix| z.values.iter().any(|x| x.abs() < 1e-5 * largest(&z.values).max(1.0));
            prop_assume!(!trace.z.iter().any(near));
        }
        let mut sums: Vec<Matrix> = network.layers.iter().map(|layer| layer.weights.scaled(0.0)).collect();
        for (image, &label) in labels.iter().enumerate() {
            let x: Vec<f64> = input[image * widths[0]..][..widths[0]].iter().map(|&x| f64::from(x)).collect();
            let y = Matrix::from_fn(classes, 1, |row, _| if row == label as usize { 1.0 } else { 0.0 });
            let (of_image, dx) = network.gradients(&Matrix::column(&x), &y);
            for (sum, gradient) in sums.iter_mut().zip(&of_image) {
                *sum = &*sum + &gradient.scaled(share);
            }
            input_gradients.extend(dx.scaled(share).values);
        }
        let least = sums.iter().map(|sum| largest(&sum.values)).fold(1e-3, f64::max);
        // Each layer adds its rounding.
        let bound = 1e-5 * network.layers.len() as f64;
        prop_assert!(difference(engine.input_gradient(), &input_gradients, least) < bound);
        for (node, sum) in model.graph().weighted().zip(&sums) {
            let found = &gradients.nodes[node];
            prop_assert!(difference(&found.weight, &sum.without_last_column().values, least) < bound);
            let biases: Vec<f64> = (0..sum.rows).map(|o| sum[(o, sum.columns - 1)]).collect();
            prop_assert!(difference(&found.bias, &biases, least) < bound);
        }
    }

    /// CBP's term: its slope is the derivative of its value, away from edges; and the constraint that trains is the same.
    #[test]
    fn constraint_term_and_central_differences(
        ws in prop::collection::vec(-1.5_f32..1.5, 1..20), g in 1_u32..30, is_open: bool, scale in 0.2_f32..1.0,
    ) {
        let g = (!is_open).then_some(g);
        let wide: Vec<f64> = ws.iter().map(|&w| f64::from(w)).collect();
        let lambda: Vec<f64> = (0..ws.len()).map(|i| 0.1 + 0.01 * i as f64).collect();
        for set in WeightSet::ALL {
            let levels = levels(set, f64::from(scale));
            let (_, slopes) = constraint_term(&levels, g, &wide, &lambda);
            let window = g.map_or(ConstraintWindow::NONE, ConstraintWindow::at);
            let trained = Constraint::new(&Grid::new(set, scale), window);
            for (index, &w) in ws.iter().enumerate() {
                let at = |step: f64| constraint(&levels, g, wide[index] + step);
                let step = 1e-5;
                let (low, (value, slope), high) = (at(-step), at(0.0), at(step));
                // Where the slope changes, there is nothing to compare.
                if (low.1 - high.1).abs() < 0.1 {
                    prop_assert!((slope - (high.0 - low.0) / (2.0 * step)).abs() < 1e-6, "{set}: {slope}");
                    prop_assert!((slopes[index] - lambda[index] * slope).abs() < 1e-12);
                    prop_assert!((f64::from(trained.value(w)) - value).abs() < 1e-6, "{set} {w}: {value}");
                    prop_assert!((f64::from(trained.slope(w)) - slope).abs() < 1e-6, "{set} {w}: {slope}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn smooth_graphs_equal_the_reference(seed: u64) {
        compare(seed, true);
    }

    #[test]
    fn reference_and_central_differences(seed: u64) {
        central_differences(seed);
    }
}
