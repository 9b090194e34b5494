use crate::model::Tensor;
use crate::random::Random;
use crate::{Clamp, Requant, Shape, Window};

/// Pixels that a tensor is likely to hold.
pub struct Samples {
    channels: usize,
    /// `[sample][channel]`
    values: Vec<i8>,
}

impl Samples {
    /// Of every tensor.
    pub const COUNT: usize = 16;

    pub fn of_input(channels: usize, random: &mut Random) -> Self {
        Self { channels, values: random.bytes(Self::COUNT * channels) }
    }

    pub const fn of(channels: usize, values: Vec<i8>) -> Self {
        Self { channels, values }
    }

    /// What each channel's sums become; `operand` is the residual of a sample and channel.
    pub fn requantised(
        sums: &[i32],
        requant: &[Requant],
        clamp: Clamp,
        operand: impl Fn(usize, usize) -> i8,
    ) -> Self {
        let channels = requant.len();
        let mut values = Vec::with_capacity(sums.len());
        for (sample, row) in sums.chunks_exact(channels).enumerate() {
            let pairs = row.iter().zip(requant).enumerate();
            values
                .extend(pairs.map(|(c, (&sum, constants))| constants.apply(sum, operand(sample, c), clamp)));
        }
        Self { channels, values }
    }

    pub fn values(&self) -> &[i8] {
        &self.values
    }

    pub fn pixel(&self, sample: usize) -> &[i8] {
        &self.values[sample * self.channels..(sample + 1) * self.channels]
    }

    /// What some output of a layer with this window sees, without padding around it; `padding` where there is padding.
    /// With `similar` the pixels repeat as those of images do: as many differ as a side of the window is long.
    #[allow(clippy::too_many_arguments)]
    pub fn window(
        &self,
        window: &Window,
        input: Shape,
        output: Shape,
        padding: i8,
        similar: bool,
        random: &mut Random,
    ) -> Vec<i8> {
        let different = if similar { (window.area() as f64).sqrt().ceil() as usize } else { Self::COUNT };
        let first = random.below(Self::COUNT);
        let place = [random.below(output.height), random.below(output.width)];
        let mut values = Vec::with_capacity(window.area() * self.channels);
        for row in 0..window.kernel[0] {
            let y = window.at(0, place[0], row, input.height);
            for column in 0..window.kernel[1] {
                let x = window.at(1, place[1], column, input.width);
                if y.is_some() && x.is_some() {
                    values.extend_from_slice(self.pixel((first + random.below(different)) % Self::COUNT));
                } else {
                    values.extend(core::iter::repeat_n(padding, self.channels));
                }
            }
        }
        values
    }

    /// The window as an image of its own.
    pub fn as_image<'a>(&self, window: &Window, values: &'a [i8]) -> Tensor<'a> {
        let [height, width] = window.kernel;
        Tensor { shape: Shape::new(height, width, self.channels), values }
    }
}

/// A window that covers an image of its kernel's size exactly.
pub const fn bare(window: Window) -> Window {
    Window { kernel: window.kernel, ..Window::square(1, 1, 0) }
}
