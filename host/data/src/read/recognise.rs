//! Finds out what a path holds.

use std::io::Read;
use std::path::Path;

use super::{Opened, ReadOptions, cifar, csv, existing, folder, mnist, names_in, npy, npz, unpacked};
use crate::DataError;

/// What [`open`] recognises, for messages.
pub const KNOWN: &str = "a folder with the four IDX files of MNIST (train-images-idx3-ubyte, …), a folder with CIFAR's \
    data_batch_1.bin … or train.bin, a single CIFAR .bin file, a folder with one folder of JPEG or PNG images per class \
    (with or without train and val above them), a table (.csv, .tsv, .txt, .data), x.npy beside y.npy or a folder with \
    both, an .npz archive with x and y";

/// Endings of tables.
const TABLES: [&str; 4] = ["csv", "tsv", "txt", "data"];

/// Reads a data set in whichever format it is. Files are told apart by content where they can be, otherwise by name; each
/// may be gzip-compressed, except images and .npz. Tables that end in .tsv are cut at tabs.
///
/// # Errors
/// [`DataError::Unrecognised`], which lists what is recognised, or the error of the reader.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            DataError::Unrecognised { path: path.into(), what: "no such file or folder".into() }
        }
        _ => DataError::Io { path: path.into(), source },
    })?;
    if metadata.is_dir() { open_folder(path, options) } else { open_file(path, options) }
}

fn open_folder(dir: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let names = names_in(dir)?;
    if existing(dir, mnist::NAMES[0][0]).exists() {
        return mnist::load(dir, options);
    }
    if names.iter().any(|name| cifar::is_training_file(name)) {
        return cifar::load_folder(dir, options);
    }
    if let Some([images, _]) = npy::NAMES.iter().find(|[images, _]| names.contains(&format!("{images}.npy")))
    {
        return npy::load(&dir.join(format!("{images}.npy")), options);
    }
    if folder::is_folder_of_classes(dir) {
        return folder::load(dir, options);
    }
    Err(DataError::Unrecognised { path: dir.into(), what: "a folder without a known data set".into() })
}

fn open_file(path: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let mut start = Vec::new();
    let read = unpacked(path)?.take(6).read_to_end(&mut start);
    read.map_err(|source| DataError::Io { path: path.into(), source })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let ending = name.strip_suffix(".gz").unwrap_or(&name).rsplit_once('.').map_or("", |(_, ending)| ending);
    if start == b"\x93NUMPY" {
        npy::load(path, options)
    } else if start.starts_with(b"PK\x03\x04") || ending == "npz" {
        npz::load(path, options)
    } else if ending == "bin" {
        cifar::load_file(path, options)
    } else if TABLES.contains(&ending) {
        let mut options = options.clone();
        options.table.delimiter.get_or_insert(if ending == "tsv" { b'\t' } else { b',' });
        csv::load(path, &options)
    } else if start.starts_with(&[0, 0, 8]) {
        let what = "a single IDX file, images or labels alone".into();
        Err(DataError::Unrecognised { path: path.into(), what })
    } else {
        let what = format!("a file of no known format (it begins {start:02x?})");
        Err(DataError::Unrecognised { path: path.into(), what })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::npy::npy_bytes;
    use super::*;

    fn save(path: &Path, bytes: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn every_format_is_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let idx = |dims: &[u8], data: &[u8]| {
            let sizes: Vec<u8> = dims.iter().flat_map(|&n| [0, 0, 0, n]).collect();
            [&[0, 0, 8, dims.len() as u8], &sizes[..], data].concat()
        };
        for [images, labels] in mnist::NAMES {
            save(&at("idx").join(images), &idx(&[1, 2, 2], &[0; 4]));
            save(&at("idx").join(labels), &idx(&[1], &[0]));
        }
        save(&at("cifar/data_batch.bin"), &[0; 3073]);
        save(&at("one.bin"), &[0; 3074]);
        save(&at("classes/cat/1.png"), b"");
        save(&at("imagenet/train/cat/1.png"), b"");
        save(&at("table.data"), b"1,2,0\n");
        save(&at("table.tsv"), b"1\t2\t0\n");
        let header = |dims: &str| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {dims}, }}");
        save(&at("npy/x.npy"), &npy_bytes(&header("(1, 1)"), &[7]));
        save(&at("npy/y.npy"), &npy_bytes(&header("(1,)"), &[0]));
        for (name, format) in [
            ("idx", Format::Idx),
            ("cifar", Format::Cifar),
            ("one.bin", Format::Cifar),
            ("classes", Format::Folder),
            ("imagenet", Format::Folder),
            ("table.data", Format::Csv),
            ("table.tsv", Format::Csv),
            ("npy", Format::Npy),
            ("npy/x.npy", Format::Npy),
        ] {
            let opened = open(&at(name), &ReadOptions::default()).unwrap();
            assert_eq!((opened.format, opened.train.len()), (format, 1), "{name}");
        }
        save(&at("broken.npz"), b"PK\x03\x04");
        let message = open(&at("broken.npz"), &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains("not a readable .npz archive"), "{message}");
    }

    #[test]
    fn what_is_not_recognised_lists_what_is() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        save(&dir.path().join("labels"), &[0, 0, 8, 1, 0, 0, 0, 1, 5]);
        save(&dir.path().join("page"), b"<html>");
        for (name, what) in [
            ("nothing", "no such file or folder"),
            ("empty", "a folder without a known data set"),
            ("labels", "a single IDX file"),
            ("page", "a file of no known format (it begins [3c, 68, 74, 6d, 6c, 3e])"),
        ] {
            let message = open(&dir.path().join(name), &ReadOptions::default()).unwrap_err().to_string();
            assert!(message.contains(&format!("{name}: {what}")), "{message}");
            for known in ["IDX", "CIFAR", "JPEG", ".csv", "x.npy", ".npz"] {
                assert!(message.contains(known), "{message}");
            }
            assert!(!message.contains('\n'));
        }
    }
}
