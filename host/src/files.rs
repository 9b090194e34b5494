//! Files are written whole or not at all.

use std::io;
use std::path::Path;

pub use cbp_nn::data::files::write_whole;
use tempfile::NamedTempFile;

/// Whether `path` could be written, asked before long work starts.
///
/// # Errors
/// It could not.
pub fn check_writable(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name a file"));
    }
    if !folder.is_dir() {
        let text = format!("there is no folder {}; make it first", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    NamedTempFile::new_in(folder).map(|_| ())
}
