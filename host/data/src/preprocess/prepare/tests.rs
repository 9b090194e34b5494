use super::*;
use crate::preprocess::test_picture;
use crate::rng::between;
use crate::{Classes, Colour, PIXEL_SCALE};

fn in_memory(content: Content, count: u32) -> Samples {
    Samples::new(content, vec![0; count as usize], Classes::numbered(1)).unwrap()
}

fn filled(pipeline: &Pipeline, samples: &Samples, indices: &[u32], draws: Draws) -> Vec<f32> {
    let prepared = pipeline.prepare(samples).unwrap();
    let mut out = vec![f32::NAN; indices.len() * prepared.shape().values()];
    prepared.fill(&mut out, indices, draws).unwrap();
    out
}

/// The first step draws from the stream that a shift always had: down, then right.
#[test]
fn shifted_digits_are_those_of_the_published_numbers() {
    let shape = Shape::new(5, 6, 1);
    let values: Vec<u8> = (0..90).collect();
    let samples = in_memory(Content::Bytes { shape, values }, 3);
    let draws = Draws { seed: 9, epoch: 4 };
    let found = filled(&Preprocess::mnist(2).training, &samples, &[2, 0], draws);
    for (image, out) in [2_u32, 0].into_iter().zip(found.chunks_exact(30)) {
        let rng = &mut keyed(9, Purpose::Shift, 4, image.into());
        let (down, right) = (below(rng, 5) as i32 - 2, below(rng, 5) as i32 - 2);
        for (at, &value) in (0..).zip(out) {
            let (y, x) = (at / 6 - down, at % 6 - right);
            let inside = (0..5).contains(&y) && (0..6).contains(&x);
            let pixel = if inside { samples.bytes(image as usize).unwrap()[(y * 6 + x) as usize] } else { 0 };
            assert_eq!(value.to_bits(), (f32::from(pixel) * PIXEL_SCALE).to_bits(), "image {image}, {at}");
        }
    }
}

#[test]
fn equal_steps_at_different_places_draw_different_numbers() {
    let key = |position| Key { draws: Draws { seed: 1, epoch: 2 }, index: 3, position };
    let first = |position| between(&mut key(position).rng(Purpose::Shift), 0.0, 1.0).to_bits();
    assert_eq!(first(0), between(&mut keyed(1, Purpose::Shift, 2, 3), 0.0, 1.0).to_bits());
    assert!(first(0) != first(1) && first(1) != first(2));
}

#[test]
fn half_of_the_images_are_flipped() {
    let values = [1.0_f32, 2.0].repeat(1000);
    let samples = in_memory(Content::Floats { shape: Shape::new(1, 2, 1), values }, 1000);
    let pipeline = Pipeline { steps: vec![Step::HorizontalFlip] };
    let indices: Vec<u32> = (0..1000).collect();
    let found = filled(&pipeline, &samples, &indices, Draws::default());
    let flipped = found.chunks_exact(2).filter(|pair| pair == &[2.0, 1.0]).count();
    assert!((450..550).contains(&flipped), "{flipped}");
    assert!(found.chunks_exact(2).all(|pair| pair == [2.0, 1.0] || pair == [1.0, 2.0]));
}

/// The evaluation of ImageNet, against the steps done one by one on the same picture.
#[test]
fn image_files_go_through_the_steps_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("picture.png");
    test_picture(300, 400).save(&path).unwrap();
    let files = in_memory(Content::Files { colour: Colour::Rgb, paths: vec![path] }, 1);
    let imagenet = Preprocess::imagenet();
    assert_eq!(imagenet.shape(&files), Ok(Shape::new(224, 224, 3)));
    let found = filled(&imagenet.evaluation, &files, &[0], Draws::default());

    let values = test_picture(300, 400).into_raw();
    let mut image = Image { height: 300, width: 400, channels: 3, values };
    resize(&mut image, [256, 341], &mut Image::default(), &mut Vec::new());
    let (mean, std) = (crate::preprocess::IMAGENET_MEAN, crate::preprocess::IMAGENET_STD);
    for (at, value) in found.into_iter().enumerate() {
        let (y, x, c) = (16 + at / 672, 58 + at / 3 % 224, at % 3);
        let pixel = image.values[(y * 341 + x) * 3 + c];
        let expected = (f32::from(pixel) * PIXEL_SCALE - mean[c]) / std[c];
        assert_eq!(value.to_bits(), expected.to_bits(), "{at}");
    }
    let training = filled(&imagenet.training, &files, &[0], Draws::default());
    assert_eq!(training, filled(&imagenet.training, &files, &[0], Draws::default()));
    assert_ne!(training, filled(&imagenet.training, &files, &[0], Draws { seed: 0, epoch: 1 }));
}

#[test]
fn two_shapes_and_endless_strips_are_refused() {
    let crop = |size| Pipeline { steps: vec![Step::CentreCrop { size }] };
    let samples = in_memory(Content::Bytes { shape: Shape::new(4, 4, 1), values: vec![0; 16] }, 1);
    let message =
        Preprocess { training: crop(3), evaluation: crop(2) }.shape(&samples).unwrap_err().to_string();
    assert!(message.contains("for training gives 3×3×1, for evaluation 2×2×1; end both"), "{message}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("strip.png");
    test_picture(1, 600).save(&path).unwrap();
    let files = in_memory(Content::Files { colour: Colour::Grey, paths: vec![path] }, 1);
    let steps = vec![Step::ResizeShortSide { size: 32 }, Step::CentreCrop { size: 32 }];
    let prepared = Pipeline { steps }.prepare(&files).unwrap();
    let message = prepared.fill(&mut [0.0; 1024], &[0], Draws::default()).unwrap_err().to_string();
    assert!(message.contains("strip.png: 1×600 pixels are too long a strip; replace"), "{message}");
}
