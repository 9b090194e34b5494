//! Arrays of NumPy: the header of .npy files, and images and labels made from arrays.
//!
//! The format is that of `numpy.lib.format`: magic, version, length of the header, a Python dictionary with the keys
//! `descr`, `fortran_order` and `shape`, then the elements.

mod array;

use std::path::Path;

#[cfg(test)]
pub(crate) use array::npy_bytes;
pub(crate) use array::{Array, Elements, read};

use cbp_numerics::Shape;

use super::{Format, Layout, Opened, ReadOptions, classes_of, unpacked};
use crate::{Classes, Content, DataError, Samples};

/// Names of the arrays of images and of labels, alone or as files.
pub(crate) const NAMES: [[&str; 2]; 2] = [["x", "y"], ["images", "labels"]];

/// The most channels that images of cameras have.
const MOST_CHANNELS: usize = 4;

const IMAGE_TYPES: &str = "uint8, float32 or float64";
const LABEL_TYPES: &str = "integers";

/// Reads `x.npy` with the labels in `y.npy` beside it (or `images.npy` and `labels.npy`, or the file that `options`
/// names) as a training set.
///
/// Images are n × features, n × rows × columns (one channel), or four-dimensional in the layout of `options` (if it is not
/// stated, with up to four channels last and more rows than that); of type
/// uint8, float32 or float64, where bytes become pixels and floats become numbers. Labels are n or n × 1 integers. Both
/// may be in C or Fortran order.
///
/// # Errors
/// [`DataError::Missing`] or [`DataError::Io`]; [`DataError::NotNpy`], [`DataError::WrongLength`],
/// [`DataError::WrongShape`] or [`DataError::CountMismatch`]; [`DataError::Label`], [`DataError::EmptyClass`],
/// [`DataError::NotFinite`] or [`DataError::Empty`]; [`DataError::Request`] if the file of labels is not known.
pub fn load(path: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let stem = path.file_stem().unwrap_or_default();
    let beside = NAMES.iter().find(|[images, _]| stem == *images);
    let beside = beside.map(|[_, labels]| path.with_file_name(format!("{labels}.npy")));
    let Some(labels) = options.labels.clone().or(beside) else {
        let what = format!("{}: where the labels are is not known", path.display());
        return Err(DataError::Request {
            what,
            remedy: "name the file of labels, or call them x.npy and y.npy",
        });
    };
    let images = read(unpacked(path)?, path)?;
    let array = read(unpacked(&labels)?, &labels)?;
    let train = samples((path, images), (&labels, array), options, None)?;
    Ok(Opened { format: Format::Npy, train, test: None })
}

/// Makes samples of two arrays as [`load`] says, each with its path for messages. `classes` are those of a training set;
/// if `None`, they follow from `options` and the labels.
pub(crate) fn samples(
    (path, images): (&Path, Array),
    (labels_path, labels): (&Path, Array),
    options: &ReadOptions,
    classes: Option<&Classes>,
) -> Result<Samples, DataError> {
    let labels = integers(labels_path, labels)?;
    let axes = axes(path, &images.dims, options.layout)?;
    // With a size of 0, the others are not bounded by the file's length.
    if images.dims.contains(&0) {
        return Err(DataError::Empty { path: path.into() });
    }
    let sizes = axes.map(|axis| axis.map_or(1, |axis| images.dims[axis]));
    let strides = images.strides();
    let strides = axes.map(|axis| axis.map_or(0, |axis| strides[axis]));
    let [n, height, width, channels] = sizes;
    if n != labels.len() {
        let (path, labels) = (labels_path.into(), labels.len());
        return Err(DataError::CountMismatch { path, images: n, labels });
    }
    let shape = Shape::new(height, width, channels);
    let content = match images.elements {
        Elements::U8(values) => Content::Bytes { shape, values: gather(&values, sizes, strides) },
        Elements::F32(values) => Content::Floats { shape, values: gather(&values, sizes, strides) },
        Elements::Integers(_) => {
            let what = "images are integers other than uint8".into();
            return Err(DataError::NotNpy { path: path.into(), what, types: IMAGE_TYPES });
        }
    };
    let limit = classes.map(Classes::count).or(options.classes);
    let bad = |label: i64| u32::try_from(label).is_err() || limit.is_some_and(|limit| label >= limit as i64);
    if let Some(index) = labels.iter().position(|&label| bad(label)) {
        let classes = limit.unwrap_or(u32::MAX as usize);
        return Err(DataError::Label { path: labels_path.into(), index, label: labels[index], classes });
    }
    let labels: Vec<u32> = labels.into_iter().map(|label| label as u32).collect();
    let classes = match classes {
        Some(classes) => classes.clone(),
        None => classes_of(labels_path, &labels, options.classes)?,
    };
    Samples::from_file(path, content, labels, classes)
}

/// Which axis of the array is n, rows, columns, channels; `None` for an axis that it does not have.
fn axes(path: &Path, dims: &[usize], layout: Option<Layout>) -> Result<[Option<usize>; 4], DataError> {
    Ok(match (dims.len(), layout) {
        (2, _) => [Some(0), None, None, Some(1)],
        (3, _) => [Some(0), Some(1), Some(2), None],
        (4, Some(Layout::Nhwc)) => [Some(0), Some(1), Some(2), Some(3)],
        (4, Some(Layout::Nchw)) => [Some(0), Some(2), Some(3), Some(1)],
        (4, None) if dims[3] <= MOST_CHANNELS && dims[1] > MOST_CHANNELS => {
            [Some(0), Some(1), Some(2), Some(3)]
        }
        (4, None) => {
            let what = format!("{}: which axis of {dims:?} holds the channels is not known", path.display());
            return Err(DataError::Request {
                what,
                remedy: "state the layout: nchw (second axis) or nhwc (last axis)",
            });
        }
        _ => {
            let expected = "n × features, n × rows × columns, or these with channels".into();
            return Err(DataError::WrongShape { path: path.into(), expected, found: dims.into() });
        }
    })
}

/// Copies an array with any strides into row-major order.
fn gather<T: Copy>(values: &[T], [n, rows, columns, channels]: [usize; 4], strides: [usize; 4]) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len());
    for image in 0..n {
        for row in 0..rows {
            for column in 0..columns {
                let start = image * strides[0] + row * strides[1] + column * strides[2];
                out.extend((0..channels).map(|channel| values[start + channel * strides[3]]));
            }
        }
    }
    out
}

fn integers(path: &Path, array: Array) -> Result<Vec<i64>, DataError> {
    if !matches!(*array.dims, [_] | [_, 1]) {
        let expected = "one label per image".into();
        return Err(DataError::WrongShape { path: path.into(), expected, found: array.dims });
    }
    match array.elements {
        Elements::Integers(values) => Ok(values),
        Elements::U8(values) => Ok(values.into_iter().map(i64::from).collect()),
        Elements::F32(_) => {
            let what = "labels are floating-point numbers".into();
            Err(DataError::NotNpy { path: path.into(), what, types: LABEL_TYPES })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn array(dims: &[usize], fortran: bool, elements: Elements) -> Array {
        Array { dims: dims.into(), fortran, elements }
    }

    fn labels(count: usize) -> Array {
        array(&[count], false, Elements::Integers((0..count as i64).map(|i| i % 3).collect()))
    }

    fn make(images: Array, labels: Array, layout: Layout) -> Result<Samples, DataError> {
        let options = ReadOptions { layout: Some(layout), classes: Some(3), ..ReadOptions::default() };
        samples((Path::new("x.npy"), images), (Path::new("y.npy"), labels), &options, None)
    }

    proptest! {
        /// Element (i, y, x, c) has a value that tells where it belongs, in every order of axes and of memory.
        #[test]
        fn every_order_gives_nhwc(
            n in 1_usize..4, h in 1_usize..4, w in 1_usize..5, c in 1_usize..4, nchw: bool, fortran: bool,
        ) {
            let value = |[i, y, x, k]: [usize; 4]| (i * 64 + y * 20 + x * 4 + k) as u8;
            let (layout, dims) = if nchw { (Layout::Nchw, [n, c, h, w]) } else { (Layout::Nhwc, [n, h, w, c]) };
            let mut values = vec![0; n * h * w * c];
            for i in 0..n { for y in 0..h { for x in 0..w { for k in 0..c {
                let at = if nchw { [i, k, y, x] } else { [i, y, x, k] };
                let offset = |axes: [usize; 4]| axes.iter().fold(0, |offset, &axis| offset * dims[axis] + at[axis]);
                values[offset(if fortran { [3, 2, 1, 0] } else { [0, 1, 2, 3] })] = value([i, y, x, k]);
            }}}}
            let found = make(array(&dims, fortran, Elements::U8(values)), labels(n), layout).unwrap();
            prop_assert_eq!(found.shape(), Some(Shape::new(h, w, c)));
            for i in 0..n {
                let at = |j: usize| value([i, j / (w * c), j / c % w, j % c]);
                prop_assert!(found.bytes(i).unwrap().iter().copied().eq((0..h * w * c).map(at)));
            }
        }
    }

    #[test]
    fn an_unknown_layout_is_refused() {
        let read = |dims: &[usize]| {
            let images = array(dims, false, Elements::U8(vec![1; dims.iter().product()]));
            let options = ReadOptions { classes: Some(3), ..ReadOptions::default() };
            samples((Path::new("x.npy"), images), (Path::new("y.npy"), labels(dims[0])), &options, None)
        };
        assert_eq!(read(&[2, 5, 6, 3]).unwrap().shape(), Some(Shape::new(5, 6, 3)));
        for dims in [[2, 3, 5, 6], [2, 3, 3, 3], [2, 8, 8, 16]] {
            let message = read(&dims).unwrap_err().to_string();
            assert!(message.contains("x.npy") && message.contains("nchw"), "{message}");
        }
    }

    #[test]
    fn rows_and_grey_images_have_their_shapes() {
        let rows = make(
            array(&[2, 3], true, Elements::F32(vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0])),
            labels(2),
            Layout::Nchw,
        );
        let rows = rows.unwrap();
        assert_eq!(rows.shape(), Some(Shape::vector(3)));
        let values = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(*rows.content(), Content::Floats { shape: Shape::vector(3), values });
        let grey = make(array(&[1, 2, 3], false, Elements::U8(vec![1; 6])), labels(1), Layout::Nhwc).unwrap();
        assert_eq!(grey.shape(), Some(Shape::new(2, 3, 1)));
    }

    #[test]
    fn faults_name_the_file_and_the_place() {
        let pixels = || array(&[2, 2], false, Elements::U8(vec![0; 4]));
        let message = |images, labels| make(images, labels, Layout::Nhwc).unwrap_err().to_string();
        for (text, expected) in [
            (message(pixels(), labels(3)), "y.npy: has 3 labels for 2 images"),
            (
                message(pixels(), array(&[2], false, Elements::Integers(vec![0, -1]))),
                "y.npy: label 1 is -1, expected 0 to 2",
            ),
            (
                message(pixels(), array(&[2], false, Elements::U8(vec![3, 0]))),
                "y.npy: label 0 is 3, expected 0 to 2",
            ),
            (
                message(pixels(), array(&[2], false, Elements::F32(vec![0.0; 2]))),
                "y.npy: labels are floating-point numbers; save it again with numpy.save as integers",
            ),
            (
                message(pixels(), array(&[1, 2], false, Elements::U8(vec![0; 2]))),
                "y.npy: has dimensions [1, 2], expected one label",
            ),
            (
                message(array(&[4], false, Elements::U8(vec![0; 4])), labels(4)),
                "x.npy: has dimensions [4], expected n",
            ),
            (
                message(array(&[2, 1], false, Elements::Integers(vec![0; 2])), labels(2)),
                "x.npy: images are integers",
            ),
            (
                message(array(&[2, 2], false, Elements::F32(vec![0.0, 1.0, 2.0, f32::NAN])), labels(2)),
                "x.npy: value 1 of sample 1 is NaN, not a finite number",
            ),
            (message(array(&[0, 2], false, Elements::U8(vec![])), labels(0)), "x.npy: holds no images"),
            (
                message(array(&[0, usize::MAX, 2, 3], false, Elements::U8(vec![])), labels(1)),
                "x.npy: holds no images",
            ),
        ] {
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains('\n') && text.contains("; "), "{text}");
        }
    }

    #[test]
    fn labels_are_found_beside_the_images_or_where_stated() {
        let dir = tempfile::tempdir().unwrap();
        let save = |name: &str, dims: &str, values: &[u8]| {
            let bytes =
                npy_bytes(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {dims}, }}"), values);
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let x = save("images.npy", "(2, 2)", &[1, 2, 3, 4]);
        let y = save("labels.npy", "(2,)", &[1, 0]);
        assert_eq!(load(&x, &ReadOptions::default()).unwrap().train.labels(), [1, 0]);
        let other = save("digits.npy", "(2, 2)", &[1, 2, 3, 4]);
        let message = load(&other, &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains("digits.npy: where the labels are is not known"), "{message}");
        let options = ReadOptions { labels: Some(y), ..ReadOptions::default() };
        assert_eq!(load(&other, &options).unwrap().train.len(), 2);
    }
}
