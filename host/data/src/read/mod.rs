//! Readers, one file format each, and [`open`], which finds out which one a path needs.

pub mod cifar;
pub mod csv;
pub mod folder;
pub mod idx;
pub mod mnist;
pub mod npy;
pub mod npz;
mod recognise;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

pub use recognise::{KNOWN, open};

use crate::{Classes, Colour, DataError, Samples};

/// What a path was recognised as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The four IDX files of MNIST, or of a set in its form.
    Idx,
    /// CIFAR-10 or CIFAR-100, binary version.
    Cifar,
    /// One folder of JPEG or PNG files per class.
    Folder,
    /// A table of numbers with a label column.
    Csv,
    /// Two arrays of NumPy, one file each.
    Npy,
    /// An archive of NumPy arrays.
    Npz,
}

/// A data set as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// What it was recognised as.
    pub format: Format,
    /// To train on.
    pub train: Samples,
    /// To evaluate on, if the data set has a part for that; otherwise see [`Samples::split`].
    pub test: Option<Samples>,
}

/// What cannot be seen from the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// Number of classes. If `None`, that of the format; without one, the classes are those that the training labels
    /// name, and each must occur.
    pub classes: Option<usize>,
    /// Order of the axes of four-dimensional arrays (.npy, .npz). If `None`, channels come last, and arrays whose last
    /// axis does not look like channels are refused.
    pub layout: Option<Layout>,
    /// Channels that image files are decoded to (folders).
    pub colour: Colour,
    /// The labels (.npy); if `None`, `y.npy` beside `x.npy`, or `labels.npy` beside `images.npy`.
    pub labels: Option<PathBuf>,
    /// Which of its two labels an image has (CIFAR-100).
    pub cifar100: Cifar100Labels,
    /// How tables are read (CSV).
    pub table: TableOptions,
}

/// Order of the axes of an array of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Images, rows, columns, channels.
    Nhwc,
    /// Images, channels, rows, columns.
    Nchw,
}

/// The label of an image of CIFAR-100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cifar100Labels {
    /// One of 100 classes.
    #[default]
    Fine,
    /// One of 20 groups of classes.
    Coarse,
}

/// How a table is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// Where the labels are.
    pub label: LabelColumn,
    /// Whether the first line holds names; if `None`, it does when one of its feature cells is no number, or the
    /// label column is given by name.
    pub header: Option<bool>,
    /// What stands between two cells. If `None`, a comma, and in a file that ends in .tsv a tab.
    pub delimiter: Option<u8>,
}

/// The column of the labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabelColumn {
    /// The one that the header calls label, labels, class or target; the last one if there is none.
    #[default]
    Usual,
    /// By position, from 0.
    Index(usize),
    /// By its name in the header.
    Name(String),
}

/// The content of a file, unpacked if it is gzip (told by content, not by name).
pub(crate) fn unpacked(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let io_error = |source| DataError::Io { path: path.into(), source };
    let mut file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => DataError::Missing { path: path.into() },
        _ => io_error(source),
    })?;
    let mut start = Vec::new();
    (&mut file).take(2).read_to_end(&mut start).map_err(io_error)?;
    let compressed = start == [0x1f, 0x8b];
    let whole = io::Cursor::new(start).chain(BufReader::new(file));
    Ok(if compressed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// The plain file, or else the compressed one if that exists; the plain name if neither does.
pub(crate) fn existing(dir: &Path, name: &str) -> PathBuf {
    let plain = dir.join(name);
    let compressed = dir.join(format!("{name}.gz"));
    if !plain.exists() && compressed.exists() { compressed } else { plain }
}

/// Names in a folder, sorted; hidden ones are left out.
pub(crate) fn names_in(dir: &Path) -> Result<Vec<String>, DataError> {
    let io_error = |source| DataError::Io { path: dir.into(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io_error)? {
        let name = entry.map_err(io_error)?.file_name();
        let name = name.into_string().map_err(|name| DataError::Unrecognised {
            path: dir.join(name),
            what: "its name is not Unicode, rename it".into(),
        })?;
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The stated number of classes, or that of the labels, each of which must then occur.
pub(crate) fn classes_of(path: &Path, labels: &[u32], stated: Option<usize>) -> Result<Classes, DataError> {
    if let Some(count) = stated {
        return Ok(Classes::numbered(count));
    }
    let used: BTreeSet<u32> = labels.iter().copied().collect();
    match used.iter().zip(0..).find(|(label, position)| *label != position) {
        Some((_, class)) => Err(DataError::EmptyClass { path: path.into(), class: class.to_string() }),
        None => Ok(Classes::numbered(used.len())),
    }
}
