//! Bilinear resizing with antialiasing, as Pillow does it (and PyTorch with `antialias=True`).
//!
//! Each output pixel is a weighted mean of the input pixels under a triangle, which is as wide as one input pixel to each
//! side when an image grows, and as one output pixel when it shrinks. Columns first, then rows. Bytes are summed in fixed
//! point and rounded after each pass.

use super::image::Image;

/// Fractional bits of a weight for bytes, as in Pillow: 8 bits for a pixel and 2 of reserve are left.
const FRACTION: u32 = 32 - 8 - 2;

/// What an image can be made of.
pub(crate) trait Element: Copy + Default + Send + Sync + 'static {
    /// Sums of weighted elements, and weights.
    type Sum: Copy;
    /// The sum of nothing, with the half that rounding needs.
    const START: Self::Sum;
    fn weight(weight: f64) -> Self::Sum;
    fn add(sum: Self::Sum, value: Self, weight: Self::Sum) -> Self::Sum;
    fn finish(sum: Self::Sum) -> Self;
}

impl Element for u8 {
    type Sum = i32;
    const START: i32 = 1 << (FRACTION - 1);

    fn weight(weight: f64) -> i32 {
        (weight * f64::from(1 << FRACTION)).round() as i32
    }

    fn add(sum: i32, value: u8, weight: i32) -> i32 {
        sum + i32::from(value) * weight
    }

    fn finish(sum: i32) -> u8 {
        (sum >> FRACTION).clamp(0, 255) as u8
    }
}

impl Element for f32 {
    type Sum = f64;
    const START: f64 = 0.0;

    fn weight(weight: f64) -> f64 {
        weight
    }

    fn add(sum: f64, value: f32, weight: f64) -> f64 {
        sum + f64::from(value) * weight
    }

    fn finish(sum: f64) -> f32 {
        sum as f32
    }
}

/// Resizes `image` to height × width; `spare` is for what lies between the passes.
pub(crate) fn resize<T: Element>(
    image: &mut Image<T>,
    [height, width]: [usize; 2],
    spare: &mut Image<T>,
    sums: &mut Vec<T::Sum>,
) {
    if width != image.width {
        spare.clear_to(image.height, width, image.channels);
        let taps = taps::<T>(image.width, width);
        match image.channels {
            1 => along_rows::<T, 1>(image, &taps, spare),
            3 => along_rows::<T, 3>(image, &taps, spare),
            _ => along_rows_of_any(image, &taps, spare),
        }
        std::mem::swap(image, spare);
    }
    if height != image.height {
        spare.clear_to(height, width, image.channels);
        along_columns(image, &taps::<T>(image.height, height), spare, sums);
        std::mem::swap(image, spare);
    }
}

/// The input pixels of one output pixel.
struct Taps<S> {
    first: usize,
    weights: Vec<S>,
}

fn taps<T: Element>(input: usize, output: usize) -> Vec<Taps<T::Sum>> {
    let scale = input as f64 / output as f64;
    let radius = scale.max(1.0);
    let one = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        let first = (centre - radius + 0.5).max(0.0) as usize;
        let end = ((centre + radius + 0.5) as usize).min(input);
        let height = |at: usize| (1.0 - ((at as f64 - centre + 0.5) / radius).abs()).max(0.0);
        let total: f64 = (first..end).map(height).sum();
        Taps { first, weights: (first..end).map(|at| T::weight(height(at) / total)).collect() }
    };
    (0..output).map(one).collect()
}

/// With the number of channels known, the sums stay in registers.
fn along_rows<T: Element, const CHANNELS: usize>(
    image: &Image<T>,
    taps: &[Taps<T::Sum>],
    out: &mut Image<T>,
) {
    let rows = image.values.chunks_exact(image.width * CHANNELS);
    for (row, out) in rows.zip(out.values.chunks_exact_mut(taps.len() * CHANNELS)) {
        let (pixels, out) = (row.as_chunks::<CHANNELS>().0, out.as_chunks_mut::<CHANNELS>().0);
        for (out, taps) in out.iter_mut().zip(taps) {
            let mut sums = [T::START; CHANNELS];
            for (pixel, &weight) in pixels[taps.first..].iter().zip(&taps.weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum = T::add(*sum, value, weight);
                }
            }
            *out = sums.map(T::finish);
        }
    }
}

fn along_rows_of_any<T: Element>(image: &Image<T>, taps: &[Taps<T::Sum>], out: &mut Image<T>) {
    let channels = image.channels;
    let rows = image.values.chunks_exact(image.width * channels);
    for (row, out) in rows.zip(out.values.chunks_exact_mut(taps.len() * channels)) {
        for (out, taps) in out.chunks_exact_mut(channels).zip(taps) {
            for (channel, out) in out.iter_mut().enumerate() {
                let values = row[taps.first * channels + channel..].iter().step_by(channels);
                let terms = values.zip(&taps.weights);
                *out = T::finish(terms.fold(T::START, |sum, (&value, &weight)| T::add(sum, value, weight)));
            }
        }
    }
}

fn along_columns<T: Element>(
    image: &Image<T>,
    taps: &[Taps<T::Sum>],
    out: &mut Image<T>,
    sums: &mut Vec<T::Sum>,
) {
    let length = image.width * image.channels;
    for (out, taps) in out.values.chunks_exact_mut(length).zip(taps) {
        sums.clear();
        sums.resize(length, T::START);
        let rows = image.values.chunks_exact(length).skip(taps.first);
        for (row, &weight) in rows.zip(&taps.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum = T::add(*sum, value, weight);
            }
        }
        for (out, &sum) in out.iter_mut().zip(&*sums) {
            *out = T::finish(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(height: usize, width: usize, channels: usize) -> Image<u8> {
        let pixel = |y: usize, x: usize, c: usize| ((x * 37 + y * 101 + c * 59 + x * y * 7) % 256) as u8;
        let at = |i: usize| pixel(i / (width * channels), i / channels % width, i % channels);
        Image { height, width, channels, values: (0..height * width * channels).map(at).collect() }
    }

    fn resized<T: Element>(mut image: Image<T>, size: [usize; 2]) -> Image<T> {
        resize(&mut image, size, &mut Image::default(), &mut Vec::new());
        image
    }

    /// From `Image.resize((width, height), Image.BILINEAR)` of Pillow 13.0 on the same pattern.
    #[test]
    fn the_bytes_of_pillow() {
        let cases: [([usize; 3], [usize; 2], &[u8]); 4] = [
            (
                [5, 7, 3],
                [3, 4],
                &[
                    64, 123, 130, 127, 155, 135, 121, 149, 103, 153, 135, 125, 165, 89, 118, 137, 136, 125,
                    121, 120, 105, 168, 92, 114, 130, 126, 104, 117, 116, 118, 123, 122, 104, 112, 108, 103,
                ],
            ),
            (
                [4, 4, 1],
                [7, 9],
                &[
                    0, 6, 23, 39, 56, 72, 88, 105, 111, 36, 42, 61, 78, 96, 113, 130, 148, 155, 94, 101, 121,
                    139, 159, 179, 198, 217, 224, 152, 160, 181, 195, 159, 123, 137, 158, 166, 191, 200, 222,
                    232, 150, 66, 76, 99, 108, 102, 112, 136, 156, 140, 124, 144, 168, 177, 47, 57, 82, 108,
                    134, 160, 186, 211, 221,
                ],
            ),
            (
                [9, 6, 3],
                [4, 6],
                &[
                    84, 91, 150, 126, 134, 84, 118, 177, 126, 161, 110, 169, 94, 153, 66, 137, 145, 108, 120,
                    104, 107, 170, 104, 145, 102, 161, 96, 159, 87, 146, 85, 144, 78, 142, 76, 135, 176, 129,
                    113, 125, 127, 118, 141, 132, 184, 146, 74, 133, 88, 147, 81, 161, 95, 154, 117, 176,
                    126, 95, 154, 162, 182, 95, 154, 123, 72, 131, 100, 159, 72, 188, 100, 159,
                ],
            ),
            (
                [6, 9, 3],
                [6, 5],
                &[
                    21, 80, 139, 79, 138, 197, 148, 207, 70, 169, 100, 79, 37, 78, 137, 126, 185, 116, 195,
                    174, 57, 81, 80, 139, 104, 163, 174, 172, 103, 52, 213, 34, 93, 102, 113, 172, 150, 149,
                    72, 198, 49, 108, 87, 128, 187, 80, 139, 180, 170, 149, 80, 83, 82, 141, 132, 143, 74,
                    222, 43, 84, 167, 116, 47, 78, 89, 148, 152, 151, 74, 98, 77, 136, 119, 178, 109, 162,
                    93, 152, 146, 125, 184, 85, 84, 143, 160, 171, 102, 144, 93, 134,
                ],
            ),
        ];
        for ([height, width, channels], size, expected) in cases {
            let found = resized(pattern(height, width, channels), size);
            assert_eq!([found.height, found.width, found.channels], [size[0], size[1], channels]);
            assert_eq!(found.values, expected, "{height}×{width} to {size:?}");
        }
    }

    /// One pixel of the result, as a plain double sum over the whole image in f64.
    fn oracle(image: &Image<f32>, [height, width]: [usize; 2], [y, x, c]: [usize; 3]) -> f64 {
        let weight = |input: usize, output: usize, at: usize, to: usize| {
            let scale = input as f64 / output as f64;
            let distance = (at as f64 + 0.5) - (to as f64 + 0.5) * scale;
            (1.0 - (distance / scale.max(1.0)).abs()).max(0.0)
        };
        let (mut sum, mut total) = (0.0, 0.0);
        for row in 0..image.height {
            for column in 0..image.width {
                let weight = weight(image.height, height, row, y) * weight(image.width, width, column, x);
                sum += weight * f64::from(image.values[(row * image.width + column) * image.channels + c]);
                total += weight;
            }
        }
        sum / total
    }

    proptest! {
        #[test]
        fn every_pixel_is_the_mean_under_a_triangle(
            (rows, columns, channels) in (1_usize..12, 1_usize..12, 1_usize..5),
            size in prop::array::uniform2(1_usize..14),
            seed: u8,
        ) {
            let mut bytes = pattern(rows, columns, channels);
            bytes.values.iter_mut().for_each(|value| *value = value.wrapping_mul(seed | 1));
            let values = bytes.values.iter().copied().map(f32::from).collect();
            let floats = Image { height: rows, width: columns, channels, values };
            let (found, exact) = (resized(bytes, size), resized(floats.clone(), size));
            for y in 0..size[0] { for x in 0..size[1] { for c in 0..channels {
                let at = (y * size[1] + x) * channels + c;
                let expected = oracle(&floats, size, [y, x, c]);
                prop_assert!((f64::from(exact.values[at]) - expected).abs() < 1e-3);
                // Two roundings, each by at most one half.
                prop_assert!((f64::from(found.values[at]) - expected).abs() < 1.01);
            }}}
        }
    }
}
