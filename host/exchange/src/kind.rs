//! What a file is, by its first bytes.

use std::io::Read;

use crate::error::ImportCause;

/// Largest file that is read, in bytes: protobuf's own limit.
const LARGEST: u64 = 1 << 31;

/// A kind of file that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// ONNX or QONNX.
    Onnx,
    /// Tensors by name.
    Safetensors,
}

/// Beginnings of files that people try: where, bytes, what it is, what to do.
const OTHERS: [(usize, &[u8], &str, &str); 6] = [
    (
        0,
        b"PK\x03\x04",
        "a zip archive, probably a PyTorch file",
        "convert it with safetensors.torch.save_file(torch.load(PATH, map_location='cpu'), NEW_PATH)",
    ),
    (
        0,
        b"\x80\x02",
        "a Python pickle, probably an old PyTorch file",
        "convert it with safetensors.torch.save_file(torch.load(PATH, map_location='cpu'), NEW_PATH)",
    ),
    (0, b"\x89HDF", "an HDF5 file, probably of Keras", "export the network as ONNX with tf2onnx"),
    (4, b"TFL3", "a TensorFlow Lite file", "export the network as ONNX with tf2onnx"),
    (0, b"\x93NUMPY", "a NumPy array", "name the ONNX or safetensors file of the network"),
    (0, b"GGUF", "a GGUF file", "name the ONNX or safetensors file of the network"),
];

impl FileKind {
    /// The kind of a file with this content. What is nothing else is taken for ONNX: protobuf has no mark of its own.
    ///
    /// # Errors
    /// The content is empty, or of a kind that is known and not supported.
    pub fn of(content: &[u8]) -> Result<Self, ImportCause> {
        if content.is_empty() {
            let remedy = "name the ONNX or safetensors file of the network";
            return Err(ImportCause::Kind { found: "empty", remedy });
        }
        // First, for its length may look like another mark.
        if is_safetensors(content) {
            return Ok(Self::Safetensors);
        }
        for (at, mark, found, remedy) in OTHERS {
            if content.get(at..).is_some_and(|rest| rest.starts_with(mark)) {
                return Err(ImportCause::Kind { found, remedy });
            }
        }
        Ok(Self::Onnx)
    }
}

/// The length of the header, then the header, which is JSON.
fn is_safetensors(content: &[u8]) -> bool {
    let Some((length, rest)) = content.split_first_chunk::<8>() else { return false };
    u64::from_le_bytes(*length) <= rest.len() as u64 && rest.first() == Some(&b'{')
}

/// The content of a file, without gzip if it has that.
///
/// # Errors
/// gzip data are damaged, or the content is larger than 2 GiB.
pub fn decompress(content: Vec<u8>) -> Result<Vec<u8>, ImportCause> {
    if !content.starts_with(&[0x1f, 0x8b]) {
        return Ok(content);
    }
    let mut plain = Vec::new();
    let damaged = |cause| ImportCause::Damaged { what: format!("gzip: {cause}") };
    flate2::read::MultiGzDecoder::new(content.as_slice())
        .take(LARGEST + 1)
        .read_to_end(&mut plain)
        .map_err(damaged)?;
    if plain.len() as u64 > LARGEST {
        let what = "is larger than 2 GiB".to_owned();
        return Err(ImportCause::Model { what, remedy: "import a smaller network" });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        let mut tensors = 2_u64.to_le_bytes().to_vec();
        tensors.extend(b"{}");
        assert_eq!(FileKind::of(&tensors).unwrap(), FileKind::Safetensors);
        // A header of 0x280 bytes begins as a pickle does.
        let mut long = 0x280_u64.to_le_bytes().to_vec();
        long.resize(8 + 0x280, b'{');
        assert_eq!(FileKind::of(&long).unwrap(), FileKind::Safetensors);
        assert_eq!(FileKind::of(&[8, 8, 0x12]).unwrap(), FileKind::Onnx);
        for (content, expected) in [
            (&b""[..], "is empty; name the ONNX or safetensors file of the network"),
            (b"PK\x03\x04....", "is a zip archive, probably a PyTorch file; convert it with"),
            (b"\x89HDF\r\n", "is an HDF5 file, probably of Keras; export the network as ONNX with tf2onnx"),
            (b"\x1c\0\0\0TFL3", "is a TensorFlow Lite file; export"),
        ] {
            let message = FileKind::of(content).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn damaged_gzip_is_an_error() {
        let message = decompress(vec![0x1f, 0x8b, 8, 0, 1]).unwrap_err().to_string();
        assert!(message.starts_with("gzip: ") && message.ends_with("copy or export it again"), "{message}");
    }
}
