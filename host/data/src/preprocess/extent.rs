//! Whether steps fit each other and the images, and what size comes out.

use cbp_numerics::Shape;

use super::{Pipeline, PipelineError, Step};

/// Sides over this are taken for a mistake.
pub(super) const LARGEST_SIDE: usize = 16_384;

/// What is known of an image's size between two steps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Extent {
    /// Rows and columns.
    Exactly([usize; 2]),
    /// Only that no side is shorter than this.
    AtLeast(usize),
}

/// The images that enter a pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Input {
    /// Rows and columns, if they are the same for all images.
    pub(crate) size: Option<[usize; 2]>,
    pub(crate) channels: usize,
    pub(crate) are_bytes: bool,
}

/// A fault and its remedy.
type Fault = (String, &'static str);

impl Pipeline {
    /// Shape of what comes out.
    pub(super) fn output(&self, input: Input) -> Result<Shape, PipelineError> {
        let mut extent = input.size.map_or(Extent::AtLeast(1), Extent::Exactly);
        for (index, step) in self.steps.iter().enumerate() {
            let is_last = index + 1 == self.steps.len();
            let after = check(step, input, is_last).and_then(|()| extent.after(step));
            extent = after.map_err(|(what, remedy)| PipelineError::Step {
                position: index + 1,
                step: step.name(),
                what,
                remedy,
            })?;
        }
        match extent {
            Extent::Exactly([height, width]) => Ok(Shape::new(height, width, input.channels)),
            Extent::AtLeast(_) => Err(PipelineError::Sizes),
        }
    }
}

impl Extent {
    fn after(self, step: &Step) -> Result<Self, Fault> {
        match *step {
            Step::Resize { height, width } => Ok(Self::Exactly([height, width])),
            Step::ResizeShortSide { size } => Ok(match self {
                Self::Exactly(sides) => {
                    let sides = short_side(sides, size);
                    if sides[0].max(sides[1]) > LARGEST_SIDE {
                        let what = format!("images become as large as {}×{}", sides[0], sides[1]);
                        return Err((what, "use resize, or a smaller size"));
                    }
                    Self::Exactly(sides)
                }
                Self::AtLeast(_) => Self::AtLeast(size),
            }),
            Step::RandomResizedCrop { size, .. } => Ok(Self::Exactly([size, size])),
            Step::CentreCrop { size } => self.crop(size, 0),
            Step::RandomCrop { size, pad } => self.crop(size, pad),
            _ => Ok(self),
        }
    }

    /// Images of unknown size may be too small; each is looked at when its turn comes.
    fn crop(self, size: usize, pad: usize) -> Result<Self, Fault> {
        match self {
            Self::Exactly([height, width]) if height.min(width) + 2 * pad < size => Err((
                format!("images of {height}×{width} are too small for a crop of {size}"),
                "resize them before, or crop less",
            )),
            _ => Ok(Self::Exactly([size, size])),
        }
    }
}

/// Sides after the shorter one became `size`.
pub(super) fn short_side([height, width]: [usize; 2], size: usize) -> [usize; 2] {
    if height <= width { [size, size * width / height] } else { [size * height / width, size] }
}

fn check(step: &Step, input: Input, is_last: bool) -> Result<(), Fault> {
    let side = |side: usize| {
        let what = format!("a side of {side} pixels");
        if (1..=LARGEST_SIDE).contains(&side) { Ok(()) } else { Err((what, "choose 1 to 16384")) }
    };
    let range = |[low, high]: [f32; 2], most: f32| {
        let what = format!("a range of {low} to {high}");
        let fits = low > 0.0 && low <= high && high <= most;
        if fits { Ok(()) } else { Err((what, "order it, over 0; a share of the area is at most 1")) }
    };
    match *step {
        Step::Resize { height, width } => side(height).and_then(|()| side(width)),
        Step::ResizeShortSide { size } | Step::CentreCrop { size } => side(size),
        Step::RandomCrop { size, pad } => side(size).and_then(|()| side(pad.saturating_add(1))),
        Step::RandomResizedCrop { size, scale, ratio } => {
            side(size).and_then(|()| range(scale, 1.0)).and_then(|()| range(ratio, 1000.0))
        }
        Step::Shift { pixels } => side((pixels as usize).saturating_add(1)),
        Step::HorizontalFlip => Ok(()),
        Step::ColourJitter { brightness, contrast, saturation, hue } => {
            if input.channels != 3 || !input.are_bytes {
                return Err(("the images are not RGB bytes".into(), "remove the step"));
            }
            let fits = |value: f32, most: f32| (0.0..=most).contains(&value);
            if [brightness, contrast, saturation].into_iter().all(|v| fits(v, 100.0)) && fits(hue, 0.5) {
                return Ok(());
            }
            Err(("an amount is negative or too large".into(), "choose 0 to 100, for the hue 0 to 0.5"))
        }
        Step::Normalise { ref mean, ref std } => {
            if !is_last {
                return Err(("other steps come after it".into(), "make it the last step"));
            }
            let fits = |values: &[f32]| values.len() == 1 || values.len() == input.channels;
            if !fits(mean) || !fits(std) {
                let (means, stds, channels) = (mean.len(), std.len(), input.channels);
                let what = format!("{means} means and {stds} deviations for {channels} channels");
                return Err((what, "give one of each, or one per channel"));
            }
            if mean.iter().all(|v| v.is_finite()) && std.iter().all(|v| v.is_finite() && *v > 0.0) {
                return Ok(());
            }
            Err((
                "a mean is not finite, or a deviation not over 0".into(),
                "measure them on the training set",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: Input = Input { size: None, channels: 3, are_bytes: true };
    const CIFAR: Input = Input { size: Some([32, 32]), ..FILES };

    fn output(steps: Vec<Step>, input: Input) -> Result<Shape, PipelineError> {
        Pipeline { steps }.output(input)
    }

    #[test]
    fn sizes_follow_the_steps() {
        let crop = Step::CentreCrop { size: 224 };
        let short = Step::ResizeShortSide { size: 256 };
        assert_eq!(output(vec![short.clone(), crop.clone()], FILES), Ok(Shape::new(224, 224, 3)));
        assert_eq!(output(vec![crop.clone()], FILES), Ok(Shape::new(224, 224, 3)));
        assert_eq!(output(vec![short.clone()], FILES), Err(PipelineError::Sizes));
        assert_eq!(output(vec![], FILES), Err(PipelineError::Sizes));
        let tall = Input { size: Some([500, 333]), channels: 1, ..FILES };
        // torchvision: int(256 * 500 / 333) = 384.
        assert_eq!(output(vec![short], tall), Ok(Shape::new(384, 256, 1)));
        assert_eq!(output(vec![], CIFAR), Ok(Shape::new(32, 32, 3)));
        let padded = Step::RandomCrop { size: 40, pad: 4 };
        assert_eq!(output(vec![padded], CIFAR), Ok(Shape::new(40, 40, 3)));
    }

    #[test]
    fn faults_name_the_step_and_a_remedy() {
        let normalise = |mean: &[f32], std: &[f32]| Step::Normalise { mean: mean.into(), std: std.into() };
        let jitter = |brightness, hue| Step::ColourJitter { brightness, contrast: 0.2, saturation: 0.2, hue };
        let resized = |scale, ratio| Step::RandomResizedCrop { size: 8, scale, ratio };
        let grey = Input { channels: 1, ..CIFAR };
        let floats = Input { are_bytes: false, ..CIFAR };
        let strip = Input { size: Some([10, 680]), ..CIFAR };
        for (steps, input, expected) in [
            (
                vec![Step::CentreCrop { size: 33 }],
                CIFAR,
                "step 1, centre_crop: images of 32×32 are too small",
            ),
            (vec![Step::RandomCrop { size: 41, pad: 4 }], CIFAR, "step 1, random_crop: images of 32×32"),
            (
                vec![Step::HorizontalFlip, Step::CentreCrop { size: 0 }],
                CIFAR,
                "step 2, centre_crop: a side of 0",
            ),
            (
                vec![Step::Resize { height: 1, width: 20_000 }],
                CIFAR,
                "a side of 20000 pixels; choose 1 to 16384",
            ),
            (vec![Step::RandomCrop { size: 4, pad: usize::MAX }], CIFAR, "step 1, random_crop: a side of"),
            (
                vec![Step::ResizeShortSide { size: 256 }],
                strip,
                "images become as large as 256×17408; use resize",
            ),
            (vec![Step::Shift { pixels: 20_000 }], CIFAR, "step 1, shift: a side of 20001"),
            (
                vec![resized([0.5, 1.1], [0.5, 1.0])],
                CIFAR,
                "step 1, random_resized_crop: a range of 0.5 to 1.1",
            ),
            (vec![resized([0.5, 1.0], [2.0, 1.0])], CIFAR, "a range of 2 to 1"),
            (vec![resized([f32::NAN, 1.0], [1.0, 1.0])], CIFAR, "a range of NaN to 1"),
            (vec![jitter(0.2, 0.1)], grey, "step 1, colour_jitter: the images are not RGB bytes"),
            (vec![jitter(0.2, 0.1)], floats, "the images are not RGB bytes"),
            (vec![jitter(0.2, 0.6)], CIFAR, "an amount is negative or too large"),
            (vec![jitter(-0.1, 0.1)], CIFAR, "an amount is negative or too large"),
            (
                vec![normalise(&[0.0], &[1.0]), Step::HorizontalFlip],
                CIFAR,
                "step 1, normalise: other steps come",
            ),
            (vec![normalise(&[0.0; 2], &[1.0])], CIFAR, "2 means and 1 deviations for 3 channels"),
            (vec![normalise(&[0.0], &[1.0, 0.0, 1.0])], CIFAR, "a deviation not over 0"),
            (vec![normalise(&[f32::INFINITY], &[1.0])], CIFAR, "a mean is not finite"),
        ] {
            let message = output(steps, input).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("; "), "{message}");
        }
    }
}
