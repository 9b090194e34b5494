//! Files are written whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a temporary file beside `path` and renames it.
///
/// # Errors
/// The folder cannot be written; a file that was there is then untouched.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    // Temporary files are private; a result is as readable as any other file.
    fs::set_permissions(file.path(), Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

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
