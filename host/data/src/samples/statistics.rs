//! Mean and deviation of a data set.

use super::{Content, Samples};

impl Samples {
    /// Mean and standard deviation of each channel over all samples, as [`Step::Normalise`](crate::Step) takes them: of
    /// p / 255 for bytes. A channel that never changes has the deviation 1. `None` for image files.
    #[must_use]
    pub fn statistics(&self) -> Option<(Vec<f32>, Vec<f32>)> {
        let moments = match &self.content {
            Content::Bytes { shape, values } => moments(values, shape.channels, |p| f64::from(p) / 255.0),
            Content::Floats { shape, values } => moments(values, shape.channels, f64::from),
            Content::Files { .. } => return None,
        };
        Some(moments.into_iter().unzip())
    }
}

/// Mean and deviation per channel, in two passes.
fn moments<T: Copy>(values: &[T], channels: usize, real: impl Fn(T) -> f64) -> Vec<(f32, f32)> {
    let sums = |term: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![(0.0, 0_u64); channels];
        for (&value, channel) in values.iter().zip((0..channels).cycle()) {
            sums[channel].0 += term(channel, real(value));
            sums[channel].1 += 1;
        }
        sums.into_iter().map(|(sum, count)| sum / count as f64).collect::<Vec<f64>>()
    };
    let means = sums(&|_, value| value);
    let variances = sums(&|channel, value| (value - means[channel]).powi(2));
    let pair = |(&mean, variance): (&f64, f64)| {
        let deviation = variance.sqrt();
        // The mean of equal values is rounded, so their deviation may be a little over 0.
        let changes = deviation > 1e-12 * mean.abs();
        (mean as f32, if changes { deviation as f32 } else { 1.0 })
    };
    means.iter().zip(variances).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use cbp_numerics::Shape;

    use super::*;
    use crate::Classes;

    #[test]
    fn statistics_are_those_of_each_channel() {
        let shape = Shape::new(1, 2, 2);
        let values = vec![0, 51, 102, 51, 0, 51, 102, 51];
        let labels = || vec![0, 0];
        let bytes = Samples::new(Content::Bytes { shape, values }, labels(), Classes::numbered(1)).unwrap();
        let (mean, std) = bytes.statistics().unwrap();
        assert_eq!((mean, std), (vec![0.2, 0.2], vec![0.2, 1.0]));
        let values = vec![1.0, 0.1, 3.0, 0.1, 1.0, 0.1, 3.0, 0.1];
        let floats = Samples::new(Content::Floats { shape, values }, labels(), Classes::numbered(1)).unwrap();
        assert_eq!(floats.statistics().unwrap(), (vec![2.0, 0.1], vec![1.0, 1.0]));
    }
}
