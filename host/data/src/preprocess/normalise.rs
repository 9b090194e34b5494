//! From bytes or floats to the numbers that a network reads.

use super::Step;

/// The real value of one step of a pixel: pixels are exact 8-bit numbers on the device too (q = pixel − 128, zero point
/// −128).
pub const PIXEL_SCALE: f32 = 1.0 / 255.0;

/// Mean and deviation per channel, or one for all, with the value of each possible byte.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    /// One entry, or one per channel.
    channels: Vec<Channel>,
}

#[derive(Clone, Debug)]
struct Channel {
    mean: f32,
    std: f32,
    of_byte: Box<[f32; 256]>,
}

impl Normal {
    /// Of the last step if that normalises, otherwise one that changes nothing; checked before.
    pub(super) fn new(last: Option<&Step>) -> Self {
        let (mean, std) = match last {
            Some(Step::Normalise { mean, std }) => (mean.as_slice(), std.as_slice()),
            _ => (&[0.0][..], &[1.0][..]),
        };
        let count = mean.len().max(std.len());
        let of = |values: &[f32], channel: usize| values[if values.len() == 1 { 0 } else { channel }];
        let channel = |index| {
            let (mean, std) = (of(mean, index), of(std, index));
            let of_byte = std::array::from_fn(|byte| (byte as f32 * PIXEL_SCALE - mean) / std);
            Channel { mean, std, of_byte: Box::new(of_byte) }
        };
        Self { channels: (0..count).map(channel).collect() }
    }

    pub(super) fn bytes(&self, values: &[u8], out: &mut [f32]) {
        self.each(values, out, |channel, value| channel.of_byte[usize::from(value)]);
    }

    pub(super) fn floats(&self, values: &[f32], out: &mut [f32]) {
        self.each(values, out, |channel, value| (value - channel.mean) / channel.std);
    }

    fn each<T: Copy>(&self, values: &[T], out: &mut [f32], normal: impl Fn(&Channel, T) -> f32) {
        match self.channels.as_slice() {
            [all] => out.iter_mut().zip(values).for_each(|(out, &value)| *out = normal(all, value)),
            [red, green, blue] => {
                let pixels = values.as_chunks::<3>().0;
                for (out, pixel) in out.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    *out = [normal(red, pixel[0]), normal(green, pixel[1]), normal(blue, pixel[2])];
                }
            }
            channels => {
                let pixels = values.chunks_exact(channels.len());
                for (out, pixel) in out.chunks_exact_mut(channels.len()).zip(pixels) {
                    for ((out, &value), channel) in out.iter_mut().zip(pixel).zip(channels) {
                        *out = normal(channel, value);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_its_mean_and_deviation() {
        for channels in 1..6 {
            let mean: Vec<f32> = (0..channels).map(|c| 0.1 * c as f32).collect();
            let std: Vec<f32> = (0..channels).map(|c| 0.5 + c as f32).collect();
            for (mean, std) in [(mean.clone(), std.clone()), (vec![0.25], std), (mean, vec![2.0])] {
                let step = Step::Normalise { mean: mean.clone(), std: std.clone() };
                let normal = Normal::new(Some(&step));
                let bytes: Vec<u8> = (0..2 * channels).map(|i| (i * 40) as u8).collect();
                let floats: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) * PIXEL_SCALE).collect();
                let (mut of_bytes, mut of_floats) = (vec![0.0; bytes.len()], vec![0.0; bytes.len()]);
                normal.bytes(&bytes, &mut of_bytes);
                normal.floats(&floats, &mut of_floats);
                assert_eq!(of_bytes, of_floats);
                for (at, &found) in of_bytes.iter().enumerate() {
                    let (mean, std) = (mean[at % channels % mean.len()], std[at % channels % std.len()]);
                    let expected = (f64::from(bytes[at]) / 255.0 - f64::from(mean)) / f64::from(std);
                    assert!((f64::from(found) - expected).abs() < 1e-6, "{channels} channels, {at}");
                }
            }
        }
    }

    #[test]
    fn without_the_step_a_pixel_is_its_share_of_255_to_the_bit() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut out = vec![0.0; 256];
        Normal::new(None).bytes(&bytes, &mut out);
        assert!(
            out.iter().zip(0_u8..=255).all(|(v, p)| v.to_bits() == (f32::from(p) * PIXEL_SCALE).to_bits())
        );
    }
}
