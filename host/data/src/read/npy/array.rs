//! One array in the format of `numpy.save`.

use std::io::Read;
use std::path::Path;

use crate::DataError;

const MAGIC: &[u8] = b"\x93NUMPY";
const TYPES: &str = "uint8, float32, float64 or integers";

/// An array of NumPy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    /// Sizes, in the order of the array's indices.
    pub(crate) dims: Vec<usize>,
    /// Whether the first index varies fastest in memory, not the last.
    pub(crate) fortran: bool,
    /// As many as the product of `dims`, in the order of memory.
    pub(crate) elements: Elements,
}

/// Elements of the types that are read here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Elements {
    /// From uint8.
    U8(Vec<u8>),
    /// From float32, or from float64 rounded to the nearest; too large ones are infinite.
    F32(Vec<f32>),
    /// From all other integers; uint64 over 2^63 − 1 become that.
    Integers(Vec<i64>),
}

impl Array {
    /// Elements from one value of each index to the next.
    pub(super) fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.dims.len()];
        let mut step = 1;
        for position in 0..self.dims.len() {
            let axis = if self.fortran { position } else { self.dims.len() - 1 - position };
            strides[axis] = step;
            step *= self.dims[axis];
        }
        strides
    }
}

/// Reads an array; `path` is for messages.
pub(crate) fn read(mut source: impl Read, path: &Path) -> Result<Array, DataError> {
    let refuse = |what: String| DataError::NotNpy { path: path.into(), what, types: TYPES };
    let io_error = |source| DataError::Io { path: path.into(), source };
    let mut take = |count: usize| {
        let mut bytes = Vec::new();
        (&mut source).take(count as u64).read_to_end(&mut bytes).map_err(io_error)?;
        if bytes.len() == count { Ok(bytes) } else { Err(refuse("not a whole array of NumPy".into())) }
    };
    let start = take(MAGIC.len() + 2)?;
    if !start.starts_with(MAGIC) {
        return Err(refuse("not an array of NumPy".into()));
    }
    let length = match start[MAGIC.len()] {
        1 => take(2)?.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte)),
        2 | 3 => take(4)?.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte)),
        version => return Err(refuse(format!("version {version} of the format is not known"))),
    };
    let header = take(length)?;
    let header = Header::parse(&String::from_utf8_lossy(&header)).map_err(refuse)?;
    let size = header.element_size().ok_or_else(|| refuse(format!("elements of type {}", header.descr)))?;
    let product = header.dims.iter().try_fold(size as u64, |product, &n| product.checked_mul(n as u64));
    let expected = product.unwrap_or(u64::MAX);

    // The header is not trusted with an allocation: the vector grows with the data that are really there.
    let mut bytes = Vec::new();
    source.take(expected.saturating_add(1)).read_to_end(&mut bytes).map_err(io_error)?;
    let found = bytes.len() as u64;
    if found != expected {
        return Err(DataError::WrongLength { path: path.into(), expected, found });
    }
    let elements = header.elements(bytes, size);
    Ok(Array { dims: header.dims, fortran: header.fortran, elements })
}

/// The dictionary before the elements.
#[derive(Debug, PartialEq)]
struct Header {
    /// Byte order, kind and size, as `<f4`.
    descr: String,
    fortran: bool,
    dims: Vec<usize>,
}

impl Header {
    /// Reads what `numpy.save` writes: keys in any order, spaces anywhere.
    fn parse(text: &str) -> Result<Self, String> {
        let value = |key: &str| {
            let after = ['\'', '"'].iter().find_map(|quote| {
                let key = format!("{quote}{key}{quote}");
                text.split_once(key.as_str()).and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
            });
            after.map(str::trim_start).ok_or_else(|| format!("its header has no {key}"))
        };
        let descr = value("descr")?;
        let quoted = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        let Some((descr, _)) = quoted else { return Err("records with named fields are not read".into()) };
        let fortran = value("fortran_order")?;
        let fortran = match (fortran.starts_with("True"), fortran.starts_with("False")) {
            (true, _) => true,
            (_, true) => false,
            _ => return Err("its fortran_order is neither True nor False".into()),
        };
        let shape = value("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let sizes = shape.map(|(sizes, _)| sizes.split(',').map(str::trim).filter(|size| !size.is_empty()));
        let dims = sizes.and_then(|sizes| sizes.map(|size| size.parse().ok()).collect());
        let dims: Vec<usize> = dims.ok_or("its shape is no tuple of sizes")?;
        if dims.is_empty() {
            return Err("a single number, not an array".into());
        }
        Ok(Self { descr: descr.to_owned(), fortran, dims })
    }

    fn element_size(&self) -> Option<usize> {
        match self.descr.get(1..)? {
            "u1" | "i1" => Some(1),
            "u2" | "i2" => Some(2),
            "u4" | "i4" | "f4" => Some(4),
            "u8" | "i8" | "f8" => Some(8),
            _ => None,
        }
        .filter(|_| self.descr.starts_with(['<', '>', '|', '=']))
    }

    /// The elements of a type that [`Header::element_size`] knows.
    fn elements(&self, bytes: Vec<u8>, size: usize) -> Elements {
        let kind = &self.descr[1..];
        if kind == "u1" {
            return Elements::U8(bytes);
        }
        let big = self.descr.starts_with('>');
        let words = bytes.chunks_exact(size).map(|element| {
            let push = |word: u64, &byte: &u8| word << 8 | u64::from(byte);
            if big { element.iter().fold(0, push) } else { element.iter().rev().fold(0, push) }
        });
        match kind {
            "f4" => Elements::F32(words.map(|word| f32::from_bits(word as u32)).collect()),
            "f8" => Elements::F32(words.map(|word| f64::from_bits(word) as f32).collect()),
            "u2" | "u4" | "u8" => {
                Elements::Integers(words.map(|word| i64::try_from(word).unwrap_or(i64::MAX)).collect())
            }
            _ => {
                let unused = 64 - 8 * size as u32;
                Elements::Integers(words.map(|word| (word << unused).cast_signed() >> unused).collect())
            }
        }
    }
}

/// A file of version 1.0, as `numpy.save` writes it.
#[cfg(test)]
pub(crate) fn npy_bytes(header: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{header:117}\n");
    [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), elements].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Array, DataError> {
        read(bytes, Path::new("x.npy"))
    }

    fn header(descr: &str, dims: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {dims}, }}")
    }

    /// The bytes that `numpy.save` of NumPy 2.4 writes for `np.asfortranarray(np.array([[1, 2], [3, -4]], '<i2'))`.
    #[test]
    fn a_file_of_numpy() {
        let mut bytes =
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2), }".to_vec();
        bytes.resize(127, b' ');
        bytes.extend(b"\n\x01\x00\x03\x00\x02\x00\xfc\xff");
        let elements = Elements::Integers(vec![1, 3, 2, -4]);
        assert_eq!(parse(&bytes).unwrap(), Array { dims: vec![2, 2], fortran: true, elements });
    }

    #[test]
    fn every_type_and_byte_order() {
        let read = |descr: &str, bytes: &[u8], count: usize| {
            parse(&npy_bytes(&header(descr, &format!("({count},)")), bytes)).unwrap().elements
        };
        assert_eq!(read("|u1", &[0, 255], 2), Elements::U8(vec![0, 255]));
        assert_eq!(read("|i1", &[127, 255], 2), Elements::Integers(vec![127, -1]));
        assert_eq!(read(">u2", &[0xff, 0xfe], 1), Elements::Integers(vec![0xfffe]));
        assert_eq!(read(">i4", &(-5_i32).to_be_bytes(), 1), Elements::Integers(vec![-5]));
        assert_eq!(read("<i8", &(-5_i64).to_le_bytes(), 1), Elements::Integers(vec![-5]));
        assert_eq!(read("<u8", &[255; 8], 1), Elements::Integers(vec![i64::MAX]));
        assert_eq!(read(">f4", &1.5_f32.to_be_bytes(), 1), Elements::F32(vec![1.5]));
        assert_eq!(read("<f8", &0.1_f64.to_le_bytes(), 1), Elements::F32(vec![0.1]));
    }

    #[test]
    fn refuses_what_is_not_a_whole_array() {
        let good = npy_bytes(&header("<f4", "(2, 1)"), &[0; 8]);
        assert_eq!(parse(&good).unwrap().dims, [2, 1]);
        for (bytes, expected) in [
            (&good[..good.len() - 1], "x.npy: holds 7 bytes of data where its header promises 8"),
            (&[&good[..], &[0]].concat(), "x.npy: holds 9 bytes"),
            (&good[..40], "x.npy: not a whole array of NumPy"),
            (b"\x93NUMPX\x01\x00", "x.npy: not an array of NumPy; save it again"),
            (b"\x93NUMPY\x09\x00", "version 9 of the format"),
            (&npy_bytes(&header("<c8", "(1,)"), &[0; 8]), "elements of type <c8; save it again"),
            (&npy_bytes(&header("é", "(1,)"), &[0; 8]), "elements of type é"),
            (&npy_bytes(&header("|O", "(1,)"), &[0; 8]), "elements of type |O"),
            (
                &npy_bytes("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", &[0; 4]),
                "named fields",
            ),
            (&npy_bytes("{'descr': '<f4', 'shape': (1,)}", &[0; 4]), "its header has no fortran_order"),
            (
                &npy_bytes("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}", &[0; 4]),
                "neither True nor False",
            ),
            (&npy_bytes(&header("<f4", "(-1,)"), &[0; 4]), "its shape is no tuple of sizes"),
            (&npy_bytes(&header("<f4", "()"), &[0; 4]), "a single number"),
            (&npy_bytes(&header("<f4", "(4294967295, 4294967295)"), &[0; 4]), "holds 4 bytes of data"),
        ] {
            let message = parse(bytes).unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        }
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(at in 0_usize..128, byte: u8) {
            let mut bytes = npy_bytes(&header("<f4", "(2, 1)"), &[0; 8]);
            bytes[at] = byte;
            let _ = parse(&bytes);
        }
    }
}
