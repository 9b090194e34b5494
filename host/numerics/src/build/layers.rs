//! One method per operation.

use super::calibrate::{Spread, constants, mean, odd, spreads};
use super::{Builder, Draw, Range};
use crate::model::{Values, finish};
use crate::{
    Add, AveragePool, Clamp, Concat, Convolution, FullyConnected, Layer, MaxPool, NetworkError, Operation,
    Output, Requant, Residual, Shape, Source, Window,
};

/// A convolution to add.
pub struct ConvolutionSpec {
    pub input: Source,
    pub outputs: usize,
    pub groups: usize,
    pub window: Window,
    pub weights: Draw,
    pub residual: Option<Residual>,
    /// `None`: raw.
    pub range: Option<Range>,
}

/// A fully connected layer to add.
pub struct FullyConnectedSpec {
    pub input: Source,
    pub outputs: usize,
    pub weights: Draw,
    /// `None`: raw.
    pub range: Option<Range>,
}

impl Builder {
    pub fn convolution(&mut self, name: &str, spec: &ConvolutionSpec) -> Result<Source, NetworkError> {
        let mut c = Convolution {
            input: spec.input,
            inputs: self.shape(spec.input).channels,
            outputs: spec.outputs,
            groups: spec.groups,
            window: spec.window,
            zero_point: self.zero_point(spec.input),
            weights: Draw::INT8.weights(0, &mut self.random),
            residual: None,
            output: Output::Raw,
        };
        c.weights = spec.weights.weights(c.row_length() * c.outputs, &mut self.random);
        let bounds: Vec<i64> = (0..c.outputs).map(|channel| c.accumulator_bound(channel)).collect();
        let layer = Layer { name: name.to_owned(), operation: Operation::Convolution(c) };
        self.weighted(layer, &bounds, spec.residual, spec.range)
    }

    pub fn fully_connected(&mut self, name: &str, spec: &FullyConnectedSpec) -> Result<Source, NetworkError> {
        let inputs = self.shape(spec.input).values();
        let weights = spec.weights.weights(inputs * spec.outputs, &mut self.random);
        let (input, outputs) = (spec.input, spec.outputs);
        let fc = FullyConnected { input, inputs, outputs, weights, output: Output::Raw };
        let bounds: Vec<i64> = (0..outputs).map(|channel| fc.accumulator_bound(channel)).collect();
        let layer = Layer { name: name.to_owned(), operation: Operation::FullyConnected(fc) };
        self.weighted(layer, &bounds, None, spec.range)
    }

    /// Adds a layer that is raw as yet.
    fn weighted(
        &mut self,
        mut layer: Layer,
        bounds: &[i64],
        residual: Option<Residual>,
        range: Option<Range>,
    ) -> Result<Source, NetworkError> {
        let Some(range) = range else {
            let shapes: Vec<Shape> = layer.sources().into_iter().map(|source| self.shape(source)).collect();
            let shape = layer.check(&shapes)?;
            return Ok(self.push(layer, shape, 0, Vec::new()));
        };
        let (shape, values) = self.run(&layer)?;
        let Values::I32(sums) = values else { return Ok(self.push(layer, shape, 0, Vec::new())) };
        let operands = residual.map(|residual| self.operands(residual, shape));
        let requant = self.requant(&range, &sums, operands.as_ref(), bounds);
        let finished = Output::Requantised { requant, clamp: range.clamp };
        let result = finish(sums, &finished, |position, channel| {
            operands.as_ref().and_then(|operands| operands.at(position, channel)).unwrap_or(0)
        });
        match &mut layer.operation {
            Operation::Convolution(c) => (c.output, c.residual) = (finished, residual),
            Operation::FullyConnected(fc) => fc.output = finished,
            _ => {}
        }
        Ok(self.push(layer, shape, range.clamp.zero_point, result.values.into_i8()))
    }

    /// The residual of every output of all images.
    fn operands(&self, residual: Residual, output: Shape) -> Operands {
        let tensor = self.tensor(residual.source);
        let (shape, channels) = (tensor.shape, tensor.shape.channels);
        let mut values = Vec::with_capacity(self.images * output.positions() * channels);
        for image in tensor.values.chunks_exact(shape.values()) {
            for y in 0..output.height {
                for x in 0..output.width {
                    // A residual that does not lie over the output is refused when the network is finished.
                    let first = (y * residual.stride * shape.width + x * residual.stride) * channels;
                    match image.get(first..first + channels) {
                        Some(pixel) => values.extend_from_slice(pixel),
                        None => values.resize(values.len() + channels, 0),
                    }
                }
            }
        }
        Operands { values, first: residual.first, channels }
    }

    fn requant(
        &mut self,
        range: &Range,
        sums: &[i32],
        operands: Option<&Operands>,
        bounds: &[i64],
    ) -> Vec<Requant> {
        let sums = spreads(sums.iter().map(|&sum| f64::from(sum)), bounds.len());
        let operands =
            operands.map(|o| (o.first, spreads(o.values.iter().map(|&r| f64::from(r)), o.channels)));
        let operand = |channel: usize| {
            let (first, spreads) = operands.as_ref()?;
            spreads.get(channel.checked_sub(*first)?).copied()
        };
        let mut requant = Vec::with_capacity(bounds.len());
        for (channel, (&sum, &bound)) in sums.iter().zip(bounds).enumerate() {
            let fitted = constants(range, sum, operand(channel), bound);
            requant.push(if self.odd { odd(fitted, bound, &mut self.random) } else { fitted });
        }
        requant
    }

    pub fn max_pool(&mut self, name: &str, input: Source, window: Window) -> Result<Source, NetworkError> {
        let zero_point = self.zero_point(input);
        self.add_layer(name, Operation::MaxPool(MaxPool { input, window }), zero_point)
    }

    /// Without a range it gives the mean itself.
    pub fn average_pool(
        &mut self,
        name: &str,
        input: Source,
        window: Window,
        range: Option<&Range>,
    ) -> Result<Source, NetworkError> {
        let zero_point = self.zero_point(input);
        let clamp = range.map_or(Clamp::full(zero_point), |range| range.clamp);
        let mut pool = AveragePool { input, window, zero_point, requant: Requant::ZERO, clamp };
        let bound = pool.accumulator_bound();
        pool.requant = mean(window.area(), zero_point, bound);
        if let Some(range) = range {
            // The means, finer than they will be, tell what the sums are.
            let fine = Clamp::full(0);
            let plain = AveragePool { requant: mean(window.area(), 0, bound), clamp: fine, ..pool.clone() };
            let layer = Layer { name: name.to_owned(), operation: Operation::AveragePool(plain) };
            let (_, means) = self.run(&layer)?;
            let area = window.area() as f64;
            let spread = Spread::of(means.as_i8().iter().map(|&q| f64::from(q) * area));
            pool.requant = constants(range, spread, None, bound);
        }
        self.add_layer(name, Operation::AveragePool(pool), clamp.zero_point)
    }

    pub fn add(&mut self, name: &str, inputs: [Source; 2], range: &Range) -> Result<Source, NetworkError> {
        let [first, second] =
            inputs.map(|source| Spread::of(self.tensor(source).values.iter().map(|&q| f64::from(q))));
        let requant = constants(range, first, Some(second), 128);
        let add = Add { inputs, requant, clamp: range.clamp };
        self.add_layer(name, Operation::Add(add), range.clamp.zero_point)
    }

    pub fn concat(&mut self, name: &str, inputs: &[Source]) -> Result<Source, NetworkError> {
        let zero_point = inputs.first().map_or(0, |&input| self.zero_point(input));
        self.add_layer(name, Operation::Concat(Concat { inputs: inputs.to_vec() }), zero_point)
    }
}

/// Second operands, `[image][y][x][channel of the tensor]`.
struct Operands {
    values: Vec<i8>,
    /// The output channel of channel 0.
    first: usize,
    channels: usize,
}

impl Operands {
    fn at(&self, position: usize, channel: usize) -> Option<i8> {
        let channel = channel.checked_sub(self.first).filter(|&channel| channel < self.channels)?;
        self.values.get(position * self.channels + channel).copied()
    }
}
