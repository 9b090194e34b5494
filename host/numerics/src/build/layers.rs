//! One method per operation.

use super::calibrate::{Spread, constants, mean, odd};
use super::samples::bare;
use super::{Builder, Draw, Range, Samples, index};
use crate::model::{convolution, dot};
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
        let input = self.shape(spec.input);
        let mut c = Convolution {
            input: spec.input,
            inputs: input.channels,
            outputs: spec.outputs,
            groups: spec.groups,
            window: spec.window,
            zero_point: self.zero_point(spec.input),
            weights: Draw::INT8.weights(0, &mut self.random),
            residual: None,
            output: Output::Raw,
        };
        c.weights = spec.weights.weights(c.row_length() * c.outputs, &mut self.random);
        let shape = c.check(name, input, None)?;
        let mut sums = Vec::with_capacity(Samples::COUNT * spec.outputs);
        if spec.range.is_some() {
            c.window = bare(spec.window);
            let samples = &self.tensors[index(spec.input)].samples;
            for _ in 0..Samples::COUNT {
                let seen = samples.window(&spec.window, input, shape, c.zero_point, false, &mut self.random);
                let image = samples.as_image(&spec.window, &seen);
                sums.extend(convolution::run(&c, image, None, Shape::vector(c.outputs)).values.as_i32());
            }
            c.window = spec.window;
        }
        c.residual = spec.residual;
        let bounds: Vec<i64> = (0..c.outputs).map(|channel| c.accumulator_bound(channel)).collect();
        let (output, samples) = self.output(spec.range, &sums, &bounds, spec.residual);
        c.output = output;
        let zero_point = spec.range.map_or(0, |range| range.clamp.zero_point);
        let layer = Layer { name: name.to_owned(), operation: Operation::Convolution(c) };
        Ok(self.push(layer, shape, zero_point, samples))
    }

    pub fn fully_connected(&mut self, name: &str, spec: &FullyConnectedSpec) -> Result<Source, NetworkError> {
        let input = self.shape(spec.input);
        let inputs = input.values();
        let weights = spec.weights.weights(inputs * spec.outputs, &mut self.random);
        let output = Output::Raw;
        let mut fc = FullyConnected { input: spec.input, inputs, outputs: spec.outputs, weights, output };
        let mut sums = Vec::with_capacity(Samples::COUNT * spec.outputs);
        if spec.range.is_some() {
            let whole = Window { kernel: [input.height, input.width], ..Window::square(1, 1, 0) };
            let samples = &self.tensors[index(spec.input)].samples;
            for _ in 0..Samples::COUNT {
                let seen = samples.window(&whole, input, Shape::vector(1), 0, false, &mut self.random);
                sums.extend(fc.weights.values().chunks_exact(inputs).map(|row| dot(row, &seen)));
            }
        }
        let bounds: Vec<i64> = (0..fc.outputs).map(|channel| fc.accumulator_bound(channel)).collect();
        let (output, samples) = self.output(spec.range, &sums, &bounds, None);
        fc.output = output;
        let zero_point = spec.range.map_or(0, |range| range.clamp.zero_point);
        let (layer, shape) = self.check(name, Operation::FullyConnected(fc))?;
        Ok(self.push(layer, shape, zero_point, samples))
    }

    /// Constants of every channel, and what they make of the sums.
    fn output(
        &mut self,
        range: Option<Range>,
        sums: &[i32],
        bounds: &[i64],
        residual: Option<Residual>,
    ) -> (Output, Samples) {
        let channels = bounds.len();
        let Some(range) = range else { return (Output::Raw, Samples::of(channels, Vec::new())) };
        let operands = residual.map(|residual| (residual, &self.tensors[index(residual.source)].samples));
        let operand = |sample: usize, channel: usize| {
            let (residual, samples) = operands?;
            samples.pixel(sample).get(channel.checked_sub(residual.first)?).copied()
        };
        let mut spreads = Spread::per_channel(sums, channels);
        // A channel whose samples happen to agree must not be blown up.
        let least = 0.3 * Spread::root_mean_square(&spreads);
        let mut requant = Vec::with_capacity(channels);
        for (channel, (spread, &bound)) in spreads.iter_mut().zip(bounds).enumerate() {
            spread.deviation = spread.deviation.max(least);
            let values: Vec<f64> =
                (0..Samples::COUNT).filter_map(|sample| operand(sample, channel)).map(f64::from).collect();
            let second = (!values.is_empty()).then(|| Spread::of(values.into_iter()));
            let fitted = constants(&range, *spread, second, bound);
            requant.push(if self.odd { odd(fitted, bound, &mut self.random) } else { fitted });
        }
        let samples = Samples::requantised(sums, &requant, range.clamp, |s, c| operand(s, c).unwrap_or(0));
        (Output::Requantised { requant, clamp: range.clamp }, samples)
    }

    pub fn max_pool(&mut self, name: &str, input: Source, window: Window) -> Result<Source, NetworkError> {
        let shape = self.shape(input);
        let (layer, output) = self.check(name, Operation::MaxPool(MaxPool { input, window }))?;
        let samples = &self.tensors[index(input)].samples;
        let mut values = Vec::with_capacity(Samples::COUNT * shape.channels);
        for _ in 0..Samples::COUNT {
            let seen = samples.window(&window, shape, output, i8::MIN, true, &mut self.random);
            let column = |c: usize| seen.iter().skip(c).step_by(shape.channels).copied();
            values.extend((0..shape.channels).map(|c| column(c).max().unwrap_or(i8::MIN)));
        }
        let zero_point = self.zero_point(input);
        Ok(self.push(layer, output, zero_point, Samples::of(shape.channels, values)))
    }

    /// Without a range it gives the mean itself.
    pub fn average_pool(
        &mut self,
        name: &str,
        input: Source,
        window: Window,
        range: Option<&Range>,
    ) -> Result<Source, NetworkError> {
        let shape = self.shape(input);
        let zero_point = self.zero_point(input);
        let clamp = range.map_or(Clamp::full(zero_point), |range| range.clamp);
        let mut pool = AveragePool { input, window, zero_point, requant: Requant::ZERO, clamp };
        let (layer, output) = self.check(name, Operation::AveragePool(pool.clone()))?;
        let samples = &self.tensors[index(input)].samples;
        let mut sums: Vec<i32> = Vec::with_capacity(Samples::COUNT * shape.channels);
        for _ in 0..Samples::COUNT {
            let seen = samples.window(&window, shape, output, zero_point, true, &mut self.random);
            let column = |c: usize| seen.iter().skip(c).step_by(shape.channels);
            sums.extend((0..shape.channels).map(|c| column(c).map(|&q| i32::from(q)).sum::<i32>()));
        }
        let spread = Spread::of(sums.iter().map(|&sum| f64::from(sum)));
        let bound = pool.accumulator_bound();
        pool.requant = match range {
            Some(range) => constants(range, spread, None, bound),
            None => mean(window.area(), zero_point, bound),
        };
        let requant = vec![pool.requant; shape.channels];
        let samples = Samples::requantised(&sums, &requant, clamp, |_, _| 0);
        let layer = Layer { operation: Operation::AveragePool(pool), ..layer };
        Ok(self.push(layer, output, clamp.zero_point, samples))
    }

    pub fn add(&mut self, name: &str, inputs: [Source; 2], range: &Range) -> Result<Source, NetworkError> {
        let mut add = Add { inputs, requant: Requant::ZERO, clamp: range.clamp };
        let (layer, shape) = self.check(name, Operation::Add(add.clone()))?;
        let [first, second] = inputs.map(|source| &self.tensors[index(source)].samples);
        let spread = |samples: &Samples| Spread::of(samples.values().iter().map(|&q| f64::from(q)));
        add.requant = constants(range, spread(first), Some(spread(second)), 128);
        let sums: Vec<i32> = first.values().iter().map(|&q| q.into()).collect();
        let operand = |sample: usize, channel: usize| second.pixel(sample)[channel];
        let samples = Samples::requantised(&sums, &vec![add.requant; shape.channels], range.clamp, operand);
        let layer = Layer { operation: Operation::Add(add), ..layer };
        Ok(self.push(layer, shape, range.clamp.zero_point, samples))
    }

    pub fn concat(&mut self, name: &str, inputs: &[Source]) -> Result<Source, NetworkError> {
        let (layer, shape) = self.check(name, Operation::Concat(Concat { inputs: inputs.to_vec() }))?;
        let mut values = Vec::with_capacity(Samples::COUNT * shape.channels);
        for sample in 0..Samples::COUNT {
            for &input in inputs {
                values.extend_from_slice(self.tensor(input).samples.pixel(sample));
            }
        }
        let zero_point = inputs.first().map_or(0, |&input| self.zero_point(input));
        Ok(self.push(layer, shape, zero_point, Samples::of(shape.channels, values)))
    }
}
