//! A pipeline checked against a data set, and the work itself.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use cbp_numerics::Shape;
use rayon::prelude::*;

use super::colour::Jitter;
use super::decode::decode;
use super::extent::{Input, LARGEST_SIDE, short_side};
use super::image::Image;
use super::normalise::Normal;
use super::resize::{Element, resize};
use super::window::{Rectangle, cut};
use super::{Pipeline, PipelineError, Preprocess, Step, random};
use crate::rng::{Purpose, below, keyed};
use crate::samples::Content;
use crate::{DataError, Samples};

/// What random numbers follow from, besides the index of the image and the position of the step. The same key gives the
/// same images, in whatever order and on however many threads they are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draws {
    /// Key of the whole training.
    pub seed: u64,
    /// The epoch.
    pub epoch: u64,
}

/// Samples with a pipeline that fits them. `S` is a reference or an `Arc`.
#[derive(Clone, Debug)]
pub struct Prepared<S> {
    samples: S,
    steps: Vec<Step>,
    normal: Normal,
    shape: Shape,
}

/// Buffers of one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    bytes: [Image<u8>; 2],
    floats: [Image<f32>; 2],
    sums: Vec<i32>,
    float_sums: Vec<f64>,
}

impl Preprocess {
    /// Checks both pipelines against the samples, and gives the shape that the network will see.
    ///
    /// # Errors
    /// [`PipelineError`]: a step that cannot be done, or two shapes.
    pub fn shape(&self, samples: &Samples) -> Result<Shape, PipelineError> {
        let input = input(samples);
        let (training, evaluation) = (self.training.output(input)?, self.evaluation.output(input)?);
        if training == evaluation {
            Ok(training)
        } else {
            Err(PipelineError::Shapes { training, evaluation })
        }
    }
}

impl Pipeline {
    /// Makes it ready to run.
    ///
    /// # Errors
    /// [`PipelineError`] if it does not fit the samples.
    pub fn prepare<S: Deref<Target = Samples>>(&self, samples: S) -> Result<Prepared<S>, PipelineError> {
        let shape = self.output(input(&samples))?;
        Ok(Prepared { steps: self.steps.clone(), normal: Normal::new(self.steps.last()), shape, samples })
    }
}

fn input(samples: &Samples) -> Input {
    let size = samples.shape().map(|shape| [shape.height, shape.width]);
    match samples.content() {
        Content::Bytes { shape, .. } => Input { size, channels: shape.channels, are_bytes: true },
        Content::Floats { shape, .. } => Input { size, channels: shape.channels, are_bytes: false },
        Content::Files { colour, .. } => Input { size, channels: colour.channels(), are_bytes: true },
    }
}

impl<S: Deref<Target = Samples>> Prepared<S> {
    /// The samples.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Shape of one image after all steps.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Fills `out`, images × [`Prepared::shape`] in NHWC, with the images `indices`, on the threads of the current rayon
    /// pool.
    ///
    /// # Errors
    /// [`DataError::Image`] for an image file that cannot be used. Samples in memory give no error.
    ///
    /// # Panics
    /// There is no such image, or `out` has another length.
    pub fn fill(&self, out: &mut [f32], indices: &[u32], draws: Draws) -> Result<(), DataError>
    where
        S: Sync,
    {
        let values = self.shape.values();
        assert_eq!(out.len(), indices.len() * values, "room for {} images of {}", indices.len(), self.shape);
        // Few images are not worth waking a thread for, unless they have to be decoded.
        let at_once = if self.samples.shape().is_some() { 16 } else { 1 };
        out.par_chunks_mut(values).with_min_len(at_once).zip(indices).try_for_each_init(
            Scratch::default,
            |scratch, (out, &index)| {
                self.one(index, draws, scratch, out)
                    .map_err(|what| DataError::Image { path: self.path(index).into(), what })
            },
        )
    }

    /// The file of image `index`; empty for images in memory.
    pub(crate) fn path(&self, index: u32) -> &Path {
        match self.samples.content() {
            Content::Files { paths, .. } => paths.get(index as usize).map_or(Path::new(""), PathBuf::as_path),
            _ => Path::new(""),
        }
    }

    /// Makes one image; the error is the cause in words.
    pub(crate) fn one(
        &self,
        index: u32,
        draws: Draws,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), String> {
        let Scratch { bytes, floats, sums, float_sums } = scratch;
        let at = index as usize;
        match self.samples.content() {
            Content::Bytes { shape, values } => {
                load(&mut bytes[0], *shape, &values[at * shape.values()..][..shape.values()]);
            }
            Content::Files { colour, paths } => decode(&paths[at], *colour, &mut bytes[0])?,
            Content::Floats { shape, values } => {
                load(&mut floats[0], *shape, &values[at * shape.values()..][..shape.values()]);
                for (step, position) in self.steps.iter().zip(0..) {
                    geometry(step, Key { draws, index, position }, floats, float_sums)?;
                }
                self.normal.floats(&floats[0].values, out);
                return Ok(());
            }
        }
        for (step, position) in self.steps.iter().zip(0..) {
            let key = Key { draws, index, position };
            if let &Step::ColourJitter { brightness, contrast, saturation, hue } = step {
                let jitter = Jitter { brightness, contrast, saturation, hue };
                jitter.apply(&mut key.rng(Purpose::Colour), &mut bytes[0].values);
            } else {
                geometry(step, key, bytes, sums)?;
            }
        }
        self.normal.bytes(&bytes[0].values, out);
        Ok(())
    }
}

fn load<T: Copy>(image: &mut Image<T>, shape: Shape, values: &[T]) {
    (image.height, image.width, image.channels) = (shape.height, shape.width, shape.channels);
    image.values.clear();
    image.values.extend_from_slice(values);
}

/// What the random numbers of one step of one image follow from.
#[derive(Clone, Copy)]
struct Key {
    draws: Draws,
    index: u32,
    position: u64,
}

impl Key {
    fn rng(self, purpose: Purpose) -> rand_chacha::ChaCha8Rng {
        let mut rng = keyed(self.draws.seed, purpose, self.draws.epoch, self.index.into());
        rng.set_stream(self.position);
        rng
    }
}

/// Does a step that moves pixels. The image is the first of `images`, before and after.
fn geometry<T: Element>(
    step: &Step,
    key: Key,
    images: &mut [Image<T>; 2],
    sums: &mut Vec<T::Sum>,
) -> Result<(), String> {
    let [image, spare] = images;
    let size = [image.height, image.width];
    let too_small = |crop: usize| format!("{}×{} pixels are too few for a crop of {crop}", size[0], size[1]);
    let mut take = |image: &mut Image<T>, rectangle: Rectangle| {
        cut(image, rectangle, spare);
        std::mem::swap(image, spare);
    };
    match *step {
        Step::Resize { height, width } => resize(image, [height, width], spare, sums),
        Step::ResizeShortSide { size: side } => {
            let to = short_side(size, side);
            if to[0].max(to[1]) > LARGEST_SIDE {
                return Err(format!("{}×{} pixels are too long a strip", size[0], size[1]));
            }
            resize(image, to, spare, sums);
        }
        Step::CentreCrop { size: side } => {
            if side > size[0].min(size[1]) {
                return Err(too_small(side));
            }
            take(image, Rectangle::centre(size, side));
        }
        Step::RandomCrop { size: side, pad } => {
            let rectangle = random::crop(&mut key.rng(Purpose::Crop), size, side, pad);
            take(image, rectangle.ok_or_else(|| too_small(side))?);
        }
        Step::RandomResizedCrop { size: side, scale, ratio } => {
            take(image, random::resized_crop(&mut key.rng(Purpose::Crop), size, scale, ratio));
            resize(image, [side, side], spare, sums);
        }
        Step::Shift { pixels } => take(image, random::shift(&mut key.rng(Purpose::Shift), size, pixels)),
        Step::HorizontalFlip => {
            if below(&mut key.rng(Purpose::Flip), 2) == 1 {
                image.flip();
            }
        }
        Step::ColourJitter { .. } | Step::Normalise { .. } => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
