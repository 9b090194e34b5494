//! Files are written whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::TempPath;

/// Writes a file beside `path` and renames it. The file beside has one name, so that what a killed process left there is
/// overwritten by the next one.
///
/// # Errors
/// The folder cannot be written, or is full; a file that was there is then untouched.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Removed when dropped, unless it became the file.
    let beside = TempPath::try_from_path(path.with_file_name(format!(".{name}.tmp")))?;
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    beside.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_has_the_permissions_of_any_new_file_and_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, whole) = (folder.path().join("plain"), folder.path().join("whole"));
        fs::write(&plain, b"a").unwrap();
        write_whole(&whole, b"a").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&whole), mode(&plain));
        fs::write(folder.path().join(".whole.tmp"), b"half of one that was killed").unwrap();
        write_whole(&whole, b"bc").unwrap();
        assert_eq!(fs::read(&whole).unwrap(), b"bc");
        assert!(write_whole(folder.path(), b"d").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
