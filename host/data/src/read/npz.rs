//! Archives of NumPy arrays.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use zip::ZipArchive;

use super::npy::{self, Array, samples};
use super::{Format, Opened, ReadOptions};
use crate::DataError;

/// Names of the arrays of images and labels to train on, and of those to evaluate on.
const NAMES: [[[&str; 2]; 2]; 3] = [
    [["x", "y"], ["x_test", "y_test"]],
    [["images", "labels"], ["test_images", "test_labels"]],
    [["x_train", "y_train"], ["x_test", "y_test"]],
];

/// Reads the arrays `x` and `y`, `images` and `labels`, or `x_train` and `y_train`; with `x_test` and `y_test`, or
/// `test_images` and `test_labels`, if there are such. Which arrays fit is said at [`npy::load`].
///
/// # Errors
/// [`DataError::Archive`] or [`DataError::NoArray`]; the rest as [`npy::load`].
pub fn load(path: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => DataError::Missing { path: path.into() },
        _ => DataError::Io { path: path.into(), source },
    })?;
    let archive = ZipArchive::new(BufReader::new(file));
    let mut archive = archive.map_err(|source| DataError::Archive { path: path.into(), source })?;
    let names: Result<Vec<String>, _> =
        archive.file_names().map(|name| Ok(name?.trim_end_matches(".npy").to_owned())).collect();
    let names = names.map_err(|source| DataError::Archive { path: path.into(), source })?;
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let Some([train, test]) = NAMES.into_iter().find(|[[images, _], _]| has(images)) else {
        return Err(missing(path, "x, images or x_train", &names));
    };
    if let Some(wanted) = train.into_iter().find(|wanted| !has(wanted)) {
        return Err(missing(path, wanted, &names));
    }
    let mut read = |name: &str| -> Result<_, DataError> {
        // Named after the archive and the array, for messages.
        let inner = path.join(format!("{name}.npy"));
        let entry = archive.by_name(&format!("{name}.npy"));
        let entry = entry.map_err(|source| DataError::Archive { path: path.into(), source })?;
        let array: Array = npy::read(entry, &inner)?;
        Ok((inner, array))
    };
    let mut pair = |[images, labels]: [&str; 2], classes| {
        let (images, labels) = (read(images)?, read(labels)?);
        samples((&images.0, images.1), (&labels.0, labels.1), options, classes)
    };
    let train = pair(train, None)?;
    let has_test = test.into_iter().all(has);
    let test = if has_test { Some(pair(test, Some(train.classes()))?) } else { None };
    if let Some(test) = &test
        && test.shape() != train.shape()
    {
        let expected = train.shape().map_or_else(String::new, |shape| format!("test images of {shape}"));
        let found = test.shape().map_or_else(Vec::new, |s| vec![s.height, s.width, s.channels]);
        return Err(DataError::WrongShape { path: path.into(), expected, found });
    }
    Ok(Opened { format: Format::Npz, train, test })
}

fn missing(path: &Path, wanted: &'static str, names: &[String]) -> DataError {
    let found = if names.is_empty() { "none".into() } else { names.join(", ") };
    DataError::NoArray { path: path.into(), wanted, found }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::super::npy::npy_bytes;
    use super::*;

    fn save(dir: &Path, arrays: &[(&str, &str, &[u8])], method: zip::CompressionMethod) -> PathBuf {
        let path = dir.join("set.npz");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        for (name, dims, values) in arrays {
            let options = SimpleFileOptions::default().compression_method(method);
            writer.start_file(format!("{name}.npy"), options).unwrap();
            let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {dims}, }}");
            writer.write_all(&npy_bytes(&header, values)).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    #[test]
    fn arrays_are_found_by_name_stored_or_compressed() {
        let dir = tempfile::tempdir().unwrap();
        for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
            for [[x, y], [x_test, y_test]] in NAMES {
                let arrays: [(&str, &str, &[u8]); 4] = [
                    (x, "(2, 1, 2)", &[1, 2, 3, 4]),
                    (y, "(2,)", &[1, 0]),
                    (x_test, "(1, 1, 2)", &[5, 6]),
                    (y_test, "(1,)", &[1]),
                ];
                let opened = load(&save(dir.path(), &arrays, method), &ReadOptions::default()).unwrap();
                assert_eq!(opened.train.bytes(1), Some(&[3, 4][..]));
                assert_eq!(opened.train.labels(), [1, 0]);
                let test = opened.test.unwrap();
                assert_eq!((test.bytes(0), test.classes().count()), (Some(&[5, 6][..]), 2));
                let opened = load(&save(dir.path(), &arrays[..2], method), &ReadOptions::default()).unwrap();
                assert_eq!(opened.test, None);
            }
        }
    }

    #[test]
    fn faults_name_the_archive_and_the_array() {
        let dir = tempfile::tempdir().unwrap();
        let stored = zip::CompressionMethod::Stored;
        let message = |arrays: &[(&str, &str, &[u8])]| {
            load(&save(dir.path(), arrays, stored), &ReadOptions::default()).unwrap_err().to_string()
        };
        let x: (&str, &str, &[u8]) = ("x", "(1, 2)", &[1, 2]);
        let y: (&str, &str, &[u8]) = ("y", "(1,)", &[0]);
        assert!(message(&[]).contains("set.npz: has no array x, images or x_train; it has none; save"));
        assert!(message(&[("a", "(1,)", &[0]), y]).contains("no array x, images or x_train; it has a, y"));
        assert!(message(&[x]).contains("set.npz: has no array y; it has x"));
        assert!(message(&[x, ("y", "(1,)", &[])]).contains("set.npz/y.npy: holds 0 bytes"));
        let test: (&str, &str, &[u8]) = ("x_test", "(1, 3)", &[1, 2, 3]);
        let shapes = message(&[x, y, test, ("y_test", "(1,)", &[0])]);
        assert!(shapes.contains("has dimensions [1, 1, 3], expected test images of 1×1×2"), "{shapes}");
        let class = message(&[x, y, ("x_test", "(1, 2)", &[1, 2]), ("y_test", "(1,)", &[1])]);
        assert!(class.contains("set.npz/y_test.npy: label 0 is 1, expected 0 to 0"), "{class}");

        let path = save(dir.path(), &[x, y], stored);
        let mut bytes = std::fs::read(&path).unwrap();
        let values = bytes.windows(2).position(|pair| pair == [1, 2]).unwrap();
        bytes[values] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let checksum = load(&path, &ReadOptions::default()).unwrap_err().to_string();
        assert!(checksum.contains("set.npz/x.npy: cannot be read"), "{checksum}");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let cut = load(&path, &ReadOptions::default()).unwrap_err().to_string();
        assert!(cut.contains("set.npz: not a readable .npz archive"), "{cut}");
    }
}
