//! The numbers that a pipeline can give.

use super::normalise::Normal;
use super::{Pipeline, Step};
use crate::Samples;
use crate::samples::Content;

impl Pipeline {
    /// The smallest and the largest number that images can have after all steps: of bytes, all that a pixel can be; of
    /// floats, what `samples` hold. 0 always lies between them.
    #[must_use]
    pub fn range(&self, samples: &Samples) -> [f32; 2] {
        let normal = Normal::new(self.steps.last());
        let mut range = [0.0_f32; 2];
        let mut widen = |values: &[f32]| {
            for &value in values {
                range = [range[0].min(value), range[1].max(value)];
            }
        };
        match samples.content() {
            Content::Floats { shape, values } => {
                let mut normalised = vec![0.0; shape.values()];
                for image in values.chunks_exact(shape.values()) {
                    normal.floats(image, &mut normalised);
                    widen(&normalised);
                }
            }
            Content::Bytes { .. } | Content::Files { .. } => {
                let channels = match self.steps.last() {
                    Some(Step::Normalise { mean, std }) => mean.len().max(std.len()),
                    _ => 1,
                };
                let mut normalised = vec![0.0; channels];
                for byte in [0, 255] {
                    normal.bytes(&vec![byte; channels], &mut normalised);
                    widen(&normalised);
                }
            }
        }
        range
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Classes;
    use cbp_numerics::Shape;

    #[test]
    #[allow(clippy::float_cmp)] // exact by construction
    fn of_pixels_and_of_floats() {
        let step = Step::Normalise { mean: vec![0.5, 0.25], std: vec![0.5, 0.25] };
        let pipeline = Pipeline { steps: vec![step] };
        let samples = |content| Samples::new(content, vec![0], Classes::numbered(1)).unwrap();
        let shape = Shape::new(1, 1, 2);
        let bytes = samples(Content::Bytes { shape, values: vec![7, 9] });
        assert_eq!(Pipeline::default().range(&bytes), [0.0, 1.0]);
        assert_eq!(pipeline.range(&bytes), [-1.0, 3.0]);
        let floats = samples(Content::Floats { shape, values: vec![1.0, 0.5] });
        assert_eq!(Pipeline::default().range(&floats), [0.0, 1.0]);
        let floats = samples(Content::Floats { shape, values: vec![-1.0, 0.5] });
        assert_eq!(pipeline.range(&floats), [-3.0, 1.0]);
    }
}
