//! The four files of MNIST, or of a data set in its form.

use std::path::{Path, PathBuf};

use cbp_numerics::Shape;

use super::idx::{self, Idx};
use super::{Format, Opened, ReadOptions, classes_of, existing};
use crate::{Classes, Content, DataError, Samples};

const SIDE: usize = 28;
const CLASSES: usize = 10;

/// File names of images and labels: training set, then test set.
pub(crate) const NAMES: [[&str; 2]; 2] = [
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
];

/// Reads (training set, test set) from the four canonical files in `dir`, each plain or with `.gz`.
///
/// # Errors
/// A [`DataError`] that names the first file that is missing, damaged, or not 28×28 digits of ten classes.
pub fn load_mnist(dir: &Path) -> Result<(Samples, Samples), DataError> {
    let digits = |names| {
        let files = Files::read(dir, names)?;
        if files.images.dims[1..] != [SIDE, SIDE] {
            return Err(wrong_shape(&files.paths[0], "at least one image of 28×28", &files.images));
        }
        files.samples(Classes::numbered(CLASSES))
    };
    let [train, test] = NAMES;
    Ok((digits(train)?, digits(test)?))
}

/// As [`load_mnist`], for grey images of any size and any number of classes.
pub(crate) fn load(dir: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let [train, test] = NAMES;
    let train = Files::read(dir, train)?;
    let test = Files::read(dir, test)?;
    if train.images.dims[1..] != test.images.dims[1..] {
        let expected = format!("images of {:?} as the training set has them", &train.images.dims[1..]);
        return Err(wrong_shape(&test.paths[0], &expected, &test.images));
    }
    let labels: Vec<u32> = train.labels.iter().map(|&label| label.into()).collect();
    let classes = classes_of(&train.paths[1], &labels, options.classes)?;
    let (train, test) = (train.samples(classes.clone())?, test.samples(classes)?);
    Ok(Opened { format: Format::Idx, train, test: Some(test) })
}

/// Writes the four files, compressed, in the form that [`load_mnist`] reads.
///
/// # Errors
/// [`DataError::Io`] if a file cannot be written; [`DataError::Request`] if the samples are not grey images of bytes
/// with at most 256 classes.
pub fn save_mnist(dir: &Path, train: &Samples, test: &Samples) -> Result<(), DataError> {
    for (data, [images, labels]) in [train, test].into_iter().zip(NAMES) {
        let Content::Bytes { shape: Shape { height, width, channels: 1 }, values } = data.content() else {
            let what = "IDX files of MNIST hold grey images of bytes only".into();
            return Err(DataError::Request { what, remedy: "save other samples in another format" });
        };
        let dims = vec![data.len(), *height, *width];
        idx::write_gz(&dir.join(format!("{images}.gz")), &Idx { dims, data: values.clone() })?;
        let bytes = data.labels().iter().map(|&label| u8::try_from(label)).collect::<Result<_, _>>();
        let bytes = bytes.map_err(|_| DataError::Request {
            what: "a label is over 255".into(),
            remedy: "save samples of at most 256 classes",
        })?;
        idx::write_gz(&dir.join(format!("{labels}.gz")), &Idx { dims: vec![data.len()], data: bytes })?;
    }
    Ok(())
}

/// Images and their labels, of agreeing number.
struct Files {
    paths: [PathBuf; 2],
    /// n × height × width, n > 0.
    images: Idx,
    labels: Vec<u8>,
}

impl Files {
    fn read(dir: &Path, names: [&str; 2]) -> Result<Self, DataError> {
        let paths = names.map(|name| existing(dir, name));
        let images = idx::read(&paths[0])?;
        let count = match *images.dims.as_slice() {
            [count, height, width] if count * height * width > 0 => count,
            _ => return Err(wrong_shape(&paths[0], "at least one image of rows × columns", &images)),
        };
        let labels = idx::read(&paths[1])?;
        if labels.dims.len() != 1 {
            return Err(wrong_shape(&paths[1], "one label per image", &labels));
        }
        if labels.data.len() != count {
            let [_, path] = paths;
            return Err(DataError::CountMismatch { path, images: count, labels: labels.data.len() });
        }
        Ok(Self { paths, images, labels: labels.data })
    }

    fn samples(self, classes: Classes) -> Result<Samples, DataError> {
        let shape = Shape::new(self.images.dims[1], self.images.dims[2], 1);
        let labels = self.labels.into_iter().map(u32::from).collect();
        let content = Content::Bytes { shape, values: self.images.data };
        Samples::from_file(&self.paths[1], content, labels, classes)
    }
}

fn wrong_shape(path: &Path, expected: &str, idx: &Idx) -> DataError {
    DataError::WrongShape { path: path.into(), expected: expected.into(), found: idx.dims.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(count: usize) -> Samples {
        images([SIDE, SIDE], (0..count as u32).map(|i| i % 10).collect(), 10)
    }

    fn images([height, width]: [usize; 2], labels: Vec<u32>, classes: usize) -> Samples {
        let values = (0..labels.len() * height * width).map(|i| i as u8).collect();
        let content = Content::Bytes { shape: Shape::new(height, width, 1), values };
        Samples::new(content, labels, Classes::numbered(classes)).unwrap()
    }

    #[test]
    fn saved_sets_load_again() {
        let dir = tempfile::tempdir().unwrap();
        save_mnist(dir.path(), &digits(12), &digits(3)).unwrap();
        assert_eq!(load_mnist(dir.path()).unwrap(), (digits(12), digits(3)));
    }

    #[test]
    fn each_fault_is_one_line_with_the_file_and_a_remedy() {
        let good = digits(4);
        let message = |train: &Samples, test: &Samples| {
            let dir = tempfile::tempdir().unwrap();
            save_mnist(dir.path(), train, test).unwrap();
            load_mnist(dir.path()).unwrap_err().to_string()
        };
        let dir = tempfile::tempdir().unwrap();
        save_mnist(dir.path(), &good, &good).unwrap();
        idx::write_gz(
            &dir.path().join("t10k-labels-idx1-ubyte.gz"),
            &Idx { dims: vec![3], data: vec![0; 3] },
        )
        .unwrap();
        let mismatch = load_mnist(dir.path()).unwrap_err().to_string();
        assert!(mismatch.contains("t10k-labels-idx1-ubyte.gz: has 3 labels for 4 images"), "{mismatch}");

        let shape = message(&images([27, 28], vec![0; 4], 10), &good);
        assert!(shape.contains("train-images-idx3-ubyte.gz: has dimensions [4, 27, 28]"), "{shape}");
        let label = message(&good, &images([SIDE, SIDE], vec![0, 9, 10, 10], 11));
        assert!(label.contains("t10k-labels-idx1-ubyte.gz: label 2 is 10"), "{label}");
        let missing = load_mnist(Path::new("nowhere")).unwrap_err().to_string();
        assert!(missing.contains("train-images-idx3-ubyte: no such file"), "{missing}");
        for text in [mismatch, shape, label, missing] {
            assert!(!text.contains('\n') && text.contains("; "), "{text}");
        }
    }

    #[test]
    fn other_sizes_and_classes_are_read_by_the_general_function() {
        let dir = tempfile::tempdir().unwrap();
        let (train, test) = (images([3, 5], vec![2, 0, 1], 3), images([3, 5], vec![1], 3));
        save_mnist(dir.path(), &train, &test).unwrap();
        let opened = load(dir.path(), &ReadOptions::default()).unwrap();
        assert_eq!(opened, Opened { format: Format::Idx, train, test: Some(test) });

        save_mnist(dir.path(), &images([3, 5], vec![2, 0], 3), &images([3, 5], vec![1], 3)).unwrap();
        let message = load(dir.path(), &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains("train-labels-idx1-ubyte.gz: class 1 has no images"), "{message}");
        let stated = ReadOptions { classes: Some(3), ..ReadOptions::default() };
        assert_eq!(load(dir.path(), &stated).unwrap().train.classes().count(), 3);
        save_mnist(dir.path(), &images([3, 5], vec![0], 1), &images([5, 3], vec![0], 1)).unwrap();
        let message = load(dir.path(), &stated).unwrap_err().to_string();
        assert!(message.contains("has dimensions [1, 5, 3], expected images of [3, 5]"), "{message}");
    }
}
