//! The four files of MNIST, or of a data set in its form.

use std::path::{Path, PathBuf};

use super::idx::{self, Idx};
use super::{DataError, Dataset};

const SIDE: usize = 28;
const CLASSES: u8 = 10;

/// File names of images and labels: training set, then test set.
const NAMES: [[&str; 2]; 2] = [
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
];

/// Reads (training set, test set) from the four canonical files in `dir`, each plain or with `.gz`.
///
/// # Errors
/// A [`DataError`] that names the first file that is missing, damaged, or not 28×28 digits of ten classes.
pub fn load_mnist(dir: &Path) -> Result<(Dataset, Dataset), DataError> {
    let [train, test] = NAMES;
    Ok((load(dir, train)?, load(dir, test)?))
}

/// Writes the four files, compressed, in the form that [`load_mnist`] reads.
///
/// # Errors
/// [`DataError::Io`] if a file cannot be written.
pub fn save_mnist(dir: &Path, train: &Dataset, test: &Dataset) -> Result<(), DataError> {
    for (data, [images, labels]) in [train, test].into_iter().zip(NAMES) {
        let dims = vec![data.len(), data.rows, data.cols];
        idx::write_gz(&dir.join(format!("{images}.gz")), &Idx { dims, data: data.images.clone() })?;
        let dims = vec![data.len()];
        idx::write_gz(&dir.join(format!("{labels}.gz")), &Idx { dims, data: data.labels.clone() })?;
    }
    Ok(())
}

fn load(dir: &Path, [images, labels]: [&str; 2]) -> Result<Dataset, DataError> {
    let path = existing(dir, images);
    let images = idx::read(&path)?;
    let wrong_shape = |path: &Path, expected: &str, idx: &Idx| DataError::WrongShape {
        path: path.into(),
        expected: expected.into(),
        found: idx.dims.clone(),
    };
    let count = match *images.dims.as_slice() {
        [count, SIDE, SIDE] if count > 0 => count,
        _ => return Err(wrong_shape(&path, "at least one image of 28×28", &images)),
    };
    let path = existing(dir, labels);
    let labels = idx::read(&path)?;
    if labels.dims.len() != 1 {
        return Err(wrong_shape(&path, "one label per image", &labels));
    }
    if labels.data.len() != count {
        return Err(DataError::CountMismatch { path, images: count, labels: labels.data.len() });
    }
    if let Some(index) = labels.data.iter().position(|&label| label >= CLASSES) {
        return Err(DataError::Label { path, index, label: labels.data[index] });
    }
    Ok(Dataset { images: images.data, labels: labels.data, rows: SIDE, cols: SIDE })
}

/// The plain file, or else the compressed one if that exists; the plain name if neither does.
fn existing(dir: &Path, name: &str) -> PathBuf {
    let plain = dir.join(name);
    let compressed = dir.join(format!("{name}.gz"));
    if !plain.exists() && compressed.exists() { compressed } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(count: usize) -> Dataset {
        Dataset {
            images: (0..count * SIDE * SIDE).map(|i| i as u8).collect(),
            labels: (0..count).map(|i| (i % 10) as u8).collect(),
            rows: SIDE,
            cols: SIDE,
        }
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
        let message = |train: &Dataset, test: &Dataset| {
            let dir = tempfile::tempdir().unwrap();
            save_mnist(dir.path(), train, test).unwrap();
            load_mnist(dir.path()).unwrap_err().to_string()
        };
        let mut short = good.clone();
        short.labels.truncate(3);
        short.images.truncate(3 * SIDE * SIDE);
        let dir = tempfile::tempdir().unwrap();
        save_mnist(dir.path(), &good, &good).unwrap();
        idx::write_gz(
            &dir.path().join("t10k-labels-idx1-ubyte.gz"),
            &Idx { dims: vec![3], data: vec![0; 3] },
        )
        .unwrap();
        let mismatch = load_mnist(dir.path()).unwrap_err().to_string();
        assert!(mismatch.contains("t10k-labels-idx1-ubyte.gz: has 3 labels for 4 images"), "{mismatch}");

        let small = Dataset { images: vec![0; 4 * 27 * 28], rows: 27, ..good.clone() };
        let shape = message(&small, &good);
        assert!(shape.contains("train-images-idx3-ubyte.gz: has dimensions [4, 27, 28]"), "{shape}");
        let mut label = good.clone();
        label.labels[2] = 10;
        let label = message(&good, &label);
        assert!(label.contains("t10k-labels-idx1-ubyte.gz: label 2 is 10"), "{label}");
        let missing = load_mnist(Path::new("nowhere")).unwrap_err().to_string();
        assert!(missing.contains("train-images-idx3-ubyte: no such file"), "{missing}");
        for text in [mismatch, shape, label, missing] {
            assert!(!text.contains('\n') && text.contains("; "), "{text}");
        }
    }
}
