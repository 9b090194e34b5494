//! What can be wrong with a checkpoint.

use std::path::PathBuf;

/// A checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The operating system reports an error.
    #[error("{path}: cannot be read or written ({source}); check the path and the free space", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file has another version than this program writes.
    #[error("{path}: checkpoint version {found}, this program reads {expected}; use the program that wrote it", path = .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version of this program.
        expected: u32,
    },
    /// Some of the network's numbers are none: a network that diverged is not saved, and one that has such numbers is
    /// not read.
    #[error("{path}: {what}; train again from an earlier checkpoint, with a lower learning rate", path = .path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Which numbers.
        what: String,
    },
    /// The file is no checkpoint at all.
    #[error("{path}: is no checkpoint; name the folder of a run, or its checkpoint.safetensors", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{path}: {what}; the checkpoint is damaged, take a copy of it or start the training again", path = .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}
