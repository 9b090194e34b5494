//! What can be wrong with a data set.

use std::path::PathBuf;

use crate::preprocess::PipelineError;

/// A data set cannot be used. Each message names the file, what is wrong with it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No such file, neither plain nor compressed.
    #[error("{path}: no such file, plain or .gz; check the path, or download the file", path = .path.display())]
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
    /// Nothing that [`open`](crate::open) knows.
    #[error("{path}: {what}; give one of: {known}", path = .path.display(), known = crate::read::KNOWN)]
    Unrecognised {
        /// The file or folder.
        path: PathBuf,
        /// What was found.
        what: String,
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
    /// The last record of a file of equal records is cut.
    #[error("{path}: holds {found} bytes, no multiple of a record of {record}; it is damaged or of another format, download it again", path = .path.display())]
    CutRecord {
        /// The file.
        path: PathBuf,
        /// Bytes of one record.
        record: usize,
        /// Bytes found.
        found: usize,
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
    #[error("{path}: label {index} is {label}, expected 0 to {last}; replace the file with the original, or state another number of classes", path = .path.display(), last = .classes.saturating_sub(1))]
    Label {
        /// The file of labels.
        path: PathBuf,
        /// Position of the first such label, from 0.
        index: usize,
        /// Its value.
        label: i64,
        /// Number of classes.
        classes: usize,
    },
    /// No image at all.
    #[error("{path}: holds no images or rows; check that it is the right file or folder", path = .path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// A class without a single image.
    #[error("{path}: class {class} has no images; add some, remove the class, or state the number of classes", path = .path.display())]
    EmptyClass {
        /// The file or folder.
        path: PathBuf,
        /// Name or number of the class.
        class: String,
    },
    /// A class that the training set does not have.
    #[error("{path}: the training set has no class {class}; give both folders the same classes", path = .path.display())]
    UnknownClass {
        /// The folder.
        path: PathBuf,
        /// Name of the class.
        class: String,
    },
    /// NaN, an infinity, or a number that has no finite f32.
    #[error("{path}: {position} is {value}, not a finite number; correct or remove it", path = .path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Where, in words.
        position: String,
        /// The value.
        value: f64,
    },
    /// A cell of a table is no number.
    #[error("{path}: line {line}, column {column} is {text:?}, not a number; correct the cell, or choose another label column", path = .path.display())]
    NotNumber {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// What the cell holds.
        text: String,
    },
    /// A line has another number of cells than the first.
    #[error("{path}: line {line} has {found} cells, the first line {expected}; correct the line, or state another delimiter", path = .path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Cells in this line.
        found: usize,
        /// Cells in the first line.
        expected: usize,
    },
    /// The label column does not exist.
    #[error("{path}: has no column {column}; it has {found}", path = .path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        column: String,
        /// What there is, in words.
        found: String,
    },
    /// The table cannot be cut into lines and cells.
    #[error("{path}: not a readable table ({source}); save it as CSV again", path = .path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: csv::Error,
    },
    /// Not an array of NumPy, or one of a type that is not read.
    #[error("{path}: {what}; save it again with numpy.save as {types}", path = .path.display())]
    NotNpy {
        /// The file, with the array inside it for an archive.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// The types that are read here.
        types: &'static str,
    },
    /// An archive lacks an array.
    #[error("{path}: has no array {wanted}; it has {found}; save it again with that name", path = .path.display())]
    NoArray {
        /// The archive.
        path: PathBuf,
        /// The names that would do.
        wanted: &'static str,
        /// The names found.
        found: String,
    },
    /// The archive is damaged.
    #[error("{path}: not a readable .npz archive ({source}); save it again with numpy.savez", path = .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// The cause.
        source: zip::result::ZipError,
    },
    /// An image file cannot be used.
    #[error("{path}: {what}; replace or remove the image", path = .path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// More images are bad than allowed.
    #[error("{bad} of {images} images so far are unreadable, more than {percent} % of all; first {first}; download the data set again", percent = 100.0 * .allowed)]
    TooManyBad {
        /// Images found bad.
        bad: usize,
        /// Images looked at until then.
        images: usize,
        /// Largest allowed share of all images, 0 to 1.
        allowed: f64,
        /// The first bad image and its fault.
        first: String,
    },
    /// A background thread ended in a panic.
    #[error("a loading thread stopped ({what}); this is a fault of the program, report it")]
    Worker {
        /// What the panic said.
        what: String,
    },
    /// The preprocessing does not fit the images.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// What was asked for contradicts itself or the data set.
    #[error("{what}; {remedy}")]
    Request {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
}
