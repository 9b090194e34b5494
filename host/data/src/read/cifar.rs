//! The binary version of CIFAR-10 and CIFAR-100: records of labels and 32×32 planar RGB pixels.

use std::io::Read;
use std::path::{Path, PathBuf};

use cbp_numerics::Shape;

use super::{Cifar100Labels, Format, Opened, ReadOptions, existing, names_in, unpacked};
use crate::{Classes, Content, DataError, Samples};

/// Height, width and channels of every image.
pub const SHAPE: Shape = Shape::new(32, 32, 3);
const PIXELS: usize = SHAPE.positions();

/// What the label bytes before the pixels of each record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// One label of ten classes.
    Cifar10,
    /// A coarse and a fine label; this one counts.
    Cifar100(Cifar100Labels),
}

impl Records {
    const fn label_bytes(self) -> usize {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100(_) => 2,
        }
    }

    /// Bytes of a record.
    const fn size(self) -> usize {
        self.label_bytes() + SHAPE.values()
    }

    fn label(self, record: &[u8]) -> u8 {
        match self {
            Self::Cifar10 | Self::Cifar100(Cifar100Labels::Coarse) => record[0],
            Self::Cifar100(Cifar100Labels::Fine) => record[1],
        }
    }

    const fn classes(self) -> usize {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100(Cifar100Labels::Coarse) => 20,
            Self::Cifar100(Cifar100Labels::Fine) => 100,
        }
    }

    /// The file of class names that belongs to the data set.
    const fn names(self) -> &'static str {
        match self {
            Self::Cifar10 => "batches.meta.txt",
            Self::Cifar100(Cifar100Labels::Coarse) => "coarse_label_names.txt",
            Self::Cifar100(Cifar100Labels::Fine) => "fine_label_names.txt",
        }
    }
}

/// Whether a file in a folder belongs to the training set of CIFAR.
pub(crate) fn is_training_file(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".bin") else { return false };
    stem == "train" || stem.starts_with("data_batch")
}

/// Reads a folder with `data_batch*.bin` (CIFAR-10) or `train.bin` (CIFAR-100) and, if there is one, `test_batch.bin` or
/// `test.bin`; each plain or with `.gz`. Classes are named if the folder has the names file of the original.
///
/// # Errors
/// As [`read`]; [`DataError::Missing`] if there are no training files.
pub fn load_folder(dir: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let mut files: Vec<String> = names_in(dir)?
        .into_iter()
        .filter(|name| is_training_file(name))
        .map(|name| name.trim_end_matches(".gz").to_owned())
        .collect();
    files.dedup();
    let has_ten = files.iter().any(|name| name.starts_with("data_batch"));
    files.retain(|name| name.starts_with("data_batch") == has_ten);
    if files.is_empty() {
        return Err(DataError::Missing { path: dir.join("data_batch_1.bin") });
    }
    let (records, test) = if has_ten {
        (Records::Cifar10, "test_batch.bin")
    } else {
        (Records::Cifar100(options.cifar100), "test.bin")
    };
    let classes = classes(dir, records, options)?;
    let paths: Vec<PathBuf> = files.iter().map(|name| existing(dir, name)).collect();
    let train = read(&paths, records, &classes)?;
    let test = existing(dir, test);
    let test = if test.exists() { Some(read(&[test], records, &classes)?) } else { None };
    Ok(Opened { format: Format::Cifar, train, test })
}

/// Reads one file as a training set. It is taken for CIFAR-100 if it only holds whole records of that, or if it could be
/// both and is named `train` or `test`.
///
/// # Errors
/// As [`read`].
pub fn load_file(path: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let bytes = bytes(path)?;
    let hundred = Records::Cifar100(options.cifar100);
    let fits = |records: Records| bytes.len().is_multiple_of(records.size());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_hundred_by_name = name.starts_with("train.") || name.starts_with("test.");
    let is_hundred = fits(hundred) && (is_hundred_by_name || !fits(Records::Cifar10));
    let records = if is_hundred { hundred } else { Records::Cifar10 };
    let classes = classes(path.parent().unwrap_or(Path::new("")), records, options)?;
    let mut images = Images::default();
    images.add(path, &bytes, records, &classes)?;
    Ok(Opened { format: Format::Cifar, train: images.samples(path, classes)?, test: None })
}

/// Reads files of records, one after the other.
///
/// # Errors
/// [`DataError::Missing`] or [`DataError::Io`]; [`DataError::CutRecord`] if a file ends inside a record;
/// [`DataError::Label`]; [`DataError::Empty`].
pub fn read(paths: &[PathBuf], records: Records, classes: &Classes) -> Result<Samples, DataError> {
    let mut images = Images::default();
    for path in paths {
        images.add(path, &bytes(path)?, records, classes)?;
    }
    images.samples(paths.first().map_or(Path::new(""), PathBuf::as_path), classes.clone())
}

fn bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let result = unpacked(path)?.read_to_end(&mut bytes);
    result.map_err(|source| DataError::Io { path: path.into(), source })?;
    Ok(bytes)
}

#[derive(Default)]
struct Images {
    /// NHWC.
    values: Vec<u8>,
    labels: Vec<u32>,
}

impl Images {
    fn add(
        &mut self,
        path: &Path,
        bytes: &[u8],
        records: Records,
        classes: &Classes,
    ) -> Result<(), DataError> {
        let record = records.size();
        if !bytes.len().is_multiple_of(record) {
            return Err(DataError::CutRecord { path: path.into(), record, found: bytes.len() });
        }
        self.values.reserve(bytes.len() / record * SHAPE.values());
        for (index, record) in bytes.chunks_exact(record).enumerate() {
            let label = records.label(record);
            if usize::from(label) >= classes.count() {
                let (label, classes) = (label.into(), classes.count());
                return Err(DataError::Label { path: path.into(), index, label, classes });
            }
            self.labels.push(label.into());
            let (red, others) = record[records.label_bytes()..].split_at(PIXELS);
            let (green, blue) = others.split_at(PIXELS);
            let pixels = red.iter().zip(green).zip(blue);
            self.values.extend(pixels.flat_map(|((&red, &green), &blue)| [red, green, blue]));
        }
        Ok(())
    }

    fn samples(self, path: &Path, classes: Classes) -> Result<Samples, DataError> {
        Samples::from_file(path, Content::Bytes { shape: SHAPE, values: self.values }, self.labels, classes)
    }
}

/// The classes, with the names in `dir` if they are as many.
fn classes(dir: &Path, records: Records, options: &ReadOptions) -> Result<Classes, DataError> {
    let count = options.classes.unwrap_or(records.classes());
    let path = dir.join(records.names());
    if !path.exists() {
        return Ok(Classes::numbered(count));
    }
    let text = String::from_utf8_lossy(&bytes(&path)?).into_owned();
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(if names.len() == count { Classes::named(names) } else { Classes::numbered(count) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A record whose pixel (row, column, channel) is known.
    fn record(labels: &[u8], image: usize) -> Vec<u8> {
        let pixels = (0..3).flat_map(|c| (0..PIXELS).map(move |at| pixel(image, at, c)));
        labels.iter().copied().chain(pixels).collect()
    }

    fn pixel(image: usize, at: usize, channel: usize) -> u8 {
        (at * 7 + channel * 85 + image * 13) as u8
    }

    fn check_pixels(samples: &Samples, first: usize) {
        assert_eq!(samples.shape(), Some(SHAPE));
        for image in 0..samples.len() {
            let found = samples.bytes(image).unwrap();
            for (at, found) in found.chunks_exact(3).enumerate() {
                assert_eq!(
                    found,
                    [0, 1, 2].map(|c| pixel(image + first, at, c)),
                    "image {image}, pixel {at}"
                );
            }
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_folder_of_batches_is_read_in_order_plain_and_packed() {
        let dir = tempfile::tempdir().unwrap();
        let save = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
        save("data_batch_1.bin", &[record(&[3], 0), record(&[9], 1)].concat());
        save("data_batch_2.bin.gz", &gzip(&record(&[0], 2)));
        save("test_batch.bin", &record(&[4], 3));
        save("batches.meta.txt", b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
        let opened = load_folder(dir.path(), &ReadOptions::default()).unwrap();
        assert_eq!(opened.train.labels(), [3, 9, 0]);
        check_pixels(&opened.train, 0);
        let test = opened.test.unwrap();
        assert_eq!(test.labels(), [4]);
        check_pixels(&test, 3);
        assert_eq!(test.classes().name(4), "e");
    }

    #[test]
    fn the_hundred_classes_have_two_labels() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("train.bin");
        std::fs::write(&path, [record(&[19, 99], 0), record(&[0, 5], 1)].concat()).unwrap();
        for (labels, expected) in [(Cifar100Labels::Fine, [99, 5]), (Cifar100Labels::Coarse, [19, 0])] {
            let options = ReadOptions { cifar100: labels, ..ReadOptions::default() };
            for opened in [load_file(&path, &options), load_folder(dir.path(), &options)] {
                let train = opened.unwrap().train;
                assert_eq!(train.labels(), expected);
                check_pixels(&train, 0);
            }
        }
    }

    #[test]
    fn faults_name_the_file_and_the_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("some.bin");
        let message = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            load_file(&path, &ReadOptions::default()).unwrap_err().to_string()
        };
        let good = record(&[3], 0);
        let cut = message(&good[..3000]);
        assert!(cut.contains("some.bin: holds 3000 bytes, no multiple of a record of 3073"), "{cut}");
        let label = message(&[good.clone(), record(&[10], 0)].concat());
        assert!(label.contains("some.bin: label 1 is 10, expected 0 to 9"), "{label}");
        assert!(message(&[]).contains("some.bin: holds no images"));
        let packed = gzip(&good);
        assert!(message(&packed[..packed.len() / 2]).contains("some.bin: cannot be read"));
    }
}
