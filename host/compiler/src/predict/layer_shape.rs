//! A layer's shape: what decides its cycles.

/// What weights a layer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of the array's constrained set.
    Constrained,
    /// 8-bit, in digit passes: first and last layers.
    Int8,
}

/// A convolution, or a fully connected layer as a 1×1 convolution of a 1×1 image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Name, as in torchvision.
    pub name: &'static str,
    /// Weights.
    pub kind: Kind,
    /// Kernel height and width.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Padding on every side.
    pub pad: usize,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Input height and width.
    pub size: usize,
    /// Groups that input and output channels are cut into.
    pub groups: usize,
}

impl LayerShape {
    /// Output height and width.
    #[must_use]
    pub const fn output_size(&self) -> usize {
        (self.size + 2 * self.pad - self.kernel) / self.stride + 1
    }

    /// Output positions of one image.
    #[must_use]
    pub const fn positions(&self) -> usize {
        self.output_size() * self.output_size()
    }

    /// Multiply-accumulates of one image.
    #[must_use]
    pub const fn macs(&self) -> u64 {
        (self.positions() * self.weights()) as u64
    }

    /// Weights.
    #[must_use]
    pub const fn weights(&self) -> usize {
        self.kernel * self.kernel * self.inputs / self.groups * self.outputs
    }
}
