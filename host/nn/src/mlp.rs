//! A multi-layer perceptron: forward, backward, prediction.

use cbp_data::{DataError, Draws, Pipeline, Prepared, Samples};

use crate::gemm::Matrix;
use crate::layer::{
    ActivationQuantiser, BatchNorm, Layer, Linear, ParamGrad, predictions, softmax_cross_entropy,
};

/// Images per block of a prediction.
const PREDICT_BATCH: usize = 500;

/// Layers in order. The first is linear and reads pixels as p / 255.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    /// The layers, first to last.
    pub layers: Vec<Layer>,
}

/// Values of one batch between forward and backward.
#[derive(Debug)]
pub(crate) struct Tape {
    pub(crate) batch: usize,
    /// batch × inputs, image after image.
    pub(crate) input: Vec<f32>,
    /// Output of each layer, features × batch.
    values: Vec<Vec<f32>>,
    upstream: Vec<f32>,
    downstream: Vec<f32>,
}

impl Mlp {
    /// Linear, batch norm and ReLU per hidden layer; the last layer is linear with a bias. `sizes` lists the inputs,
    /// the hidden layers and the classes; weights follow He's rule from `seed`. Panics with fewer than two sizes.
    #[must_use]
    pub fn new(sizes: &[usize], seed: u64) -> Self {
        let count = sizes.len() - 1;
        let mut layers = Vec::new();
        for (index, pair) in sizes.windows(2).enumerate() {
            let is_last = index + 1 == count;
            layers.push(Layer::Linear(Linear::new(pair[0], pair[1], is_last, seed, index as u64)));
            if !is_last {
                layers.extend([Layer::BatchNorm(BatchNorm::new(pair[1])), Layer::Relu]);
            }
        }
        Self { layers }
    }

    /// The linear layers, first to last.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        self.layers.iter().filter_map(|layer| match layer {
            Layer::Linear(linear) => Some(linear),
            _ => None,
        })
    }

    pub(crate) fn linears_mut(&mut self) -> impl Iterator<Item = &mut Linear> {
        self.layers.iter_mut().filter_map(|layer| match layer {
            Layer::Linear(linear) => Some(linear),
            _ => None,
        })
    }

    pub(crate) fn quantisers_mut(&mut self) -> impl Iterator<Item = &mut ActivationQuantiser> {
        self.layers.iter_mut().filter_map(|layer| match layer {
            Layer::Quantise(quantiser) => Some(quantiser),
            _ => None,
        })
    }

    /// Input features, hidden sizes and classes, as given to [`Mlp::new`].
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let inputs = self.linears().next().map(|linear| linear.inputs);
        inputs.into_iter().chain(self.linears().map(|linear| linear.outputs)).collect()
    }

    /// The same network with activations rounded to 8 bits after each ReLU.
    pub(crate) fn with_quantised_activations(&self) -> Self {
        let mut layers = Vec::new();
        for layer in &self.layers {
            layers.push(layer.clone());
            if matches!(layer, Layer::Relu) {
                layers.push(Layer::Quantise(ActivationQuantiser::new()));
            }
        }
        Self { layers }
    }

    /// Class of each image.
    ///
    /// # Errors
    /// The images have another number of pixels than the network has inputs, or are files, which have no size of their
    /// own.
    pub fn predict(&self, data: &Samples) -> Result<Vec<u32>, DataError> {
        let mut classes = Vec::with_capacity(data.len());
        self.for_each_block(data, |tape| classes.extend(predictions(tape.logits(), tape.batch)))?;
        Ok(classes)
    }

    /// Logits of each image, images × classes.
    ///
    /// # Errors
    /// As [`Mlp::predict`].
    pub fn logits(&self, data: &Samples) -> Result<Vec<f32>, DataError> {
        let mut logits = Vec::new();
        self.for_each_block(data, |tape| {
            let (block, batch) = (tape.logits(), tape.batch);
            logits.extend((0..batch).flat_map(|image| block[image..].iter().step_by(batch)));
        })?;
        Ok(logits)
    }

    /// Share of images whose class is predicted right.
    ///
    /// # Errors
    /// As [`Mlp::predict`].
    pub fn accuracy(&self, data: &Samples) -> Result<f64, DataError> {
        let right = self.predict(data)?.iter().zip(data.labels()).filter(|(a, b)| a == b).count();
        Ok(right as f64 / data.len() as f64)
    }

    /// The images made ready by `pipeline`, as many values each as the network has inputs.
    ///
    /// # Errors
    /// As [`Mlp::predict`].
    pub(crate) fn inputs_from<'a>(
        &self,
        data: &'a Samples,
        pipeline: &Pipeline,
    ) -> Result<Prepared<&'a Samples>, DataError> {
        let prepared = pipeline.prepare(data)?;
        let (values, inputs) = (prepared.shape().values(), self.inputs());
        if values == inputs {
            return Ok(prepared);
        }
        let what = format!("images have {values} pixels, the network {inputs} inputs");
        Err(DataError::Request { what, remedy: "use the data set that the network was made for" })
    }

    fn inputs(&self) -> usize {
        self.linears().next().map_or(0, |linear| linear.inputs)
    }

    fn for_each_block(&self, data: &Samples, mut visit: impl FnMut(&Tape)) -> Result<(), DataError> {
        let images = self.inputs_from(data, &Pipeline::default())?;
        let indices: Vec<u32> = (0..data.len() as u32).collect();
        let mut tape = Tape::new(self, PREDICT_BATCH);
        for indices in indices.chunks(PREDICT_BATCH) {
            if indices.len() != tape.batch {
                tape = Tape::new(self, indices.len());
            }
            images.fill(&mut tape.input, indices, Draws::default())?;
            for (index, layer) in self.layers.iter().enumerate() {
                let (x, y) = tape.step(index);
                layer.forward(x, y, indices.len());
            }
            visit(&tape);
        }
        Ok(())
    }

    /// Gives the activation quantisers a first range, from the first images of `data`.
    pub(crate) fn calibrate(&mut self, data: &Samples) -> Result<(), DataError> {
        let images = self.inputs_from(data, &Pipeline::default())?;
        let indices: Vec<u32> = (0..data.len().min(PREDICT_BATCH) as u32).collect();
        let mut tape = Tape::new(self, indices.len());
        images.fill(&mut tape.input, &indices, Draws::default())?;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (x, y) = tape.step(index);
            if let Layer::Quantise(quantiser) = layer {
                quantiser.range = 0.0;
                quantiser.observe(x.data(), indices.len());
            }
            layer.forward(x, y, indices.len());
        }
        Ok(())
    }

    /// Forward of `tape.input` with batch statistics.
    pub(crate) fn forward_train(&mut self, tape: &mut Tape) {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let batch = tape.batch;
            let (x, y) = tape.step(index);
            layer.forward_train(x, y, batch);
        }
    }

    /// Backward of the last training forward: mean loss, and all gradients in `grads`.
    pub(crate) fn backward(&self, tape: &mut Tape, labels: &[u32], grads: &mut [ParamGrad]) -> f64 {
        let Tape { batch, input, values, upstream, downstream } = tape;
        let logits = &values[values.len() - 1];
        let loss = softmax_cross_entropy(logits, labels, &mut upstream[..logits.len()]);
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let dy = &upstream[..values[index].len()];
            match index.checked_sub(1) {
                Some(before) => {
                    let x = &values[before];
                    let dx = &mut downstream[..x.len()];
                    let x = Matrix::row_major(x, x.len() / *batch, *batch);
                    layer.backward(x, dy, *batch, &mut grads[index], Some(dx));
                }
                None => layer.backward(pixels(input, *batch), dy, *batch, &mut grads[index], None),
            }
            std::mem::swap(upstream, downstream);
        }
        loss
    }
}

impl Tape {
    pub(crate) fn new(network: &Mlp, batch: usize) -> Self {
        let inputs = network.inputs();
        let mut width = inputs;
        let mut widest = 0;
        let mut values = Vec::new();
        for layer in &network.layers {
            width = layer.width(width);
            widest = widest.max(width);
            values.push(vec![0.0; width * batch]);
        }
        let gradient = vec![0.0; widest * batch];
        Self {
            batch,
            input: vec![0.0; inputs * batch],
            values,
            upstream: gradient.clone(),
            downstream: gradient,
        }
    }

    /// Input and output of layer `index`.
    fn step(&mut self, index: usize) -> (Matrix<'_>, &mut [f32]) {
        let (before, after) = self.values.split_at_mut(index);
        let x = match before.last() {
            Some(x) => Matrix::row_major(x, x.len() / self.batch, self.batch),
            None => pixels(&self.input, self.batch),
        };
        (x, &mut after[0])
    }

    fn logits(&self) -> &[f32] {
        self.values.last().map_or(&[], Vec::as_slice)
    }
}

/// The input as features × batch, though it is stored image after image.
fn pixels(input: &[f32], batch: usize) -> Matrix<'_> {
    Matrix::row_major(input, batch, input.len() / batch).transposed()
}

#[cfg(test)]
mod tests {
    use cbp_data::{Classes, Colour, Content};
    use cbp_numerics::Shape;

    use super::*;

    #[test]
    fn images_of_another_size_and_files_are_refused() {
        let network = Mlp::new(&[4, 3, 2], 1);
        let accuracy = |content| {
            let samples = Samples::new(content, vec![1], Classes::numbered(2)).unwrap();
            network.accuracy(&samples).map_err(|error| error.to_string())
        };
        let bytes = |width| Content::Bytes { shape: Shape::new(2, width, 1), values: vec![7; 2 * width] };
        assert!(accuracy(bytes(2)).is_ok());
        assert!(accuracy(bytes(3)).unwrap_err().contains("images have 6 pixels, the network 4 inputs; use"));
        let files = Content::Files { colour: Colour::Grey, paths: vec!["image.png".into()] };
        assert!(accuracy(files).unwrap_err().contains("images of different sizes"));
    }
}
