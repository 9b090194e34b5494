//! What whole networks and single layers are made of.

use super::Random;
use crate::build::{Builder, ConvolutionSpec, Draw, FullyConnectedSpec, Range};
use crate::{NetworkError, Residual, Shape, Source, WeightSet, Window};

/// How large random networks may become, and of which weights.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sets up to this one appear, and int8.
    pub array: WeightSet,
    /// Most rows and columns of the input.
    pub size: usize,
    /// Most channels of a layer; a concatenation may have more.
    pub channels: usize,
    /// Largest kernel.
    pub kernel: usize,
    /// Most multiplications of a layer.
    pub macs: usize,
    /// Most layers, roughly: blocks are finished.
    pub layers: usize,
}

impl Options {
    /// Networks that an array of 8 × 8 runs in some thousand cycles per layer.
    #[must_use]
    pub const fn new(array: WeightSet) -> Self {
        Self { array, size: 14, channels: 24, kernel: 11, macs: 60_000, layers: 8 }
    }

    /// A shape of an input: often of a few channels, often odd.
    pub(super) fn input(&self, random: &mut Random) -> Shape {
        let channels = if random.once_in(2) { self.channels.min(4) } else { self.channels };
        let side = |random: &mut Random| 1 + random.below(self.size);
        Shape::new(side(random), side(random), 1 + random.below(channels))
    }

    /// A set that the array runs, or int8; rarely only the most negative weight.
    pub(super) fn draw(&self, random: &mut Random) -> Draw {
        let sets: Vec<_> = WeightSet::ALL.into_iter().filter(|&set| self.array.includes(set)).collect();
        let set = if random.once_in(4) { None } else { Some(sets[random.below(sets.len())]) };
        Draw { set, extreme: random.once_in(16) }
    }

    pub(super) fn outputs(&self, random: &mut Random) -> usize {
        1 + random.below(self.channels)
    }

    /// Any window that fits the image.
    pub(super) fn window(&self, input: Shape, random: &mut Random) -> Window {
        let mut window = Window::square(1, 1, 0);
        for (d, size) in [input.height, input.width].into_iter().enumerate() {
            let largest = if random.once_in(3) { self.kernel } else { self.kernel.min(5) };
            let kernel = 1 + random.below(largest);
            let dilation = if random.once_in(4) { 1 + random.below(3) } else { 1 };
            let span = dilation * (kernel - 1) + 1;
            // Now and then more padding than the kernel reaches over.
            let most = if random.once_in(8) { span + 1 } else { span };
            window.before[d] = if random.once_in(3) { 0 } else { random.below(most) };
            window.behind[d] = if random.once_in(2) { window.before[d] } else { random.below(most) };
            window.stride[d] = if random.once_in(2) { 1 } else { 1 + random.below(4) };
            if span <= size + window.before[d] + window.behind[d] {
                (window.kernel[d], window.dilation[d]) = (kernel, dilation);
            }
        }
        window
    }

    /// A window after which the image has the size it had, whatever the kernel.
    pub(super) fn same(&self, random: &mut Random) -> Window {
        let mut window = Window::square(1, 1, 0);
        for d in 0..2 {
            let (kernel, dilation) = (1 + random.below(self.kernel.min(4)), 1 + random.below(2));
            let padding = dilation * (kernel - 1);
            (window.kernel[d], window.dilation[d]) = (kernel, dilation);
            window.before[d] = random.below(padding + 1);
            window.behind[d] = padding - window.before[d];
        }
        window
    }

    /// The window of a pool: some real value under each of its places.
    pub(super) fn pool_window(&self, input: Shape, random: &mut Random) -> Window {
        let mut window = Window::square(1, 1, 0);
        for (d, size) in [input.height, input.width].into_iter().enumerate() {
            let kernel = 1 + random.below(self.kernel.min(4).min(size));
            window.kernel[d] = kernel;
            window.stride[d] = 1 + random.below(3);
            window.before[d] = random.below(kernel.div_ceil(2));
            // Up to a whole kernel less one: what ceil mode needs.
            window.behind[d] = random.below(kernel);
        }
        window
    }
}

/// A random network in the making.
pub(super) struct Pieces {
    pub builder: Builder,
    pub options: Options,
}

impl Pieces {
    pub fn new(input: Shape, options: &Options, mut random: Random) -> Self {
        let zero_point = random.byte();
        Self { builder: Builder::new(input, zero_point, 4, true, random), options: options.clone() }
    }

    pub fn random(&mut self) -> &mut Random {
        &mut self.builder.random
    }

    /// A name that no other layer has.
    fn name(&self, kind: &str) -> String {
        format!("{kind}{}", self.builder.len())
    }

    /// Fewer outputs, and in the end a smaller kernel, where the layer would be too large.
    fn fit(&self, spec: &mut ConvolutionSpec) {
        let input = self.builder.shape(spec.input);
        loop {
            let [height, width] = spec.window.output([input.height, input.width]).unwrap_or([0, 0]);
            let per_output = height * width * spec.window.area() * input.channels / spec.groups;
            if per_output * spec.outputs <= self.options.macs {
                return;
            }
            let fewer = spec.outputs / 2 / spec.groups * spec.groups;
            if fewer > 0 && spec.residual.is_none() {
                spec.outputs = fewer;
            } else if spec.window.area() > 1 {
                // Keeps the output's size if the padding was what the kernel needs.
                let same = spec.window.stride == [1, 1] && [height, width] == [input.height, input.width];
                let stride = if same { 1 } else { 2 };
                spec.window = Window::square(1, stride, 0);
            } else {
                return;
            }
        }
    }

    pub fn convolution(&mut self, mut spec: ConvolutionSpec) -> Result<Source, NetworkError> {
        if spec.residual.is_none() {
            self.fit(&mut spec);
        }
        let kind = match (spec.groups, spec.window.area()) {
            (1, 1) => "pointwise",
            (1, _) => "conv",
            _ => "grouped",
        };
        let name = self.name(kind);
        self.builder.convolution(&name, &spec)
    }

    /// A convolution of random weights and range.
    pub fn spec(&mut self, input: Source, outputs: usize, window: Window) -> ConvolutionSpec {
        let weights = self.options.draw(&mut self.builder.random);
        let range = Some(Range::random(&mut self.builder.random));
        ConvolutionSpec { input, outputs, groups: 1, window, weights, residual: None, range }
    }

    /// The convolution's channels cut into groups, more than one if there is a divisor.
    pub fn grouped(&mut self, mut spec: ConvolutionSpec) -> ConvolutionSpec {
        let inputs = self.builder.shape(spec.input).channels;
        let divisors: Vec<usize> = (2..=inputs).filter(|&groups| inputs.is_multiple_of(groups)).collect();
        if !divisors.is_empty() {
            spec.groups = divisors[self.random().below(divisors.len())];
            spec.outputs = spec.groups * (spec.outputs / spec.groups).max(1);
        }
        spec
    }

    /// As many groups as channels, one or two outputs each.
    pub fn depthwise(&mut self, input: Source, window: Window) -> ConvolutionSpec {
        let groups = self.builder.shape(input).channels;
        let outputs = groups * if self.random().once_in(4) { 2 } else { 1 };
        ConvolutionSpec { groups, ..self.spec(input, outputs, window) }
    }

    /// A convolution with the tensor as its second operand, as it is.
    pub fn identity(&mut self, input: Source, tensor: Source) -> Result<Source, NetworkError> {
        let window = self.options.same(&mut self.builder.random);
        let mut spec = self.spec(input, self.builder.shape(tensor).channels, window);
        self.fit_kernel(&mut spec);
        spec.residual = Some(Residual { source: tensor, stride: 1, first: 0 });
        self.convolution(spec)
    }

    /// A smaller kernel of the same output where the layer would be too large; its outputs are given.
    fn fit_kernel(&self, spec: &mut ConvolutionSpec) {
        let input = self.builder.shape(spec.input);
        let [height, width] = spec.window.output([input.height, input.width]).unwrap_or([0, 0]);
        let macs = height * width * spec.window.area() * input.channels * spec.outputs;
        if macs > self.options.macs {
            spec.window = Window { stride: spec.window.stride, ..Window::square(1, 1, 0) };
        }
    }

    /// A strided convolution to more channels, the tensor read at the same stride as its second operand.
    pub fn option_a(&mut self, tensor: Source) -> Result<Source, NetworkError> {
        let channels = self.builder.shape(tensor).channels;
        let stride = 1 + self.random().below(3);
        let more = self.random().below(channels + 4);
        // As option A has it, or anywhere.
        let first = if self.random().once_in(2) { more / 2 } else { self.random().below(more + 1) };
        let kernel = 1 + 2 * self.random().below(2);
        // Then the output has the size divided by the stride, rounded up.
        let window = Window::square(kernel, stride, kernel / 2);
        let mut spec = self.spec(tensor, channels + more, window);
        self.fit_kernel(&mut spec);
        spec.residual = Some(Residual { source: tensor, stride, first });
        self.convolution(spec)
    }

    pub fn max_pool(&mut self, input: Source, window: Window) -> Result<Source, NetworkError> {
        let name = self.name("maxpool");
        self.builder.max_pool(&name, input, window)
    }

    pub fn average_pool(&mut self, input: Source, window: Window) -> Result<Source, NetworkError> {
        let name = self.name("avgpool");
        let range = Range::random(self.random());
        self.builder.average_pool(&name, input, window, Some(&range))
    }

    pub fn global_average_pool(&mut self, input: Source) -> Result<Source, NetworkError> {
        let shape = self.builder.shape(input);
        let window = Window { kernel: [shape.height, shape.width], ..Window::square(1, 1, 0) };
        self.average_pool(input, window)
    }

    pub fn add(&mut self, inputs: [Source; 2]) -> Result<Source, NetworkError> {
        let name = self.name("add");
        let range = Range::random(self.random());
        self.builder.add(&name, inputs, &range)
    }

    pub fn concat(&mut self, inputs: &[Source]) -> Result<Source, NetworkError> {
        let name = self.name("concat");
        self.builder.concat(&name, inputs)
    }

    /// A fully connected layer, raw once in three times if it is the last.
    pub fn fully_connected(&mut self, input: Source, last: bool) -> Result<Source, NetworkError> {
        let name = self.name("fc");
        let inputs = self.builder.shape(input).values();
        let most = (self.options.macs / inputs).clamp(1, 2 * self.options.channels);
        let outputs = 1 + self.random().below(most);
        let weights = self.options.draw(&mut self.builder.random);
        let raw = last && self.random().once_in(3);
        let range = if raw { None } else { Some(Range::random(self.random())) };
        self.builder.fully_connected(&name, &FullyConnectedSpec { input, outputs, weights, range })
    }
}
