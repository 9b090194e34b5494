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
    /// The same window in ceil mode, as PyTorch's pools have it, over an image of `size`: padded behind so that
    /// nothing of the image is left over, but no window begins behind the image and its padding before. `None` as for
    /// [`Window::output`].
    #[must_use]
    pub fn ceil_mode(self, size: [usize; 2]) -> Option<Self> {
        self.output(size)?;
        let mut window = self;
        for (d, size) in size.into_iter().enumerate() {
            let (stride, span) = (self.stride[d], self.dilation[d] * (self.kernel[d] - 1) + 1);
            let real = size + self.before[d];
            let mut last = (real + self.behind[d] - span).div_ceil(stride);
            if last * stride >= real {
                last -= 1;
            }
            window.behind[d] = (last * stride + span).saturating_sub(real);
        }
        Some(window)
    }

    /// Where along axis `d` (0 rows, 1 columns) kernel element `k` of output `y` lies in an image of `size`; `None`
    /// in the padding.
    #[must_use]
    pub fn at(&self, d: usize, y: usize, k: usize, size: usize) -> Option<usize> {
        let from_padding = y * self.stride[d] + k * self.dilation[d];
        from_padding.checked_sub(self.before[d]).filter(|&at| at < size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_windows() {
        assert_eq!(Window::square(7, 2, 3).output([224, 225]), Some([112, 113]));
        let uneven = Window { dilation: [2, 1], before: [0, 3], behind: [1, 0], ..Window::square(3, 1, 0) };
        assert_eq!(uneven.output([4, 1]), Some([1, 2]));
        assert_eq!(uneven.output([3, 1]), None);
        assert_eq!(Window::square(1, 0, 0).output([3, 3]), None);
        assert_eq!(Window { dilation: [0, 1], ..Window::square(1, 1, 0) }.output([3, 3]), None);
    }

    /// Sizes that `torch.nn.MaxPool2d(kernel, stride, padding, ceil_mode=True)` gives.
    #[test]
    fn ceil_mode_is_that_of_pytorch() {
        for (kernel, stride, pad, size, expected) in [
            (3, 2, 0, 112, 56),
            (3, 2, 0, 56, 28),
            (3, 2, 0, 7, 3),
            (3, 2, 0, 8, 4),
            (2, 2, 0, 7, 4),
            (3, 1, 1, 14, 14),
            (3, 2, 1, 4, 3),
            (3, 2, 1, 5, 3),
            // The third window would begin in the padding behind.
            (2, 2, 1, 2, 2),
            (2, 3, 1, 4, 2),
            (1, 2, 0, 4, 2),
        ] {
            let window = Window::square(kernel, stride, pad).ceil_mode([size; 2]).unwrap();
            assert_eq!(
                window.output([size; 2]),
                Some([expected; 2]),
                "{kernel} {stride} {pad} {size}: {window:?}"
            );
            assert!(window.behind[0] < kernel + pad);
        }
        assert_eq!(Window::square(3, 1, 0).ceil_mode([2, 9]), None);
    }
}
