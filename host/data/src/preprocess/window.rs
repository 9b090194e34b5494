//! A rectangle of an image, which may reach beyond it: crops, borders and shifts are all that.

use super::image::Image;

/// Rows and columns of a rectangle; `top` and `left` may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) top: isize,
    pub(crate) left: isize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Rectangle {
    /// The square in the middle of an image, rounded as Python's `round` does it (half to even).
    pub(crate) fn centre([height, width]: [usize; 2], size: usize) -> Self {
        let start = |length: usize| {
            let rest = length as isize - size as isize;
            let half = rest.div_euclid(2);
            half + (half & rest & 1)
        };
        Self { top: start(height), left: start(width), height: size, width: size }
    }
}

/// Copies the rectangle into `out`; what lies outside of `image` is 0.
pub(crate) fn cut<T: Copy + Default>(image: &Image<T>, rectangle: Rectangle, out: &mut Image<T>) {
    let Rectangle { top, left, height, width } = rectangle;
    let channels = image.channels;
    out.clear_to(height, width, channels);
    // Columns of `out` that lie inside of the image.
    let begin = left.min(0).unsigned_abs().min(width);
    let end = (image.width as isize - left).clamp(begin as isize, width as isize) as usize;
    if begin == end {
        return;
    }
    let from = (left + begin as isize) as usize;
    for (out, y) in out.values.chunks_exact_mut(width * channels).zip(top..) {
        if (0..image.height as isize).contains(&y) {
            let row = &image.values[(y as usize * image.width + from) * channels..];
            let length = (end - begin) * channels;
            out[begin * channels..][..length].copy_from_slice(&row[..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pixels_move_and_the_border_is_black(
            (rows, columns, channels) in (1_usize..6, 1_usize..6, 1_usize..4),
            (top, left) in (-8_isize..8, -8_isize..8),
            (height, width) in (1_usize..9, 1_usize..9),
        ) {
            let values: Vec<u8> = (1..=(rows * columns * channels) as u8).collect();
            let image = Image { height: rows, width: columns, channels, values };
            let mut out = Image { values: vec![99; 3], ..Image::default() };
            cut(&image, Rectangle { top, left, height, width }, &mut out);
            prop_assert_eq!((out.height, out.width, out.channels), (height, width, channels));
            prop_assert_eq!(out.values.len(), height * width * channels);
            for row in 0..height { for column in 0..width { for c in 0..channels {
                let (y, x) = (row as isize + top, column as isize + left);
                let inside = (0..rows as isize).contains(&y) && (0..columns as isize).contains(&x);
                let expected =
                    if inside { image.values[(y as usize * columns + x as usize) * channels + c] } else { 0 };
                prop_assert_eq!(out.values[(row * width + column) * channels + c], expected);
            }}}
        }
    }

    /// Offsets that torchvision's `center_crop` computes: `int(round((length - size) / 2.0))`.
    #[test]
    fn an_odd_rest_is_divided_as_in_torchvision() {
        for (length, size, expected) in [(5, 4, 0), (7, 4, 2), (9, 4, 2), (11, 4, 4), (8, 4, 2), (4, 4, 0)] {
            assert_eq!(Rectangle::centre([length, 9], size).top, expected, "{length}, {size}");
            assert_eq!(Rectangle::centre([9, length], size).left, expected, "{length}, {size}");
        }
    }
}
