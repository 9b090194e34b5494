//! Random rectangles: what crops and shifts draw.

use rand_chacha::ChaCha8Rng;

use super::window::Rectangle;
use crate::rng::{below, between};

/// A shift of up to `largest` pixels in both directions, as the rectangle to cut: first down, then right.
pub(crate) fn shift(rng: &mut ChaCha8Rng, [height, width]: [usize; 2], largest: u32) -> Rectangle {
    let mut one = || below(rng, 2 * largest + 1) as isize - largest as isize;
    let (down, right) = (one(), one());
    Rectangle { top: -down, left: -right, height, width }
}

/// A square in an image with a border; `None` if there is no room for it.
pub(crate) fn crop(
    rng: &mut ChaCha8Rng,
    [height, width]: [usize; 2],
    size: usize,
    pad: usize,
) -> Option<Rectangle> {
    let mut start = |length: usize| {
        let places = (length + 2 * pad + 1).checked_sub(size).filter(|&places| places > 0)?;
        Some(below(rng, places as u32) as isize - pad as isize)
    };
    Some(Rectangle { top: start(height)?, left: start(width)?, height: size, width: size })
}

/// A rectangle of random area and shape inside of the image.
pub(crate) fn resized_crop(
    rng: &mut ChaCha8Rng,
    [height, width]: [usize; 2],
    scale: [f32; 2],
    ratio: [f32; 2],
) -> Rectangle {
    let (rows, columns) = (height as f64, width as f64);
    let [narrow, wide] = ratio.map(f64::from);
    for _ in 0..10 {
        let area = rows * columns * between(rng, scale[0].into(), scale[1].into());
        let ratio = between(rng, narrow.ln(), wide.ln()).exp();
        let size = [(area / ratio).sqrt(), (area * ratio).sqrt()].map(|side| side.round_ties_even() as usize);
        if (1..=height).contains(&size[0]) && (1..=width).contains(&size[1]) {
            let mut start = |free: usize| below(rng, free as u32 + 1) as isize;
            let (top, left) = (start(height - size[0]), start(width - size[1]));
            return Rectangle { top, left, height: size[0], width: size[1] };
        }
    }
    let (h, w) = if columns / rows < narrow {
        ((columns / narrow).round_ties_even(), columns)
    } else if columns / rows > wide {
        (rows, (rows * wide).round_ties_even())
    } else {
        (rows, columns)
    };
    let (h, w) = ((h as usize).clamp(1, height), (w as usize).clamp(1, width));
    let (top, left) = (((height - h) / 2) as isize, ((width - w) / 2) as isize);
    Rectangle { top, left, height: h, width: w }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::rng::{Purpose, keyed};

    fn draws<T>(count: u64, mut draw: impl FnMut(&mut ChaCha8Rng) -> T) -> Vec<T> {
        (0..count).map(|image| draw(&mut keyed(1, Purpose::Crop, 2, image))).collect()
    }

    #[test]
    fn shifts_cover_the_square() {
        let seen: BTreeSet<_> =
            draws(400, |rng| shift(rng, [5, 6], 1)).iter().map(|r| (r.top, r.left)).collect();
        let expected: BTreeSet<_> = (-1..=1).flat_map(|top| (-1..=1).map(move |left| (top, left))).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn crops_reach_every_place_of_the_border_and_no_other() {
        let seen: BTreeSet<_> =
            draws(600, |rng| crop(rng, [3, 4], 4, 1).unwrap()).iter().map(|r| (r.top, r.left)).collect();
        let expected: BTreeSet<_> = (-1..=0).flat_map(|top| (-1..=1).map(move |left| (top, left))).collect();
        assert_eq!(seen, expected);
        assert_eq!(draws(1, |rng| crop(rng, [3, 4], 6, 1)), [None]);
        assert_eq!(draws(1, |rng| crop(rng, [4, 4], 6, 1).map(|r| (r.top, r.left))), [Some((-1, -1))]);
    }

    /// Mean share of a uniform area with a uniform logarithm of its shape, of those that fit an image of this shape.
    fn expected_area(image: f64) -> f64 {
        let grid =
            |low: f64, high: f64| (0..200).map(move |i| low + (high - low) * (f64::from(i) + 0.5) / 200.0);
        let mut fitting = Vec::new();
        for area in grid(0.08, 1.0) {
            for ratio in grid(-(4.0_f64 / 3.0).ln(), (4.0_f64 / 3.0).ln()).map(f64::exp) {
                if area * ratio <= image && area / ratio <= 1.0 / image {
                    fitting.push(area);
                }
            }
        }
        fitting.iter().sum::<f64>() / fitting.len() as f64
    }

    #[test]
    fn resized_crops_have_the_area_and_shape_asked_for() {
        let found = draws(2000, |rng| resized_crop(rng, [400, 500], [0.08, 1.0], [0.75, 4.0 / 3.0]));
        let (mut areas, mut ratios) = (Vec::new(), Vec::new());
        for r in found {
            assert!(r.top >= 0 && r.top as usize + r.height <= 400);
            assert!(r.left >= 0 && r.left as usize + r.width <= 500);
            areas.push((r.height * r.width) as f64 / 200_000.0);
            ratios.push(r.width as f64 / r.height as f64);
        }
        assert!(areas.iter().all(|area| (0.078..=1.0).contains(area)));
        assert!(ratios.iter().all(|ratio| (0.74..1.35).contains(ratio)));
        let mean = areas.iter().sum::<f64>() / 2000.0;
        assert!((mean - expected_area(1.25)).abs() < 0.02, "{mean}");
        assert!(ratios.iter().filter(|ratio| **ratio < 1.0).count() > 700);
    }

    proptest! {
        #[test]
        fn resized_crops_fit_any_image(height in 1_usize..50, width in 1_usize..50, image: u64) {
            let rng = &mut keyed(3, Purpose::Crop, 0, image);
            let r = resized_crop(rng, [height, width], [0.9, 1.0], [0.75, 4.0 / 3.0]);
            prop_assert!(r.height > 0 && r.width > 0 && r.top >= 0 && r.left >= 0);
            prop_assert!(r.top as usize + r.height <= height && r.left as usize + r.width <= width);
        }
    }

    #[test]
    fn a_strip_gives_its_middle() {
        let r = draws(1, |rng| resized_crop(rng, [10, 1000], [0.9, 1.0], [0.75, 4.0 / 3.0]))[0];
        assert_eq!(r, Rectangle { top: 0, left: 493, height: 10, width: 13 });
    }
}
