//! The IDX file format of MNIST: magic 00 00 08 n, then n big-endian 32-bit sizes, then bytes, row-major.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::unpacked;
use crate::DataError;

/// A tensor of unsigned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, outermost first.
    pub dims: Vec<usize>,
    /// Elements, row-major; as many as the product of `dims`.
    pub data: Vec<u8>,
}

/// Reads an IDX file of unsigned bytes, gzip-compressed or plain (told apart by content, not by name).
///
/// # Errors
/// [`DataError::Missing`], [`DataError::Io`], [`DataError::NotIdx`] or [`DataError::WrongLength`].
pub fn read(path: &Path) -> Result<Idx, DataError> {
    parse(unpacked(path)?, path)
}

fn parse(mut source: impl Read, path: &Path) -> Result<Idx, DataError> {
    let io_error = |source| DataError::Io { path: path.into(), source };
    let mut magic = Vec::new();
    (&mut source).take(4).read_to_end(&mut magic).map_err(io_error)?;
    let rank = match *magic.as_slice() {
        [0, 0, 8, rank] if rank > 0 => rank,
        _ => return Err(DataError::NotIdx { path: path.into(), found: magic }),
    };
    let mut sizes = Vec::new();
    (&mut source).take(4 * u64::from(rank)).read_to_end(&mut sizes).map_err(io_error)?;
    if sizes.len() != 4 * usize::from(rank) {
        return Err(DataError::NotIdx { path: path.into(), found: [magic, sizes].concat() });
    }
    let dims: Vec<usize> =
        sizes.as_chunks::<4>().0.iter().map(|size| u32::from_be_bytes(*size) as usize).collect();
    let product = dims.iter().try_fold(1_u64, |product, &size| product.checked_mul(size as u64));
    let expected = product.unwrap_or(u64::MAX);

    // The header is not trusted with an allocation: the vector grows with the data that are really there.
    let mut data = Vec::new();
    source.take(expected.saturating_add(1)).read_to_end(&mut data).map_err(io_error)?;
    let found = data.len() as u64;
    if found != expected {
        return Err(DataError::WrongLength { path: path.into(), expected, found });
    }
    Ok(Idx { dims, data })
}

/// Writes a gzip-compressed IDX file; the same content gives the same bytes.
///
/// # Errors
/// [`DataError::Io`]; [`DataError::WrongLength`] if the data do not fill the dimensions.
pub fn write_gz(path: &Path, idx: &Idx) -> Result<(), DataError> {
    let expected = idx.dims.iter().product::<usize>() as u64;
    let found = idx.data.len() as u64;
    if expected != found {
        return Err(DataError::WrongLength { path: path.into(), expected, found });
    }
    let mut bytes = vec![0, 0, 8, idx.dims.len() as u8];
    for &size in &idx.dims {
        bytes.extend((size as u32).to_be_bytes());
    }
    bytes.extend(&idx.data);
    let write = || {
        let mut encoder = GzEncoder::new(File::create(path)?, Compression::best());
        encoder.write_all(&bytes)?;
        encoder.finish()?.sync_all()
    };
    write().map_err(|source| DataError::Io { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse_bytes(bytes: &[u8]) -> Result<Idx, DataError> {
        parse(bytes, Path::new("digits"))
    }

    #[test]
    fn refuses_what_is_not_a_whole_idx_file() {
        let good = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
        assert_eq!(parse_bytes(&good).unwrap().dims, [2, 3]);
        for (bytes, expected) in [
            (&good[..17], "digits: holds 5 bytes of data where its header promises 6"),
            (&[&good[..], &[7]].concat(), "digits: holds 7 bytes of data where its header promises 6"),
            (&good[..9], "not an IDX file"),
            (&good[..3], "not an IDX file"),
            (&[], "not an IDX file"),
            (b"PNG: no", "digits: not an IDX file of unsigned bytes (it begins [50, 4e, 47, 3a]"),
            (&[0, 0, 0x0d, 1, 0, 0, 0, 0], "not an IDX file"),
            (&[&[0, 0, 8, 3][..], &[255; 12]].concat(), "holds 0 bytes"),
        ] {
            let message = parse_bytes(bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in 0_usize..9, data in prop::collection::vec(any::<u8>(), 0..9)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("tensor.gz");
            let idx = Idx { dims: vec![rows, data.len()], data: data.repeat(rows) };
            write_gz(&path, &idx).unwrap();
            prop_assert_eq!(read(&path).unwrap(), idx);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_bytes(&bytes);
        }
    }

    #[test]
    fn a_cut_gzip_stream_is_an_error_with_the_file_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cut.gz");
        write_gz(&path, &Idx { dims: vec![1000], data: (0..1000).map(|i| (i * i) as u8).collect() }).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("cut.gz: cannot be read"));
    }
}
