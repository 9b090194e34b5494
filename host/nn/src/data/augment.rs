//! Training batches: pixels as numbers, each image shifted by a few pixels.

use rayon::prelude::*;

use super::Dataset;
use crate::rng::{Purpose, below, keyed};

/// The real value of one step of a pixel: pixels are exact 8-bit numbers on the device too (q = pixel − 128,
/// zero point −128).
pub(crate) const PIXEL_SCALE: f32 = 1.0 / 255.0;

/// Random shifts of up to `max_shift` pixels in both directions, keyed by (seed, epoch, image).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
    pub(crate) largest: u32,
}

/// Fills `out` (batch × pixels, image after image) with the images `indices`, shifted if `shift` is given.
pub(crate) fn fill_batch(out: &mut [f32], data: &Dataset, indices: &[u32], shift: Option<Shift>) {
    let pixels = data.pixels();
    debug_assert_eq!(out.len(), indices.len() * pixels);
    out.par_chunks_mut(pixels).with_min_len(16).zip(indices).for_each(|(out, &index)| {
        let image = data.image(index as usize);
        let (down, right) = shift.map_or((0, 0), |shift| draw(shift, index));
        fill_shifted(out, image, data.cols, down, right);
    });
}

fn draw(shift: Shift, image: u32) -> (i32, i32) {
    let mut rng = keyed(shift.seed, Purpose::Shift, shift.epoch, u64::from(image));
    let mut one = || below(&mut rng, 2 * shift.largest + 1) as i32 - shift.largest as i32;
    (one(), one())
}

/// Moves the image `down` and `right` (negative: up and left); pixels that enter are background.
fn fill_shifted(out: &mut [f32], image: &[u8], cols: usize, down: i32, right: i32) {
    let rows = out.len() / cols;
    let width = cols.saturating_sub(right.unsigned_abs() as usize);
    let (to, from) = (right.max(0) as usize, (-right).max(0) as usize);
    for (row, out) in out.chunks_exact_mut(cols).enumerate() {
        let source = row as i32 - down;
        if source < 0 || source >= rows as i32 {
            out.fill(0.0);
            continue;
        }
        let image = &image[source as usize * cols..][..cols];
        out[..to.min(cols)].fill(0.0);
        out[(to + width).min(cols)..].fill(0.0);
        if width > 0 {
            for (out, &pixel) in out[to..][..width].iter_mut().zip(&image[from..]) {
                *out = f32::from(pixel) * PIXEL_SCALE;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_move_pixels_and_fill_with_background() {
        let image: Vec<u8> = (1..=12).collect();
        for down in -4..=4 {
            for right in -5..=5 {
                let mut out = vec![f32::NAN; 12];
                fill_shifted(&mut out, &image, 4, down, right);
                for row in 0..3_i32 {
                    for col in 0..4_i32 {
                        let (y, x) = (row - down, col - right);
                        let inside = (0..3).contains(&y) && (0..4).contains(&x);
                        let pixel = if inside { image[(y * 4 + x) as usize] } else { 0 };
                        let value = out[(row * 4 + col) as usize];
                        assert_eq!(value.to_bits(), (f32::from(pixel) * PIXEL_SCALE).to_bits());
                    }
                }
            }
        }
    }

    #[test]
    fn draws_cover_the_square() {
        let mut seen = std::collections::BTreeSet::new();
        for image in 0..400 {
            let (down, right) = draw(Shift { seed: 1, epoch: 2, largest: 1 }, image);
            assert!(down.abs() <= 1 && right.abs() <= 1);
            seen.insert((down, right));
        }
        assert_eq!(seen.len(), 9);
    }
}
