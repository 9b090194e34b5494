use crate::build::{Builder, ConvolutionSpec, Draw, FullyConnectedSpec, Range};
use crate::random::Random;
use crate::{Network, NetworkError, Residual, Shape, Source, WeightSet, Window};

/// What all architectures are written with.
pub struct Plan {
    builder: Builder,
    set: WeightSet,
}

impl Plan {
    /// Starts with a colour image whose zero point is 0, or with a grey one whose black is −128.
    pub fn new(set: WeightSet, size: usize, channels: usize, seed: u64) -> Result<Self, NetworkError> {
        let input = Shape::new(size, size, channels);
        if size == 0 {
            return Err(NetworkError::EmptyInput { network: "architecture".to_owned(), input });
        }
        let zero_point = if channels == 1 { -128 } else { 0 };
        // Small images leave few positions in the last layers; of large ones one is enough.
        let images = if size < 128 { 4 } else { 1 };
        Ok(Self { builder: Builder::new(input, zero_point, images, false, Random(seed)), set })
    }

    /// The first layer has int8 weights.
    fn draw(&self, input: Source) -> Draw {
        if input == Source::Input { Draw::INT8 } else { Draw::of(self.set) }
    }

    pub fn channels(&self, source: Source) -> usize {
        self.builder.shape(source).channels
    }

    /// A convolution and ReLU.
    pub fn convolution(
        &mut self,
        name: &str,
        input: Source,
        outputs: usize,
        window: Window,
    ) -> Result<Source, NetworkError> {
        self.convolution_to(name, input, outputs, window, None, Range::RELU)
    }

    /// A convolution without ReLU.
    pub fn linear_convolution(
        &mut self,
        name: &str,
        input: Source,
        outputs: usize,
        window: Window,
    ) -> Result<Source, NetworkError> {
        self.convolution_to(name, input, outputs, window, None, Range::FULL)
    }

    /// A convolution, the sum with a residual, and ReLU.
    pub fn convolution_and_residual(
        &mut self,
        name: &str,
        input: Source,
        outputs: usize,
        window: Window,
        residual: Residual,
    ) -> Result<Source, NetworkError> {
        self.convolution_to(name, input, outputs, window, Some(residual), Range::RELU)
    }

    fn convolution_to(
        &mut self,
        name: &str,
        input: Source,
        outputs: usize,
        window: Window,
        residual: Option<Residual>,
        range: Range,
    ) -> Result<Source, NetworkError> {
        let (weights, range) = (self.draw(input), Some(range));
        let spec = ConvolutionSpec { input, outputs, groups: 1, window, weights, residual, range };
        self.builder.convolution(name, &spec)
    }

    pub fn max_pool(&mut self, name: &str, input: Source, window: Window) -> Result<Source, NetworkError> {
        self.builder.max_pool(name, input, window)
    }

    /// A max-pool in ceil mode.
    pub fn ceil_max_pool(
        &mut self,
        name: &str,
        input: Source,
        window: Window,
    ) -> Result<Source, NetworkError> {
        let shape = self.builder.shape(input);
        // A window that does not fit is refused by name when the layer is added.
        let ceil = window.ceil_mode([shape.height, shape.width]).unwrap_or(window);
        self.max_pool(name, input, ceil)
    }

    pub fn average_pool(
        &mut self,
        name: &str,
        input: Source,
        window: Window,
    ) -> Result<Source, NetworkError> {
        self.builder.average_pool(name, input, window, None)
    }

    /// The mean of everything, at a new scale: means differ less than values.
    pub fn global_average_pool(&mut self, name: &str, input: Source) -> Result<Source, NetworkError> {
        let shape = self.builder.shape(input);
        let window = Window { kernel: [shape.height, shape.width], ..Window::square(1, 1, 0) };
        self.builder.average_pool(name, input, window, Some(&Range::RELU))
    }

    pub fn concat(&mut self, name: &str, inputs: &[Source]) -> Result<Source, NetworkError> {
        self.builder.concat(name, inputs)
    }

    /// A fully connected layer and ReLU.
    pub fn fully_connected(
        &mut self,
        name: &str,
        input: Source,
        outputs: usize,
    ) -> Result<Source, NetworkError> {
        let (weights, range) = (self.draw(input), Some(Range::RELU));
        self.builder.fully_connected(name, &FullyConnectedSpec { input, outputs, weights, range })
    }

    /// The last layer: int8 weights and raw accumulators.
    pub fn classifier(
        mut self,
        network: &str,
        name: &str,
        input: Source,
        classes: usize,
    ) -> Result<Network, NetworkError> {
        let spec = FullyConnectedSpec { input, outputs: classes, weights: Draw::INT8, range: None };
        self.builder.fully_connected(name, &spec)?;
        self.builder.finish(network)
    }
}
