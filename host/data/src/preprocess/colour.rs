//! Brightness, contrast, saturation and hue of RGB bytes, bit for bit as torchvision changes them with Pillow.

use rand_chacha::ChaCha8Rng;

use crate::rng::{between, permutation};

/// One change of colour.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    /// 0 is black, 1 the image.
    Brightness(f32),
    /// 0 is the mean grey, 1 the image.
    Contrast(f32),
    /// 0 is the grey image, 1 the image.
    Saturation(f32),
    /// Share of the circle.
    Hue(f32),
}

/// Largest changes: of brightness, contrast and saturation around 1, of hue around 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jitter {
    pub(crate) brightness: f32,
    pub(crate) contrast: f32,
    pub(crate) saturation: f32,
    pub(crate) hue: f32,
}

impl Jitter {
    /// Changes RGB pixels by random amounts in a random order.
    pub(crate) fn apply(self, rng: &mut ChaCha8Rng, pixels: &mut [u8]) {
        let order = permutation(rng, 4);
        let mut factor = |most: f32| between(rng, f64::from(1.0 - most).max(0.0), (1.0 + most).into()) as f32;
        let [brightness, contrast, saturation] =
            [self.brightness, self.contrast, self.saturation].map(&mut factor);
        let hue = between(rng, (-self.hue).into(), self.hue.into()) as f32;
        for change in order {
            let change = match change {
                0 => Change::Brightness(brightness),
                1 => Change::Contrast(contrast),
                2 => Change::Saturation(saturation),
                // Even no turn rounds a pixel to 8-bit hue and saturation.
                _ if self.hue == 0.0 => continue,
                _ => Change::Hue(hue),
            };
            change.apply(pixels);
        }
    }
}

impl Change {
    fn apply(self, pixels: &mut [u8]) {
        let pixels = pixels.as_chunks_mut::<3>().0;
        match self {
            Self::Brightness(factor) => {
                for pixel in pixels {
                    *pixel = pixel.map(|value| blend(0, value, factor));
                }
            }
            Self::Contrast(factor) => {
                let total: u64 = pixels.iter().map(|&pixel| u64::from(luminance(pixel))).sum();
                let mean = (total as f64 / pixels.len().max(1) as f64 + 0.5) as u8;
                for pixel in pixels {
                    *pixel = pixel.map(|value| blend(mean, value, factor));
                }
            }
            Self::Saturation(factor) => {
                for pixel in pixels {
                    let grey = luminance(*pixel);
                    *pixel = pixel.map(|value| blend(grey, value, factor));
                }
            }
            Self::Hue(share) => {
                let turn = (f64::from(share) * 255.0) as i32 as u8;
                for pixel in pixels {
                    *pixel = turned(*pixel, turn);
                }
            }
        }
    }
}

/// From `from` (factor 0) past `to` (factor 1), truncated.
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    (f32::from(from) + factor * (f32::from(to) - f32::from(from))).clamp(0.0, 255.0) as u8
}

/// Grey value of a pixel (ITU-R 601).
pub(crate) fn luminance([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000) >> 16) as u8
}

/// The pixel with its hue, of 0 to 255, turned.
fn turned(pixel: [u8; 3], turn: u8) -> [u8; 3] {
    let [hue, saturation, value] = to_hsv(pixel);
    from_hsv([hue.wrapping_add(turn), saturation, value])
}

fn to_hsv([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most == least {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let [r, g, b] = [red, green, blue].map(|value| f32::from(most - value) / range);
    let hue = if red == most {
        b - g
    } else if green == most {
        (2.0 + f64::from(r) - f64::from(b)) as f32
    } else {
        (4.0 + f64::from(g) - f64::from(r)) as f32
    };
    // Between 5/6 and 11/6; less a whole turn, which is exact.
    let turns = f64::from(hue) / 6.0 + 1.0;
    let hue = (if turns < 1.0 { turns } else { turns - 1.0 }) as f32;
    let saturation = range / f32::from(most);
    let byte = |share: f32| (f64::from(share) * 255.0) as u8;
    [byte(hue), byte(saturation), most]
}

fn from_hsv([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    let sixth = f64::from((f64::from(hue) * 6.0 / 255.0) as f32);
    let saturation = f64::from((f64::from(saturation) / 255.0) as f32);
    let sector = sixth as u8;
    let part = f64::from((sixth - f64::from(sector)) as f32);
    // The cast rounds down. (`floor` and `round` would be calls of a function.)
    let scaled = |share: f64| (f64::from(value) * share + 0.5) as u8;
    let p = scaled(1.0 - saturation);
    let q = scaled(1.0 - saturation * part);
    let t = scaled(1.0 - saturation * (1.0 - part));
    match sector % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, keyed};

    const PIXELS: [u8; 27] = [
        0, 59, 118, 37, 96, 155, 74, 133, 192, 101, 160, 219, 145, 204, 7, 189, 248, 51, 202, 5, 64, 253, 56,
        115, 48, 107, 166,
    ];

    /// From `ImageEnhance` of Pillow 13.0, and for the hue from its HSV conversions as torchvision uses them, on an image
    /// of 3 × 3 pixels.
    #[test]
    fn the_bytes_of_pillow() {
        let cases: [(Change, [u8; 27]); 9] = [
            (
                Change::Brightness(0.85),
                [
                    0, 50, 100, 31, 81, 131, 62, 113, 163, 85, 136, 186, 123, 173, 5, 160, 210, 43, 171, 4,
                    54, 215, 47, 97, 40, 90, 141,
                ],
            ),
            (
                Change::Brightness(1.2),
                [
                    0, 70, 141, 44, 115, 186, 88, 159, 230, 121, 192, 255, 174, 244, 8, 226, 255, 61, 242, 6,
                    76, 255, 67, 138, 57, 128, 199,
                ],
            ),
            (
                Change::Contrast(0.85),
                [
                    17, 67, 118, 49, 99, 149, 80, 130, 180, 103, 153, 203, 140, 191, 23, 178, 228, 61, 189,
                    21, 72, 232, 65, 115, 58, 108, 158,
                ],
            ),
            (
                Change::Contrast(1.2),
                [
                    0, 47, 118, 20, 91, 162, 65, 136, 206, 97, 168, 239, 150, 221, 0, 203, 255, 37, 218, 0,
                    53, 255, 43, 114, 34, 104, 175,
                ],
            ),
            (
                Change::Saturation(0.85),
                [
                    7, 57, 107, 44, 94, 144, 81, 131, 181, 108, 158, 208, 147, 198, 30, 191, 242, 74, 182,
                    14, 65, 233, 65, 116, 55, 105, 155,
                ],
            ),
            (
                Change::Saturation(1.2),
                [
                    0, 61, 132, 27, 98, 169, 64, 135, 206, 91, 162, 233, 141, 212, 0, 185, 255, 19, 228, 0,
                    62, 255, 42, 113, 38, 109, 180,
                ],
            ),
            (
                Change::Hue(0.1),
                [
                    8, 0, 118, 45, 37, 155, 83, 75, 192, 110, 101, 219, 30, 204, 7, 75, 248, 52, 202, 56, 6,
                    253, 107, 57, 56, 48, 166,
                ],
            ),
            (
                Change::Hue(-0.1),
                [
                    0, 118, 106, 37, 155, 143, 75, 192, 180, 101, 219, 207, 204, 146, 7, 248, 190, 52, 202,
                    6, 181, 253, 57, 232, 48, 166, 154,
                ],
            ),
            (
                Change::Hue(0.25),
                [
                    114, 0, 118, 151, 37, 155, 188, 75, 192, 215, 101, 219, 7, 204, 160, 52, 248, 204, 172,
                    202, 6, 223, 253, 57, 162, 48, 166,
                ],
            ),
        ];
        for (change, expected) in cases {
            let mut pixels = PIXELS;
            change.apply(&mut pixels);
            assert_eq!(pixels, expected, "{change:?}");
        }
    }

    #[test]
    fn no_change_leaves_the_image_and_draws_stay_in_their_range() {
        let none = Jitter { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0 };
        let bright = Jitter { brightness: 0.2, ..none };
        let mut seen = std::collections::BTreeSet::new();
        for image in 0..300 {
            let mut pixels = PIXELS;
            none.apply(&mut keyed(1, Purpose::Colour, 0, image), &mut pixels);
            assert_eq!(pixels, PIXELS);
            let mut grey = [100; 3];
            bright.apply(&mut keyed(1, Purpose::Colour, 0, image), &mut grey);
            seen.insert(grey[0]);
        }
        assert!(seen.iter().all(|value| (79..=120).contains(value)), "{seen:?}");
        assert!(seen.len() > 35);
    }
}
