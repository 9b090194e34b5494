//! Tensor shapes and sliding windows.

/// Height, width and channels of one image (NHWC). A vector is 1 × 1 × channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// An image.
    #[must_use]
    pub const fn new(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels }
    }

    /// A vector.
    #[must_use]
    pub const fn vector(channels: usize) -> Self {
        Self::new(1, 1, channels)
    }

    /// Rows times columns.
    #[must_use]
    pub const fn positions(self) -> usize {
        self.height * self.width
    }

    /// Values of one image.
    #[must_use]
    pub const fn values(self) -> usize {
        self.positions() * self.channels
    }
}

impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// How a kernel slides over an image; `[vertical, horizontal]` throughout.
///
/// Ceil mode (as in pooling) is said with a larger padding behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Rows and columns from window to window.
    pub stride: [usize; 2],
    /// Rows and columns from kernel element to kernel element.
    pub dilation: [usize; 2],
    /// Padding before (top, left).
    pub before: [usize; 2],
    /// Padding behind (bottom, right).
    pub behind: [usize; 2],
}

impl Window {
    /// A square kernel with the same stride and padding on every side.
    #[must_use]
    pub const fn square(kernel: usize, stride: usize, pad: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            before: [pad; 2],
            behind: [pad; 2],
        }
    }

    /// Kernel elements.
    #[must_use]
    pub const fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Output rows and columns over an image of `size`; `None` if the padded image is smaller than the kernel, or a
    /// kernel, stride or dilation is 0.
    #[must_use]
    pub fn output(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let along = |d: usize| {
            let span = self.dilation[d].checked_mul(self.kernel[d].checked_sub(1)?)?.checked_add(1)?;
            let padded = size[d].checked_add(self.before[d])?.checked_add(self.behind[d])?;
            let room = padded.checked_sub(span)?;
            if self.dilation[d] == 0 { None } else { room.checked_div(self.stride[d]).map(|n| n + 1) }
        };
        Some([along(0)?, along(1)?])
    }
    /// Where along axis `d` (0 rows, 1 columns) kernel element `k` of output `y` lies in an image of `size`; `None`
    /// in the padding.
    #[must_use]
    pub fn at(&self, d: usize, y: usize, k: usize, size: usize) -> Option<usize> {
        let from_padding = y * self.stride[d] + k * self.dilation[d];
        from_padding.checked_sub(self.before[d]).filter(|&at| at < size)
    }
}
