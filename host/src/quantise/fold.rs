//! Nodes of a trained graph become layers of an integer network.
//!
//! A layer of the accelerator is products with all that can follow them: batch norm, a shortcut's addition, a clamp,
//! rounding. So a node's result is first [`Value::Open`]: nodes behind it still become part of the same layer; rounding
//! ends it, and the result is then [`Value::Stored`].

use cbp_nn::Parameters;
use cbp_nn::graph::{Node, Op, Source as From};
use cbp_nn::trained::{TrainedNetwork, TrainedWeights};
use cbp_numerics::scales::{Affine, Scaling, mean, sum};
use cbp_numerics::{
    Add, AveragePool, Concat, Convolution, FullyConnected, Layer, MaxPool, Operation, Output, RequantFault,
    Residual, Shape, Source, WeightSet, Weights, Window,
};

use super::{Coding, QuantiseError};

/// Codes in memory.
#[derive(Clone, Copy)]
struct Tensor {
    source: Source,
    coding: Coding,
    shape: Shape,
}

/// A layer to which something can still be added.
struct Open {
    /// The node that it began at.
    name: String,
    sums: Sums,
    /// A second operand of a convolution.
    residual: Option<(Residual, Tensor)>,
    /// Bounds of a clamp.
    bounds: [f32; 2],
}

/// What a layer adds up.
enum Sums {
    /// A raw layer, the real value of a unit of its weights, what follows the products, and its input.
    Products(Box<Products>),
    /// The means of windows.
    Means { input: Tensor, window: Window },
    /// Two tensors.
    Pair([Tensor; 2]),
}

/// Products of a layer with weights.
struct Products {
    /// It gives the bare sums as yet.
    layer: Layer,
    /// Real value of a unit of the weights, one or one per output channel.
    units: Vec<f32>,
    /// What follows the products, one or one per output channel.
    affine: Vec<Affine>,
    input: Tensor,
}

/// What has become of a node.
enum Value {
    Open(Box<Open>),
    Stored(Tensor),
    /// A tensor to add to a convolution: every so many rows and columns, from this channel on.
    Shortcut {
        tensor: Tensor,
        stride: usize,
        first: usize,
    },
    /// Tensors that will stand side by side once they have one coding.
    Parts(Vec<Value>),
    /// Part of another value by now.
    Taken,
}

/// Layers, and what turns the last one's results into logits.
pub type Folded = (Vec<Layer>, Vec<(f64, f64)>);

/// All nodes in order.
pub fn fold(trained: &TrainedNetwork, input: Coding) -> Result<Folded, QuantiseError> {
    let graph = trained.model.graph();
    let input = Tensor { source: Source::Input, coding: input, shape: graph.input() };
    let mut fold = Fold { trained, layers: Vec::new(), values: Vec::new(), input };
    for index in 0..graph.nodes().len() {
        let value = fold.node(index)?;
        fold.values.push(value);
    }
    fold.finish()
}

struct Fold<'a> {
    trained: &'a TrainedNetwork,
    layers: Vec<Layer>,
    /// Of every node so far.
    values: Vec<Value>,
    input: Tensor,
}

impl Fold<'_> {
    fn node(&mut self, index: usize) -> Result<Value, QuantiseError> {
        let graph = self.trained.model.graph();
        let node = &graph.nodes()[index];
        let first = node.inputs.first().copied().unwrap_or(From::Input);
        match &node.op {
            Op::Linear { .. } | Op::Convolution { .. } => self.products(index, node, first),
            Op::BatchNorm { .. } => self.batch_norm(index, node, first),
            Op::Clamp { low, high } => self.clamp(node, first, [*low, *high]),
            Op::Quantise { .. } => self.round(index, node, first),
            Op::Add => self.add(node),
            Op::Concat => {
                let parts = node.inputs.iter().map(|&from| self.take(from));
                Ok(Value::Parts(parts.collect()))
            }
            Op::MaxPool { window } => {
                let tensor = self.stored(node, first)?;
                let operation = Operation::MaxPool(MaxPool { input: tensor.source, window: *window });
                Ok(Value::Stored(self.push(&node.name, operation, tensor.coding, graph.shapes()[index])))
            }
            Op::AveragePool { window, count_padding } => {
                let is_padded = window.before != [0; 2] || window.behind != [0; 2];
                if is_padded && !count_padding {
                    return Err(unsupported(
                        node,
                        "an average over what lies in the image divides by a number that varies",
                        "count the padding, or pad nothing",
                    ));
                }
                self.means(node, first, *window)
            }
            Op::AdaptiveAveragePool { height, width } => {
                let size = graph.shape_of(first);
                if [size.height, size.width] == [*height, *width] {
                    return Ok(self.take(first));
                }
                if !size.height.is_multiple_of(*height) || !size.width.is_multiple_of(*width) {
                    return Err(unsupported(
                        node,
                        "its windows have several sizes",
                        "use a size that divides the image's",
                    ));
                }
                let kernel = [size.height / height, size.width / width];
                let window = Window { kernel, stride: kernel, ..Window::square(1, 1, 0) };
                self.means(node, first, window)
            }
            // Rows, columns and channels lie behind each other in memory already.
            Op::Flatten => {
                let shape = graph.shapes()[index];
                Ok(match self.take(first) {
                    Value::Stored(tensor) => Value::Stored(Tensor { shape, ..tensor }),
                    other => other,
                })
            }
            Op::Dropout { .. } => Ok(self.take(first)),
            Op::Shortcut { stride, before, .. } => {
                let tensor = self.stored(node, first)?;
                Ok(Value::Shortcut { tensor, stride: *stride, first: *before })
            }
            _ => Err(unsupported(node, "the accelerator has no such operation", "leave it out")),
        }
    }

    /// Codes of the result that `from` stands for.
    fn stored(&self, reader: &Node, from: From) -> Result<Tensor, QuantiseError> {
        match from {
            From::Input => Ok(self.input),
            From::Layer(index) => {
                if let Some(Value::Stored(tensor)) = self.values.get(index) {
                    return Ok(*tensor);
                }
                let node = self.trained.model.graph().nodes()[index].name.clone();
                Err(QuantiseError::Unrounded { node, reader: reader.name.clone() })
            }
        }
    }

    /// The result itself, which only one reader can have unless it is stored.
    fn take(&mut self, from: From) -> Value {
        let From::Layer(index) = from else { return Value::Stored(self.input) };
        match &mut self.values[index] {
            Value::Stored(tensor) => Value::Stored(*tensor),
            value => std::mem::replace(value, Value::Taken),
        }
    }

    fn push(&mut self, name: &str, operation: Operation, coding: Coding, shape: Shape) -> Tensor {
        self.layers.push(Layer { name: name.to_owned(), operation });
        Tensor { source: Source::Layer(self.layers.len() - 1), coding, shape }
    }

    fn products(&mut self, index: usize, node: &Node, from: From) -> Result<Value, QuantiseError> {
        let input = self.stored(node, from)?;
        let (weights, units) = match &self.trained.weights[index] {
            None => return Err(QuantiseError::Float(node.name.clone())),
            Some(TrainedWeights::Int8 { scales, codes }) => {
                (Weights::Int8 { w: codes.clone() }, scales.clone())
            }
            Some(TrainedWeights::Constrained { set, scales, codes }) => {
                // w = a·k / 2^D: a power of two, so the division is exact.
                let unit = f32::from(1_u8 << set.max_shift());
                let scales = scales.iter().map(|a| a / unit).collect();
                (Weights::Constrained { set: *set, codes: codes.clone() }, scales)
            }
        };
        let affine = match &self.trained.model.parameters()[index] {
            Parameters::Weights { bias: Some(bias), .. } => {
                bias.iter().map(|&bias| Affine::bias(bias)).collect()
            }
            _ => vec![Affine::bias(0.0)],
        };
        let operation = match node.op {
            Op::Convolution { inputs, outputs, groups, window, .. } => Operation::Convolution(Convolution {
                input: input.source,
                inputs,
                outputs,
                groups,
                window,
                zero_point: input.coding.quantiser.zero_point,
                weights,
                residual: None,
                output: Output::Raw,
            }),
            Op::Linear { inputs, outputs, .. } => Operation::FullyConnected(FullyConnected {
                input: input.source,
                inputs,
                outputs,
                weights,
                output: Output::Raw,
            }),
            _ => return Err(unsupported(node, "it has no weights", "this is a fault of the program")),
        };
        let layer = Layer { name: node.name.clone(), operation };
        let products = Products { layer, units, affine, input };
        Ok(Value::open(node, Sums::Products(Box::new(products))))
    }

    fn batch_norm(&mut self, index: usize, node: &Node, from: From) -> Result<Value, QuantiseError> {
        let (Parameters::BatchNorm { gamma, beta, mean, var }, &Op::BatchNorm { eps, channels, .. }) =
            (&self.trained.model.parameters()[index], &node.op)
        else {
            return Err(unsupported(node, "it has no statistics", "this is a fault of the program"));
        };
        let fault = |fault| QuantiseError::Scale { node: node.name.clone(), fault };
        let norms = (0..channels)
            .map(|c| Affine::batch_norm(gamma[c], beta[c], mean[c], var[c], eps))
            .collect::<Result<Vec<_>, _>>()
            .map_err(fault)?;
        match self.take(from) {
            Value::Open(mut open) => match open.products_alone() {
                Some(products) => {
                    let before = |c: usize| products.affine[if products.affine.len() == 1 { 0 } else { c }];
                    products.affine =
                        norms.iter().enumerate().map(|(c, norm)| norm.after(before(c))).collect();
                    Ok(Value::Open(open))
                }
                None => Err(self.unrounded(node, from)),
            },
            // Alone it is a convolution of every channel with a weight of 1.
            Value::Stored(input) => {
                let operation = Operation::Convolution(Convolution {
                    input: input.source,
                    inputs: channels,
                    outputs: channels,
                    groups: channels,
                    window: Window::square(1, 1, 0),
                    zero_point: input.coding.quantiser.zero_point,
                    weights: Weights::Constrained { set: WeightSet::Binary, codes: vec![1; channels] },
                    residual: None,
                    output: Output::Raw,
                });
                let layer = Layer { name: node.name.clone(), operation };
                Ok(Value::open(
                    node,
                    Sums::Products(Box::new(Products { layer, units: vec![1.0], affine: norms, input })),
                ))
            }
            _ => Err(self.unrounded(node, from)),
        }
    }

    fn clamp(&mut self, node: &Node, from: From, [low, high]: [f32; 2]) -> Result<Value, QuantiseError> {
        match self.take(from) {
            Value::Open(mut open) => {
                open.bounds = [open.bounds[0].max(low), open.bounds[1].min(high)];
                Ok(Value::Open(open))
            }
            // Another coding of the same values, with bounds.
            Value::Stored(input) => {
                let sums = Sums::Means { input, window: Window::square(1, 1, 0) };
                Ok(Value::Open(Box::new(Open { bounds: [low, high], ..Open::new(node, sums) })))
            }
            _ => Err(self.unrounded(node, from)),
        }
    }

    fn means(&mut self, node: &Node, from: From, window: Window) -> Result<Value, QuantiseError> {
        let input = self.stored(node, from)?;
        Ok(Value::open(node, Sums::Means { input, window }))
    }

    fn add(&mut self, node: &Node) -> Result<Value, QuantiseError> {
        let [a, b] = [node.inputs[0], node.inputs[1]];
        match (self.take(a), self.take(b)) {
            (Value::Open(mut open), operand) | (operand, Value::Open(mut open)) => {
                let tensor = match operand {
                    Value::Stored(tensor) => Some((tensor, 1, 0)),
                    Value::Shortcut { tensor, stride, first } => Some((tensor, stride, first)),
                    _ => None,
                };
                let is_convolution = open
                    .products_alone()
                    .is_some_and(|products| matches!(products.layer.operation, Operation::Convolution(_)));
                if let (Some((tensor, stride, first)), true) = (tensor, is_convolution) {
                    open.residual = Some((Residual { source: tensor.source, stride, first }, tensor));
                    return Ok(Value::Open(open));
                }
                Err(unsupported(
                    node,
                    "only a convolution (with batch norm) can take in a second operand that is not rounded",
                    "round both",
                ))
            }
            (Value::Stored(a), Value::Stored(b)) => Ok(Value::open(node, Sums::Pair([a, b]))),
            _ => Err(unsupported(
                node,
                "a shortcut with a stride or more channels can be added to a convolution only",
                "add it where a convolution ends",
            )),
        }
    }

    /// A node that rounds ends a layer.
    fn round(&mut self, index: usize, node: &Node, from: From) -> Result<Value, QuantiseError> {
        let (&Parameters::Range(range), &Op::Quantise { bits, signed }) =
            (&self.trained.model.parameters()[index], &node.op)
        else {
            return Err(unsupported(node, "it has no range", "this is a fault of the program"));
        };
        let coding =
            Coding::of_node(bits, signed, range).ok_or_else(|| QuantiseError::Range(node.name.clone()))?;
        let value = self.take(from);
        self.store(node, value, coding).map(Value::Stored)
    }

    /// A value with this coding.
    fn store(&mut self, node: &Node, value: Value, coding: Coding) -> Result<Tensor, QuantiseError> {
        match value {
            Value::Open(open) => self.close(*open, coding),
            Value::Stored(tensor) if tensor.coding == coding => Ok(tensor),
            Value::Stored(input) => {
                let sums = Sums::Means { input, window: Window::square(1, 1, 0) };
                self.close(Open::new(node, sums), coding)
            }
            Value::Parts(parts) => {
                let mut tensors = Vec::with_capacity(parts.len());
                for part in parts {
                    tensors.push(self.store(node, part, coding)?);
                }
                let channels = tensors.iter().map(|tensor| tensor.shape.channels).sum();
                let shape =
                    tensors.first().map_or(Shape::vector(0), |first| Shape { channels, ..first.shape });
                let inputs = tensors.iter().map(|tensor| tensor.source).collect();
                Ok(self.push(&node.name, Operation::Concat(Concat { inputs }), coding, shape))
            }
            Value::Shortcut { .. } | Value::Taken => Err(unsupported(
                node,
                "it rounds a shortcut, or what is part of another layer",
                "round the result of a layer",
            )),
        }
    }

    /// Ends a layer.
    fn close(&mut self, open: Open, output: Coding) -> Result<Tensor, QuantiseError> {
        let Open { name, sums, residual, bounds: [low, high] } = open;
        let clamp = output.clamp(low, high);
        let fault = |fault: RequantFault| QuantiseError::Scale { node: name.clone(), fault };
        let quantiser = output.quantiser;
        let (operation, shapes) = match sums {
            Sums::Products(products) => {
                let Products { layer, units, affine, input } = *products;
                let mut shapes = vec![input.shape];
                shapes.extend(residual.map(|(_, tensor)| tensor.shape));
                let residual = residual
                    .map(|(residual, tensor)| (residual, tensor.coding.quantiser, tensor.shape.channels));
                let input = input.coding.quantiser;
                let scaling =
                    Scaling { weights: &units, affine: &affine, input, residual, output: quantiser, clamp };
                (scaling.finish(layer)?.operation, shapes)
            }
            Sums::Means { input, window } => {
                let requant = mean(window.area(), input.coding.quantiser, quantiser).map_err(fault)?;
                let zero_point = input.coding.quantiser.zero_point;
                let pool = AveragePool { input: input.source, window, zero_point, requant, clamp };
                (Operation::AveragePool(pool), vec![input.shape])
            }
            Sums::Pair(tensors) => {
                let requant = sum(tensors.map(|tensor| tensor.coding.quantiser), quantiser).map_err(fault)?;
                let add = Add { inputs: tensors.map(|tensor| tensor.source), requant, clamp };
                (Operation::Add(add), tensors.map(|tensor| tensor.shape).to_vec())
            }
        };
        let shape = Layer { name: name.clone(), operation: operation.clone() }.check(&shapes)?;
        Ok(self.push(&name, operation, output, shape))
    }

    /// The last layer: raw accumulators, and logit = gain·unit·`s_in`·(acc − `z_in`·Σk) + shift.
    fn finish(mut self) -> Result<Folded, QuantiseError> {
        let graph = self.trained.model.graph();
        let outputs = graph.output().values();
        let last = graph.nodes().len() - 1;
        let logits = match self.take(From::Layer(last)) {
            Value::Stored(Tensor { coding, .. }) => {
                let (scale, zero) =
                    (f64::from(coding.quantiser.scale), f64::from(coding.quantiser.zero_point));
                vec![(scale, -scale * zero); outputs]
            }
            Value::Open(mut open) => {
                let Some(Products { layer, units, affine, input }) = open.products_alone() else {
                    return Err(self.no_end());
                };
                let input = input.coding.quantiser;
                let at = |count: usize, channel: usize| if count == 1 { 0 } else { channel };
                let channels = graph.output().channels;
                let logit = |channel: usize| {
                    let row = match &layer.operation {
                        Operation::FullyConnected(fc) => fc.row(channel),
                        Operation::Convolution(c) => c.row(channel),
                        _ => &[],
                    };
                    let Affine { gain, shift } = affine[at(affine.len(), channel)];
                    let unit = f64::from(units[at(units.len(), channel)]);
                    let gain = gain * unit * f64::from(input.scale);
                    (gain, shift - gain * (i64::from(input.zero_point) * Weights::sums(row).0) as f64)
                };
                let logits = (0..outputs).map(|output| logit(output % channels)).collect();
                self.layers.push(layer.clone());
                logits
            }
            _ => return Err(self.no_end()),
        };
        Ok((self.layers, logits))
    }

    fn no_end(&self) -> QuantiseError {
        let nodes = self.trained.model.graph().nodes();
        unsupported(
            &nodes[nodes.len() - 1],
            "it ends the network, but is neither rounded nor a layer with weights alone",
            "end with a layer with weights, or round the output",
        )
    }

    fn unrounded(&self, reader: &Node, from: From) -> QuantiseError {
        match self.stored(reader, from) {
            Err(error) => error,
            Ok(_) => unsupported(reader, "it follows nothing that it can be part of", "round what it reads"),
        }
    }
}

/// Bounds of what no clamp has bounded.
const NO_BOUNDS: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

impl Value {
    fn open(node: &Node, sums: Sums) -> Self {
        Self::Open(Box::new(Open::new(node, sums)))
    }
}

impl Open {
    fn new(node: &Node, sums: Sums) -> Self {
        Self { name: node.name.clone(), sums, residual: None, bounds: NO_BOUNDS }
    }

    /// Its products, if nothing follows them yet that batch norm or another operand could not come before.
    fn products_alone(&mut self) -> Option<&mut Products> {
        match &mut self.sums {
            Sums::Products(products) if self.residual.is_none() && self.bounds == NO_BOUNDS => Some(products),
            _ => None,
        }
    }
}

fn unsupported(node: &Node, what: &'static str, remedy: &'static str) -> QuantiseError {
    QuantiseError::Unsupported { node: node.name.clone(), what, remedy }
}
