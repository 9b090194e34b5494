//! Built artefacts, each under a key of everything it was made from.

use std::env;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Error;

/// Where built models are kept: `$CBP_CACHE`, else `cbp` in the user's cache directory.
///
/// # Errors
/// None of `CBP_CACHE`, `XDG_CACHE_HOME` and `HOME` is set.
pub fn cache_directory() -> Result<PathBuf, Error> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CBP_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|d| d.join("cbp")))
        .or_else(|| set("HOME").map(|d| d.join(".cache").join("cbp")))
        .ok_or(Error::NoCacheDirectory)
}

/// A key: the hash of all parts, each with its length so that parts cannot run into each other.
pub(crate) fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut text = String::new();
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The directory of `key`, filled by `build` if it does not exist yet.
///
/// Processes and threads that want the same key wait for the one that builds it; a build that fails or is
/// killed leaves nothing behind that a later one could take for finished.
pub(crate) fn entry(
    cache: &Path,
    key: &str,
    build: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let finished = cache.join(key);
    if finished.is_dir() {
        return Ok(finished);
    }
    fs::create_dir_all(cache).map_err(Error::io(cache))?;
    let lock_path = cache.join(format!("{key}.lock"));
    let lock = File::create(&lock_path).map_err(Error::io(&lock_path))?;
    lock.lock().map_err(Error::io(&lock_path))?;
    if !finished.is_dir() {
        let work = tempfile::Builder::new().prefix("build-").tempdir_in(cache).map_err(Error::io(cache))?;
        build(work.path())?;
        fs::rename(work.path(), &finished).map_err(Error::io(&finished))?;
        let _ = work.keep(); // renamed away: nothing is left to delete
    }
    Ok(finished)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_eq!(key(&["a"]).len(), 32);
    }

    #[test]
    fn one_build_for_many_threads_and_none_kept_on_failure() {
        let cache = tempfile::tempdir().unwrap();
        let failed = entry(cache.path(), "k", |_| Err(Error::NoCacheDirectory));
        assert!(failed.is_err());
        let builds = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let path = entry(cache.path(), "k", |work| {
                        builds.fetch_add(1, Ordering::Relaxed);
                        fs::write(work.join("x"), "x").map_err(Error::io(work))
                    });
                    assert!(path.unwrap().join("x").is_file());
                });
            }
        });
        assert_eq!(builds.load(Ordering::Relaxed), 1);
        let left: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}
