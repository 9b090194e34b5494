//! What can be wrong with a data set.

use std::path::PathBuf;

/// A data set cannot be used. Each message names the file, what is wrong with it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No such file, neither plain nor compressed.
    #[error("{path}: no such file, plain or .gz; give the directory that holds the four MNIST files", path = .path.display())]
    Missing {
        /// The file without `.gz`.
        path: PathBuf,
    },
    /// The operating system, or the gzip decoder, reports an error.
    #[error("{path}: cannot be read or written ({source}); check the permissions, or download the file again", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The header is not one of an IDX file of unsigned bytes.
    #[error("{path}: not an IDX file of unsigned bytes (it begins {found:02x?}, expected [00, 00, 08, dimensions]); replace it with the original file", path = .path.display())]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// Fewer or more bytes than the header promises.
    #[error("{path}: holds {found} bytes of data where its header promises {expected}; it is damaged, download it again", path = .path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// Bytes promised by the header; `u64::MAX` if the product of the dimensions overflows.
        expected: u64,
        /// Bytes found, counted up to one more than promised.
        found: u64,
    },
    /// Well-formed, but other dimensions than this use needs.
    #[error("{path}: has dimensions {found:?}, expected {expected}; use a file of that shape", path = .path.display())]
    WrongShape {
        /// The file.
        path: PathBuf,
        /// What is needed, in words.
        expected: String,
        /// What the file holds.
        found: Vec<usize>,
    },
    /// Images and labels do not belong together.
    #[error("{path}: has {labels} labels for {images} images; take both files from the same data set", path = .path.display())]
    CountMismatch {
        /// The file of labels.
        path: PathBuf,
        /// Number of images in the other file.
        images: usize,
        /// Number of labels in this file.
        labels: usize,
    },
    /// A label names no class.
    #[error("{path}: label {index} is {label}, expected 0 to 9; replace the file with the original", path = .path.display())]
    Label {
        /// The file of labels.
        path: PathBuf,
        /// Position of the first such label.
        index: usize,
        /// Its value.
        label: u8,
    },
}
