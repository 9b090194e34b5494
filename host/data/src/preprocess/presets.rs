//! The usual lists of steps.

use super::{Pipeline, Preprocess, Step};
use crate::Samples;

/// Mean of red, green and blue over the training set of CIFAR-10, of pixel / 255.
pub const CIFAR10_MEAN: [f32; 3] = [0.4914, 0.4822, 0.4465];
/// Their standard deviation.
pub const CIFAR10_STD: [f32; 3] = [0.2470, 0.2435, 0.2616];
/// Mean of red, green and blue over ImageNet, as all published networks use it.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their standard deviation.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

impl Preprocess {
    /// Values as they are: pixel / 255, or floats unchanged.
    #[must_use]
    pub fn plain() -> Self {
        Self { training: Pipeline::default(), evaluation: Pipeline::default() }
    }

    /// Digits: pixel / 255; for training shifted by up to `pixels` in both directions (2 is usual).
    #[must_use]
    pub fn mnist(pixels: u32) -> Self {
        Self { training: Pipeline { steps: vec![Step::Shift { pixels }] }, evaluation: Pipeline::default() }
    }

    /// CIFAR: for training a random crop of 32 with a border of 4, and flips; normalised, see [`CIFAR10_MEAN`].
    #[must_use]
    pub fn cifar(mean: [f32; 3], std: [f32; 3]) -> Self {
        let normalise = normalise(&mean, &std);
        Self {
            training: Pipeline {
                steps: vec![Step::RandomCrop { size: 32, pad: 4 }, Step::HorizontalFlip, normalise.clone()],
            },
            evaluation: Pipeline { steps: vec![normalise] },
        }
    }

    /// ImageNet as in the paper of CBP: for training a random resized crop of 224, flips, and changes of brightness,
    /// contrast and saturation by up to 0.2 and of hue by up to 0.1; for evaluation the middle 224 of a short side of
    /// 256.
    #[must_use]
    pub fn imagenet() -> Self {
        let normalise = normalise(&IMAGENET_MEAN, &IMAGENET_STD);
        Self {
            training: Pipeline {
                steps: vec![
                    Step::RandomResizedCrop { size: 224, scale: [0.08, 1.0], ratio: [0.75, 4.0 / 3.0] },
                    Step::HorizontalFlip,
                    Step::ColourJitter { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.1 },
                    normalise.clone(),
                ],
            },
            evaluation: Pipeline {
                steps: vec![Step::ResizeShortSide { size: 256 }, Step::CentreCrop { size: 224 }, normalise],
            },
        }
    }

    /// Rows of numbers: each column with the mean and deviation that it has in `training`. [`Preprocess::plain`] for
    /// image files.
    #[must_use]
    pub fn standardised(training: &Samples) -> Self {
        let Some((mean, std)) = training.statistics() else { return Self::plain() };
        let steps = vec![Step::Normalise { mean, std }];
        Self { training: Pipeline { steps: steps.clone() }, evaluation: Pipeline { steps } }
    }
}

fn normalise(mean: &[f32], std: &[f32]) -> Step {
    Step::Normalise { mean: mean.into(), std: std.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_stored_and_read_again() {
        let presets = [
            Preprocess::plain(),
            Preprocess::mnist(2),
            Preprocess::cifar(CIFAR10_MEAN, CIFAR10_STD),
            Preprocess::imagenet(),
        ];
        for preset in presets {
            let text = serde_json::to_string(&preset).unwrap();
            assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), preset, "{text}");
        }
        let text = serde_json::to_string(&Preprocess::mnist(2)).unwrap();
        assert_eq!(text, r#"{"training":[{"step":"shift","pixels":2}],"evaluation":[]}"#);
        for bad in [
            r#"{"training":[{"step":"shift","pixels":2,"more":1}],"evaluation":[]}"#,
            r#"{"training":[{"step":"rotate"}],"evaluation":[]}"#,
            r#"{"training":[]}"#,
        ] {
            assert!(serde_json::from_str::<Preprocess>(bad).is_err(), "{bad}");
        }
    }
}
