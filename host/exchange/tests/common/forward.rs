//! A slow reference forward pass in 64-bit floats: plain loops over the graph, inference only.

use cbp_nn::graph::{Op, Shape, Source, WeightShape, Window};
use cbp_nn::{Model, Parameters};

/// The last node's output for one image, both NHWC.
pub fn forward(model: &Model, image: &[f32]) -> Vec<f64> {
    let graph = model.graph();
    let input: Vec<f64> = image.iter().map(|&x| f64::from(x)).collect();
    assert_eq!(input.len(), graph.input().values());
    let mut values: Vec<Vec<f64>> = Vec::new();
    for (index, node) in graph.nodes().iter().enumerate() {
        let of = |source: Source| match source {
            Source::Input => &input,
            Source::Layer(index) => &values[index],
        };
        let inputs: Vec<&[f64]> = node.inputs.iter().map(|&source| of(source).as_slice()).collect();
        let shapes: Vec<Shape> = node.inputs.iter().map(|&source| graph.shape_of(source)).collect();
        let output = graph.shapes()[index];
        let result = compute(&node.op, &model.parameters()[index], &inputs, &shapes, output);
        assert_eq!(result.len(), output.values(), "{}", node.name);
        values.push(result);
    }
    values.pop().unwrap()
}

fn compute(op: &Op, parameters: &Parameters, inputs: &[&[f64]], shapes: &[Shape], output: Shape) -> Vec<f64> {
    let (x, shape) = (inputs[0], shapes[0]);
    match (op, parameters) {
        (Op::Linear { inputs, .. }, Parameters::Weights { weight, bias }) => {
            let row = |(o, row): (usize, &[f32])| {
                let sum: f64 = row.iter().zip(x).map(|(&w, &x)| f64::from(w) * x).sum();
                sum + bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]))
            };
            weight.chunks(*inputs).enumerate().map(row).collect()
        }
        (Op::Convolution { window, groups, .. }, Parameters::Weights { weight, bias }) => convolution(
            op.weight_shape().unwrap(),
            window,
            *groups,
            (x, shape),
            weight,
            bias.as_deref(),
            output,
        ),
        (Op::BatchNorm { eps, .. }, Parameters::BatchNorm { gamma, beta, mean, var }) => x
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let [gamma, beta, mean, var] =
                    [gamma, beta, mean, var].map(|p| f64::from(p[i % shape.channels]));
                gamma * (x - mean) / (var + f64::from(*eps)).sqrt() + beta
            })
            .collect(),
        (Op::Clamp { low, high }, _) => {
            x.iter().map(|x| x.clamp(f64::from(*low), f64::from(*high))).collect()
        }
        (Op::MaxPool { window }, _) => pool(window, x, shape, output, |values, _| {
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        (Op::AveragePool { window, count_padding }, _) => pool(window, x, shape, output, |values, area| {
            values.iter().sum::<f64>() / if *count_padding { area } else { values.len() } as f64
        }),
        (Op::AdaptiveAveragePool { height, width }, _) => adaptive(x, shape, [*height, *width]),
        (Op::Add, _) => x.iter().zip(inputs[1]).map(|(a, b)| a + b).collect(),
        (Op::Concat, _) => (0..output.positions())
            .flat_map(|p| {
                let part = move |(x, shape): (&&[f64], &Shape)| {
                    x[p * shape.channels..(p + 1) * shape.channels].to_vec()
                };
                inputs.iter().zip(shapes).flat_map(part).collect::<Vec<_>>()
            })
            .collect(),
        (Op::Flatten | Op::Dropout { .. }, _) => x.to_vec(),
        (Op::Shortcut { stride, before, behind }, _) => {
            let mut y = Vec::with_capacity(output.values());
            for row in (0..shape.height).step_by(*stride) {
                for column in (0..shape.width).step_by(*stride) {
                    let start = (row * shape.width + column) * shape.channels;
                    y.extend(std::iter::repeat_n(0.0, *before));
                    y.extend_from_slice(&x[start..start + shape.channels]);
                    y.extend(std::iter::repeat_n(0.0, *behind));
                }
            }
            y
        }
        (Op::Quantise { bits, signed }, Parameters::Range(range)) => {
            let high = f64::from((1_u32 << (bits - u32::from(*signed))) - 1);
            let low = if *signed { -high } else { 0.0 };
            // The scale is a 32-bit float in every program.
            let scale = f64::from(*range / high as f32);
            x.iter().map(|x| (x / scale).round_ties_even().clamp(low, high) * scale).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// With the output channels innermost, so that the loop over them can use vector instructions.
fn convolution(
    weights: WeightShape,
    window: &Window,
    groups: usize,
    (x, shape): (&[f64], Shape),
    weight: &[f32],
    bias: Option<&[f32]>,
    output: Shape,
) -> Vec<f64> {
    let (per_group, inputs) = (weights.outputs / groups, weights.inputs);
    let [rows, columns] = window.kernel;
    // [group][row][column][input][output]
    let mut turned = vec![0.0; weight.len()];
    for (o, row) in weight.chunks(weights.row_length()).enumerate() {
        for (i, &w) in row.iter().enumerate() {
            turned[((o / per_group) * weights.row_length() + i) * per_group + o % per_group] = f64::from(w);
        }
    }
    let start: Vec<f64> = match bias {
        Some(bias) => bias.iter().map(|&b| f64::from(b)).collect(),
        None => vec![0.0; weights.outputs],
    };
    let line = |y: usize, out: &mut [f64]| {
        for (column, out) in out.chunks_mut(weights.outputs).enumerate() {
            out.copy_from_slice(&start);
            for (g, out) in out.chunks_mut(per_group).enumerate() {
                for row in 0..rows {
                    let Some(at_row) = window.at(0, y, row, shape.height) else { continue };
                    for k in 0..columns {
                        let Some(at_column) = window.at(1, column, k, shape.width) else { continue };
                        let first = (at_row * shape.width + at_column) * shape.channels + g * inputs;
                        let block = ((g * rows + row) * columns + k) * inputs * per_group;
                        let kernels = turned[block..block + inputs * per_group].chunks_exact(per_group);
                        for (&x, kernel) in x[first..first + inputs].iter().zip(kernels) {
                            if x != 0.0 {
                                out.iter_mut().zip(kernel).for_each(|(out, &w)| *out += x * w);
                            }
                        }
                    }
                }
            }
        }
    };
    let mut result = vec![0.0; output.values()];
    let length = output.width * output.channels;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let lines_each = output.height.div_ceil(threads);
    std::thread::scope(|scope| {
        for (part, lines) in result.chunks_mut(lines_each * length).enumerate() {
            let line = &line;
            scope.spawn(move || {
                for (y, out) in lines.chunks_mut(length).enumerate() {
                    line(part * lines_each + y, out);
                }
            });
        }
    });
    result
}

/// `reduce` gets what lies in the image, and the elements of the kernel.
fn pool(
    window: &Window,
    x: &[f64],
    shape: Shape,
    output: Shape,
    reduce: impl Fn(&[f64], usize) -> f64,
) -> Vec<f64> {
    let mut y = Vec::with_capacity(output.values());
    let mut values = Vec::new();
    for row in 0..output.height {
        for column in 0..output.width {
            for channel in 0..output.channels {
                values.clear();
                for r in 0..window.kernel[0] {
                    for c in 0..window.kernel[1] {
                        if let (Some(r), Some(c)) =
                            (window.at(0, row, r, shape.height), window.at(1, column, c, shape.width))
                        {
                            values.push(x[(r * shape.width + c) * shape.channels + channel]);
                        }
                    }
                }
                y.push(reduce(&values, window.area()));
            }
        }
    }
    y
}

fn adaptive(x: &[f64], shape: Shape, [height, width]: [usize; 2]) -> Vec<f64> {
    let part = |i: usize, n: usize, size: usize| i * size / n..((i + 1) * size).div_ceil(n);
    let mut y = Vec::new();
    for row in 0..height {
        for column in 0..width {
            let (rows, columns) = (part(row, height, shape.height), part(column, width, shape.width));
            for channel in 0..shape.channels {
                let at = |r: usize, c: usize| x[(r * shape.width + c) * shape.channels + channel];
                let sum: f64 = rows.clone().flat_map(|r| columns.clone().map(move |c| at(r, c))).sum();
                y.push(sum / (rows.len() * columns.len()) as f64);
            }
        }
    }
    y
}
